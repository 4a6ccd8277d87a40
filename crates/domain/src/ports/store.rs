//! The port to what is kept. One store, eight faces: the directory, the provisioning set-up, the memory of syncs,
//! the due work, subscriptions, who may call, who is signed in, the audit.
//!
//! **Must**: make every `&mut`-like call (commit, record, settle, …) one transaction; return what was committed
//! before by anyone; compare usernames, e-mails and names without regard to case. **Must not**: read the clock
//! (times come in), log values, or return a secret other than sealed-and-opened through [`crate::Secret`].

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    AdministratorId, ClientId, ConnectionId, EnvironmentId, EventId, GroupId, MappingId, PlanId,
    PopulationId, RevisionId, RuleId, RunId, SubscriptionId, Timestamp, UserId,
    access::{Administrator, Attempts, ProviderAccount, SigningKey, WorkerClient},
    directory::{
        audit::{
            Event,
            chain::Span,
            verify::{ChainState, Checked, LastCheck},
        },
        change::{ChangeSet, Due},
        environment::Environment,
        group::{Group, Membership, Nesting},
        population::Population,
        user::User,
    },
    ports::{
        job::{DueMark, Holding, Lease},
        session::SessionStore,
        watch::WatchStore,
    },
    provisioning::{
        connection::{Connection, Health},
        mapping::Mapping,
        rule::{PropagationPlan, Revision, Rule},
    },
    reconcile::{
        guard::Tally,
        inbound::Provenance,
        links::{AccountLink, GroupLink, Links},
        run::{Run, RunOperation},
        scope::{Scope, Subject},
        snapshot::AccountId,
        status::{Standing, StatusCounts, SubjectStatus},
    },
    subscription::{Delivery, Subscription},
};

/// Why the store could not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody was faster, or a unique value is taken: load, decide and commit once more.
    #[error("the data changed meanwhile: {0}")]
    Conflict(String),
    /// The lease that the write names is not ours any more: stop at once, write nothing.
    #[error("the lease on rule {0} was taken over")]
    Fenced(RuleId),
    /// The database cannot be reached, is full, or timed out: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What is kept cannot be understood (or unsealed): a person must look.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

/// What [`StoreError`] is to a result.
pub type StoreResult<T> = Result<T, StoreError>;

/// Where a listing goes on, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The last id of the page before; `None` starts.
    pub after: Option<uuid::Uuid>,
    /// At most so many.
    pub limit: u32,
}

/// A part of a listing, in id order, so that it is stable while rows change.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The id to go on after; `None` on the last page.
    pub next: Option<uuid::Uuid>,
}

/// What a listing of users is narrowed to before the SCIM filter is applied in memory; the store uses its indices.
/// All conditions that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// This id.
    pub id: Option<UserId>,
    /// This username, without regard to case.
    pub username: Option<String>,
    /// This e-mail, without regard to case.
    pub email: Option<String>,
    /// This external id.
    pub external_id: Option<String>,
    /// In this population.
    pub population: Option<PopulationId>,
    /// This is part of the username, the e-mail or the name, without regard to case.
    pub text: Option<String>,
    /// A direct member of one of these groups.
    pub direct_member_of: Option<Vec<GroupId>>,
}

/// The directory, as it is read.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    async fn environments(&self) -> StoreResult<Vec<Environment>>;
    async fn environment(&self, id: EnvironmentId) -> StoreResult<Option<Environment>>;

    /// In name order.
    async fn populations(&self, environment: EnvironmentId) -> StoreResult<Vec<Population>>;
    async fn population(
        &self,
        environment: EnvironmentId,
        id: PopulationId,
    ) -> StoreResult<Option<Population>>;
    async fn count_users(
        &self,
        environment: EnvironmentId,
        population: Option<PopulationId>,
    ) -> StoreResult<u64>;

    async fn user(&self, environment: EnvironmentId, id: UserId) -> StoreResult<Option<User>>;
    /// Those of these that exist, in id order.
    async fn users_by_id(&self, environment: EnvironmentId, ids: &[UserId]) -> StoreResult<Vec<User>>;
    /// One page, in id order.
    async fn users(
        &self,
        environment: EnvironmentId,
        query: &UserQuery,
        page: &PageRequest,
    ) -> StoreResult<Page<User>>;
    /// All of them, in id order, for a full run. Must not hold a transaction open while the caller works.
    async fn all_users(&self, environment: EnvironmentId) -> StoreResult<Vec<User>>;

    async fn group(&self, environment: EnvironmentId, id: GroupId) -> StoreResult<Option<Group>>;
    /// All of them, in id order (PingOne's limit is 100,000 in an environment).
    async fn groups(&self, environment: EnvironmentId) -> StoreResult<Vec<Group>>;
    /// Every nesting of the environment.
    async fn nestings(&self, environment: EnvironmentId) -> StoreResult<Vec<Nesting>>;
    /// Direct memberships of one user.
    async fn memberships_of(&self, user: UserId) -> StoreResult<Vec<GroupId>>;
    /// Direct members of one group, in id order.
    async fn members_of(&self, group: GroupId) -> StoreResult<Vec<UserId>>;
    /// Direct memberships: of these users, or of the whole environment.
    async fn memberships(
        &self,
        environment: EnvironmentId,
        users: Option<&[UserId]>,
    ) -> StoreResult<Vec<Membership>>;
    /// How many direct members each of these groups has: users and nested groups.
    async fn member_counts(&self, groups: &[GroupId]) -> StoreResult<Vec<(GroupId, u64, u64)>>;
}

/// The provisioning set-up, as it is read.
#[async_trait]
pub trait ProvisioningStore: Send + Sync {
    async fn plan(&self, environment: EnvironmentId) -> StoreResult<Option<PropagationPlan>>;
    async fn plan_by_id(
        &self,
        environment: EnvironmentId,
        id: PlanId,
    ) -> StoreResult<Option<PropagationPlan>>;
    /// In id order, secrets opened.
    async fn connections(&self, environment: EnvironmentId) -> StoreResult<Vec<Connection>>;
    async fn connection(
        &self,
        environment: EnvironmentId,
        id: ConnectionId,
    ) -> StoreResult<Option<Connection>>;
    /// Remembers what a test, or a refusal, said; does not count as a change by a person. `version` is the
    /// connection's; a health that was found with other settings is neither remembered nor told (and that is no
    /// error).
    async fn set_health(
        &self,
        id: ConnectionId,
        version: i64,
        health: &Health,
        told: Option<&Event>,
    ) -> StoreResult<()>;
    /// In id order; also those being deleted (the caller hides them).
    async fn rules(&self, environment: EnvironmentId) -> StoreResult<Vec<Rule>>;
    async fn rule(&self, environment: EnvironmentId, id: RuleId) -> StoreResult<Option<Rule>>;
    /// Whatever its environment: for workers.
    async fn rule_by_id(&self, id: RuleId) -> StoreResult<Option<Rule>>;
    async fn mappings(&self, rule: RuleId) -> StoreResult<Vec<Mapping>>;
    async fn mapping(&self, environment: EnvironmentId, id: MappingId) -> StoreResult<Option<Mapping>>;
    async fn revision(&self, environment: EnvironmentId, id: RevisionId) -> StoreResult<Option<Revision>>;
    async fn latest_revision(&self, environment: EnvironmentId) -> StoreResult<Option<Revision>>;
}

/// What a sync remembers; written in batches as outcomes come, each batch fenced by the lease's epoch.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Remember or replace the user's link on the connection.
    Link(AccountLink),
    /// Forget the user's link and placements.
    Unlink(UserId),
    /// Remember or replace the group's link.
    LinkGroup(GroupLink),
    /// Forget the group's link and placements.
    UnlinkGroup(GroupId),
    /// Remember that Usher put (or is about to put) this user into this group.
    Place(UserId, GroupId),
    /// Forget it.
    Displace(UserId, GroupId),
    /// Where a subject stands with the rule.
    Status(SubjectStatus),
    /// The subject is not of the rule any more.
    StatusGone(Subject),
    /// An operation of that run, and what became of it.
    Outcome(RunId, RunOperation),
    /// The run itself.
    Run(Box<Run>),
    /// Something the audit is told.
    Event(Box<Event>),
    /// A full sync of the rule completed: no slot waits any more, and the slots of its schedule are counted from the
    /// first of these. Has its source watched.
    FullSync(Timestamp),
    /// A change of the directory that an inbound rule makes: committed in the batch's transaction, as
    /// [`Store::commit`] would. When it cannot be ([`StoreError::Conflict`]), nothing of the batch is written.
    Directory(Box<ChangeSet>),
    /// Remember or replace that the rule made this user.
    Provisioned(Provenance),
    /// Forget it.
    ProvenanceGone(UserId),
    /// Remember that an account that was made for a user is nobody's any more, and stays.
    LeftBehind(AccountId),
}

/// The memory of syncs.
#[async_trait]
pub trait SyncStore: Send + Sync {
    /// What the connection remembers, of that scope (see [`Links`]).
    async fn links(&self, connection: ConnectionId, scope: &Scope) -> StoreResult<Links>;
    /// The links of one user on every connection of theirs, for explanations.
    async fn links_of(&self, user: UserId) -> StoreResult<Vec<(ConnectionId, AccountLink)>>;

    /// The users whom this inbound rule made, in user order: of these accounts, or all.
    async fn provisioned(&self, rule: RuleId, accounts: Option<&[AccountId]>)
    -> StoreResult<Vec<Provenance>>;
    /// The accounts that were made for users of the connection's rules, and stayed when the user was forgotten.
    async fn left_behind(&self, connection: ConnectionId) -> StoreResult<Vec<AccountId>>;

    /// Writes all of it or nothing, if the lease is still ours.
    async fn record(&self, lease: &Lease, connection: ConnectionId, records: &[Record]) -> StoreResult<()>;

    async fn run(&self, environment: EnvironmentId, id: RunId) -> StoreResult<Option<Run>>;
    /// The latest first.
    async fn runs(&self, rule: RuleId, page: &PageRequest) -> StoreResult<Page<Run>>;
    /// The operations of a run, from `seq` on.
    async fn operations(&self, run: RunId, from: u64, limit: u32) -> StoreResult<Vec<RunOperation>>;
    /// Why operations of the run did not succeed: each problem's code with how many have it, the most frequent first.
    async fn problems(&self, run: RunId) -> StoreResult<Vec<(String, u64)>>;
    /// The operations of a run that have a problem of that code, from `seq` on.
    async fn operations_with(
        &self,
        run: RunId,
        problem: &str,
        from: u64,
        limit: u32,
    ) -> StoreResult<Vec<RunOperation>>;
    /// Adds a run that a person asked for, outside a lease, with what it makes due; the worker that claims the rule
    /// carries it on.
    async fn begin_run(&self, run: &Run, event: Option<&Event>, due: &[Due]) -> StoreResult<()>;
    /// Replaces a run outside a lease, if it is still in the state it was read in (else [`StoreError::Conflict`]):
    /// for approving or cancelling a held run.
    async fn replace_run(&self, was: &Run, run: &Run, event: Option<&Event>, due: &[Due]) -> StoreResult<()>;
    /// The runs of the rule that are not over, the latest first.
    async fn open_runs(&self, rule: RuleId) -> StoreResult<Vec<Run>>;

    /// The rule's last full runs, however they ended, the latest first.
    async fn full_runs(&self, rule: RuleId, limit: u32) -> StoreResult<Vec<Run>>;
    /// Forgets runs that ended before then, with their operations.
    async fn forget_runs(&self, before: Timestamp) -> StoreResult<()>;

    /// What was removed successfully by the rule's runs since then, approved runs and those before them left out
    /// (an approval starts the window anew).
    async fn removed_since(&self, rule: RuleId, since: Timestamp) -> StoreResult<Tally>;
    /// How many users and groups the rule has linked, and how many memberships of these users Usher placed: what
    /// removals are a share of.
    async fn linked_counts(&self, rule: RuleId) -> StoreResult<Tally>;

    /// Where the rule's subjects stand, counted: users, groups.
    async fn status_counts(&self, rule: RuleId) -> StoreResult<(StatusCounts, StatusCounts)>;
    async fn status(&self, rule: RuleId, subject: Subject) -> StoreResult<Option<SubjectStatus>>;
    /// Statuses in subject order, users or groups, optionally of one standing.
    async fn statuses(
        &self,
        rule: RuleId,
        groups: bool,
        standing: Option<Standing>,
        page: &PageRequest,
    ) -> StoreResult<Page<SubjectStatus>>;
    /// The statuses of these subjects; of all of the rule's when `None`.
    async fn statuses_of(
        &self,
        rule: RuleId,
        subjects: Option<&[Subject]>,
    ) -> StoreResult<Vec<SubjectStatus>>;
    /// Every rule's status of one subject.
    async fn statuses_by_subject(&self, subject: Subject) -> StoreResult<Vec<(RuleId, SubjectStatus)>>;
}

/// The due work, and leases on it. Whether something is due depends on the time that is passed in; how long a lease lasts
/// depends on the database's own clock, so that servers whose clocks differ or jump agree about it.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Makes subjects due outside a change set (a retry, a person's resync). Moves a due time only earlier, and
    /// always raises the mark.
    async fn make_due(&self, due: &[Due]) -> StoreResult<()>;
    /// Takes the lease of the rule that has been due longest by `now` and that nobody holds, if there is one, for as long
    /// as `lease`. A lease that was not renewed in time is taken over, but never from the same owner: what an owner holds
    /// is still at work, however far the database's clock jumped.
    async fn claim(&self, owner: &str, now: Timestamp, lease: Duration) -> StoreResult<Option<Lease>>;
    /// The subjects of the leased rule that are due by `now`.
    async fn due(&self, lease: &Lease, now: Timestamp) -> StoreResult<Vec<DueMark>>;
    /// Renews the lease for `length` from now, if it is still ours.
    async fn renew(&self, lease: &Lease, length: Duration) -> StoreResult<()>;
    /// Gives back a lease whose work was interrupted, if it is still ours. Nothing counts as done; the rule is due at
    /// `again`, or before that if something makes it due from now on.
    async fn give_back(&self, lease: &Lease, again: Timestamp) -> StoreResult<()>;
    /// Ends every lease and every claim of a delivery, whoever holds it: for the only worker of a database, before it
    /// begins. What was held is due by `now`. Returns how many there were.
    async fn end_leases(&self, now: Timestamp) -> StoreResult<u64>;
    /// Who holds the right to reconcile this rule, if anyone does.
    async fn holding(&self, rule: RuleId) -> StoreResult<Option<Holding>>;
    /// Ends the lease: forgets what was done (unless it became due again meanwhile), makes `again` due, and frees the
    /// rule.
    async fn settle(&self, lease: &Lease, done: &[DueMark], again: &[Due]) -> StoreResult<()>;
    /// When the next rule that nobody holds falls due, to be reconciled or watched, if anything is due at all.
    async fn next_due(&self) -> StoreResult<Option<Timestamp>>;
    /// The earliest time at which something of this rule is due.
    async fn rule_due(&self, rule: RuleId) -> StoreResult<Option<Timestamp>>;
}

/// The right to deliver a subscription's events for a while, fenced as a [`Lease`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which subscription.
    pub subscription: SubscriptionId,
    /// Who holds it.
    pub owner: String,
    /// The fence.
    pub epoch: i64,
}

/// Subscriptions and their deliveries. `false` of a call that names a claim means that the claim is not ours any more:
/// nothing was written, and nothing more may be sent.
#[async_trait]
pub trait SubscriptionStore: Send + Sync {
    /// In id order, secrets opened.
    async fn subscriptions(&self, environment: EnvironmentId) -> StoreResult<Vec<Subscription>>;
    async fn subscription(
        &self,
        environment: EnvironmentId,
        id: SubscriptionId,
    ) -> StoreResult<Option<Subscription>>;
    /// Whatever its environment: for workers.
    async fn subscription_by_id(&self, id: SubscriptionId) -> StoreResult<Option<Subscription>>;
    /// What is remembered of its deliveries, and when the next attempt may be made.
    async fn delivery(&self, id: SubscriptionId) -> StoreResult<Option<(Delivery, Timestamp)>>;
    /// Enabled subscriptions with events they have not seen, that may be attempted and that nobody holds; whoever has
    /// waited longest first.
    async fn deliveries_due(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<SubscriptionId>>;
    /// Takes one of them for as long as `lease`, unless somebody was faster.
    async fn claim_delivery(
        &self,
        id: SubscriptionId,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> StoreResult<Option<Claim>>;
    /// Keeps it for as long as `length` from now on.
    async fn renew_delivery(&self, claim: &Claim, length: Duration) -> StoreResult<bool>;
    /// Writes down what became of it; with a time, also gives it back, to be attempted again not before.
    async fn record_delivery(
        &self,
        claim: &Claim,
        delivery: &Delivery,
        again: Option<Timestamp>,
    ) -> StoreResult<bool>;
}

/// Who may call, as it is read.
#[async_trait]
pub trait AccessStore: Send + Sync {
    async fn client(&self, environment: EnvironmentId, id: ClientId) -> StoreResult<Option<WorkerClient>>;
    async fn clients(&self, environment: EnvironmentId) -> StoreResult<Vec<WorkerClient>>;
    /// By username, without regard to case.
    async fn administrator(&self, username: &str) -> StoreResult<Option<Administrator>>;
    /// Who is bound to this account at an OpenID provider.
    async fn administrator_of(&self, account: &ProviderAccount) -> StoreResult<Option<Administrator>>;
    async fn administrator_by_id(
        &self,
        environment: EnvironmentId,
        id: AdministratorId,
    ) -> StoreResult<Option<Administrator>>;
    async fn administrators(&self, environment: EnvironmentId) -> StoreResult<Vec<Administrator>>;
    /// The newest first.
    async fn signing_keys(&self) -> StoreResult<Vec<SigningKey>>;

    /// Which of these places (browsers and addresses) the administrator with that username signed in from before.
    async fn known_places(&self, username: &str, places: &[&str]) -> StoreResult<Vec<String>>;
    /// Remembers that they signed in from these places now; of all, only the `most` that were seen last are kept.
    async fn know_places(
        &self,
        id: AdministratorId,
        places: &[&str],
        now: Timestamp,
        most: u32,
    ) -> StoreResult<()>;
    /// Forgets places that nobody signed in from since then.
    async fn forget_places_before(&self, before: Timestamp) -> StoreResult<()>;

    /// Uses up a time step of the administrator's second factor, and all before it: `false` when it was used before.
    /// Of several at once, one is told `true`.
    async fn use_totp_step(&self, id: AdministratorId, step: u64) -> StoreResult<bool>;
    /// Uses up a recovery code, by its hash: `false` when there is no such code (any more).
    async fn use_recovery_code(&self, id: AdministratorId, hash: &str) -> StoreResult<bool>;
    /// How many recovery codes are left.
    async fn recovery_codes_left(&self, id: AdministratorId) -> StoreResult<u64>;

    /// Sign-ins that did not succeed, under a key that says who and from where.
    async fn attempts(&self, key: &str) -> StoreResult<Option<Attempts>>;
    /// Counts one more in advance of knowing how it ends, if `known` is still what stands there; `false` when somebody
    /// was faster.
    async fn count_attempt(&self, key: &str, known: Option<Attempts>, now: Timestamp) -> StoreResult<bool>;
    /// Takes back one that was counted at `at` and turned out to be none.
    async fn uncount_attempt(&self, key: &str, known: Option<Attempts>, at: Timestamp) -> StoreResult<()>;
    /// Forgets a key's attempts: it went well.
    async fn forget_attempts(&self, key: &str) -> StoreResult<()>;
    /// Forgets what was attempted before then.
    async fn forget_attempts_before(&self, before: Timestamp) -> StoreResult<()>;
}

/// How far a re-sealing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// So many secrets were sealed anew by this call.
    pub done: u64,
    /// So many were still sealed under an older key when it ended.
    pub left: u64,
}

/// What a listing of audit events is narrowed to. All conditions that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Recorded then or later.
    pub from: Option<Timestamp>,
    /// Recorded before then.
    pub until: Option<Timestamp>,
    /// Of one of these actions.
    pub actions: Option<Vec<String>>,
    /// About each of these: a resource, or the user of a membership.
    pub about: Vec<Uuid>,
    /// By this client or administrator.
    pub actor: Option<Uuid>,
    /// Of this request or run.
    pub correlation_id: Option<String>,
}

/// The audit: what was told, in the order of the commits. An environment's events are numbered 1, 2, 3 … without gaps,
/// and each is chained to the one before (see [`crate::directory::audit::chain`]).
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// In the order in which they were recorded.
    async fn events(&self, environment: EnvironmentId, page: &PageRequest) -> StoreResult<Page<Event>>;
    /// Those with a higher number than `after`, at most `limit`, each with its number: whoever remembers the last one
    /// has missed none.
    async fn events_after(
        &self,
        environment: EnvironmentId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<(u64, Event)>>;
    /// The number of the newest; 0 when there is none.
    async fn last_event(&self, environment: EnvironmentId) -> StoreResult<u64>;
    async fn event(&self, environment: EnvironmentId, id: EventId) -> StoreResult<Option<Event>>;
    /// The newest first, by when they were recorded, then by number; at most `limit` that come before `before`.
    async fn find_events(
        &self,
        environment: EnvironmentId,
        query: &EventQuery,
        before: Option<(Timestamp, u64)>,
        limit: u32,
    ) -> StoreResult<Vec<(u64, Event)>>;
    /// How many events of these actions were recorded since then, by day (of UTC, counted from 1970-01-01) and action.
    async fn activity(
        &self,
        environment: EnvironmentId,
        actions: &[&str],
        since: Timestamp,
    ) -> StoreResult<Vec<(i64, String, u64)>>;
    /// Takes names, sentences and values away from every event about someone, for good, and records `told` with the
    /// numbers of these events, which are returned. Nothing is recorded when there was nothing to take away.
    async fn redact(&self, about: Uuid, told: &Event) -> StoreResult<Vec<Span>>;
    /// How the environment's chain stands, by its records alone.
    async fn chain_state(&self, environment: EnvironmentId) -> StoreResult<ChainState>;
    /// Checks the environment's chain, which may take seconds for each million events. `progress` is told how many were
    /// checked, of how many. What was tampered with is no error but the answer.
    async fn check_chain(
        &self,
        environment: EnvironmentId,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> StoreResult<Checked>;
    /// The last check that was kept.
    async fn last_check(&self, environment: EnvironmentId) -> StoreResult<Option<LastCheck>>;
    /// Keeps it in the place of the one before.
    async fn keep_check(&self, environment: EnvironmentId, check: &LastCheck) -> StoreResult<()>;
}

/// What waits and what stands still, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Runs that wait for a person.
    pub held_runs: u64,
    /// Connections that are switched on.
    pub active_connections: u64,
    /// Those of them whose last test failed, or whose authorisation was withdrawn.
    pub failing_connections: u64,
    /// Rules that are due and that no server has begun.
    pub due_jobs: u64,
    /// Since when the oldest of them has been due.
    pub oldest_due: Option<Timestamp>,
    /// Subscriptions that are enabled.
    pub subscriptions: u64,
    /// Those of them whose last delivery was not accepted.
    pub failing_subscriptions: u64,
    /// Events that they have not looked at yet.
    pub pending_events: u64,
    /// Events in the audit.
    pub audit_events: u64,
}

/// All that is kept.
#[async_trait]
pub trait Store:
    DirectoryStore
    + ProvisioningStore
    + SyncStore
    + JobStore
    + WatchStore
    + SubscriptionStore
    + AccessStore
    + SessionStore
    + AuditStore
{
    /// Commits a change set: rows, events, due work; or nothing of it.
    async fn commit(&self, changes: &ChangeSet) -> StoreResult<()>;
    /// Seals anew, under the newest key, at most `limit` secrets that are sealed under an older one. May be cut at any
    /// point and called again; a secret that somebody changes meanwhile keeps the change.
    async fn reseal(&self, limit: u32) -> StoreResult<Resealed>;
    /// Whether the database answers, its schema is this version's, and the seal has the keys that its secrets need.
    async fn ready(&self) -> StoreResult<()>;
    /// Stores the present time, for later processes; returns the time that was stored before.
    async fn see_time(&self, now: Timestamp) -> StoreResult<Option<Timestamp>>;
    /// After the clock was set back: corrects stored times after `now` that should not lie in the future. What waits is
    /// due; past events are dated now; exclusions until a future time are lifted. Dates on which something irreversible
    /// happens stay: late is safe.
    async fn judge_times_again(&self, now: Timestamp) -> StoreResult<()>;
    /// Whether the database can be written to now: commits a write to a row that nothing else reads.
    async fn try_write(&self) -> StoreResult<()>;
    /// Ends all connections; nothing can be read or written afterwards. An SQLite database is then complete in one file,
    /// unless another process has it open.
    async fn close(&self);
    /// What waits and what stands still by `now`, in all environments together: for monitoring.
    async fn gauges(&self, now: Timestamp) -> StoreResult<Gauges>;
    /// How many statements the database did not carry out since the process began; a change that somebody else was
    /// faster with is none of them.
    fn failures(&self) -> u64;
}
