//! Subscriptions.

use usher_domain::{
    EnvironmentId, Secret, SubscriptionId,
    directory::commands::Body,
    subscription::{Subscription, commands},
};

use super::{By, Decided, Directory, DirectoryError, found};

impl Directory {
    /// Makes a subscription, which is told of what happens from now on. `secret` will sign.
    ///
    /// # Errors
    /// Every fault of the body; the environment has as many as there may be.
    pub async fn create_subscription(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
        secret: &Secret,
    ) -> Result<Subscription, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let whole = found("environment", environment, self.store.environment(environment).await?)?;
            let existing = self.store.subscriptions(environment).await?.len();
            let newest = self.store.last_event(environment).await?;
            let (secret, targets) = (secret.clone(), &self.targets);
            let made = commands::create(environment, body, existing, newest, secret, targets, &stamp)?;
            Ok(Decided::plain(made).alone_in(&whole))
        })
        .await
    }

    /// Replaces a subscription (PUT). A header whose value is masked stays as it is.
    ///
    /// # Errors
    /// It is not there; every fault of the body.
    pub async fn replace_subscription(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: SubscriptionId,
        body: &Body,
    ) -> Result<Subscription, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.subscription(environment, id).await?;
            Ok(Decided::plain(commands::replace(&current, body, &self.targets, &stamp)?))
        })
        .await
    }

    /// Gives a subscription another signing secret.
    ///
    /// # Errors
    /// It is not there.
    pub async fn rotate_subscription(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: SubscriptionId,
        secret: &Secret,
    ) -> Result<Subscription, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.subscription(environment, id).await?;
            Ok(Decided::plain(commands::rotate(&current, secret.clone(), &stamp)))
        })
        .await
    }

    /// Deletes a subscription, with what it has not delivered.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_subscription(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: SubscriptionId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.subscription(environment, id).await?;
            Ok(Decided::plain(((), commands::delete(&current, &stamp))))
        })
        .await
    }

    async fn subscription(
        &self,
        environment: EnvironmentId,
        id: SubscriptionId,
    ) -> Result<Subscription, DirectoryError> {
        found("subscription", id, self.store.subscription(environment, id).await?)
    }
}
