//! What people do to the team, without any app: accept invitations, press buttons in the admin console.
//!
//! Nothing here asks whether an app would be allowed to; it only refuses what cannot be.

use std::collections::{BTreeMap, BTreeSet};

use super::Team;
use super::builder::{GroupSeed, MemberSeed};
use super::group::{AccessType, Group, ManagementType};
use super::member::{Member, MemberState, Role, SecondaryEmail};

/// A person tried something that cannot be; usually a slip in a test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPossible(String);

impl NotPossible {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl Team {
    /// Someone is on the team from now on, without any call; gives their `team_member_id`.
    ///
    /// # Panics
    /// When someone holds the address or external id: the test that says so is wrong.
    pub fn add_member(&mut self, seed: MemberSeed) -> String {
        let email = seed.email.to_lowercase();
        let secondary: Vec<String> = seed.secondary_emails.iter().map(|email| email.to_lowercase()).collect();
        let free = secondary
            .iter()
            .chain([&email])
            .try_for_each(|address| self.check_free(address, seed.external_id.as_deref()));
        if let Err(why) = free {
            panic!("{why}");
        }
        let mut member = self.newcomer(email, seed.given_name, seed.surname);
        member.external_id = seed.external_id;
        member.role = seed.role;
        member.secondary_emails =
            secondary.into_iter().map(|email| SecondaryEmail { email, is_verified: true }).collect();
        let id = member.team_member_id.clone();
        let at = self.enrol(member);
        if seed.state != MemberState::Invited {
            self.accept(at);
        }
        match seed.state {
            MemberState::Suspended => self.suspend(at),
            MemberState::Removed => self.remove(at, false, false),
            MemberState::Invited | MemberState::Active => {}
        }
        id
    }

    /// A group is there from now on, without any call; gives its id.
    ///
    /// # Panics
    /// When the name or external id is taken or a member is not on the team: the test that says so is wrong.
    pub fn add_group(&mut self, seed: GroupSeed) -> String {
        if let Err(why) = self.check_group_free(&seed.name, &seed.members) {
            panic!("{why}");
        }
        if let Some(external_id) = &seed.external_id {
            let taken = self.group_by_external_id.contains_key(external_id);
            assert!(!taken, "the external id {external_id} belongs to a group already");
        }
        let group = self.empty_group(seed.name, seed.management_type, seed.external_id);
        let id = group.group_id.clone();
        let at = self.found_group(group);
        for email in seed.members {
            if let Ok(member) = self.on_team_by_email(&email) {
                self.join(at, member, AccessType::Member);
            }
        }
        id
    }

    /// Someone invited accepts: active from now on.
    ///
    /// # Errors
    /// When nobody with this address is invited.
    pub fn accept_invitation(&mut self, email: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        if self.members[at].state != MemberState::Invited {
            return Err(NotPossible::because(format!("{email} is not invited, but on the team already")));
        }
        self.accept(at);
        Ok(())
    }

    /// Everyone who is invited accepts; gives how many.
    pub fn accept_all_invitations(&mut self) -> usize {
        let invited: Vec<usize> =
            (0..self.members.len()).filter(|at| self.members[*at].state == MemberState::Invited).collect();
        for at in &invited {
            self.accept(*at);
        }
        invited.len()
    }

    /// An administrator suspends someone in the admin console.
    ///
    /// # Errors
    /// When they are not active.
    pub fn suspend_by_person(&mut self, email: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        if self.members[at].state != MemberState::Active {
            return Err(NotPossible::because(format!("{email} is not active")));
        }
        self.suspend(at);
        Ok(())
    }

    /// An administrator lets someone in again in the admin console.
    ///
    /// # Errors
    /// When they are not suspended.
    pub fn unsuspend_by_person(&mut self, email: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        if self.members[at].state != MemberState::Suspended {
            return Err(NotPossible::because(format!("{email} is not suspended")));
        }
        self.unsuspend(at);
        Ok(())
    }

    /// An administrator removes someone in the admin console; recoverable for seven days, unless only invited.
    ///
    /// # Errors
    /// When they are not on the team.
    pub fn remove_by_person(&mut self, email: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        self.remove(at, false, false);
        Ok(())
    }

    /// Someone leaves for another team, with their account.
    ///
    /// # Errors
    /// When they are not on the team.
    pub fn leave_for_another_team(&mut self, email: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        self.move_away(at);
        Ok(())
    }

    /// Someone's name is changed.
    ///
    /// # Errors
    /// When they are not on the team.
    pub fn rename_by_person(&mut self, email: &str, given: &str, surname: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        self.set_name(at, Some(given.to_owned()), Some(surname.to_owned()));
        Ok(())
    }

    /// Someone's address is changed.
    ///
    /// # Errors
    /// When they are not on the team, or someone else holds the new address.
    pub fn change_email_by_person(&mut self, email: &str, new_email: &str) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        let new_email = new_email.to_lowercase();
        match self.holder_of_email(&new_email) {
            Some(other) if other != at => {
                Err(NotPossible::because(format!("{new_email} belongs to someone else")))
            }
            _ => {
                self.set_email(at, new_email);
                Ok(())
            }
        }
    }

    /// Another provisioner writes its external id over someone's; none takes it away.
    ///
    /// # Errors
    /// When they are not on the team, or someone else has the external id.
    pub fn change_external_id_by_person(
        &mut self,
        email: &str,
        external_id: Option<&str>,
    ) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        let external_id = external_id.unwrap_or_default();
        if self.holder_of_external_id(external_id).is_some_and(|other| other != at) {
            return Err(NotPossible::because(format!(
                "the external id {external_id} belongs to someone else"
            )));
        }
        self.set_external_id(at, external_id.to_owned());
        Ok(())
    }

    /// An administrator gives someone a role, or takes it away.
    ///
    /// # Errors
    /// When they are not on the team.
    pub fn set_role_by_person(&mut self, email: &str, role: Option<Role>) -> Result<(), NotPossible> {
        let at = self.on_team_by_email(email)?;
        self.set_role(at, role);
        Ok(())
    }

    /// An administrator deletes a group.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn delete_group_by_person(&mut self, name: &str) -> Result<(), NotPossible> {
        let at = self.existing_group(name)?;
        self.delete_group(at);
        Ok(())
    }

    /// An administrator renames a group.
    ///
    /// # Errors
    /// When there is none of this name, or the new name is taken.
    pub fn rename_group_by_person(&mut self, name: &str, new_name: &str) -> Result<(), NotPossible> {
        let at = self.existing_group(name)?;
        match self.group_by_name.get(&self.group_key(new_name)) {
            Some(other) if *other != at => {
                Err(NotPossible::because(format!("there is a group named {new_name} already")))
            }
            _ => {
                self.rename_group(at, new_name.to_owned());
                Ok(())
            }
        }
    }

    /// Someone is put into a group.
    ///
    /// # Errors
    /// When the group or the member is not there.
    pub fn join_group_by_person(&mut self, name: &str, email: &str) -> Result<(), NotPossible> {
        let (group, member) = (self.existing_group(name)?, self.on_team_by_email(email)?);
        self.join(group, member, AccessType::Member);
        Ok(())
    }

    /// Someone is taken out of a group.
    ///
    /// # Errors
    /// When the group or the member is not there.
    pub fn leave_group_by_person(&mut self, name: &str, email: &str) -> Result<(), NotPossible> {
        let (group, member) = (self.existing_group(name)?, self.on_team_by_email(email)?);
        self.leave(group, member);
        Ok(())
    }

    /// The team's administrator takes the app's authorisation back: every token is dead.
    pub fn revoke_authorization(&mut self) {
        self.tokens.refresh_revoked = true;
        self.tokens.access.clear();
    }

    /// Every access token expires now; the refresh token stays good.
    pub fn expire_access_tokens(&mut self) {
        let now = self.now_ms();
        for token in self.tokens.access.values_mut() {
            token.expires_ms = token.expires_ms.min(now);
        }
    }

    /// Whether nobody holds this address and external id.
    pub(crate) fn check_free(&self, email: &str, external_id: Option<&str>) -> Result<(), NotPossible> {
        if self.holder_of_email(&email.to_lowercase()).is_some() {
            return Err(NotPossible::because(format!("{email} is on the team already")));
        }
        match external_id {
            Some(id) if self.holder_of_external_id(id).is_some() => {
                Err(NotPossible::because(format!("the external id {id} belongs to someone already")))
            }
            _ => Ok(()),
        }
    }

    /// Whether no group has this name, and these members are on the team.
    pub(crate) fn check_group_free(&self, name: &str, members: &[String]) -> Result<(), NotPossible> {
        if self.group_by_name.contains_key(&self.group_key(name)) {
            return Err(NotPossible::because(format!("there is a group named {name} already")));
        }
        members.iter().try_for_each(|email| self.on_team_by_email(email).map(drop))
    }

    /// An invited member, not enrolled yet.
    pub(crate) fn newcomer(&mut self, email: String, given_name: String, surname: String) -> Member {
        Member {
            team_member_id: self.ids.member(),
            account_id: self.ids.account(),
            email,
            email_verified: false,
            secondary_emails: Vec::new(),
            given_name,
            surname,
            external_id: None,
            state: MemberState::Invited,
            role: None,
            invited_on_ms: Some(self.now_ms()),
            joined_on_ms: None,
            suspended_on_ms: None,
            removed_on_ms: None,
            is_disconnected: false,
            welcome_emails: 0,
            persistent_id: None,
            is_directory_restricted: None,
            member_folder_id: self.ids.namespace(),
            groups: BTreeSet::new(),
            gone_for_good: false,
            state_before_removal: MemberState::Invited,
            groups_before: BTreeMap::new(),
        }
    }

    /// A group that is not founded yet.
    pub(crate) fn empty_group(
        &mut self,
        name: String,
        management_type: ManagementType,
        external_id: Option<String>,
    ) -> Group {
        Group {
            group_id: self.ids.group(),
            name,
            external_id,
            management_type,
            created_ms: self.now_ms(),
            is_deleted: false,
            members: BTreeMap::new(),
        }
    }

    fn on_team_by_email(&self, email: &str) -> Result<usize, NotPossible> {
        self.holder_of_email(&email.to_lowercase())
            .filter(|at| self.members[*at].on_team())
            .ok_or_else(|| NotPossible::because(format!("{email} is not on the team")))
    }

    fn existing_group(&self, name: &str) -> Result<usize, NotPossible> {
        let at = self.group_by_name.get(&self.group_key(name)).copied();
        at.filter(|at| !self.groups[*at].is_deleted)
            .ok_or_else(|| NotPossible::because(format!("there is no group named {name}")))
    }
}
