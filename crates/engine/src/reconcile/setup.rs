//! A rule with all that a run of it needs to know: connection, connector, filter, mappings, its neighbours.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use usher_domain::{
    GroupId, Problem, RuleId, UserId,
    directory::filter::Filter,
    ports::connector::Connector,
    provisioning::{
        connection::{Connection, Policy},
        mapping::Mapping,
        onboarding::{Onboarding, Owned},
        rule::{Direction, Rule},
    },
    reconcile::{
        attributes::Attribute,
        desired::CompiledMappings,
        inbound::{InboundMappings, Provenance},
    },
};

use super::{ReconcileError, Reconciler};
use crate::stop::Waits;

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
    pub(crate) way: Way,
    /// The other active outbound rules of the connection.
    pub(crate) neighbours: Vec<Neighbour>,
    /// The other active inbound rules of the connection.
    pub(crate) inbound: Vec<InboundNeighbour>,
    /// How it waits for the remote side.
    pub(crate) waits: Waits,
}

/// Which way the rule goes, with the mappings of that way.
pub(crate) enum Way {
    Outbound(CompiledMappings),
    Inbound(InboundMappings, Onboarding),
}

/// Another active outbound rule of the same connection.
pub(crate) struct Neighbour {
    pub(crate) filter: Option<Filter>,
    pub(crate) groups: Vec<GroupId>,
    /// What it writes of an account that it wants.
    pub(crate) writes: Owned,
}

/// Another active inbound rule of the same connection.
pub(crate) struct InboundNeighbour {
    pub(crate) rule: RuleId,
    pub(crate) filter: Option<Filter>,
    /// What Dropbox decides of the accounts that it wants, whatever outbound rules map.
    pub(crate) dropbox: Owned,
    /// Whom it made.
    pub(crate) made: Vec<Provenance>,
}

impl Setup {
    /// The same, waiting as a run does.
    pub(super) fn waiting(self, waits: &Waits) -> Self {
        Setup { waits: waits.clone(), ..self }
    }

    /// What the active inbound rules of the connection decide: the users whom they made, sorted; and for each rule the
    /// accounts that it wants and what of them.
    pub(crate) fn decided_in_dropbox(&self) -> (Vec<UserId>, Vec<(Option<&Filter>, Owned)>) {
        let made = self.inbound.iter().flat_map(|rule| &rule.made).map(|made| made.user);
        let mut made: Vec<UserId> = made.collect();
        made.sort_unstable();
        (made, self.inbound.iter().map(|rule| (rule.filter.as_ref(), rule.dropbox)).collect())
    }

    /// Groups that a neighbour has: never deleted by this rule.
    pub(crate) fn groups_claimed_elsewhere(&self) -> FxHashSet<GroupId> {
        self.neighbours.iter().flat_map(|rule| rule.groups.iter().copied()).collect()
    }
}

impl Reconciler {
    /// Reads all that a run of the rule needs to know but the people.
    pub(super) async fn setup(&self, rule: &Rule, draft: Draft) -> Result<Setup, ReconcileError> {
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
        let way = match rule.direction {
            Direction::Outbound => CompiledMappings::compile(&mappings).map(Way::Outbound),
            Direction::Inbound => {
                InboundMappings::compile(&mappings).map(|mappings| Way::Inbound(mappings, rule.onboarding()))
            }
        };
        let mut setup = Setup {
            filter: filter(rule)?,
            way: way.map_err(ReconcileError::Setup)?,
            policy: draft.policy.unwrap_or(policy),
            rule: rule.clone(),
            connection,
            connector,
            neighbours: Vec::new(),
            inbound: Vec::new(),
            waits: Waits::default(),
        };
        let others = self.store.rules(rule.environment).await?.into_iter();
        let others = others.filter(|other| {
            let follows = other.id != rule.id && other.active && other.retiring.is_none();
            follows && other.connection() == rule.connection()
        });
        for other in others {
            match other.direction {
                Direction::Outbound => {
                    let writes = match rule.direction {
                        // Only who writes against it needs to know.
                        Direction::Outbound => Owned::NONE,
                        Direction::Inbound => self.writes(&other, &setup.policy).await?,
                    };
                    let groups = other.groups.clone();
                    setup.neighbours.push(Neighbour { filter: filter(&other)?, groups, writes });
                }
                Direction::Inbound => setup.inbound.push(InboundNeighbour {
                    rule: other.id,
                    filter: filter(&other)?,
                    dropbox: other.onboarding().authority.dropbox(),
                    made: self.store.provisioned(other.id, None).await?,
                }),
            }
        }
        Ok(setup)
    }

    /// What an outbound rule writes of an account that it wants.
    async fn writes(&self, rule: &Rule, policy: &Policy) -> Result<Owned, ReconcileError> {
        let mut writes = Owned::NONE;
        if policy.update {
            let mappings = self.store.mappings(rule.id).await?;
            let mappings = CompiledMappings::compile(&mappings).map_err(ReconcileError::Setup)?;
            writes = Owned::from(mappings.mapped()).and(Owned::attribute(Attribute::ExternalId));
        }
        if policy.disable {
            writes = writes.and(Owned::STATUS);
        }
        Ok(if rule.groups.is_empty() { writes } else { writes.and(Owned::GROUPS) })
    }
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
