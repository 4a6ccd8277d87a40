//! What can be seen: the team, the calls it got, and where everyone stands.

use std::ops::DerefMut;

use dropbox_simulator::{ManagementType, Member, Route, Team};
use usher_domain::{
    RunId,
    ports::store::PageRequest,
    reconcile::{
        links::AccountLink,
        run::RunOperation,
        scope::{Scope, Subject},
        status::{StatusCounts, SubjectStatus},
    },
};

use super::*;

/// Success, unsynced, partial, failed; impacted is their sum.
pub(crate) fn counts(success: u64, unsynced: u64, partial: u64, failed: u64) -> StatusCounts {
    StatusCounts { impacted: success + unsynced + partial + failed, success, unsynced, partial, failed }
}

impl World {
    /// The team, to look at and to act on as a person would. Not to be held across an await.
    pub(crate) fn dropbox(&self) -> impl DerefMut<Target = Team> + '_ {
        self.simulator.team()
    }

    /// A user's account by their address: `invited, Ada Example, marked ada, in eng`; `none` when there never
    /// was one. Of several with the address, the last.
    pub(crate) fn member(&self, name: &str) -> String {
        self.member_at(&format!("{name}@example.com"))
    }

    /// The same, by address.
    pub(crate) fn member_at(&self, email: &str) -> String {
        let team = self.simulator.team();
        match team.members().iter().rev().find(|member| member.email == email) {
            Some(member) => self.describe(&team, member),
            None => "none".into(),
        }
    }

    pub(crate) fn describe(&self, team: &Team, member: &Member) -> String {
        let state = match member.on_team() {
            true => format!("{:?}", member.state).to_lowercase(),
            false if member.is_recoverable(self.time.0.now_ms()) => "removed".into(),
            false => "gone".into(),
        };
        let mut parts = vec![state, member.display_name()];
        if let Some(external_id) = &member.external_id {
            let users = self.users.borrow();
            let whose =
                users.iter().find(|(_, id)| id.to_string() == *external_id).map(|(name, _)| name.as_str());
            parts.push(format!("marked {}", whose.unwrap_or(external_id)));
        }
        let groups: Vec<&str> = team
            .memberships()
            .into_iter()
            .filter(|(_, email)| *email == member.email)
            .map(|(group, _)| group)
            .collect();
        if !groups.is_empty() {
            parts.push(format!("in {}", groups.join(" and ")));
        }
        parts.join(", ")
    }

    /// A group: `company-managed, marked eng: ada bob`; `none` when there is none.
    pub(crate) fn group(&self, name: &str) -> String {
        let team = self.simulator.team();
        let Some(group) = team.group_by_name(name) else { return "none".into() };
        let kind = match group.management_type {
            ManagementType::CompanyManaged => "company-managed",
            ManagementType::UserManaged => "user-managed",
            ManagementType::SystemManaged => "system-managed",
        };
        let groups = self.groups.borrow();
        let marked = group.external_id.as_ref().map_or(String::new(), |external_id| {
            let whose =
                groups.iter().find(|(_, id)| id.to_string() == *external_id).map(|(name, _)| name.as_str());
            format!(", marked {}", whose.unwrap_or(external_id))
        });
        let members: Vec<&str> =
            team.group_members(name).into_iter().map(|email| email.split('@').next().unwrap()).collect();
        format!("{kind}{marked}: {}", members.join(" ")).trim_end().to_owned()
    }

    /// The calls so far that change something, as `members/add_v2`; then they are forgotten, with all others.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.simulator.calls();
        let writes =
            calls.list().into_iter().filter(|call| Route::at(&call.route).is_some_and(Route::is_write));
        let writes = writes.map(|call| call.route.trim_start_matches("team/").to_owned()).collect();
        calls.clear();
        writes
    }

    /// The requests of the calls so far to this route.
    pub(crate) fn requests(&self, route: Route) -> Vec<serde_json::Value> {
        self.simulator.calls().of(route).into_iter().map(|call| call.request).collect()
    }

    /// How many calls there were so far; then they are forgotten.
    pub(crate) fn calls(&self) -> u64 {
        let calls = self.simulator.calls();
        let total = calls.total();
        calls.clear();
        total
    }

    /// How many stand where: users, groups.
    pub(crate) async fn status(&self) -> (StatusCounts, StatusCounts) {
        self.store.status_counts(RULE).await.unwrap()
    }

    /// Where a user stands, and why: `Partial UPDATE_OFF`; `none` when they are not of the rule.
    pub(crate) async fn standing(&self, user: &str) -> String {
        told(self.status_of(Subject::User(self.user_id(user))).await)
    }

    /// The same for a group.
    pub(crate) async fn group_standing(&self, group: &str) -> String {
        told(self.status_of(Subject::Group(self.group_id(group))).await)
    }

    /// What is in a user's way, in words.
    pub(crate) async fn problem(&self, user: &str) -> String {
        let status = self.status_of(Subject::User(self.user_id(user))).await;
        status.and_then(|status| status.problem).map(|problem| problem.to_string()).unwrap_or_default()
    }

    pub(crate) async fn status_of(&self, subject: Subject) -> Option<SubjectStatus> {
        self.store.status(RULE, subject).await.unwrap()
    }

    pub(crate) async fn is_enabled(&self, user: &str) -> bool {
        self.store.user(ENVIRONMENT, self.user_id(user)).await.unwrap().expect("they are there").enabled
    }

    /// The user's address in the directory.
    pub(crate) async fn email_of(&self, user: &str) -> String {
        self.store.user(ENVIRONMENT, self.user_id(user)).await.unwrap().expect("they are there").email
    }

    /// What the group is called in the directory by now.
    pub(crate) async fn name_of(&self, group: &str) -> String {
        self.store.group(ENVIRONMENT, self.group_id(group)).await.unwrap().expect("it is there").name
    }

    /// Whether they are in the group, directly or through a nested one.
    pub(crate) async fn is_member(&self, user: &str, group: &str) -> bool {
        let direct = self.store.memberships_of(self.user_id(user)).await.unwrap();
        let nestings = self.store.nestings(ENVIRONMENT).await.unwrap();
        let group = self.group_id(group);
        let nested = nestings.iter().filter(|nesting| nesting.parent == group).map(|nesting| nesting.child);
        nested.chain([group]).any(|group| direct.contains(&group))
    }

    /// A setting of the connection.
    pub(crate) async fn setting(&self, key: &str) -> Option<serde_json::Value> {
        let connection = self.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        connection.configuration.get(key).cloned()
    }

    /// What is remembered of a user's account.
    pub(crate) async fn link(&self, user: &str) -> Option<AccountLink> {
        let links = self.store.links(DROPBOX, &Scope::Full).await.unwrap();
        links.account(self.user_id(user)).cloned()
    }

    /// Every run of the rule, the first one first.
    pub(crate) async fn runs(&self) -> Vec<Run> {
        let page = self.store.runs(RULE, &PageRequest { after: None, limit: 1000 }).await.unwrap();
        page.items.into_iter().rev().collect()
    }

    pub(crate) async fn last_run(&self) -> Run {
        self.runs().await.pop().expect("there was a run")
    }

    pub(crate) async fn run(&self, id: RunId) -> Run {
        self.store.run(ENVIRONMENT, id).await.unwrap().expect("the run is there")
    }

    pub(crate) async fn operations(&self, run: &Run) -> Vec<RunOperation> {
        self.store.operations(run.id, 0, 10_000).await.unwrap()
    }
}

fn told(status: Option<SubjectStatus>) -> String {
    let Some(status) = status else { return "none".into() };
    match status.problem {
        None => format!("{:?}", status.standing),
        Some(problem) => format!("{:?} {}", status.standing, problem.code),
    }
}
