//! Following the team's log of events: members and groups, a cursor for each, since one call is about one category.
//!
//! An event is a hint to look again and nothing else: events come unsorted, twice and late, name whom they are about by
//! this or that or not at all, and a page may be empty and say that there is more. Whatever cannot be read as "look at
//! this account or group" becomes "look at everything".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::try_join;
use usher_domain::{
    Timestamp,
    ports::connector::{Changes, ConnectorError, LogPosition},
    reconcile::snapshot::{AccountId, RemoteGroupId},
};

use super::{
    DropboxConnector,
    fault::{Fault, protocol, too_long},
    routes::{GET_EVENTS, GET_EVENTS_CONTINUE},
    validate,
    wire::{Event, EventsPage, Party, UserSelector},
};

/// So many pages of a category are read before what they told is handed on.
const PAGES: u32 = 10;
/// How many events one call asks for: the most that Dropbox gives.
const LIMIT: u32 = 1000;

/// A [`LogPosition`], written out.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursors {
    members: Option<String>,
    groups: Option<String>,
}

/// What one category told.
#[derive(Debug, Default)]
struct Told {
    accounts: BTreeSet<AccountId>,
    groups: BTreeSet<RemoteGroupId>,
    /// Of members who were not named by their id.
    emails: BTreeSet<Box<str>>,
    everything: bool,
    cursor: String,
    more: bool,
}

impl DropboxConnector {
    pub(super) async fn read_log(
        &self,
        position: Option<&LogPosition>,
        since: Timestamp,
    ) -> Result<Changes, ConnectorError> {
        // One that is not understood is from another version: as if Dropbox had refused it.
        let cursors = position.map(|it| serde_json::from_str::<Cursors>(&it.0).unwrap_or_default());
        let (members, groups) = match cursors {
            Some(Cursors { members, groups }) => (Some(members), Some(groups)),
            None => (None, None),
        };
        let (members, groups) =
            try_join!(self.category("members", members, since), self.category("groups", groups, since))?;
        let mut changes = Changes {
            accounts: members.accounts,
            groups: members.groups,
            everything: members.everything || groups.everything,
            position: written(&Cursors { members: Some(members.cursor), groups: Some(groups.cursor) })?,
            more: members.more || groups.more,
        };
        changes.accounts.extend(groups.accounts);
        changes.groups.extend(groups.groups);
        let emails: BTreeSet<Box<str>> = members.emails.into_iter().chain(groups.emails).collect();
        if !changes.everything && !emails.is_empty() {
            self.name(&emails, &mut changes).await?;
        }
        Ok(changes)
    }

    /// Reads on in one category: from its cursor, or from `since` on when there was none at all, or none that is good.
    async fn category(
        &self,
        category: &str,
        cursor: Option<Option<String>>,
        since: Timestamp,
    ) -> Result<Told, ConnectorError> {
        let mut told = Told { everything: matches!(cursor, Some(None)), ..Told::default() };
        let mut cursor = cursor.flatten();
        for _ in 0..PAGES {
            let answer = match &cursor {
                Some(cursor) => self.client.post(GET_EVENTS_CONTINUE, &json!({ "cursor": cursor })).await,
                None => self.client.post(GET_EVENTS, &first(category, since)).await,
            };
            let page: EventsPage = match answer {
                Ok(reply) => reply.value,
                // bad_cursor, reset, or whatever else may come to be wrong with it.
                Err(Fault::Refused(_) | Fault::BadInput { .. }) if cursor.is_some() => {
                    told.everything = true;
                    cursor = None;
                    continue;
                }
                Err(fault) => return Err(fault.into_error(GET_EVENTS.path)),
            };
            if page.has_more && !page.events.is_empty() && cursor.as_ref() == Some(&page.cursor) {
                let message = format!("{} gave the same cursor twice.", GET_EVENTS.path);
                return Err(too_long("LISTING_ENDLESS", message, "BASE_URL"));
            }
            page.events.into_iter().for_each(|event| told.read(event));
            told.more = page.has_more;
            told.cursor.clone_from(&page.cursor);
            cursor = Some(page.cursor);
            if !page.has_more {
                break;
            }
        }
        if told.cursor.is_empty() {
            return Err(protocol(format!("{} gave no cursor.", GET_EVENTS.path), None));
        }
        Ok(told)
    }

    /// Finds the accounts of members whom events named by e-mail only. Who has another address by now is not found.
    async fn name(&self, emails: &BTreeSet<Box<str>>, changes: &mut Changes) -> Result<(), ConnectorError> {
        let valid = emails.iter().filter(|email| validate::is_email(email));
        let selectors: Vec<UserSelector> = valid.map(|email| UserSelector::email(email)).collect();
        let found = self.members(&selectors).await?;
        changes.everything = found.len() < emails.len();
        changes.accounts.extend(found.iter().map(super::wire::Member::id));
        Ok(())
    }
}

impl Told {
    fn read(&mut self, event: Value) {
        let mut anybody = false;
        let mut groups = Vec::new();
        if let Ok(Event { context, participants }) = Event::deserialize(event) {
            for party in context.into_iter().chain(participants.into_iter().flatten()) {
                match party.group_id {
                    Some(group) => groups.push(RemoteGroupId::from(group)),
                    None => anybody |= self.somebody(party),
                }
            }
        }
        self.everything |= !anybody && groups.is_empty();
        // Who came or went has it in their account.
        if !anybody {
            self.groups.extend(groups);
        }
    }

    /// Whether it names anybody.
    fn somebody(&mut self, party: Party) -> bool {
        match party {
            Party { user: Some(user), .. } => self.somebody(*user),
            Party { team_member_id: Some(id), .. } => {
                self.accounts.insert(AccountId::from(id));
                true
            }
            Party { email: Some(email), .. } => {
                self.emails.insert(email.to_lowercase().into());
                true
            }
            _ => false,
        }
    }
}

fn first(category: &str, since: Timestamp) -> Value {
    let start = since.to_datetime().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({ "limit": LIMIT, "category": category, "time": { "start_time": start } })
}

fn written(cursors: &Cursors) -> Result<LogPosition, ConnectorError> {
    serde_json::to_string(cursors)
        .map(LogPosition)
        .map_err(|error| protocol(format!("A position in the log cannot be written down: {error}."), None))
}
