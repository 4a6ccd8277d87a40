//! The event log, page by page: `team_log/get_events` and its continuation.
//!
//! As the documentation warns: events are not sorted, a page may be empty and say that there is more, and a cursor may be
//! refused (`bad_cursor`) or out of date (`reset`). A cursor stays good at the end of the log, where it waits for more.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Answered, Ask, Refusal, refuse, refuse_with, result};
use crate::clock::timestamp;
use crate::team::Team;
use crate::team::group::ManagementType;
use crate::team::log::{Actor, Event, Status, What, Which, Who};
use crate::team::member::Role;

/// What is asked for, and where it goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    from: usize,
    generation: u32,
    limit: usize,
    account: Option<String>,
    /// Seconds since 1970; the end is not part of it.
    start: Option<i64>,
    end: Option<i64>,
    category: Option<String>,
    event_type: Option<String>,
}

#[derive(Deserialize)]
struct EventsArg {
    limit: usize,
    account_id: Option<String>,
    time: Option<TimeRange>,
    category: Option<Tag>,
    event_type: Option<Tag>,
}

#[derive(Deserialize)]
struct TimeRange {
    start_time: Option<String>,
    end_time: Option<String>,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(rename = ".tag")]
    tag: String,
}

pub(super) fn get_events(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let arg: EventsArg = ask.arg()?;
    if arg.category.is_some() && arg.event_type.is_some() {
        return refuse("invalid_filters");
    }
    if let Some(account) = &arg.account_id
        && !team.members.iter().any(|member| member.account_id == *account)
    {
        return refuse("account_id_not_found");
    }
    let seconds = |text: Option<String>| {
        let time = chrono::DateTime::parse_from_rfc3339(&text?).ok()?;
        Some(time.timestamp())
    };
    let (start, end) =
        arg.time.map_or((None, None), |time| (seconds(time.start_time), seconds(time.end_time)));
    if start.zip(end).is_some_and(|(start, end)| start >= end) {
        return refuse("invalid_time_range");
    }
    let cursor = Cursor {
        from: 0,
        generation: team.log.generation,
        limit: arg.limit,
        account: arg.account_id,
        start,
        end,
        category: arg.category.map(|category| category.tag),
        event_type: arg.event_type.map(|event_type| event_type.tag),
    };
    page(ask, team, cursor)
}

pub(super) fn get_events_continue(ask: &Ask<'_>, team: &mut Team) -> Answered {
    let text = ask.arg["cursor"].as_str().unwrap_or_default();
    let cursor = text
        .strip_prefix("AE")
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .and_then(|json| serde_json::from_slice::<Cursor>(&json).ok())
        .filter(|_| !ask.refuse_cursor);
    let Some(cursor) = cursor else { return refuse("bad_cursor") };
    if cursor.generation != team.log.generation || ask.reset_cursor {
        return refuse_with("reset", timestamp(team.now_ms()));
    }
    page(ask, team, cursor)
}

fn page(ask: &Ask<'_>, team: &mut Team, mut cursor: Cursor) -> Answered {
    let with_ids = team.switches.events_name_members_by_id;
    let admin = admin(team);
    let known = team.known_events();
    let mut events = Vec::new();
    let mut has_more = ask.empty_page;
    while !ask.empty_page && cursor.from < known.len() {
        let event = &known[cursor.from];
        if cursor.wants(event) {
            if events.len() == cursor.limit {
                has_more = true;
                break;
            }
            events.push(written(event, &admin, with_ids));
        }
        cursor.from += 1;
    }
    let json = serde_json::to_vec(&cursor)
        .map_err(|error| Refusal::Broken(format!("a cursor cannot be written: {error}")))?;
    let cursor = format!("AE{}", URL_SAFE_NO_PAD.encode(json));
    result(&json!({ "events": events, "cursor": cursor, "has_more": has_more }))
}

impl Cursor {
    fn wants(&self, event: &Arc<Event>) -> bool {
        let seconds = i64::try_from(event.at_ms / 1000).unwrap_or(i64::MAX);
        let account = event.member.as_ref().and_then(|member| member.account_id.as_ref());
        self.start.is_none_or(|start| start <= seconds)
            && self.end.is_none_or(|end| seconds < end)
            && self.category.as_ref().is_none_or(|category| category == event.what.category())
            && self.event_type.as_ref().is_none_or(|wanted| wanted == kind(&event.what).0)
            && (self.account.is_none() || self.account.as_ref() == account)
    }
}

/// Who authorised the app, and presses the buttons of the admin console.
fn admin(team: &Team) -> Value {
    let admin = &team.members[team.admin];
    json!({
        ".tag": "team_member",
        "account_id": admin.account_id,
        "display_name": admin.display_name(),
        "email": admin.email,
        "team_member_id": admin.team_member_id,
    })
}

fn written(event: &Event, admin: &Value, with_ids: bool) -> Value {
    let (tag, description, details) = kind(&event.what);
    let actor = match event.by {
        Actor::Admin => json!({ ".tag": "admin", "admin": admin }),
        Actor::App => json!({
            ".tag": "app",
            "app": { ".tag": "team_linked_app", "app_id": "dbaid:simulated", "display_name": "Simulated app" },
        }),
    };
    let member = event.member.as_ref().map(|who| member(who, with_ids));
    let context = member.clone().unwrap_or_else(|| json!({ ".tag": "team" }));
    let mut participants = Vec::new();
    if let (Some(member), Some(_)) = (member, &event.group) {
        participants.push(json!({ ".tag": "user", "user": member }));
    }
    participants.extend(event.group.as_ref().map(group));
    let mut written = json!({
        "timestamp": timestamp(event.at_ms),
        "event_category": { ".tag": event.what.category() },
        "actor": actor,
        "involve_non_team_member": false,
        "context": context,
        "event_type": { ".tag": tag, "description": description },
        "details": tagged(&format!("{tag}_details"), details),
    });
    if !participants.is_empty() {
        written["participants"] = Value::Array(participants);
    }
    written
}

/// `TeamMemberLogInfo`: every field of it may be missing.
fn member(who: &Who, with_ids: bool) -> Value {
    let mut written = json!({ ".tag": "team_member", "display_name": who.display_name, "email": who.email });
    if with_ids {
        written["team_member_id"] = json!(who.team_member_id);
    }
    if let Some(account_id) = &who.account_id {
        written["account_id"] = json!(account_id);
    }
    if let Some(external_id) = &who.external_id {
        written["member_external_id"] = json!(external_id);
    }
    written
}

fn group(which: &Which) -> Value {
    let mut written = json!({ ".tag": "group", "group_id": which.group_id, "display_name": which.name });
    if let Some(external_id) = &which.external_id {
        written["external_id"] = json!(external_id);
    }
    written
}

fn tagged(tag: &str, details: Value) -> Value {
    let mut object = match details {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    object.insert(".tag".to_owned(), json!(tag));
    Value::Object(object)
}

/// The event's type, Dropbox's description of it, and its details.
fn kind(what: &What) -> (&'static str, &'static str, Value) {
    match what {
        What::Status { before, after, kept_account } => {
            let mut details = json!({ "new_value": { ".tag": status(*after) } });
            if let Some(before) = before {
                details["previous_value"] = json!({ ".tag": status(*before) });
            }
            if *after == Status::Removed {
                let how = if *kept_account { "offboard" } else { "delete" };
                details["action"] = json!({ ".tag": "remove_action", "remove_action": { ".tag": how } });
            }
            let description = "(members) Changed member status (invited, joined, suspended, etc.)";
            ("member_change_status", description, details)
        }
        What::Email { before, after } => (
            "member_change_email",
            "(members) Changed member email",
            json!({ "previous_value": before, "new_value": after }),
        ),
        What::Name { before, after } => {
            let name =
                |(given, surname): &(String, String)| json!({ "given_name": given, "surname": surname });
            let details = json!({ "previous_value": name(before), "new_value": name(after) });
            ("member_change_name", "(members) Changed member name", details)
        }
        What::ExternalId { before, after } => external_id(
            (before.as_deref(), after.as_deref()),
            [
                ("member_add_external_id", "(members) Added an external ID for team member"),
                ("member_change_external_id", "(members) Changed the external ID for team member"),
                ("member_remove_external_id", "(members) Removed the external ID for team member"),
            ],
        ),
        What::Role { before, after } => {
            let details = json!({ "previous_value": role(*before), "new_value": role(*after) });
            ("member_change_admin_role", "(members) Changed team member admin role", details)
        }
        What::GroupMade { management_type } => (
            "group_create",
            "(groups) Created group",
            json!({ "is_company_managed": *management_type == ManagementType::CompanyManaged }),
        ),
        What::GroupDeleted { management_type } => (
            "group_delete",
            "(groups) Deleted group",
            json!({ "is_company_managed": *management_type == ManagementType::CompanyManaged }),
        ),
        What::GroupRenamed { before, after } => (
            "group_rename",
            "(groups) Renamed group",
            json!({ "previous_value": before, "new_value": after }),
        ),
        What::GroupExternalId { before, after } => external_id(
            (before.as_deref(), after.as_deref()),
            [
                ("group_add_external_id", "(groups) Added external ID for group"),
                ("group_change_external_id", "(groups) Changed external ID for group"),
                ("group_remove_external_id", "(groups) Removed external ID for group"),
            ],
        ),
        What::GroupManagement { before, after } => (
            "group_change_management_type",
            "(groups) Changed group management type",
            json!({ "previous_value": before, "new_value": after }),
        ),
        What::Joined { owner } => {
            ("group_add_member", "(groups) Added team members to group", json!({ "is_group_owner": owner }))
        }
        What::Left => ("group_remove_member", "(groups) Removed team members from group", json!({})),
        What::Access { owner } => (
            "group_change_member_role",
            "(groups) Changed manager permissions of group member",
            json!({ "is_group_owner": owner }),
        ),
    }
}

type Named = (&'static str, &'static str);

fn external_id(
    change: (Option<&str>, Option<&str>),
    [added, changed, removed]: [Named; 3],
) -> (&'static str, &'static str, Value) {
    match change {
        (Some(before), Some(after)) => {
            (changed.0, changed.1, json!({ "previous_value": before, "new_value": after }))
        }
        (None, after) => (added.0, added.1, json!({ "new_value": after.unwrap_or_default() })),
        (Some(before), None) => (removed.0, removed.1, json!({ "previous_value": before })),
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Invited => "invited",
        Status::MovedToAnotherTeam => "moved_to_another_team",
        Status::Removed => "removed",
        Status::Suspended => "suspended",
    }
}

fn role(role: Option<Role>) -> Value {
    let tag = match role {
        None => "member_only",
        Some(Role::TeamAdmin) => "team_admin",
        Some(Role::UserManagementAdmin) => "user_management_admin",
        Some(Role::SupportAdmin) => "support_admin",
    };
    json!({ ".tag": tag })
}
