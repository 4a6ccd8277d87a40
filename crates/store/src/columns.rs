//! What values look like in a column, whichever the database.

use serde::{Serialize, de::DeserializeOwned, de::IntoDeserializer as _};
use usher_domain::{
    GroupId, UserId,
    directory::change::DueSubject,
    ids,
    ports::store::{StoreError, StoreResult},
    reconcile::scope::Subject,
};
use uuid::Uuid;

/// The text by which names are compared: without regard to case, letter by letter as the filters do it.
pub(crate) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// A value as JSON text.
pub(crate) fn json(value: &impl Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("not to be kept: {error}")))
}

/// A value from JSON text; `column` is named in the error.
pub(crate) fn from_json<T: DeserializeOwned>(column: &str, text: &str) -> StoreResult<T> {
    // The error of serde_json may repeat a value: only its place is told.
    serde_json::from_str(text).map_err(|error| {
        StoreError::Corrupt(format!(
            "{column}: not the JSON that belongs there, at character {}",
            error.column()
        ))
    })
}

/// A plain enum as the word that stands for it in JSON.
pub(crate) fn word(value: &impl Serialize) -> StoreResult<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(StoreError::Corrupt("a value that should be a word is none".into())),
    }
}

/// A plain enum from its word.
pub(crate) fn from_word<T: DeserializeOwned>(column: &str, word: &str) -> StoreResult<T> {
    T::deserialize(word.into_deserializer()).map_err(|error: serde::de::value::Error| {
        StoreError::Corrupt(format!("{column}: {error}. Was it written by a later version?"))
    })
}

/// A count or number that is never negative.
pub(crate) fn from_count(column: &str, number: i64) -> StoreResult<u64> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("{column}: {number} is negative")))
}

/// A number for a column; beyond the range of the column it is the range's end.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `subject_kind` of users.
pub(crate) const USER: i64 = 1;
/// `subject_kind` of groups.
pub(crate) const GROUP: i64 = 2;
/// `subject_kind` of accounts, of dues only.
const ACCOUNT: i64 = 3;

/// `subject_kind` and `subject_id`.
pub(crate) fn subject(subject: Subject) -> (i64, Uuid) {
    match subject {
        Subject::User(id) => (USER, id.uuid()),
        Subject::Group(id) => (GROUP, id.uuid()),
    }
}

/// The subject of `subject_kind` and `subject_id`.
pub(crate) fn from_subject(kind: i64, id: Uuid) -> StoreResult<Subject> {
    match kind {
        USER => Ok(Subject::User(UserId(id))),
        GROUP => Ok(Subject::Group(GroupId(id))),
        _ => Err(StoreError::Corrupt(format!("subject_kind: {kind} is none of a status"))),
    }
}

/// `subject_kind`, `subject_id` and `account` of what is due.
pub(crate) fn due_subject(subject: &DueSubject) -> (i64, Uuid, Option<&str>) {
    match subject {
        DueSubject::Everything => (0, Uuid::nil(), None),
        DueSubject::User(id) => (USER, id.uuid(), None),
        DueSubject::Group(id) => (GROUP, id.uuid(), None),
        DueSubject::Account(account) => (ACCOUNT, ids::derived(&[account]), Some(account)),
    }
}

/// What is due, of `subject_kind`, `subject_id` and `account`.
pub(crate) fn from_due_subject(kind: i64, id: Uuid, account: Option<&str>) -> StoreResult<DueSubject> {
    match (kind, account) {
        (0, _) => Ok(DueSubject::Everything),
        (USER, _) => Ok(DueSubject::User(UserId(id))),
        (GROUP, _) => Ok(DueSubject::Group(GroupId(id))),
        (ACCOUNT, Some(account)) => Ok(DueSubject::Account(account.into())),
        _ => Err(StoreError::Corrupt(format!("subject_kind: {kind} is none"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_regard_to_case_in_any_script() {
        assert_eq!(folded("ŁUKASZ"), folded("łukasz"));
        assert_eq!(folded("ΟΔΟΣ"), folded("οδοσ"));
        assert_eq!(folded("STRAẞE"), folded("straße"));
        assert_ne!(folded("strasse"), folded("straße"));
        assert_ne!(folded("İ"), folded("ı"));
    }
}
