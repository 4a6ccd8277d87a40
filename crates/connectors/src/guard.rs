//! Names are resolved here for whoever connects on behalf of an address that someone wrote down: each address is judged
//! by [`Targets`] before any is connected to, and no other is. So a name cannot be harmless when it is looked at and lead
//! elsewhere when it is used.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use usher_domain::targets::{Purpose, Targets};

/// Resolves names, and refuses those that lead where connections may not go.
#[derive(Debug)]
pub(crate) struct Guarded {
    targets: Targets,
    purpose: Purpose,
}

/// A name that leads where connections may not go.
#[derive(Debug, thiserror::Error)]
#[error("it must be {0}")]
struct Forbidden(String);

impl Guarded {
    pub(crate) fn new(targets: Targets, purpose: Purpose) -> Self {
        Guarded { targets, purpose }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (targets, purpose) = (self.targets.clone(), self.purpose);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                targets.check_address(purpose, name.as_str(), address.ip()).map_err(Forbidden)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use usher_domain::targets::Private;

    use super::*;

    async fn resolved(targets: Targets, purpose: Purpose, name: &str) -> Result<usize, String> {
        let guarded = Guarded::new(targets, purpose);
        let found = guarded.resolve(name.parse().unwrap()).await;
        found.map(Iterator::count).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_is_judged_by_where_it_leads() {
        assert!(resolved(Targets::default(), Purpose::Service, "localhost").await.unwrap() > 0);
        let refused = resolved(Targets::default(), Purpose::Webhook, "localhost").await.unwrap_err();
        assert!(refused.starts_with("it must be an address that may be connected to"), "{refused}");
        let all = Targets { http: false, private: Private::All };
        assert!(resolved(all, Purpose::Webhook, "localhost").await.unwrap() > 0);
    }
}
