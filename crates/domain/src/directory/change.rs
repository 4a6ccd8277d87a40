//! What a command becomes: one change set, committed whole or not at all.

use crate::{
    AdministratorId, ClientId, ConnectionId, GroupId, MappingId, PlanId, PopulationId, RuleId,
    SubscriptionId, Timestamp, UserId,
    access::{Administrator, SigningKey, WorkerClient},
    directory::{
        audit::Event,
        environment::Environment,
        group::{Group, Membership, Nesting},
        population::Population,
        user::User,
    },
    provisioning::{
        connection::Connection,
        mapping::Mapping,
        rule::{PropagationPlan, Revision, Rule},
    },
    session::Ended,
    subscription::Subscription,
};

/// One row to write. An entity with `version` 1 is new; one with version *n* replaces version *n − 1*, and the
/// commit fails with a conflict when something else stands there.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Environment(Environment),
    Population(Population),
    PopulationGone(PopulationId),
    User(User),
    /// Also their memberships.
    UserGone(UserId),
    Group(Group),
    /// Also its memberships and nestings.
    GroupGone(GroupId),
    Member(Membership),
    MemberGone(Membership),
    Nested(Nesting),
    NestedGone(Nesting),
    Plan(PropagationPlan),
    /// Also its rules and their mappings.
    PlanGone(PlanId),
    Connection(Connection),
    ConnectionGone(ConnectionId),
    /// An inbound one has its source watched at once, by the settings that it has from now on.
    Rule(Rule),
    /// Also its mappings, statuses, dues, jobs and what is remembered of watching; links that it made are forgotten.
    RuleGone(RuleId),
    Mapping(Mapping),
    MappingGone(MappingId),
    Revision(Revision),
    Client(WorkerClient),
    ClientGone(ClientId),
    Administrator(Administrator),
    /// Also their recovery codes, sessions and known places.
    AdministratorGone(AdministratorId),
    /// Their recovery codes, hashed, in place of those of before.
    RecoveryCodes(AdministratorId, Vec<String>),
    /// Ends these sessions of theirs.
    SessionsGone(AdministratorId, Ended),
    /// Forgets the browsers and addresses that they signed in from.
    PlacesGone(AdministratorId),
    SigningKey(SigningKey),
    SigningKeyGone(uuid::Uuid),
    Subscription(Box<Subscription>),
    /// Also what it has not delivered.
    SubscriptionGone(SubscriptionId),
}

/// A subject of a rule that is to be looked at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueSubject {
    /// Everything of the rule: a full run.
    Everything,
    /// This user's account and memberships.
    User(UserId),
    /// This group's existence and name.
    Group(GroupId),
    /// Of inbound rules: this account, by its id at the remote system. A hint that something became of it; the run
    /// looks it up.
    Account(Box<str>),
}

/// "This subject of this rule is due": all that a change triggers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// The rule.
    pub rule: RuleId,
    /// The subject.
    pub subject: DueSubject,
    /// Not before then.
    pub at: Timestamp,
}

/// What a command becomes. Committed in one transaction: rows, events, due work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeSet {
    /// The rows, in an order that respects references.
    pub writes: Vec<Write>,
    /// What is told.
    pub events: Vec<Event>,
    /// What is to be looked at again.
    pub due: Vec<Due>,
}
