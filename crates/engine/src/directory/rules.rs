//! Rules, their mappings, and revisions.

use usher_domain::{
    EnvironmentId, GroupId, MappingId, Rejection, RuleId,
    directory::commands::Body,
    ports::store::StoreResult,
    provisioning::{
        commands::{mapping, revision, rule},
        connection::Connection,
        mapping::Mapping,
        rule::{Direction, PropagationPlan, Revision, Rule},
    },
};

use super::{By, Decided, Directory, DirectoryError, Touched, found};

/// What a rule's body is judged by, loaded.
pub(super) struct RuleFacts {
    pub(super) plan: Option<PropagationPlan>,
    connections: Vec<Connection>,
    groups: Vec<GroupId>,
    pub(super) mappings: Vec<Mapping>,
    pub(super) custom: Vec<String>,
}

impl RuleFacts {
    pub(super) fn borrowed(&self) -> rule::Facts<'_> {
        rule::Facts {
            plan: self.plan.as_ref(),
            connections: &self.connections,
            groups: &self.groups,
            mappings: &self.mappings,
            custom: &self.custom,
        }
    }
}

/// What a mapping's body is judged by, loaded.
struct MappingFacts {
    rule: Rule,
    connection: Connection,
    mappings: Vec<Mapping>,
    custom: Vec<String>,
}

impl MappingFacts {
    fn borrowed(&self) -> mapping::Facts<'_> {
        mapping::Facts {
            rule: &self.rule,
            connection: &self.connection,
            mappings: &self.mappings,
            custom: &self.custom,
        }
    }

    /// A rule that runs looks at everything again when its mappings change.
    fn touched(&self) -> Vec<Touched> {
        if self.rule.active { vec![Touched::Rule(self.rule.id)] } else { Vec::new() }
    }
}

impl Directory {
    /// Makes a rule.
    ///
    /// # Errors
    /// Every fault of the body; it is to be active, and cannot be.
    pub async fn create_rule(
        &self,
        by: &By,
        environment: EnvironmentId,
        body: &Body,
    ) -> Result<Rule, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            let facts = self.rule_facts(environment, None, body).await?;
            let (answer, changes) = rule::create(environment, body, facts.borrowed(), &stamp)?;
            self.knows_population(&answer).await?;
            let touched = resync(None, &answer);
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// Replaces a rule (PUT): what the body leaves out is cleared.
    ///
    /// # Errors
    /// The rule is not there; every fault of the body; it is to become active, and cannot.
    pub async fn replace_rule(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: RuleId,
        body: &Body,
    ) -> Result<Rule, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.rule(environment, id).await?;
            let facts = self.rule_facts(environment, Some(id), body).await?;
            let (answer, changes) = rule::replace(&current, body, facts.borrowed(), &stamp)?;
            self.knows_population(&answer).await?;
            let touched = self.touched_by(&current, &answer).await?;
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// What a change of a rule touches.
    pub(super) async fn touched_by(
        &self,
        before: &Rule,
        after: &Rule,
    ) -> Result<Vec<Touched>, DirectoryError> {
        let mut touched = resync(Some(before), after);
        let wants_less = before.active
            && (!after.active || before.filter != after.filter || before.groups != after.groups);
        if wants_less {
            // Whom this rule no longer wants may have an account that a neighbour made, and kept for its sake.
            let connection = self.connection(after.environment, after.connection()).await?;
            let others = self.rules_on(&connection).await?.into_iter();
            touched.extend(others.filter(|it| *it != Touched::Rule(after.id)));
        }
        Ok(touched)
    }

    /// The rule as a body would have it, for previews: judged like a replacement, and nothing is written.
    ///
    /// # Errors
    /// As [`Directory::replace_rule`].
    pub async fn draft_rule(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: RuleId,
        body: &Body,
    ) -> Result<Rule, DirectoryError> {
        let current = self.rule(environment, id).await?;
        let facts = self.rule_facts(environment, Some(id), body).await?;
        let draft = rule::replace(&current, body, facts.borrowed(), &self.stamp(by))?.0;
        self.knows_population(&draft).await?;
        Ok(draft)
    }

    /// Refuses an inbound rule whose new users would live in a population that is not there.
    pub(super) async fn knows_population(&self, rule: &Rule) -> Result<(), DirectoryError> {
        let home = rule.onboarding().population.filter(|_| rule.direction == Direction::Inbound);
        let Some(home) = home else { return Ok(()) };
        if self.store.population(rule.environment, home).await?.is_some() {
            return Ok(());
        }
        let message = format!(
            "There is no population {home} in this environment; name the one in which new users are to live"
        );
        Err(Rejection::field("INVALID_VALUE", "configuration.POPULATION_ID", message).into())
    }

    /// The mappings that these bodies would be, in place of all that the rule has; for a preview.
    ///
    /// # Errors
    /// The rule is not there; every fault of every body.
    pub async fn draft_mappings(
        &self,
        by: &By,
        environment: EnvironmentId,
        rule: RuleId,
        bodies: &[Body],
    ) -> Result<Vec<Mapping>, DirectoryError> {
        let custom = bodies.iter().find(|body| mapping::uses_custom_attributes(body));
        let facts = self.mapping_facts(environment, rule, custom).await?;
        Ok(mapping::draft(bodies, facts.borrowed(), &self.stamp(by))?)
    }

    /// Deletes a rule: it retires, and is gone for good when its last run is done. `deprovision` takes its accounts
    /// away as a `managed` connection would; `consent` is then the digest of the plan that the person saw.
    ///
    /// # Errors
    /// The rule is not there, or is being deleted already.
    pub async fn delete_rule(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: RuleId,
        deprovision: bool,
        consent: Option<&str>,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = self.store.rule(environment, id).await?.ok_or_else(|| rule::not_found(id))?;
            let connection = self.store.connection(environment, current.connection()).await?;
            let consent = consent.map(str::to_owned);
            let changes = rule::delete(&current, connection.as_ref(), deprovision, consent, &stamp)?;
            Ok(Decided { answer: (), changes, touched: vec![Touched::Rule(id)] })
        })
        .await
    }

    /// Makes a mapping of a rule.
    ///
    /// # Errors
    /// The rule is not there; every fault of the body; the rule is active, and would be without `email`.
    pub async fn create_mapping(
        &self,
        by: &By,
        environment: EnvironmentId,
        rule: RuleId,
        body: &Body,
    ) -> Result<Mapping, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let facts = self.mapping_facts(environment, rule, Some(body)).await?;
            let (answer, changes) = mapping::create(body, facts.borrowed(), &stamp)?;
            Ok(Decided { answer, changes, touched: facts.touched() })
        })
        .await
    }

    /// Replaces a mapping.
    ///
    /// # Errors
    /// The mapping is not there; every fault of the body; the rule is active, and would be without `email`.
    pub async fn replace_mapping(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: MappingId,
        body: &Body,
    ) -> Result<Mapping, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = found("mapping", id, self.store.mapping(environment, id).await?)?;
            let facts = self.mapping_facts(environment, current.rule, Some(body)).await?;
            let (answer, changes) = mapping::replace(&current, body, facts.borrowed(), &stamp)?;
            Ok(Decided { answer, changes, touched: facts.touched() })
        })
        .await
    }

    /// Deletes a mapping.
    ///
    /// # Errors
    /// The mapping is not there; the rule is active, and would be without `email`.
    pub async fn delete_mapping(
        &self,
        by: &By,
        environment: EnvironmentId,
        id: MappingId,
    ) -> Result<(), DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            let current = found("mapping", id, self.store.mapping(environment, id).await?)?;
            let facts = self.mapping_facts(environment, current.rule, None).await?;
            let changes = mapping::delete(&current, facts.borrowed(), &stamp)?;
            Ok(Decided { answer: (), changes, touched: facts.touched() })
        })
        .await
    }

    /// Makes a revision: the set-up is written down, and the active rules that differ from the previous revision
    /// ([`revision::rules_to_resync`]) look at everything.
    ///
    /// # Errors
    /// The environment is not there.
    pub async fn create_revision(
        &self,
        by: &By,
        environment: EnvironmentId,
    ) -> Result<Revision, DirectoryError> {
        self.execute(by, environment, move |stamp| async move {
            found("environment", environment, self.store.environment(environment).await?)?;
            let previous = self.store.latest_revision(environment).await?;
            let plan = self.store.plan(environment).await?;
            let connections = self.store.connections(environment).await?;
            let rules = self.store.rules(environment).await?;
            let mut mappings = Vec::new();
            for rule in rules.iter().filter(|rule| rule.retiring.is_none()) {
                mappings.extend(self.store.mappings(rule.id).await?);
            }
            let (answer, changes) = revision::create(
                environment,
                previous.as_ref(),
                plan.as_ref(),
                &connections,
                &rules,
                &mappings,
                &stamp,
            );
            let touched = revision::rules_to_resync(previous.as_ref(), &answer);
            let touched = touched.into_iter().map(Touched::Rule).collect();
            Ok(Decided { answer, changes, touched })
        })
        .await
    }

    /// A rule that is not being deleted.
    pub(super) async fn rule(&self, environment: EnvironmentId, id: RuleId) -> Result<Rule, DirectoryError> {
        let rule = self.store.rule(environment, id).await?.filter(|rule| rule.retiring.is_none());
        Ok(rule.ok_or_else(|| rule::not_found(id))?)
    }

    pub(super) async fn rule_facts(
        &self,
        environment: EnvironmentId,
        id: Option<RuleId>,
        body: &Body,
    ) -> StoreResult<RuleFacts> {
        let mut groups = Vec::new();
        for group in rule::groups(body) {
            groups.extend(self.store.group(environment, group).await?.map(|group| group.id));
        }
        Ok(RuleFacts {
            plan: self.store.plan(environment).await?,
            connections: self.store.connections(environment).await?,
            groups,
            mappings: match id {
                Some(id) => self.store.mappings(id).await?,
                None => Vec::new(),
            },
            custom: self.custom_if(environment, rule::uses_custom_attributes(body)).await?,
        })
    }

    async fn mapping_facts(
        &self,
        environment: EnvironmentId,
        rule: RuleId,
        body: Option<&Body>,
    ) -> Result<MappingFacts, DirectoryError> {
        let rule = self.rule(environment, rule).await?;
        let connection = self.connection(environment, rule.connection()).await?;
        let mappings = self.store.mappings(rule.id).await?;
        let custom = self.custom_if(environment, body.is_some_and(mapping::uses_custom_attributes)).await?;
        Ok(MappingFacts { rule, connection, mappings, custom })
    }
}

pub(super) fn resync(before: Option<&Rule>, after: &Rule) -> Vec<Touched> {
    if after.retiring.is_none() && rule::asks_for_resync(before, after) {
        vec![Touched::Rule(after.id)]
    } else {
        Vec::new()
    }
}
