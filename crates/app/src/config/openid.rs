//! The OpenID provider that administrators may sign in by: all of its keys, or none.

use url::Url;
use usher_domain::{
    Secret,
    targets::{Purpose, Targets},
};

use super::Reader;

/// Where the provider sends browsers back to, below the public address.
const CALLBACK: &str = "/console/sign-in/provider/callback";

/// The provider, and who Usher is there.
#[derive(Clone, Debug)]
pub(crate) struct OpenId {
    /// The provider, letter by letter as its tokens have it.
    pub(crate) issuer: String,
    /// What was registered there.
    pub(crate) client_id: String,
    /// What was registered there.
    pub(crate) client_secret: Secret,
    /// What people call the provider.
    pub(crate) name: String,
    /// What has to be registered there.
    pub(crate) redirect_uri: String,
}

impl Reader {
    /// All of it, or none.
    pub(super) fn openid(&mut self, public_url: Option<&Url>, targets: &Targets) -> Option<OpenId> {
        let needed = ["oidc_issuer", "oidc_client_id", "oidc_client_secret"];
        let given = |it: &Reader, key| it.text(key).filter(|text| !text.trim().is_empty());
        let any = needed.into_iter().chain(["oidc_name"]).find(|key| self.text(key).is_some())?;
        for key in needed {
            if given(self, key).is_none() {
                let with = if key == any { "" } else { any };
                let what = if with.is_empty() {
                    "must not be empty".into()
                } else {
                    format!("must be given with {with}")
                };
                self.fault(key, &what);
            }
        }
        if self.text("public_url").is_none() {
            self.fault(
                "public_url",
                "must be given with oidc_issuer: the provider sends browsers back to it",
            );
        }
        let issuer = given(self, "oidc_issuer")?;
        let url: Url = match issuer.parse() {
            Ok(url) => url,
            Err(_) => {
                self.not_allowed("oidc_issuer");
                return None;
            }
        };
        if let Err(allowed) = targets.check_url(Purpose::Service, &url) {
            self.fault("oidc_issuer", &format!("must be {allowed}"));
        }
        let public_url = public_url?.as_str().trim_end_matches('/');
        Some(OpenId {
            client_id: given(self, "oidc_client_id")?,
            client_secret: Secret::new(given(self, "oidc_client_secret")?),
            name: given(self, "oidc_name").or(url.host_str().map(str::to_owned))?,
            redirect_uri: format!("{public_url}{CALLBACK}"),
            issuer,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Faults};

    fn parse(text: &str) -> Result<Config, Faults> {
        Config::parse(text, Path::new(""), |_| None)
    }

    #[test]
    fn a_provider_is_whole_or_not_there() {
        assert!(parse("").unwrap().openid.is_none());
        let whole = r#"
            public_url = "https://usher.example.com/"
            oidc_issuer = "https://login.example.com/tenant/"
            oidc_client_id = "usher"
            oidc_client_secret = "canary"
        "#;
        let openid = parse(whole).unwrap().openid.unwrap();
        assert!(!format!("{openid:?}").contains("canary"));
        let found = (openid.issuer.as_str(), openid.name.as_str(), openid.redirect_uri.as_str());
        let wanted = (
            "https://login.example.com/tenant/",
            "login.example.com",
            "https://usher.example.com/console/sign-in/provider/callback",
        );
        assert_eq!(found, wanted);
        let named = parse(&format!("{whole}\noidc_name = \"Example's login\"")).unwrap().openid.unwrap();
        assert_eq!(named.name, "Example's login");
    }

    #[test]
    fn what_is_missing_is_named() {
        let faults = parse("oidc_client_id = \"usher\"").unwrap_err();
        insta::assert_snapshot!(faults, @"
        the configuration has 3 faults:
          oidc_issuer (or USHER_OIDC_ISSUER) must be given with oidc_client_id
          oidc_client_secret (or USHER_OIDC_CLIENT_SECRET) must be given with oidc_client_id
          public_url (or USHER_PUBLIC_URL) must be given with oidc_issuer: the provider sends browsers back to it
        ");
        let faults = parse(
            "public_url = \"https://usher.example.com\"\noidc_issuer = \"http://login.example.com\"\n\
             oidc_client_id = \"usher\"\noidc_client_secret = \"\"",
        );
        insta::assert_snapshot!(faults.unwrap_err(), @"
        the configuration has 2 faults:
          oidc_client_secret (or USHER_OIDC_CLIENT_SECRET) must be given with oidc_issuer
          oidc_issuer (or USHER_OIDC_ISSUER) must be an https:// address; http:// is for this machine only, unless the server's allow_http_targets is set
        ");
    }
}
