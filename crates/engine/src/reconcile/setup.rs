//! A rule with all that a run of it needs to know: connection, connector, filter, mappings, its neighbours.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use usher_domain::{
    GroupId, Problem,
    directory::filter::Filter,
    ports::connector::Connector,
    provisioning::{
        connection::{Connection, Policy},
        mapping::Mapping,
        rule::{Direction, Rule},
    },
    reconcile::desired::CompiledMappings,
};

use super::{ReconcileError, Reconciler};

/// How to get at the remote systems. The one place where connections become connectors is outside the engine.
pub trait Connectors: Send + Sync {
    /// The connector of this connection. May be kept per connection and version, so that tokens and pacing survive from
    /// run to run; must not do I/O.
    ///
    /// # Errors
    /// When the settings cannot be understood, or the kind of system is none that Usher drives.
    fn open(&self, connection: &Connection) -> Result<Opened, Problem>;
}

/// A connection, ready for use.
#[derive(Clone)]
pub struct Opened {
    /// What speaks to it.
    pub connector: Arc<dyn Connector>,
    /// What it allows.
    pub policy: Policy,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What a preview puts in the place of what is saved, beside the rule itself.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Other mappings.
    pub mappings: Option<Vec<Mapping>>,
    /// Other actions.
    pub policy: Option<Policy>,
}

/// A rule, understood.
pub(crate) struct Setup {
    pub(crate) rule: Rule,
    pub(crate) connection: Connection,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) policy: Policy,
    pub(crate) filter: Option<Filter>,
    pub(crate) mappings: CompiledMappings,
    /// The other active outbound rules of the connection.
    pub(crate) neighbours: Vec<Neighbour>,
}

/// Another active rule of the same connection.
pub(crate) struct Neighbour {
    pub(crate) filter: Option<Filter>,
    pub(crate) groups: Vec<GroupId>,
}

impl Setup {
    /// Groups that a neighbour has: never deleted by this rule.
    pub(crate) fn groups_claimed_elsewhere(&self) -> FxHashSet<GroupId> {
        self.neighbours.iter().flat_map(|rule| rule.groups.iter().copied()).collect()
    }
}

impl Reconciler {
    /// Reads all that a run of the rule needs to know but the people.
    pub(super) async fn setup(&self, rule: &Rule, draft: Draft) -> Result<Setup, ReconcileError> {
        if rule.direction == Direction::Inbound {
            return Err(ReconcileError::Setup(inbound(rule)));
        }
        let connection =
            self.store.connection(rule.environment, rule.connection()).await?.ok_or_else(|| {
                ReconcileError::Setup(Problem::new(
                    "CONNECTION_GONE",
                    format!("The connection of rule {} does not exist any more.", rule.name),
                    "Delete the rule.",
                ))
            })?;
        let Opened { connector, policy } =
            self.connectors.open(&connection).map_err(ReconcileError::Setup)?;
        let mappings = match draft.mappings {
            Some(mappings) => mappings,
            None => self.store.mappings(rule.id).await?,
        };
        let neighbours = self
            .store
            .rules(rule.environment)
            .await?
            .into_iter()
            .filter(|other| other.id != rule.id && other.active && other.retiring.is_none())
            .filter(|other| other.direction == Direction::Outbound && other.target == rule.target)
            .map(|other| Ok(Neighbour { filter: filter(&other)?, groups: other.groups }))
            .collect::<Result<_, ReconcileError>>()?;
        Ok(Setup {
            filter: filter(rule)?,
            mappings: CompiledMappings::compile(&mappings).map_err(ReconcileError::Setup)?,
            policy: draft.policy.unwrap_or(policy),
            rule: rule.clone(),
            connection,
            connector,
            neighbours,
        })
    }
}

/// Why an inbound rule does not run.
pub(super) fn inbound(rule: &Rule) -> Problem {
    Problem::new(
        "INBOUND_NOT_DRIVEN",
        format!(
            "Rule {} brings people from the connection into the directory, which this version does not do.",
            rule.name
        ),
        "Use an outbound rule, or a later version.",
    )
}

/// The rule's filter. Its text was checked when it was saved, so a fault tells of data from another version.
fn filter(rule: &Rule) -> Result<Option<Filter>, ReconcileError> {
    let parse = |text: &String| {
        Filter::parse(text).map_err(|error| {
            ReconcileError::Setup(Problem::new(
                "FILTER_UNREADABLE",
                format!("The filter of rule {} cannot be read: {error}", rule.name),
                "Correct the filter of this rule.",
            ))
        })
    };
    rule.filter.as_ref().filter(|text| !text.trim().is_empty()).map(parse).transpose()
}
