//! The team: its members, groups, licences and tokens, and what must always hold between them.
//!
//! What a route answers lives in [`crate::routes`]; here is what is so. No HTTP, no JSON.

pub(crate) mod builder;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod member;
mod people;
pub(crate) mod switches;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::clock::Clock;
use crate::ids::Ids;
use crate::routes::jobs::Job;
use builder::TeamBuilder;
use group::{AccessType, Group, ManagementType};
use log::{EventLog, Status, What};
use member::{Member, MemberState, Role};
use switches::Switches;

pub use people::NotPossible;

/// A Dropbox team in memory. [`crate::Simulator::start`] serves it; [`crate::Simulator::team`] lends it back.
#[derive(Debug)]
pub struct Team {
    pub(crate) settings: Settings,
    pub(crate) credentials: Credentials,
    /// How the open questions are answered; may be changed at any time.
    pub switches: Switches,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tokens: Tokens,
    /// Everyone who ever was on the team, in order of joining; a position is never used again.
    pub(crate) members: Vec<Member>,
    pub(crate) member_by_id: HashMap<String, usize>,
    /// Primary and secondary addresses. An entry may be out of date: ask [`Team::holder_of_email`].
    pub(crate) member_by_email: HashMap<String, usize>,
    pub(crate) member_by_external_id: HashMap<String, usize>,
    /// How many members are in each state, in the order of [`MemberState`].
    counts: [u32; 4],
    /// Every group there ever was.
    pub(crate) groups: Vec<Group>,
    pub(crate) group_by_id: HashMap<String, usize>,
    /// By [`Team::group_key`].
    pub(crate) group_by_name: HashMap<String, usize>,
    pub(crate) group_by_external_id: HashMap<String, usize>,
    /// Position of "Everyone at …".
    pub(crate) system_group: usize,
    /// Position of the one who authorised the app.
    pub(crate) admin: usize,
    pub(crate) jobs: HashMap<String, Job>,
    pub(crate) wipes: Vec<Wipe>,
    pub(crate) log: EventLog,
}

/// What does not change while a team is served.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) team_id: String,
    pub(crate) name: String,
    pub(crate) licences: u32,
    pub(crate) app_scopes: HashSet<String>,
    pub(crate) token_scopes: HashSet<String>,
    pub(crate) token_lifetime_s: u64,
    pub(crate) on_another_team: HashSet<String>,
    pub(crate) latency: Duration,
    pub(crate) check_answers: bool,
    pub(crate) call_log_limit: usize,
}

/// What the app proves itself with. Made up, so it may be shown.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) refresh_token: String,
}

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) access: HashMap<String, AccessToken>,
    pub(crate) refresh_revoked: bool,
}

/// One access token.
#[derive(Debug)]
pub(crate) struct AccessToken {
    pub(crate) expires_ms: u64,
    pub(crate) scopes: HashSet<String>,
}

/// What one suspend or remove said about the data on a member's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wipe {
    /// `team/members/suspend` or `team/members/remove`.
    pub route: &'static str,
    /// Whom it was about.
    pub team_member_id: String,
    /// Whether data is wiped: what the request said, or Dropbox's default, which is true.
    pub wipe_data: bool,
    /// Whether the request said so itself.
    pub explicit: bool,
}

impl Team {
    /// Lays out a team.
    pub fn builder() -> TeamBuilder {
        TeamBuilder::default()
    }

    /// The team's clock.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Everyone who ever was on the team, removed ones too, in order of joining.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member who has, or, removed but recoverable, still holds this address.
    pub fn member_by_email(&self, email: &str) -> Option<&Member> {
        self.holder_of_email(&email.to_lowercase()).map(|at| &self.members[at])
    }

    /// The member who holds this external id.
    pub fn member_by_external_id(&self, external_id: &str) -> Option<&Member> {
        self.holder_of_external_id(external_id).map(|at| &self.members[at])
    }

    /// The member with this id, removed or not.
    pub fn member_by_id(&self, team_member_id: &str) -> Option<&Member> {
        self.member_by_id.get(team_member_id).map(|at| &self.members[*at])
    }

    /// The groups there are, the system-managed one first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| !group.is_deleted)
    }

    /// The group of this name.
    pub fn group_by_name(&self, name: &str) -> Option<&Group> {
        let at = self.group_by_name.get(&self.group_key(name))?;
        Some(&self.groups[*at]).filter(|group| !group.is_deleted)
    }

    /// E-mails of a group's members, sorted. Empty when there is no such group.
    pub fn group_members(&self, name: &str) -> Vec<&str> {
        let Some(group) = self.group_by_name.get(&self.group_key(name)) else { return Vec::new() };
        let mut emails: Vec<&str> =
            self.members_of(*group).map(|(at, _)| self.members[at].email.as_str()).collect();
        emails.sort_unstable();
        emails
    }

    /// Every membership as (group name, e-mail), sorted; without the system-managed group.
    pub fn memberships(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> = self
            .groups()
            .filter(|group| group.management_type != ManagementType::SystemManaged)
            .flat_map(|group| {
                group.members.keys().map(|at| (group.name.as_str(), self.members[*at].email.as_str()))
            })
            .collect();
        all.sort_unstable();
        all
    }

    /// What every suspend and remove said about wiping, in order.
    pub fn wipes(&self) -> &[Wipe] {
        &self.wipes
    }

    /// How many members are in this state.
    pub fn count(&self, state: MemberState) -> u32 {
        self.counts[state as usize]
    }

    /// Licences in use.
    pub fn used_licences(&self) -> u32 {
        let invited = if self.switches.invited_use_licence { self.count(MemberState::Invited) } else { 0 };
        let suspended =
            if self.switches.suspended_use_licence { self.count(MemberState::Suspended) } else { 0 };
        self.count(MemberState::Active) + invited + suspended
    }

    /// Members who are on the team, in whatever state.
    pub fn on_team(&self) -> u32 {
        self.count(MemberState::Active)
            + self.count(MemberState::Invited)
            + self.count(MemberState::Suspended)
    }

    /// From now on the team has so many licences.
    pub fn set_licences(&mut self, licences: u32) {
        self.settings.licences = licences;
    }

    /// Whether one more member can take a licence, if a member in `state` needs one.
    pub(crate) fn has_licence_for(&self, state: MemberState) -> bool {
        let needs = match state {
            MemberState::Active => true,
            MemberState::Invited => self.switches.invited_use_licence,
            MemberState::Suspended => self.switches.suspended_use_licence,
            MemberState::Removed => false,
        };
        !needs || self.used_licences() < self.settings.licences
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Who holds an address (which must be in lower case): on the team, or recoverable.
    pub(crate) fn holder_of_email(&self, email: &str) -> Option<usize> {
        let at = *self.member_by_email.get(email)?;
        self.members[at].holds_their_place(self.now_ms()).then_some(at)
    }

    pub(crate) fn holder_of_external_id(&self, external_id: &str) -> Option<usize> {
        let at = *self.member_by_external_id.get(external_id)?;
        self.members[at].holds_their_place(self.now_ms()).then_some(at)
    }

    /// Rare, and small where it is used: looked for, not indexed.
    pub(crate) fn holder_of_persistent_id(&self, id: &str) -> Option<usize> {
        let now = self.now_ms();
        self.members
            .iter()
            .position(|member| member.holds_their_place(now) && member.persistent_id.as_deref() == Some(id))
    }

    /// Whether this member is the only active team admin.
    pub(crate) fn is_last_admin(&self, at: usize) -> bool {
        let is_admin =
            |member: &Member| member.role == Some(Role::TeamAdmin) && member.state == MemberState::Active;
        is_admin(&self.members[at])
            && !self.members.iter().enumerate().any(|(other, member)| other != at && is_admin(member))
    }

    /// Whether the one who authorised the app is still an active administrator.
    pub(crate) fn authoriser_is_active(&self) -> bool {
        let admin = &self.members[self.admin];
        admin.state == MemberState::Active && admin.role.is_some()
    }

    /// Takes a new member in. The caller made sure that nobody holds their addresses and external id.
    pub(crate) fn enrol(&mut self, member: Member) -> usize {
        let at = self.members.len();
        self.member_by_id.insert(member.team_member_id.clone(), at);
        self.member_by_email.insert(member.email.clone(), at);
        for secondary in &member.secondary_emails {
            self.member_by_email.insert(secondary.email.clone(), at);
        }
        if let Some(external_id) = &member.external_id {
            self.member_by_external_id.insert(external_id.clone(), at);
        }
        self.counts[member.state as usize] += 1;
        let after = Status::from(member.state);
        self.members.push(member);
        self.tell(What::Status { before: None, after, kept_account: false }, Some(at), None);
        at
    }

    pub(crate) fn set_state(&mut self, at: usize, state: MemberState) {
        self.counts[self.members[at].state as usize] -= 1;
        self.counts[state as usize] += 1;
        self.members[at].state = state;
    }

    pub(crate) fn set_email(&mut self, at: usize, email: String) {
        let old = std::mem::replace(&mut self.members[at].email, email.clone());
        if self.member_by_email.get(&old) == Some(&at) {
            self.member_by_email.remove(&old);
        }
        self.member_by_email.insert(email.clone(), at);
        if old != email {
            self.tell(What::Email { before: old, after: email }, Some(at), None);
        }
    }

    /// An empty external id takes it away.
    pub(crate) fn set_external_id(&mut self, at: usize, external_id: String) {
        let new = (!external_id.is_empty()).then_some(external_id);
        let old = std::mem::replace(&mut self.members[at].external_id, new.clone());
        if let Some(old) = &old
            && self.member_by_external_id.get(old) == Some(&at)
        {
            self.member_by_external_id.remove(old);
        }
        if let Some(new) = &new {
            self.member_by_external_id.insert(new.clone(), at);
        }
        if old != new {
            self.tell(What::ExternalId { before: old, after: new }, Some(at), None);
        }
    }

    /// What is not given stays.
    pub(crate) fn set_name(&mut self, at: usize, given_name: Option<String>, surname: Option<String>) {
        let name = |member: &Member| (member.given_name.clone(), member.surname.clone());
        let member = &mut self.members[at];
        let before = name(member);
        member.given_name = given_name.unwrap_or_else(|| before.0.clone());
        member.surname = surname.unwrap_or_else(|| before.1.clone());
        let after = name(member);
        if before != after {
            self.tell(What::Name { before, after }, Some(at), None);
        }
    }

    pub(crate) fn set_role(&mut self, at: usize, role: Option<Role>) {
        let before = std::mem::replace(&mut self.members[at].role, role);
        if before != role {
            self.tell(What::Role { before, after: role }, Some(at), None);
        }
    }

    /// Someone who was invited is a member from now on.
    pub(crate) fn accept(&mut self, at: usize) {
        let now = self.now_ms();
        self.set_state(at, MemberState::Active);
        self.members[at].joined_on_ms = Some(now);
        self.members[at].email_verified = true;
        self.tell_status(at, MemberState::Invited, Status::Active, false);
    }

    fn tell_status(&mut self, at: usize, before: MemberState, after: Status, kept_account: bool) {
        self.tell(What::Status { before: Some(before.into()), after, kept_account }, Some(at), None);
    }

    pub(crate) fn suspend(&mut self, at: usize) {
        let before = self.members[at].state;
        self.set_state(at, MemberState::Suspended);
        self.members[at].suspended_on_ms = Some(self.now_ms());
        if !self.switches.suspended_keep_groups {
            self.leave_groups(at);
        }
        self.tell_status(at, before, Status::Suspended, false);
    }

    pub(crate) fn unsuspend(&mut self, at: usize) {
        self.set_state(at, MemberState::Active);
        self.members[at].suspended_on_ms = None;
        self.tell_status(at, MemberState::Suspended, Status::Active, false);
    }

    pub(crate) fn remove(&mut self, at: usize, keep_account: bool, for_good: bool) {
        let before = self.members[at].state;
        self.strike_off(at, keep_account, for_good);
        self.tell_status(at, before, Status::Removed, keep_account);
    }

    /// Someone is on another team from now on, with the same address.
    pub(crate) fn move_away(&mut self, at: usize) {
        let before = self.members[at].state;
        self.settings.on_another_team.insert(self.members[at].email.clone());
        self.strike_off(at, false, true);
        self.tell_status(at, before, Status::MovedToAnotherTeam, false);
    }

    fn strike_off(&mut self, at: usize, keep_account: bool, for_good: bool) {
        let now = self.now_ms();
        let before = self.members[at].state;
        self.set_state(at, MemberState::Removed);
        self.leave_groups(at);
        let member = &mut self.members[at];
        member.state_before_removal = before;
        member.removed_on_ms = Some(now);
        member.is_disconnected = keep_account;
        member.gone_for_good = for_good;
        if self.switches.removed_email_is_rewritten {
            // The index goes on knowing the old address, so that it stays reserved for as long as they can come back.
            let member = &mut self.members[at];
            member.email = format!("{}#removed-{}", member.email, at);
        }
    }

    pub(crate) fn recover(&mut self, at: usize) {
        let member = &mut self.members[at];
        member.removed_on_ms = None;
        if let Some((email, _)) = member.email.split_once("#removed-") {
            member.email = email.to_owned();
        }
        let state = member.state_before_removal;
        let groups = std::mem::take(&mut member.groups_before);
        self.set_state(at, state);
        if self.switches.recover_restores_groups {
            for (group, access) in groups {
                if !self.groups[group].is_deleted {
                    self.put_into(group, at, access);
                }
            }
        }
        self.tell_status(at, MemberState::Removed, state.into(), false);
    }

    fn leave_groups(&mut self, at: usize) {
        let mut before = std::collections::BTreeMap::new();
        for group in std::mem::take(&mut self.members[at].groups) {
            if let Some(access) = self.groups[group].members.remove(&at) {
                before.insert(group, access);
            }
        }
        self.members[at].groups_before = before;
    }

    /// Puts someone into a group; or says anew what they may do in it.
    pub(crate) fn join(&mut self, group: usize, member: usize, access: AccessType) {
        let owner = access == AccessType::Owner;
        let what = match self.put_into(group, member, access) {
            None => What::Joined { owner },
            Some(before) if before != access => What::Access { owner },
            Some(_) => return,
        };
        self.tell(what, Some(member), Some(group));
    }

    pub(crate) fn leave(&mut self, group: usize, member: usize) {
        if self.take_out(group, member) {
            self.tell(What::Left, Some(member), Some(group));
        }
    }

    fn put_into(&mut self, group: usize, member: usize, access: AccessType) -> Option<AccessType> {
        self.members[member].groups.insert(group);
        self.groups[group].members.insert(member, access)
    }

    fn take_out(&mut self, group: usize, member: usize) -> bool {
        self.members[member].groups.remove(&group);
        self.groups[group].members.remove(&member).is_some()
    }

    /// Under what a group's name is kept.
    pub(crate) fn group_key(&self, name: &str) -> String {
        if self.switches.group_names_ignore_case { name.to_lowercase() } else { name.to_owned() }
    }

    /// Makes a group. The caller made sure that its name and external id are free.
    pub(crate) fn found_group(&mut self, group: Group) -> usize {
        let at = self.groups.len();
        self.group_by_id.insert(group.group_id.clone(), at);
        self.group_by_name.insert(self.group_key(&group.name), at);
        if let Some(external_id) = &group.external_id {
            self.group_by_external_id.insert(external_id.clone(), at);
        }
        let management_type = group.management_type;
        self.groups.push(group);
        self.tell(What::GroupMade { management_type }, None, Some(at));
        at
    }

    pub(crate) fn rename_group(&mut self, at: usize, name: String) {
        let old = self.group_key(&self.groups[at].name);
        self.group_by_name.remove(&old);
        self.group_by_name.insert(self.group_key(&name), at);
        let before = std::mem::replace(&mut self.groups[at].name, name.clone());
        if before != name {
            self.tell(What::GroupRenamed { before, after: name }, None, Some(at));
        }
    }

    /// An empty external id takes it away.
    pub(crate) fn set_group_external_id(&mut self, at: usize, external_id: String) {
        let new = (!external_id.is_empty()).then_some(external_id);
        let old = std::mem::replace(&mut self.groups[at].external_id, new.clone());
        if let Some(old) = &old {
            self.group_by_external_id.remove(old);
        }
        if let Some(new) = &new {
            self.group_by_external_id.insert(new.clone(), at);
        }
        if old != new {
            self.tell(What::GroupExternalId { before: old, after: new }, None, Some(at));
        }
    }

    pub(crate) fn set_management(&mut self, at: usize, management_type: ManagementType) {
        let before = std::mem::replace(&mut self.groups[at].management_type, management_type);
        if management_type == ManagementType::CompanyManaged {
            // Nobody owns a company-managed group: owners go on as members.
            self.groups[at].members.values_mut().for_each(|access| *access = AccessType::Member);
        }
        if before != management_type {
            self.tell(What::GroupManagement { before, after: management_type }, None, Some(at));
        }
    }

    pub(crate) fn delete_group(&mut self, at: usize) {
        for member in self.groups[at].members.keys().copied().collect::<Vec<_>>() {
            self.take_out(at, member);
        }
        self.groups[at].is_deleted = true;
        let management_type = self.groups[at].management_type;
        self.tell(What::GroupDeleted { management_type }, None, Some(at));
        if self.switches.deleted_group_name_is_free {
            self.group_by_name.remove(&self.group_key(&self.groups[at].name));
            if let Some(external_id) = &self.groups[at].external_id {
                self.group_by_external_id.remove(external_id);
            }
        }
    }

    /// A group's members by position, with what they may do in it.
    pub(crate) fn members_of(&self, group: usize) -> Box<dyn Iterator<Item = (usize, AccessType)> + '_> {
        self.members_of_from(group, 0)
    }

    /// The same, beginning at the member at `from`.
    pub(crate) fn members_of_from(
        &self,
        group: usize,
        from: usize,
    ) -> Box<dyn Iterator<Item = (usize, AccessType)> + '_> {
        if group == self.system_group {
            let everyone = (from..self.members.len()).filter(|at| self.members[*at].on_team());
            Box::new(everyone.map(|at| (at, AccessType::Member)))
        } else {
            Box::new(self.groups[group].members.range(from..).map(|(at, access)| (*at, *access)))
        }
    }

    pub(crate) fn member_count(&self, group: usize) -> u32 {
        if group == self.system_group {
            return self.on_team();
        }
        u32::try_from(self.groups[group].members.len()).unwrap_or(u32::MAX)
    }
}
