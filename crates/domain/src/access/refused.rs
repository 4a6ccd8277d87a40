//! Audit events for refused attempts that belong to no administrator: unknown usernames and clients, wrong secrets. Many of
//! the same kind become one event with their count.

use uuid::Uuid;

use super::{WorkerClient, events};
use crate::{
    EnvironmentId,
    directory::{
        audit::{Event, Resource},
        commands::Stamp,
    },
};

/// What was refused.
#[derive(Clone, Debug)]
pub enum Refused {
    /// A sign-in with a username that no administrator has.
    Username,
    /// A sign-in by an account at the OpenID provider that belongs to no administrator.
    ProviderAccount,
    /// An access token to a client that does not exist.
    Client,
    /// An access token to a client that is disabled, or did not show its secret.
    Secret(Box<WorkerClient>),
    /// Any of these, from more addresses than are recorded separately.
    Elsewhere,
}

/// The event for `count` attempts of one kind. `from` is the address that they came from, for people.
pub fn event(
    refused: &Refused,
    environment: EnvironmentId,
    from: &str,
    count: u64,
    stamp: &Stamp<'_>,
) -> Event {
    let nobody = |kind: &str, path: &str| Resource {
        kind: kind.into(),
        id: Uuid::nil().to_string(),
        name: "unknown".into(),
        population: None,
        path: path.into(),
    };
    let (action, resource, what) = match refused {
        Refused::Username => (
            "USER.ACCESS_DENIED",
            nobody("ADMINISTRATOR", "/administrators"),
            "Refused to sign in an unknown username".to_owned(),
        ),
        Refused::ProviderAccount => (
            "USER.ACCESS_DENIED",
            nobody("ADMINISTRATOR", "/administrators"),
            "Refused to sign in an account at the OpenID provider that belongs to no Administrator"
                .to_owned(),
        ),
        Refused::Client => (
            "SECRET.CHECK_FAILED",
            nobody("APPLICATION", "/clients"),
            "Refused an access token to an unknown Application".to_owned(),
        ),
        Refused::Secret(client) => {
            let why = if client.enabled { "its secret was wrong" } else { "it is disabled" };
            let what = format!("Refused an access token to Application {}: {why}", client.name);
            ("SECRET.CHECK_FAILED", events::of_secret(client), what)
        }
        Refused::Elsewhere => (
            "USER.ACCESS_DENIED",
            nobody("ADMINISTRATOR", "/administrators"),
            "Refused sign-ins and access tokens".to_owned(),
        ),
    };
    let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
    let description = format!("{what}, from {from}{times}");
    let mut event = stamp.event(environment, action, resource, description, None);
    event.status = "FAILED".into();
    event
}
