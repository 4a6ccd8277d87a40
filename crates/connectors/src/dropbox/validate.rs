//! What Dropbox would refuse, found before the call (facts/dropbox.md §1.0): one bad value fails a whole batch
//! there, and only its own user here. Pure.

use usher_domain::{
    Problem,
    reconcile::{
        attributes::{Attribute, AttributeSet},
        operation::Change,
    },
};

/// The most code points in an address, a name part, an external id, a role id.
const EMAIL: usize = 255;
const NAME: usize = 50;
const EXTERNAL_ID: usize = 64;
const ROLE: usize = 128;
/// What no name part may contain.
const FORBIDDEN: &[char] = &['/', ':', '?', '*', '<', '>', '"', '|'];

/// Whether Dropbox takes this for an e-mail address:
/// `^['#&A-Za-z0-9._%+-]+@[A-Za-z0-9-][A-Za-z0-9.-]*\.[A-Za-z]{2,15}$`, at most 255 characters.
pub(super) fn is_email(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || "'#&._%+-".contains(c);
    let host = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let Some((name, domain)) = text.split_once('@') else { return false };
    let Some((labels, top)) = domain.rsplit_once('.') else { return false };
    text.len() <= EMAIL
        && !name.is_empty()
        && name.chars().all(local)
        && labels.starts_with(host)
        && labels.chars().all(|c| host(c) || c == '.')
        && (2..=15).contains(&top.len())
        && top.chars().all(|c| c.is_ascii_alphabetic())
}

/// Whether Dropbox takes this for an external id that can be looked for.
pub(super) fn is_external_id(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= EXTERNAL_ID
}

/// The first fault of the attributes of an account that is to be made.
pub(super) fn creation(label: &str, attributes: &AttributeSet) -> Option<Problem> {
    let email = attributes.get(Attribute::Email);
    Attribute::ALL
        .into_iter()
        .map(|attribute| (attribute, attributes.get(attribute)))
        .find_map(|(attribute, value)| fault(label, attribute, value))
        .or_else(|| fault(label, Attribute::Email, email))
}

/// The first fault of the changes to an account.
pub(super) fn changes(label: &str, changes: &[Change]) -> Option<Problem> {
    changes.iter().find_map(|change| fault(label, change.attribute, &change.after))
}

/// Why Dropbox would refuse this value, if it would.
fn fault(label: &str, attribute: Attribute, value: &str) -> Option<Problem> {
    let length = value.chars().count();
    let (code, rule, remedy) = match attribute {
        Attribute::Email if value.is_empty() => (
            "INVALID_EMAIL",
            "every member needs an address".to_owned(),
            "Give the user an e-mail address, or correct the mapping to email.",
        ),
        Attribute::Email if !is_email(value) => (
            "INVALID_EMAIL",
            format!(
                "Dropbox takes ASCII letters, digits and '#&._%+- before the @, a domain with a top level of 2 to 15 \
                 letters, and {EMAIL} characters at most"
            ),
            "Correct the user's e-mail address, or the mapping to email.",
        ),
        Attribute::GivenName | Attribute::Surname if value.contains(FORBIDDEN) => (
            "INVALID_NAME",
            "Dropbox does not allow / : ? * < > \" | in names".to_owned(),
            "Correct the user's name, or take the characters out in the mapping.",
        ),
        Attribute::GivenName | Attribute::Surname if length > NAME => (
            "INVALID_NAME",
            format!("Dropbox allows {NAME} characters and this has {length}"),
            "Shorten the user's name, or cut it in the mapping.",
        ),
        Attribute::ExternalId if length > EXTERNAL_ID => (
            "INVALID_EXTERNAL_ID",
            format!("Dropbox allows {EXTERNAL_ID} characters and this has {length}"),
            "Map a shorter value to external_id.",
        ),
        Attribute::Role
            if !value.is_empty()
                && (length > ROLE || !value.starts_with("pid_dbtmr:") || value.contains('\n')) =>
        {
            (
                "INVALID_ROLE",
                format!("a role id begins with pid_dbtmr: and has {ROLE} characters at most"),
                "Map one of the team's role ids to role, or nothing for an ordinary member.",
            )
        }
        Attribute::IsDirectoryRestricted if !matches!(value, "" | "true" | "false") => (
            "INVALID_DIRECTORY_RESTRICTION",
            "it is true or false".to_owned(),
            "Correct the mapping to is_directory_restricted.",
        ),
        _ => return None,
    };
    let message = format!("{} {} of {label} cannot be sent: {rule}.", attribute.name(), short(value));
    Some(Problem::new(code, message, remedy))
}

/// The value as an error shows it: quoted, on one line, not long.
fn short(value: &str) -> String {
    let mut text: String = value.chars().take(40).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_judged_as_dropbox_judges_them() {
        for good in
            ["a@b.co", "o'brien+x#1&2%@ex-ample.co.uk", "A.B_C@-x.museum", "a@b..co", "a@a.photography"]
        {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a b@c.co",
            "a!b@c.co",
            "jürgen@x.de",
            "a@.co",
            "a@b.c",
            "a@b.c0m",
            "a@b@c.co",
            "a@x.xn--p1ai",
            "a@b.abcdefghijklmnop",
            "a@b.co\n",
            "a@b_c.co",
            "a/b@c.co",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
        let long = format!("{}@example.com", "a".repeat(EMAIL - 12));
        assert!(is_email(&long));
        assert!(!is_email(&format!("a{long}")));
    }

    #[test]
    fn a_fault_names_the_field_the_person_and_the_rule() {
        let set = AttributeSet::new([(Attribute::Email, "ada@x.co"), (Attribute::Surname, "Love/lace")]);
        let problem = creation("ada@x.co", &set).unwrap();
        assert_snapshot!(problem, @r#"surname "Love/lace" of ada@x.co cannot be sent: Dropbox does not allow / : ? * < > " | in names. Correct the user's name, or take the characters out in the mapping."#);
        let none = creation("Ada", &AttributeSet::default()).unwrap();
        assert_snapshot!(none, @r#"email "" of Ada cannot be sent: every member needs an address. Give the user an e-mail address, or correct the mapping to email."#);
    }

    #[test]
    fn lengths_are_counted_in_code_points() {
        let change = |attribute, after: &str| {
            changes("x", &[Change { attribute, before: "".into(), after: after.into() }]).map(|p| p.code)
        };
        assert_eq!(change(Attribute::GivenName, &"🦀".repeat(50)), None);
        assert_eq!(change(Attribute::GivenName, &"🦀".repeat(51)).as_deref(), Some("INVALID_NAME"));
        assert_eq!(change(Attribute::ExternalId, &"x".repeat(65)).as_deref(), Some("INVALID_EXTERNAL_ID"));
        assert_eq!(change(Attribute::ExternalId, ""), None);
        assert_eq!(change(Attribute::Role, "admin").as_deref(), Some("INVALID_ROLE"));
        assert_eq!(change(Attribute::Role, ""), None);
        let code = change(Attribute::IsDirectoryRestricted, "yes");
        assert_eq!(code.as_deref(), Some("INVALID_DIRECTORY_RESTRICTION"));
    }

    proptest! {
        #[test]
        fn an_address_of_allowed_characters_is_accepted(
            name in "['#&A-Za-z0-9._%+-]{1,30}", host in "[A-Za-z0-9-][A-Za-z0-9.-]{0,20}", top in "[A-Za-z]{2,15}"
        ) {
            let email = format!("{name}@{host}.{top}");
            prop_assert!(is_email(&email));
        }

        #[test]
        fn a_shown_value_is_one_short_line(value in "\\PC{0,200}|(\\n|x){0,90}") {
            let shown = short(&value);
            prop_assert!(!shown.contains('\n'));
        }
    }
}
