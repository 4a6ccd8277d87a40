//! What comes round by itself: a look at everything once a day, and forgetting old runs and sessions.
//!
//! Changes in the directory are followed at once; what people do in Dropbox itself is only seen by looking. A daily full
//! run finds it, and tries again what waits for a person there. Inbound rules have a schedule of their own: [`crate::watch`].

use std::time::Duration;

use usher_domain::{
    directory::change::{Due, DueSubject},
    ports::store::StoreResult,
    provisioning::rule::Direction,
    session,
};

use crate::reconcile::Reconciler;

/// How often everything is looked at, counted from the start of the last full run.
const WHOLE_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How long runs are remembered.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);

impl Reconciler {
    /// Makes outbound rules due whose last full run is a day old, has the sources of inbound ones watched, and forgets
    /// runs that ended 90 days ago and sessions that are over. Cheap, and harmless when several servers do it at once.
    ///
    /// # Errors
    /// What the store says.
    pub async fn tend(&self) -> StoreResult<()> {
        let now = self.clock.now();
        let mut due = Vec::new();
        let mut watched = Vec::new();
        for environment in self.store.environments().await? {
            let rules = self.store.rules(environment.id).await?;
            let inbound = rules.iter().filter(|rule| rule.direction == Direction::Inbound && rule.active);
            watched.extend(inbound.map(|rule| rule.id));
            let followed = rules.into_iter().filter(|rule| {
                rule.retiring.is_some() || rule.active && rule.direction == Direction::Outbound
            });
            for rule in followed {
                let last = self.store.full_runs(rule.id, 1).await?.first().map(|run| run.started_at);
                if last.is_none_or(|last| now.since(last) >= WHOLE_EVERY) {
                    due.push(Due { rule: rule.id, subject: DueSubject::Everything, at: now });
                }
            }
        }
        self.store.make_due(&due).await?;
        // They wake by themselves; this is for a clock that was far ahead when it said when to.
        self.store.wake(&watched, now).await?;
        self.store.forget_runs(now.minus(REMEMBERED)).await?;
        self.store.forget_sessions(now.minus(session::IDLE), now.minus(session::ABSOLUTE)).await
    }
}
