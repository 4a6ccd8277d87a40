//! Users and their direct memberships.

use usher_domain::{
    EnvironmentId, GroupId, PopulationId, UserId,
    directory::{
        commands::{Body, membership, user},
        group::Group,
        user::User,
    },
    ports::store::{PageRequest, UserQuery},
};

use super::{By, Decided, Directory, DirectoryError, found};

impl Directory {
    /// Makes a user from a body in PingOne's spelling.
    ///
    /// # Errors
    /// Every fault of the body.
    pub async fn create_user(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let facts = self.user_facts(environment, body).await?;
            Ok(Decided::plain(user::create(environment, body, &facts, &stamp)?))
        })
        .await
    }

    /// Replaces a user (PUT): what the body leaves out is cleared; `enabled` and the population stay.
    ///
    /// # Errors
    /// The user is not there; every fault of the body.
    pub async fn replace_user(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
        body: &Body,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            let facts = self.user_facts(environment, body).await?;
            Ok(Decided::plain(user::replace(&current, body, &facts, &stamp)?))
        })
        .await
    }

    /// Merges a body into a user (PATCH): what it leaves out stays, null clears.
    ///
    /// # Errors
    /// The user is not there; every fault of the user as they would be.
    pub async fn patch_user(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
        body: &Body,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            let facts = self.user_facts(environment, body).await?;
            Ok(Decided::plain(user::patch(&current, body, &facts, &stamp)?))
        })
        .await
    }

    /// Enables or disables a user.
    ///
    /// # Errors
    /// The user is not there.
    pub async fn set_user_enabled(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
        enabled: bool,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            Ok(Decided::plain(user::set_enabled(&current, enabled, &stamp)))
        })
        .await
    }

    /// Says whether a user has a second factor.
    ///
    /// # Errors
    /// The user is not there.
    pub async fn set_user_mfa_enabled(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
        enabled: bool,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            Ok(Decided::plain(user::set_mfa_enabled(&current, enabled, &stamp)))
        })
        .await
    }

    /// Locks or unlocks a user's account in the directory.
    ///
    /// # Errors
    /// The user is not there.
    pub async fn set_user_locked(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
        locked: bool,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            Ok(Decided::plain(user::set_locked(&current, locked, &stamp)))
        })
        .await
    }

    /// Moves a user to another population, and out of the old one's groups.
    ///
    /// # Errors
    /// The user or the population is not there.
    pub async fn set_user_population(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
        population: PopulationId,
    ) -> Result<User, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            let there = self.store.population(environment, population).await?;
            let there = user::known_population(population, there)?;
            let groups = self.direct_groups(environment, id).await?;
            Ok(Decided::plain(user::set_population(&current, &there, &groups, &stamp)))
        })
        .await
    }

    /// Deletes a user, with their memberships.
    ///
    /// # Errors
    /// The user is not there.
    pub async fn delete_user(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: UserId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.user(environment, id).await?;
            let groups = self.direct_groups(environment, id).await?;
            Ok(Decided::plain(((), user::delete(&current, &groups, &stamp))))
        })
        .await
    }

    /// Puts a user into a group; being in it already is no fault. Answers with the group.
    ///
    /// # Errors
    /// The user or the group is not there; the group takes nobody by hand, or not this user.
    pub async fn add_member(
        &self,
        by: &By,
        environment: EnvironmentId,
        user: UserId,
        group: GroupId,
    ) -> Result<Group, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let user = self.user(environment, user).await?;
            let group = self.group(environment, group).await?;
            let groups = self.store.memberships_of(user.id).await?;
            let changes = membership::add(&user, &group, &groups, &stamp)?;
            Ok(Decided::plain((group, changes)))
        })
        .await
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// The user or the group is not there, or the user is not in it by hand.
    pub async fn remove_member(
        &self,
        by: &By,
        environment: EnvironmentId,
        user: UserId,
        group: GroupId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let user = self.user(environment, user).await?;
            let group = self.group(environment, group).await?;
            let groups = self.store.memberships_of(user.id).await?;
            Ok(Decided::plain(((), membership::remove(&user, &group, &groups, &stamp)?)))
        })
        .await
    }

    pub(super) async fn user(&self, environment: EnvironmentId, id: UserId) -> Result<User, DirectoryError> {
        found("user", id, self.store.user(environment, id).await?)
    }

    pub(super) async fn direct_groups(
        &self,
        environment: EnvironmentId,
        user: UserId,
    ) -> Result<Vec<Group>, DirectoryError> {
        let mut groups = Vec::new();
        for id in self.store.memberships_of(user).await? {
            groups.extend(self.store.group(environment, id).await?);
        }
        Ok(groups)
    }

    async fn user_facts(
        &self,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<user::Facts, DirectoryError> {
        found("environment", environment, self.store.environment(environment).await?)?;
        let username_taken_by = match user::username(body) {
            Some(username) => {
                let query = UserQuery { username: Some(username.to_owned()), ..UserQuery::default() };
                let page =
                    self.store.users(environment, &query, &PageRequest { after: None, limit: 1 }).await?;
                page.items.first().map(|user| user.id)
            }
            None => None,
        };
        let population = match user::population(body) {
            Some(id) => self.store.population(environment, id).await?,
            None => self.store.populations(environment).await?.into_iter().find(|it| it.default),
        };
        Ok(user::Facts { username_taken_by, population })
    }
}
