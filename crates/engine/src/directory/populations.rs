//! Environments and populations.

use usher_domain::{
    EnvironmentId, PopulationId,
    directory::{
        commands::{Body, environment, population},
        environment::Environment,
        population::Population,
    },
};

use super::{By, Decided, Directory, DirectoryError, Touched, found};

impl Directory {
    /// Replaces an environment's name and description.
    ///
    /// # Errors
    /// The environment is not there; every fault of the body.
    pub async fn replace_environment(
        &self,
        by: &By,
        id: EnvironmentId,
        body: &Body,
    ) -> Result<Environment, DirectoryError> {
        self.execute(by, id, move |stamp| async move {
            let current = found("environment", id, self.store.environment(id).await?)?;
            Ok(Decided::plain(environment::replace(&current, body, &stamp)?))
        })
        .await
    }

    /// Replaces the guard's limits for rules that set none of their own. Runs that begin from now on go by them.
    ///
    /// # Errors
    /// The environment is not there; every fault of the body.
    pub async fn replace_guard_defaults(
        &self,
        by: &By,
        id: EnvironmentId,
        body: &Body,
    ) -> Result<Environment, DirectoryError> {
        self.execute(by, id, move |stamp| async move {
            let current = found("environment", id, self.store.environment(id).await?)?;
            Ok(Decided::plain(environment::replace_guard(&current, body, &stamp)?))
        })
        .await
    }

    /// Makes a population.
    ///
    /// # Errors
    /// Every fault of the body.
    pub async fn create_population(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<Population, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            let all = self.store.populations(environment).await?;
            Ok(Decided::plain(population::create(environment, body, &all, &stamp)?))
        })
        .await
    }

    /// Replaces a population.
    ///
    /// # Errors
    /// The population is not there; every fault of the body.
    pub async fn replace_population(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: PopulationId,
        body: &Body,
    ) -> Result<Population, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = found("population", id, self.store.population(environment, id).await?)?;
            let all = self.store.populations(environment).await?;
            let (answer, changes) = population::replace(&current, body, &all, &stamp)?;
            let renamed = answer.name != current.name;
            let touched = if renamed { vec![Touched::PopulationName] } else { Vec::new() };
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// Deletes a population in which nobody lives.
    ///
    /// # Errors
    /// The population is not there, is the default or the last one, or has users or groups.
    pub async fn delete_population(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: PopulationId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = found("population", id, self.store.population(environment, id).await?)?;
            let all = self.store.populations(environment).await?;
            let users = self.store.count_users(environment, Some(id)).await?;
            let groups = self.store.groups(environment).await?;
            let groups = groups.iter().filter(|group| group.population == Some(id)).count();
            Ok(Decided::plain(((), population::delete(&current, &all, users, groups, &stamp)?)))
        })
        .await
    }
}
