//! A revision: the set-up as it stands, written down; making one applies it.

use serde_json::json;

use super::{connection::shown, events};
use crate::{
    EnvironmentId,
    directory::{
        change::{ChangeSet, Write},
        commands::Stamp,
    },
    provisioning::{
        connection::Connection,
        mapping::Mapping,
        rule::{PropagationPlan, Revision, Rule},
    },
};

/// Writes down plan, connections, rules and mappings, without secrets.
pub fn create(
    environment: EnvironmentId,
    previous: Option<&Revision>,
    plan: Option<&PropagationPlan>,
    connections: &[Connection],
    rules: &[Rule],
    mappings: &[Mapping],
    stamp: &Stamp<'_>,
) -> (Revision, ChangeSet) {
    let revision = Revision {
        id: stamp.ids.next().into(),
        environment,
        previous: previous.map(|previous| previous.id),
        snapshot: json!({
            "plan": plan,
            "stores": connections.iter().map(shown).collect::<Vec<_>>(),
            "rules": rules.iter().filter(|rule| rule.retiring.is_none()).collect::<Vec<_>>(),
            "mappings": mappings,
        }),
        created_at: stamp.now,
    };
    let changes = ChangeSet {
        writes: vec![Write::Revision(revision.clone())],
        events: vec![stamp.event(
            environment,
            "PROVISIONING_REVISION.CREATED",
            events::of_revision(&revision),
            "Created provisioning revision.".to_owned(),
            None,
        )],
        due: Vec::new(),
    };
    (revision, changes)
}
