//! Rules with their mappings, as a form drafts and saves them; and another look at one subject.

use usher_domain::{
    EnvironmentId, RuleId,
    directory::commands::{Body, Stamp},
    provisioning::{
        commands::{
            mapping, rule,
            whole_rule::{self, WholeRule},
        },
        rule::Rule,
    },
    reconcile::scope::Subject,
};

use super::{By, Decided, Directory, DirectoryError, Touched, rules::resync};

impl Directory {
    /// A rule with its mappings as bodies would have them, for previews: judged as if it were saved, and nothing is
    /// written. `id` names the rule that they would replace.
    ///
    /// # Errors
    /// As [`Directory::save_whole_rule`].
    pub async fn draft_whole_rule(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: Option<RuleId>,
        body: &Body,
        mappings: &[Body],
    ) -> Result<WholeRule, DirectoryError> {
        let (_, decided) = self.whole_rule(environment, id, body, mappings, &self.stamp(by)).await?;
        Ok(decided.answer)
    }

    /// Makes a rule, or replaces the one named by `id`, together with its mappings: all of it or nothing. The
    /// environment's plan is made, if there is none.
    ///
    /// # Errors
    /// The rule is not there; every fault of its body or of the mappings (`mappings[0].expression`).
    pub async fn save_whole_rule(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: Option<RuleId>,
        body: &Body,
        mappings: &[Body],
    ) -> Result<WholeRule, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let (before, mut decided) = self.whole_rule(environment, id, body, mappings, &stamp).await?;
            let after = &decided.answer.rule;
            decided.touched = match &before {
                None => resync(None, after),
                Some(before) => self.touched_by(before, after).await?,
            };
            // A rule that runs looks at everything again when it maps otherwise; a lone change of name does not ask.
            let maps_otherwise = decided.changes.events.iter().any(|it| it.action.contains("MAPPING"));
            let whole = Touched::Rule(after.id);
            if before.is_some() && after.active && maps_otherwise && !decided.touched.contains(&whole) {
                decided.touched.push(whole);
            }
            Ok(decided)
        })
        .await
    }

    async fn whole_rule(
        &self,
        environment: EnvironmentId,
        id: Option<RuleId>,
        body: &Body,
        mappings: &[Body],
        stamp: &Stamp<'_>,
    ) -> Result<(Option<Rule>, Decided<WholeRule>), DirectoryError> {
        let before = match id {
            Some(id) => Some(self.rule(environment, id).await?),
            None => None,
        };
        let mut facts = self.rule_facts(environment, id, body).await?;
        let asks = mappings.iter().any(mapping::uses_custom_attributes);
        if facts.custom.is_empty() && asks {
            facts.custom = self.custom_if(environment, asks).await?;
        }
        let (plan, mut changes) = whole_rule::plan_for(environment, facts.plan.as_ref(), stamp)?;
        facts.plan = Some(plan);
        let saved = whole_rule::save(environment, before.as_ref(), body, mappings, facts.borrowed(), stamp)?;
        self.knows_population(&saved.0.rule).await?;
        changes.writes.extend(saved.1.writes);
        changes.events.extend(saved.1.events);
        Ok((before, Decided::plain((saved.0, changes))))
    }

    /// Makes one subject of a rule due now, whatever it waits for.
    ///
    /// # Errors
    /// The rule is not there.
    pub async fn look_again(
        &self,
        by: &By,
        environment: EnvironmentId,
        rule: RuleId,
        subject: Subject,
    ) -> Result<(), DirectoryError> {
        let rule = self.rule(environment, rule).await?;
        self.store.commit(&rule::look_again(&rule, subject, &self.stamp(by))).await?;
        Ok(())
    }
}
