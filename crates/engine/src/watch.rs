//! Keeps an eye on the sources of inbound rules: a rule falls due at the slots of its schedule, and at what the remote
//! system's log of events tells between them.
//!
//! One look reads what is remembered, serves a slot or reads on in the log, and writes what came of it together with what
//! it made due. What the log tells is only where to look again: the run that follows reads the accounts themselves.

use std::time::Duration;

use usher_domain::{
    Timestamp,
    directory::change::{Due, DueSubject},
    ports::{
        connector::{Changes, ConnectorError},
        job::Lease,
        store::StoreResult,
        watch::{LogState, Watch, Watched},
    },
    provisioning::{
        connection::{Connection, Health},
        rule::{Direction, Rule},
        schedule::Slots,
    },
};

use crate::reconcile::{LONGEST_PAUSE, Opened, Reconciler};

/// How long to wait before the log is read again: half of it is what a change waits at the median.
const AGAIN: Duration = Duration::from_secs(1);
/// Events may be told so much later than they happened. Reading begins so much before what was last looked at.
const LATE: Duration = Duration::from_secs(10 * 60);
/// A log that cannot say what changed has everything looked at no more often than this.
const EVERYTHING_AGAIN: Duration = Duration::from_secs(10 * 60);
/// When the log tells of more accounts than this at once, everything is looked at.
const MANY: usize = 1000;

impl Reconciler {
    /// One look at the source of a leased rule; ends the lease.
    ///
    /// # Errors
    /// When the store cannot be read or written; nothing is remembered of the look then.
    pub async fn look(&self, lease: &Lease) -> StoreResult<()> {
        let watch = self.store.watch(lease.rule).await?;
        let asleep =
            Watched { slot: None, set_back: None, log: watch.log.clone(), due: Vec::new(), again: None };
        let rule = self.store.rule_by_id(lease.rule).await?;
        let rule = rule
            .filter(|rule| rule.direction == Direction::Inbound && rule.active && rule.retiring.is_none());
        // Until the initial full sync has completed there is nothing to watch; its end wakes the watch.
        let (Some(rule), Some(slots)) = (rule, watch.slots) else {
            return self.store.watched(lease, &asleep).await;
        };
        let connection = self.store.connection(rule.environment, rule.connection()).await?;
        let awake = |it: &Connection| it.active && matches!(it.health, Health::Valid { .. });
        let Some(connection) = connection.filter(awake) else {
            return self.store.watched(lease, &asleep).await;
        };
        let now = self.clock.now();
        let schedule = rule.schedule();
        let everything = Due { rule: rule.id, subject: DueSubject::Everything, at: now };
        let judged = schedule.judged(&slots, now);
        let set_back = (judged != slots).then_some(judged.served);
        let slots = judged;
        let mut watched = if schedule.next(&slots, now).is_some_and(|slot| slot <= now) {
            let following = rule.follows_events().then_some(now);
            let next = schedule.next(&Slots { served: now, ..slots }, now);
            Watched { slot: Some(now), due: vec![everything], again: sooner(next, following), ..asleep }
        } else if rule.follows_events() {
            let mut watched = self.read_on(&rule, &connection, &watch, now).await?;
            watched.again = sooner(schedule.next(&slots, now), watched.again);
            watched
        } else {
            // Who follows again one day begins anew.
            Watched { log: LogState::default(), again: schedule.next(&slots, now), ..asleep }
        };
        watched.set_back = set_back.filter(|_| watched.slot.is_none());
        self.store.watched(lease, &watched).await
    }

    /// Reads on in the log.
    async fn read_on(
        &self,
        rule: &Rule,
        connection: &Connection,
        watch: &Watch,
        now: Timestamp,
    ) -> StoreResult<Watched> {
        let since = match &watch.log.position {
            // What was looked at when the last full run began was true then, and later events tell of the rest.
            None => {
                self.store.full_runs(rule.id, 1).await?.first().map_or(now, |run| run.started_at.min(now))
            }
            Some(_) => now,
        };
        let position = watch.log.position.as_ref();
        let read = match self.connectors.open(connection) {
            Ok(Opened { connector, .. }) => connector.changes(position, since.minus(LATE)).await,
            Err(problem) => Err(ConnectorError::Protocol { problem }),
        };
        let after = self.clock.now();
        Ok(match read {
            Ok(changes) => told(rule, changes, &watch.log, after),
            Err(error) => {
                let wait = match &error {
                    ConnectorError::Busy { after, .. } => (*after).clamp(self.retry.busy, LONGEST_PAUSE),
                    ConnectorError::Incomplete { .. } => self.retry.broken_answer,
                    // The scope may be missing that only the log needs: runs go on, and find out whatever else it is.
                    ConnectorError::Unauthorized { .. } | ConnectorError::Protocol { .. } => {
                        self.retry.asleep
                    }
                };
                tracing::warn!(rule = %rule.id, %error, "the log of events cannot be read");
                let log = LogState { problem: Some(error.problem().clone()), ..watch.log.clone() };
                Watched { slot: None, set_back: None, log, due: Vec::new(), again: Some(after.plus(wait)) }
            }
        })
    }
}

/// What follows from what the log told.
fn told(rule: &Rule, changes: Changes, before: &LogState, now: Timestamp) -> Watched {
    let due = |subject, at| Due { rule: rule.id, subject, at };
    let mut log = LogState {
        position: Some(changes.position),
        read_at: Some(now),
        // What is further away than it is ever set was set by a clock that was ahead.
        everything_at: before.everything_at.filter(|at| at.since(now) <= EVERYTHING_AGAIN),
        problem: None,
    };
    let mut dues = Vec::new();
    if changes.everything {
        let at = log.everything_at.map_or(now, |last| now.max(last.plus(EVERYTHING_AGAIN)));
        // One that is due in the future already will look at this, too.
        if log.everything_at.is_none_or(|last| last <= now) {
            log.everything_at = Some(at);
            dues.push(due(DueSubject::Everything, at));
        }
    }
    // A group that is new or otherwise is found by looking at everything; only where groups are brought in at all.
    let groups = rule.onboarding().groups && !changes.groups.is_empty();
    if groups || changes.accounts.len() > MANY {
        dues.push(due(DueSubject::Everything, now));
    } else {
        let accounts = changes.accounts.iter();
        dues.extend(accounts.map(|account| due(DueSubject::Account(account.as_str().into()), now)));
    }
    let again = if changes.more { now } else { now.plus(AGAIN) };
    Watched { slot: None, set_back: None, log, due: dues, again: Some(again) }
}

fn sooner(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
