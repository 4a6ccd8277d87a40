//! What requests become, and what is said of those that are refused.

mod groups;
mod users;

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Body, Decision, Stamp};
use crate::{
    EnvironmentId, Ids, PopulationId, Timestamp,
    directory::{audit::Actor, population::Population},
};

#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

pub(crate) const ENVIRONMENT: EnvironmentId = EnvironmentId(Uuid::from_u128(0xe0));
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn stamp(ids: &Counting) -> Stamp<'_> {
    Stamp { now: NOW, actor: &Actor::System, correlation_id: None, ids }
}

pub(crate) fn body(json: Value) -> Body {
    json.as_object().unwrap().clone()
}

pub(crate) fn population(id: u128, name: &str, default: bool) -> Population {
    Population {
        id: PopulationId(Uuid::from_u128(id)),
        environment: ENVIRONMENT,
        name: name.into(),
        description: None,
        default,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

/// What a client is told: a line per fault, with what machines are told of it.
pub(crate) fn refusal<T: std::fmt::Debug>(decision: Decision<T>) -> String {
    told(&decision.unwrap_err())
}

pub(crate) fn told(rejection: &crate::Rejection) -> String {
    let line = |detail: &crate::Detail| {
        let inner = detail.inner.as_ref().map(|inner| format!(" {inner}")).unwrap_or_default();
        format!("{} {}: {}{inner}", detail.code, detail.target, detail.message)
    };
    rejection.details.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn populations_have_names_of_their_own_and_one_of_them_is_the_default() {
    let ids = Counting::default();
    let all = [population(1, "Sales", true), population(2, "Legal", false)];
    insta::assert_snapshot!(
        refusal(super::population::create(ENVIRONMENT, &body(json!({"name": "sales", "default": "yes"})), &all, &stamp(&ids))),
        @"
    UNIQUENESS_VIOLATION name: The environment has a population named `Sales` already; names are unique
    INVALID_VALUE default: `default` is a string; true or false is allowed
    "
    );
    insta::assert_snapshot!(
        refusal(super::population::replace(&all[0], &body(json!({"default": false})), &all, &stamp(&ids))),
        @"
    REQUIRED_VALUE name: `name` is required: a string of 1 to 256 characters
    CONSTRAINT_VIOLATION default: There is exactly one default population, and this is it; make another one the default instead
    "
    );
    let crown = body(json!({"name": "Legal", "default": true}));
    let (legal, changes) = super::population::replace(&all[1], &crown, &all, &stamp(&ids)).unwrap();
    assert!(legal.default);
    assert_eq!(changes.writes.len(), 2, "the one before is the default no more");
    let kept = body(json!({"name": "Sales", "description": "Who sell"}));
    let (sales, _) = super::population::replace(&all[0], &kept, &all, &stamp(&ids)).unwrap();
    assert!(sales.default, "left out, the default stays the default");
}
