//! Worker clients, administrators and signing keys: who may call, as it is changed. Hashes and fresh secrets come in.

use usher_domain::{
    AdministratorId, ClientId, EnvironmentId, Secret,
    access::{
        Administrator, ProviderAccount, Role, SigningKey, WorkerClient,
        administrator::{self, Changer, SignIn},
        client::{self, Rotation},
        keys,
        recovery::{self, Recovery},
        refused::{self, Refused},
        roles::Keyholders,
    },
    directory::{
        change::ChangeSet,
        commands::{self, Body},
        environment::Environment,
    },
    ports::store::StoreResult,
    session::Ended,
};
use uuid::Uuid;

use super::{By, Decided, Directory, DirectoryError, found};

/// Who has the keys of an environment, loaded.
struct Holders {
    environment: Environment,
    clients: Vec<WorkerClient>,
    administrators: Vec<Administrator>,
}

impl Holders {
    fn borrowed(&self) -> Keyholders<'_> {
        Keyholders {
            environment: &self.environment,
            clients: &self.clients,
            administrators: &self.administrators,
        }
    }
}

impl Directory {
    /// Makes a worker client. `giver` are the caller's roles.
    ///
    /// # Errors
    /// Every fault of the body; a role that the caller does not have.
    pub async fn create_client(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
        secret_hash: &str,
        giver: &[Role],
    ) -> Result<WorkerClient, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let whole = found("environment", environment, self.store.environment(environment).await?)?;
            let all = self.store.clients(environment).await?;
            let made = client::create(environment, body, secret_hash, giver, &all, &stamp)?;
            Ok(Decided::plain(made).alone_in(&whole))
        })
        .await
    }

    /// Replaces a worker client; its secret stays.
    ///
    /// # Errors
    /// It is not there; every fault of the body; see [`client::replace`].
    pub async fn replace_client(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: ClientId,
        body: &Body,
        giver: &[Role],
    ) -> Result<WorkerClient, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.client(environment, id).await?;
            let holders = self.holders(environment).await?;
            let decided = Decided::plain(client::replace(&current, body, giver, holders.borrowed(), &stamp)?);
            let is_renamed = decided.answer.name != current.name;
            Ok(if is_renamed { decided.alone_in(&holders.environment) } else { decided })
        })
        .await
    }

    /// Gives a worker client a new secret.
    ///
    /// # Errors
    /// It is not there; see [`client::rotate_secret`].
    pub async fn rotate_secret(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: ClientId,
        secret_hash: &str,
        rotation: Rotation,
        giver: &[Role],
    ) -> Result<WorkerClient, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.client(environment, id).await?;
            Ok(Decided::plain(client::rotate_secret(&current, secret_hash, rotation, giver, &stamp)?))
        })
        .await
    }

    /// Deletes a worker client.
    ///
    /// # Errors
    /// It is not there; see [`client::delete`].
    pub async fn delete_client(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: ClientId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.client(environment, id).await?;
            let holders = self.holders(environment).await?;
            Ok(Decided::plain(((), client::delete(&current, holders.borrowed(), &stamp)?)))
        })
        .await
    }

    /// Makes an administrator. `giver` are the caller's roles.
    ///
    /// # Errors
    /// Every fault of the body; a role that the caller does not have.
    pub async fn create_administrator(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
        password_hash: &str,
        giver: &[Role],
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            let same = self.same_username(body).await?;
            let same = same.as_ref();
            let made = administrator::create(environment, body, password_hash, giver, same, &stamp)?;
            Ok(Decided::plain(made))
        })
        .await
    }

    /// Replaces an administrator; password and second factor stay.
    ///
    /// # Errors
    /// They are not there; every fault of the body; see [`administrator::replace`].
    pub async fn replace_administrator(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        body: &Body,
        giver: &[Role],
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            let same = self.same_username(body).await?;
            let holders = self.holders(environment).await?;
            let holders = holders.borrowed();
            let changed = administrator::replace(&current, body, giver, same.as_ref(), holders, &stamp)?;
            Ok(Decided::plain(changed))
        })
        .await
    }

    /// Deletes an administrator.
    ///
    /// # Errors
    /// They are not there; see [`administrator::delete`].
    pub async fn delete_administrator(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            let holders = self.holders(environment).await?;
            Ok(Decided::plain(((), administrator::delete(&current, holders.borrowed(), &stamp)?)))
        })
        .await
    }

    /// Gives an administrator a new password, which ends their sessions; see [`administrator::set_password`].
    ///
    /// # Errors
    /// They are not there; they have a role that the caller does not have.
    pub async fn set_password(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        password_hash: &str,
        changer: Changer<'_>,
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            Ok(Decided::plain(administrator::set_password(&current, password_hash, changer, &stamp)?))
        })
        .await
    }

    /// Begins a second factor with this secret.
    ///
    /// # Errors
    /// They are not there, or have one already.
    pub async fn begin_totp(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        secret: &Secret,
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            Ok(Decided::plain(administrator::begin_totp(&current, secret, &stamp)?))
        })
        .await
    }

    /// Turns the second factor on that was begun; `seen` is the administrator whose secret the code was checked with.
    ///
    /// # Errors
    /// They are not there; none was begun, or another one was begun meanwhile.
    pub async fn confirm_totp(
        &self,
        by: &By,
        seen: &Administrator,
        recovery: &[String],
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, seen.environment, move |stamp| async move {
            let current = self.administrator(seen.environment, seen.id).await?;
            let begun =
                if current.totp == seen.totp { current } else { Administrator { totp: None, ..current } };
            Ok(Decided::plain(administrator::confirm_totp(&begun, recovery, &stamp)?))
        })
        .await
    }

    /// Turns a second factor off; see [`administrator::remove_totp`].
    ///
    /// # Errors
    /// They are not there; they have a role that the caller does not have.
    pub async fn remove_totp(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        changer: Changer<'_>,
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            Ok(Decided::plain(administrator::remove_totp(&current, changer, &stamp)?))
        })
        .await
    }

    /// Binds an administrator to their account at the OpenID provider.
    ///
    /// # Errors
    /// They are not there, or bound to another account of the same provider; somebody else is bound to this one.
    pub async fn bind_provider(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        account: &ProviderAccount,
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            Ok(Decided::plain(administrator::bind_provider(&current, account, &stamp)?))
        })
        .await
    }

    /// Releases an administrator from their account at the OpenID provider. `giver` are the caller's roles.
    ///
    /// # Errors
    /// They are not there; they have a role that the caller does not have.
    pub async fn unbind_provider(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        giver: &[Role],
    ) -> Result<Administrator, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            Ok(Decided::plain(administrator::unbind_provider(&current, giver, &stamp)?))
        })
        .await
    }

    /// Ends sessions of an administrator who signs out.
    ///
    /// # Errors
    /// They are not there.
    pub async fn sign_out(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: AdministratorId,
        ended: &Ended,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.administrator(environment, id).await?;
            Ok(Decided::plain(((), administrator::sign_out(&current, ended.clone(), &stamp))))
        })
        .await
    }

    /// Tells the audit how a sign-in ended.
    ///
    /// # Errors
    /// What the store says.
    pub async fn signed_in(&self, by: &By, administrator: &Administrator, how: SignIn) -> StoreResult<()> {
        let told = administrator::signed_in(administrator, how, &self.stamp(by));
        self.store.commit(&ChangeSet { events: vec![told], ..ChangeSet::default() }).await
    }

    /// Makes an administrator and a client with every role, when nobody is left who can give some role. A number is
    /// appended to the username if it is taken.
    ///
    /// # Errors
    /// See [`recovery::recover`].
    pub async fn recover_access(
        &self,
        by: &By,
        environment: EnvironmentId,
        given: &Recovery,
    ) -> Result<(Administrator, WorkerClient), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let holders = self.holders(environment).await?;
            let mut given = given.clone();
            let wanted = given.username.clone();
            let mut number = 2;
            while self.store.administrator(&given.username).await?.is_some() {
                given.username = format!("{wanted}-{number}");
                number += 1;
            }
            let made = recovery::recover(&given, holders.borrowed(), &stamp)?;
            Ok(Decided::plain(made).alone_in(&holders.environment))
        })
        .await
    }

    /// Records in the audit that every secret was sealed anew under the key of this id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rekeyed(&self, by: &By, key: &str) -> StoreResult<()> {
        let environments = self.all_environments().await?;
        let stamp = self.stamp(by);
        let events = environments.iter().map(|it| keys::rekeyed(key, *it, &stamp));
        self.store.commit(&ChangeSet { events: events.collect(), ..ChangeSet::default() }).await
    }

    /// Records in the audit that someone exports the configuration.
    ///
    /// # Errors
    /// What the store says.
    pub async fn tell_exported(&self, by: &By, environment: &Environment) -> StoreResult<()> {
        let event = commands::environment::exported(environment, &self.stamp(by));
        self.store.commit(&ChangeSet { events: vec![event], ..ChangeSet::default() }).await
    }

    /// Records refused attempts of one kind, with their count, in the audit; without an environment, in every
    /// environment's. `from` is the address that they came from.
    ///
    /// # Errors
    /// What the store says.
    pub async fn refused(
        &self,
        by: &By,
        refused: &Refused,
        environment: Option<EnvironmentId>,
        from: &str,
        count: u64,
    ) -> Result<(), DirectoryError> {
        let environments = match environment {
            Some(environment) => vec![environment],
            None => self.all_environments().await?,
        };
        let stamp = self.stamp(by);
        let events = environments.iter().map(|it| refused::event(refused, *it, from, count, &stamp));
        self.store.commit(&ChangeSet { events: events.collect(), ..ChangeSet::default() }).await?;
        Ok(())
    }

    /// Sees to the signing keys: a new one, of `fresh`, when the newest is due to be replaced; those go whose last token
    /// has expired.
    ///
    /// # Errors
    /// What the store says.
    pub async fn tend_signing_keys(&self, by: &By, fresh: &Secret) -> Result<(), DirectoryError> {
        self.execute(by, EnvironmentId(Uuid::nil()), move |stamp| async move {
            let keys = self.store.signing_keys().await?;
            let environments = self.all_environments().await?;
            Ok(Decided::plain(((), keys::tend(&keys, fresh, &environments, &stamp))))
        })
        .await
    }

    /// Begins to sign with a new key; tokens of the keys before stay good until they expire.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rotate_signing_key(&self, by: &By, fresh: &Secret) -> Result<SigningKey, DirectoryError> {
        self.execute(by, EnvironmentId(Uuid::nil()), move |stamp| async move {
            let environments = self.all_environments().await?;
            Ok(Decided::plain(keys::rotate(fresh, &environments, &stamp)))
        })
        .await
    }

    /// Deletes a signing key before its time; its tokens are void.
    ///
    /// # Errors
    /// It is not there, or signs now.
    pub async fn revoke_signing_key(&self, by: &By, id: Uuid) -> Result<(), DirectoryError> {
        self.execute(by, EnvironmentId(Uuid::nil()), move |stamp| async move {
            let keys = self.store.signing_keys().await?;
            let environments = self.all_environments().await?;
            Ok(Decided::plain(keys::revoke(&keys, id, &environments, &stamp)?))
        })
        .await
    }

    async fn client(&self, environment: EnvironmentId, id: ClientId) -> Result<WorkerClient, DirectoryError> {
        found("client", id, self.store.client(environment, id).await?)
    }

    async fn administrator(
        &self,
        environment: EnvironmentId,
        id: AdministratorId,
    ) -> Result<Administrator, DirectoryError> {
        found("administrator", id, self.store.administrator_by_id(environment, id).await?)
    }

    async fn same_username(&self, body: &Body) -> StoreResult<Option<Administrator>> {
        match administrator::username(body) {
            Some(username) => self.store.administrator(username).await,
            None => Ok(None),
        }
    }

    async fn holders(&self, environment: EnvironmentId) -> Result<Holders, DirectoryError> {
        Ok(Holders {
            environment: found("environment", environment, self.store.environment(environment).await?)?,
            clients: self.store.clients(environment).await?,
            administrators: self.store.administrators(environment).await?,
        })
    }

    async fn all_environments(&self) -> StoreResult<Vec<EnvironmentId>> {
        Ok(self.store.environments().await?.into_iter().map(|environment| environment.id).collect())
    }
}
