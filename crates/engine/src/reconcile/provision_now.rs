//! A person's wish to see someone synced at once, without a change of theirs.

use usher_domain::{
    EnvironmentId,
    directory::change::{Due, DueSubject},
    ports::store::StoreResult,
    provisioning::rule::Rule,
    reconcile::scope::Subject,
};

use super::{Reconciler, sync_status::not_running};

impl Reconciler {
    /// Makes a user or group due in every rule that runs, now, whatever they wait for; answers these rules.
    ///
    /// # Errors
    /// What the store says.
    pub async fn provision_now(
        &self,
        environment: EnvironmentId,
        subject: Subject,
    ) -> StoreResult<Vec<Rule>> {
        let connections = self.store.connections(environment).await?;
        let mut rules = self.rules(environment).await?;
        rules.retain(|rule| {
            let connection = connections.iter().find(|connection| connection.id == rule.connection());
            not_running(rule, connection).is_none()
        });
        let at = self.clock.now();
        let subject = match subject {
            Subject::User(id) => DueSubject::User(id),
            Subject::Group(id) => DueSubject::Group(id),
        };
        let due: Vec<Due> =
            rules.iter().map(|rule| Due { rule: rule.id, subject: subject.clone(), at }).collect();
        self.store.make_due(&due).await?;
        Ok(rules)
    }
}
