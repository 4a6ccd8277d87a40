//! The laws of access, whatever is asked.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{
    SigningKey, client,
    keys::{self, ROTATED_EVERY, TOKEN_LIFETIME},
    roles::Keyholders,
    *,
};
use crate::{
    ClientId, Rejection,
    directory::{
        change::{ChangeSet, Write},
        commands::tests::{Counting, ENVIRONMENT, NOW, body, stamp},
        environment::Environment,
    },
};

fn environment() -> Environment {
    Environment {
        id: ENVIRONMENT,
        name: "Test".into(),
        description: None,
        guard: Default::default(),
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

fn worker(number: u128, roles: Vec<Role>, enabled: bool) -> WorkerClient {
    WorkerClient {
        id: ClientId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        name: format!("client {number}"),
        description: None,
        secret_hash: "$hash".into(),
        old_secret: None,
        token_generation: 0,
        roles,
        enabled,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    proptest::sample::subsequence(Role::ALL.to_vec(), 0..=5)
}

/// What can be asked about a client.
#[derive(Clone, Debug)]
enum Asked {
    Create(Vec<Role>, bool),
    Replace(usize, Vec<Role>, bool),
    Rotate(usize),
    Delete(usize),
}

fn asked() -> impl Strategy<Value = Asked> {
    let which = 0usize..6;
    prop_oneof![
        (roles(), any::<bool>()).prop_map(|(roles, enabled)| Asked::Create(roles, enabled)),
        (which.clone(), roles(), any::<bool>())
            .prop_map(|(which, roles, enabled)| Asked::Replace(which, roles, enabled)),
        which.clone().prop_map(Asked::Rotate),
        which.prop_map(Asked::Delete),
    ]
}

/// Decides it as the caller of these roles, and does it to the clients.
fn act(all: &mut Vec<WorkerClient>, giver: &[Role], asked: &Asked, ids: &Counting) -> Result<(), Rejection> {
    let stamp = stamp(ids);
    let environment = environment();
    let before = all.clone();
    let keyholders = Keyholders { environment: &environment, clients: &before, administrators: &[] };
    let given = |name: &str, roles: &[Role], enabled: bool| {
        body(json!({ "name": name, "roles": roles, "enabled": enabled }))
    };
    let changes: ChangeSet = match asked {
        Asked::Create(roles, enabled) => {
            let name = format!("new {}", all.len());
            client::create(ENVIRONMENT, &given(&name, roles, *enabled), "$h", giver, &before, &stamp)?.1
        }
        Asked::Replace(which, roles, enabled) => {
            let current = &before[which % before.len()];
            client::replace(current, &given(&current.name, roles, *enabled), giver, keyholders, &stamp)?.1
        }
        Asked::Rotate(which) => {
            let rotation = client::Rotation::default();
            client::rotate_secret(&before[which % before.len()], "$new", rotation, giver, &stamp)?.1
        }
        Asked::Delete(which) => client::delete(&before[which % before.len()], keyholders, &stamp)?,
    };
    for write in changes.writes {
        match write {
            Write::Client(client) => {
                all.retain(|other| other.id != client.id);
                all.push(client);
            }
            Write::ClientGone(id) => all.retain(|other| other.id != id),
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    /// Whatever a caller does, nobody has a role awake, or a secret that the caller knows, beyond the caller's own roles
    /// unless they had it before; and a role that somebody could give, somebody can always give.
    #[test]
    fn nobody_gets_more_than_the_caller_has_and_somebody_has_the_keys(
        giver in roles(),
        first in roles(),
        second in (roles(), any::<bool>()),
        story in proptest::collection::vec(asked(), 1..20),
    ) {
        let ids = Counting::default();
        let mut all = vec![
            worker(100, vec![Role::EnvironmentAdmin], true),
            worker(101, first, true),
            worker(102, second.0, second.1),
        ];
        for asked in &story {
            let before = all.clone();
            if act(&mut all, &giver, asked, &ids).is_err() {
                prop_assert_eq!(&all, &before);
                continue;
            }
            for after in &all {
                let was = before.iter().find(|it| it.id == after.id);
                let knows_the_secret = was.is_none_or(|was| was.secret_hash != after.secret_hash);
                let had = match was {
                    Some(was) if was.enabled && !knows_the_secret => was.roles.as_slice(),
                    _ => &[],
                };
                let awake = if after.enabled || knows_the_secret { after.roles.as_slice() } else { &[] };
                for role in awake {
                    prop_assert!(had.contains(role) || giver.contains(role), "{:?} gave {:?} by {:?}", giver, role, asked);
                }
            }
            for role in Role::ALL {
                let gives = |it: &&WorkerClient| {
                    it.enabled && it.roles.contains(&Role::EnvironmentAdmin) && it.roles.contains(&role)
                };
                let holds = |it: &&WorkerClient| it.enabled && it.roles.contains(&role);
                let left = |of: &dyn Fn(&&WorkerClient) -> bool| {
                    before.iter().filter(of).count() == 0 || all.iter().filter(of).count() > 0
                };
                prop_assert!(left(&gives), "nobody can give {:?} after {:?}", role, asked);
                prop_assert!(left(&holds), "nobody has {:?} after {:?}", role, asked);
            }
        }
    }

    /// However often it is looked at, every token that was signed is good until it expires, and no key stays for ever.
    #[test]
    fn a_key_verifies_as_long_as_its_tokens_live_and_then_goes(
        looks in proptest::collection::vec(1u64..3 * 24 * 3600, 1..200),
    ) {
        let ids = Counting::default();
        let fresh = Secret::new("fresh");
        let mut keys: Vec<SigningKey> = Vec::new();
        // The last moment at which each key signed.
        let mut signed: Vec<(Uuid, Timestamp)> = Vec::new();
        let mut now = NOW;
        for seconds in looks {
            now = now.plus(Duration::from_secs(seconds));
            if let Some(newest) = keys.first() {
                signed.retain(|(id, _)| *id != newest.id);
                signed.push((newest.id, now));
            }
            let at = crate::directory::commands::Stamp { now, ..stamp(&ids) };
            for write in keys::tend(&keys, &fresh, &[ENVIRONMENT], &at).writes {
                match write {
                    Write::SigningKey(key) => keys.insert(0, key),
                    Write::SigningKeyGone(id) => {
                        let last = signed.iter().find(|(key, _)| *key == id).map(|(_, last)| *last);
                        prop_assert!(last.is_none_or(|last| now.since(last) > TOKEN_LIFETIME));
                        keys.retain(|key| key.id != id);
                    }
                    _ => {}
                }
            }
            prop_assert!(now.since(keys[0].created_at) < ROTATED_EVERY);
            prop_assert!(keys.len() <= 3);
        }
    }
}
