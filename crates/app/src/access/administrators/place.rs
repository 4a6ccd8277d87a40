//! Where an administrator comes from: an address, and a browser that may hold the secret that it got when they signed in
//! there. Both are remembered as digests, in the database, for all servers.

use std::{net::IpAddr, time::Duration};

use usher_domain::{Secret, access::Administrator, ports::store::StoreResult};

use super::{Administrators, attempts::digest};
use crate::{access::source::network, system::random_secret};

/// How many browsers and addresses of an administrator are remembered, those that were used last.
pub(crate) const KEPT_PLACES: u32 = 50;
/// A place is forgotten when they did not sign in there for so long.
pub(crate) const PLACE_LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);

/// Where a request comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The address.
    pub(crate) from: Option<IpAddr>,
    /// What the browser holds since somebody signed in there.
    pub(crate) device: Option<Secret>,
}

impl Place {
    /// What stands for the address in counts.
    pub(super) fn address(&self) -> String {
        digest(&network(self.from))
    }

    pub(super) fn address_place(&self) -> Option<String> {
        self.from.map(|_| format!("from/{}", self.address()))
    }

    pub(super) fn device_place(&self) -> Option<String> {
        self.device.as_ref().map(device_place)
    }
}

fn device_place(secret: &Secret) -> String {
    format!("device/{}", digest(secret.expose()))
}

impl Administrators {
    /// Remembers that somebody signed in there. The answer is what their browser keeps: a new secret, unless it holds one
    /// that is known as theirs.
    pub(crate) async fn remember(&self, administrator: &Administrator, at: &Place) -> StoreResult<Secret> {
        let held = at.device_place();
        let known = match &held {
            Some(held) => self.store.known_places(&administrator.username, &[held]).await?,
            None => Vec::new(),
        };
        let device = match &at.device {
            Some(device) if !known.is_empty() => device.clone(),
            _ => random_secret(),
        };
        let (place, address) = (device_place(&device), at.address_place());
        let places: Vec<&str> = [Some(place.as_str()), address.as_deref()].into_iter().flatten().collect();
        self.store.know_places(administrator.id, &places, self.clock.now(), KEPT_PLACES).await?;
        Ok(device)
    }
}
