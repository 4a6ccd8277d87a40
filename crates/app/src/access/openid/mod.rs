//! Signing in by an OpenID provider: the way there, and whom it vouches for when the browser comes back.

pub(crate) mod errand;
pub(crate) mod id_token;

use url::Url;
use usher_connectors::openid::{OpenIdProvider, Registration};
use usher_domain::{Problem, Timestamp, targets::Targets};

use self::{
    errand::Errand,
    id_token::{Disbelief, Expected, Identity, believe, complete},
};
use crate::config::OpenId;

/// The provider that administrators may sign in by.
#[derive(Debug)]
pub(crate) struct SignInProvider {
    /// What people call it.
    pub(crate) name: String,
    /// Where it sends browsers back to; to be registered there.
    pub(crate) redirect_uri: String,
    client: OpenIdProvider,
}

impl SignInProvider {
    /// As configured; it is not asked for anything yet.
    pub(crate) fn new(configured: &OpenId, targets: &Targets) -> Result<SignInProvider, Problem> {
        let registration = Registration {
            issuer: configured.issuer.clone(),
            client_id: configured.client_id.clone(),
            client_secret: configured.client_secret.clone(),
        };
        Ok(SignInProvider {
            name: configured.name.clone(),
            redirect_uri: configured.redirect_uri.clone(),
            client: OpenIdProvider::new(registration, targets.clone())?,
        })
    }

    /// Who Usher is there.
    pub(crate) fn registration(&self) -> &Registration {
        self.client.registration()
    }

    /// Whether it can be reached, and is what it should be.
    pub(crate) async fn check(&self, now: Timestamp) -> Result<(), Problem> {
        self.client.keys(now, false).await.map(|_| ())
    }

    /// Where to send the browser. `choose` asks the provider to let the person choose another account.
    pub(crate) async fn way_there(
        &self,
        errand: &Errand,
        choose: bool,
        now: Timestamp,
    ) -> Result<Url, Problem> {
        let mut url = self.client.metadata(now).await?.authorization_endpoint.clone();
        let challenge = errand.challenge();
        let mut query = url.query_pairs_mut();
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.registration().client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid email"),
            ("state", &errand.state),
            ("nonce", &errand.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        if choose {
            query.append_pair("prompt", "select_account");
        }
        drop(query);
        Ok(url)
    }

    /// Whom the provider vouches for, by the code that the browser brought back.
    ///
    /// # Errors
    /// The provider cannot be reached or refuses; what it says is not to be believed.
    pub(crate) async fn identify(
        &self,
        code: &str,
        errand: &Errand,
        now: Timestamp,
    ) -> Result<Identity, Problem> {
        let Registration { issuer, client_id, .. } = self.registration();
        let tokens = self.client.redeem(code, &errand.verifier, &self.redirect_uri, now).await?;
        let expected = Expected { issuer, client_id, nonce: &errand.nonce };
        let keys = self.client.keys(now, false).await?;
        let believed = match believe(&tokens.id_token, &keys, expected, now) {
            // It may have begun to sign with a new one.
            Err(Disbelief::UnknownKey(_)) => {
                let keys = self.client.keys(now, true).await?;
                believe(&tokens.id_token, &keys, expected, now)
            }
            other => other,
        };
        let identity = believed.map_err(|why| self.disbelieved(&why))?;
        if identity.email.is_some() && identity.email_verified {
            return Ok(identity);
        }
        match self.client.userinfo(&tokens.access_token, now).await? {
            Some(userinfo) => complete(identity, &userinfo).map_err(|why| self.disbelieved(&why)),
            None => Ok(identity),
        }
    }

    fn disbelieved(&self, why: &Disbelief) -> Problem {
        Problem::new(
            "ID_TOKEN_REFUSED",
            format!("An ID token of {} was not believed: {why}.", self.registration().issuer),
            "Nothing is to be done if somebody tried to get in. Otherwise compare oidc_issuer and oidc_client_id with \
             what is registered at the provider, and the clocks of both machines.",
        )
    }
}
