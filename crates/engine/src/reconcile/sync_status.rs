//! How a rule stands, put together from what is kept: for whoever shows it.

use std::collections::HashMap;

use usher_domain::{
    EnvironmentId, Problem, RuleId, Timestamp,
    ports::{
        connector::THROTTLED,
        job::Holding,
        store::{PageRequest, StoreResult},
        watch::LogState,
    },
    provisioning::{
        connection::{Connection, Health},
        rule::{Direction, Rule},
    },
    reconcile::{
        run::{Run, RunState},
        scope::Subject,
        status::{StatusCounts, SubjectStatus},
    },
};

use super::Reconciler;

/// How many runs back the last sync is looked for.
const LOOK_BACK: u32 = 20;

/// How a rule stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// It runs.
    Active,
    /// It does not run.
    Inactive,
    /// Its connection does not work, or its last run failed as a whole.
    Failed,
    /// A run of it waits for a person.
    Held,
}

impl RuleState {
    /// The word, as the API has it.
    pub fn name(self) -> &'static str {
        match self {
            RuleState::Active => "ACTIVE",
            RuleState::Inactive => "INACTIVE",
            RuleState::Failed => "FAILED",
            RuleState::Held => "HELD",
        }
    }
}

/// Whether a worker is working on a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InHand {
    /// None has: nothing is due, or it waits for its turn.
    None,
    /// One is at work on it.
    Working,
    /// One that has stopped: another takes over when its lease ends.
    Stopped,
}

impl InHand {
    /// The word, as the API has it.
    pub fn name(self) -> &'static str {
        match self {
            InHand::None => "NONE",
            InHand::Working => "WORKING",
            InHand::Stopped => "STOPPED",
        }
    }
}

/// How a rule stands.
#[derive(Clone, Debug)]
pub struct SyncStatus {
    /// In one word.
    pub state: RuleState,
    /// Why it does not run, how the last run failed, or what it waits for.
    pub detail: Option<String>,
    /// Whether a worker is working on it.
    pub worker: InHand,
    /// Where the truth comes from; `None` when it is gone.
    pub source: Option<Connection>,
    /// What is made to follow.
    pub target: Option<Connection>,
    /// When a run last ended well, or in part.
    pub last_sync_at: Option<Timestamp>,
    /// When the next one falls due, if the rule runs; of an inbound rule, by its schedule at the latest.
    pub next_sync_at: Option<Timestamp>,
    /// How the log of the remote system is followed, if the rule does.
    pub following: Option<LogState>,
    /// Where its users stand.
    pub users: StatusCounts,
    /// Where its groups stand.
    pub groups: StatusCounts,
    /// The run that is not over: one at work before one that is held.
    pub current: Option<Run>,
}

/// Why a rule does not run, if it does not.
pub fn not_running(rule: &Rule, connection: Option<&Connection>) -> Option<String> {
    let Some(connection) = connection else { return Some("the rule's connection is gone".into()) };
    if !rule.active {
        return Some("the rule is not active: set \"active\": true first".into());
    }
    if !connection.active {
        return Some(format!(
            "the connection {} is INACTIVE: set its status to ACTIVE first",
            connection.name
        ));
    }
    match &connection.health {
        Health::Broken { problem, .. } => {
            Some(format!("the connection {} does not work: {problem}", connection.name))
        }
        Health::Untested => Some(format!("the connection {} was not tested: test it first", connection.name)),
        Health::Valid { .. } => None,
    }
}

/// The detail of a rule whose worker stopped without giving its lease back.
fn waits_for(holding: Holding) -> String {
    if holding.over {
        let what = "no worker has taken the rule over: start a server with --role all or --role worker";
        return format!("the rule waits for a server that stopped, and {what}");
    }
    format!("the rule waits for a server that stopped, until {}; then another takes it over", holding.until)
}

impl Reconciler {
    /// The rules of an environment, without those that are being deleted.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rules(&self, environment: EnvironmentId) -> StoreResult<Vec<Rule>> {
        let mut rules = self.store.rules(environment).await?;
        rules.retain(|rule| rule.retiring.is_none());
        Ok(rules)
    }

    /// Those of them that run now.
    ///
    /// # Errors
    /// What the store says.
    pub async fn running_rules(&self, environment: EnvironmentId) -> StoreResult<Vec<Rule>> {
        let connections = self.store.connections(environment).await?;
        let mut rules = self.rules(environment).await?;
        rules.retain(|rule| {
            let connection = connections.iter().find(|connection| connection.id == rule.connection());
            not_running(rule, connection).is_none()
        });
        Ok(rules)
    }

    /// The rule of that id, unless it is being deleted.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rule(&self, environment: EnvironmentId, id: RuleId) -> StoreResult<Option<Rule>> {
        Ok(self.store.rule(environment, id).await?.filter(|rule| rule.retiring.is_none()))
    }

    /// How the rule stands.
    ///
    /// # Errors
    /// What the store says.
    pub async fn sync_status(&self, rule: &Rule) -> StoreResult<SyncStatus> {
        let connections = self.store.connections(rule.environment).await?;
        let open = self.store.open_runs(rule.id).await?;
        let mut latest =
            self.store.runs(rule.id, &PageRequest { after: None, limit: LOOK_BACK }).await?.items;
        // Ids rise with time, unless a clock was set back.
        latest.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        let held = open.iter().find(|run| run.state == RunState::Held);
        let current = open.iter().find(|run| run.state != RunState::Held).or(held);
        let ended =
            |run: &&Run| matches!(run.state, RunState::Succeeded | RunState::Partial | RunState::Failed);
        let last = latest.iter().find(ended);
        let end = |id| connections.iter().find(|connection: &&Connection| connection.id == id).cloned();
        let connection = end(rule.connection());
        let inactive = not_running(rule, connection.as_ref());
        let broken = connection.is_some_and(|connection| matches!(connection.health, Health::Broken { .. }));
        let state = match (&inactive, held, last) {
            _ if rule.active && broken => RuleState::Failed,
            (Some(_), ..) => RuleState::Inactive,
            (None, Some(_), _) => RuleState::Held,
            (None, None, Some(run)) if run.state == RunState::Failed => RuleState::Failed,
            _ => RuleState::Active,
        };
        let problem = last.and_then(|run| {
            let needs_attention =
                |problem: &&Problem| run.state == RunState::Failed || problem.code == THROTTLED;
            run.problem.as_ref().filter(needs_attention).cloned()
        });
        let (users, groups) = self.store.status_counts(rule.id).await?;
        let well = latest.iter().filter(|run| matches!(run.state, RunState::Succeeded | RunState::Partial));
        let (next_sync_at, following) = match inactive {
            None => self.next(rule).await?,
            Some(_) => (None, None),
        };
        let holding = self.store.holding(rule.id).await?;
        let stopped = holding.filter(|it| !it.renewed || it.over).map(waits_for);
        let worker = match (&holding, &stopped) {
            (None, _) => InHand::None,
            (Some(_), None) => InHand::Working,
            (Some(_), Some(_)) => InHand::Stopped,
        };
        Ok(SyncStatus {
            state,
            worker,
            following,
            source: end(rule.source),
            target: end(rule.target),
            last_sync_at: well.filter_map(|run| run.finished_at).next(),
            next_sync_at,
            detail: inactive.or(stopped).or_else(|| problem.map(|problem| problem.to_string())),
            users,
            groups,
            current: current.cloned(),
        })
    }

    /// When a rule that runs falls due next, and how it follows the log.
    async fn next(&self, rule: &Rule) -> StoreResult<(Option<Timestamp>, Option<LogState>)> {
        let due = self.store.rule_due(rule.id).await?;
        if rule.direction == Direction::Outbound {
            return Ok((due, None));
        }
        let watch = self.store.watch(rule.id).await?;
        let slot = watch.slots.and_then(|slots| rule.schedule().next(&slots, self.clock.now()));
        let next = due.into_iter().chain(slot).min();
        Ok((next, Some(watch.log).filter(|_| rule.follows_events())))
    }

    /// What the subjects of these statuses are called; who is gone from the directory has no name.
    ///
    /// # Errors
    /// What the store says.
    pub async fn names(
        &self,
        environment: EnvironmentId,
        statuses: &[SubjectStatus],
    ) -> StoreResult<HashMap<Subject, String>> {
        let mut users = Vec::new();
        let mut any_group = false;
        for status in statuses {
            match status.subject {
                Subject::User(id) => users.push(id),
                Subject::Group(_) => any_group = true,
            }
        }
        let users = self.store.users_by_id(environment, &users).await?;
        let groups = if any_group { self.store.groups(environment).await? } else { Vec::new() };
        let users = users.into_iter().map(|user| (Subject::User(user.id), user.username));
        Ok(users.chain(groups.into_iter().map(|group| (Subject::Group(group.id), group.name))).collect())
    }
}
