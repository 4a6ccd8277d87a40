//! Groups and their nesting.

use std::collections::BTreeSet;

use usher_domain::{
    EnvironmentId, GroupId,
    directory::{
        commands::{Body, group, nesting},
        group::Group,
    },
    ports::store::StoreResult,
};

use super::{By, Decided, Directory, DirectoryError, Touched, found};

impl Directory {
    /// Makes a group from a body in PingOne's spelling.
    ///
    /// # Errors
    /// Every fault of the body.
    pub async fn create_group(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<Group, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            let groups = self.store.groups(environment).await?;
            let population = match group::population(body) {
                Some(id) => self.store.population(environment, id).await?,
                None => None,
            };
            let facts = group::Facts {
                groups: &groups,
                population: population.as_ref(),
                members: (0, 0),
                custom: &self.custom_if(environment, group::uses_custom_attributes(body)).await?,
            };
            let (answer, changes) = group::create(environment, body, facts, &stamp)?;
            let touched = if answer.user_filter.is_some() { vec![Touched::Memberships] } else { Vec::new() };
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// Replaces a group (PUT): what the body leaves out is cleared.
    ///
    /// # Errors
    /// The group is not there; every fault of the body.
    pub async fn replace_group(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: GroupId,
        body: &Body,
    ) -> Result<Group, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.group(environment, id).await?;
            let groups = self.store.groups(environment).await?;
            let counts = self.store.member_counts(&[id]).await?;
            let facts = group::Facts {
                groups: &groups,
                population: None,
                members: counts.first().map_or((0, 0), |(_, users, groups)| (*users, *groups)),
                custom: &self.custom_if(environment, group::uses_custom_attributes(body)).await?,
            };
            let (answer, changes) = group::replace(&current, body, facts, &stamp)?;
            let mut touched = Vec::new();
            if answer.name != current.name {
                touched.extend([Touched::Group(id), Touched::GroupName]);
            }
            if answer.user_filter != current.user_filter {
                touched.push(Touched::Memberships);
            }
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// Deletes a group, with its memberships and nestings; rules that provision it lose it.
    ///
    /// # Errors
    /// The group is not there.
    pub async fn delete_group(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: GroupId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.group(environment, id).await?;
            let rules = self.store.rules(environment).await?;
            let changes = group::delete(&current, &rules, &stamp);
            Ok(Decided { answer: (), changes, touched: vec![Touched::Group(id), Touched::Memberships] })
        })
        .await
    }

    /// Nests a group in another; being nested already is no fault. Answers with the parent.
    ///
    /// # Errors
    /// One of them is not there; it would make a circle, or the parent takes no groups, or not this one.
    pub async fn nest_group(
        &self,
        by: &By,
        environment: EnvironmentId,
        child: GroupId,
        parent: GroupId,
    ) -> Result<Group, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let child = self.group(environment, child).await?;
            let parent = self.group(environment, parent).await?;
            let all = self.store.nestings(environment).await?;
            let changes = nesting::add(&child, &parent, &all, &stamp)?;
            Ok(Decided { answer: parent, changes, touched: vec![Touched::Memberships] })
        })
        .await
    }

    /// Takes a group out of another.
    ///
    /// # Errors
    /// One of them is not there, or it is not nested directly.
    pub async fn unnest_group(
        &self,
        by: &By,
        environment: EnvironmentId,
        child: GroupId,
        parent: GroupId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let child = self.group(environment, child).await?;
            let parent = self.group(environment, parent).await?;
            let all = self.store.nestings(environment).await?;
            let changes = nesting::remove(&child, &parent, &all, &stamp)?;
            Ok(Decided { answer: (), changes, touched: vec![Touched::Memberships] })
        })
        .await
    }

    pub(super) async fn group(
        &self,
        environment: EnvironmentId,
        id: GroupId,
    ) -> Result<Group, DirectoryError> {
        found("group", id, self.store.group(environment, id).await?)
    }

    /// [`Directory::custom_attributes`], if they are asked for.
    pub(super) async fn custom_if(
        &self,
        environment: EnvironmentId,
        asked: bool,
    ) -> StoreResult<Vec<String>> {
        if asked { self.custom_attributes(environment).await } else { Ok(Vec::new()) }
    }

    /// The names of the custom attributes that users of the environment have. Reads every user: only asked for when
    /// a filter or a mapping uses an attribute that is not standard.
    pub(super) async fn custom_attributes(&self, environment: EnvironmentId) -> StoreResult<Vec<String>> {
        let users = self.store.all_users(environment).await?;
        let names: BTreeSet<&String> = users.iter().flat_map(|user| user.attributes.keys()).collect();
        Ok(names.into_iter().cloned().collect())
    }
}
