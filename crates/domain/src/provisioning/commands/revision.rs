//! A revision: the set-up as it stands, written down; making one applies it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connection::{needs_resync, shown},
    events,
    rule::asks_for_resync,
};
use crate::{
    ConnectionId, EnvironmentId, RuleId,
    directory::{
        change::{ChangeSet, Write},
        commands::Stamp,
    },
    provisioning::{
        connection::Connection,
        mapping::{Mapping, MappingSource},
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

/// The active rules that a revision applies: those that are new, or differ from the previous revision in authentication,
/// filter, mappings, groups or onboarding settings. A secret is in no revision; a change of one resyncs at once.
pub fn rules_to_resync(previous: Option<&Revision>, revision: &Revision) -> Vec<RuleId> {
    let before = previous.map(Snapshot::of).unwrap_or_default();
    let after = Snapshot::of(revision);
    let differs = |rule: &&Rule| {
        let old = before.rules.iter().find(|old| old.id == rule.id);
        asks_for_resync(old, rule)
            || rule.active
                && (before.mappings_of(rule) != after.mappings_of(rule)
                    || before.settings_of(rule) != after.settings_of(rule))
    };
    after.rules.iter().filter(differs).map(|rule| rule.id).collect()
}

/// A revision's snapshot, read back.
#[derive(Default, Deserialize)]
struct Snapshot {
    stores: Vec<Store>,
    rules: Vec<Rule>,
    mappings: Vec<Mapping>,
}

#[derive(Deserialize)]
struct Store {
    id: ConnectionId,
    status: String,
    configuration: BTreeMap<String, Value>,
}

impl Snapshot {
    /// One that cannot be read, of an earlier version, is empty, so that every rule is applied.
    fn of(revision: &Revision) -> Self {
        Snapshot::deserialize(&revision.snapshot).unwrap_or_default()
    }

    fn mappings_of(&self, rule: &Rule) -> BTreeMap<&str, &MappingSource> {
        let own = self.mappings.iter().filter(|mapping| mapping.rule == rule.id);
        own.map(|mapping| (mapping.target.as_str(), &mapping.source)).collect()
    }

    /// What a resync depends on of the rule's connection.
    fn settings_of(&self, rule: &Rule) -> Option<(&str, BTreeMap<&String, &Value>)> {
        let store = self.stores.iter().find(|store| store.id == rule.connection())?;
        let settings = store.configuration.iter().filter(|(key, _)| needs_resync(key));
        Some((&store.status, settings.collect()))
    }
}
