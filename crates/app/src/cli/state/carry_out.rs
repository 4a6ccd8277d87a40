//! A plan, carried out through the API, step by step. A step that is refused ends it: what was done stays, and the next
//! `usher apply` finds the rest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use usher_domain::secret::MASK;

use super::{
    current::{Current, POPULATION_ID},
    file::{Connection, Direction, Mapping, Population, Rule, Settings},
    plan::{Action, Plan, Step, Thing},
};
use crate::cli::{client::ApiClient, fields};

/// How long to wait until the deletion of a rule lets its connection go.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does what the plan says.
pub(super) async fn carry_out(api: &ApiClient, plan: &Plan, mut current: Current) -> Result<()> {
    let mut work = Work { api, current: &mut current, touched: false };
    for step in plan.steps.iter().filter(|step| step.action != Action::Keep) {
        work.step(step).await.with_context(|| {
            let (kind, name) = (step.thing.kind(), step.thing.name());
            let place = if step.line == 0 { String::new() } else { format!("{}:{}: ", plan.path, step.line) };
            format!("{place}the {kind} {name} was refused; what came before it is done. Correct it and apply again")
        })?;
    }
    if work.touched {
        // Every active rule looks at everything.
        api.post("/propagation/revisions", &json!({})).await?;
    }
    Ok(())
}

struct Work<'a> {
    api: &'a ApiClient,
    current: &'a mut Current,
    /// Whether rules or what they stand on changed.
    touched: bool,
}

impl Work<'_> {
    async fn step(&mut self, step: &Step) -> Result<()> {
        match (&step.thing, step.action) {
            (thing, Action::Remove) => self.remove(thing).await,
            (Thing::Population(it), _) => self.population(it).await,
            (Thing::Connection(it, secrets), _) => {
                self.touched = true;
                self.connection(it, secrets).await
            }
            (Thing::Rule(it), _) => {
                self.touched = true;
                self.rule(it).await
            }
        }
    }

    async fn population(&mut self, it: &Population) -> Result<()> {
        let mut body = json!({ "name": it.name, "description": it.description });
        if it.default {
            body["default"] = json!(true);
        }
        match self.current.populations.get(&it.name) {
            Some(id) => {
                self.api.put(&format!("/populations/{id}"), &body).await?;
            }
            None => {
                let made = self.api.post("/populations", &body).await?;
                self.current.populations.insert(it.name.clone(), id(&made)?);
            }
        }
        Ok(())
    }

    async fn connection(
        &mut self,
        it: &Connection,
        secrets: &std::collections::BTreeMap<String, String>,
    ) -> Result<()> {
        let mut configuration: Map<String, Value> = it.configuration.clone().into_iter().collect();
        if let Some((_, before)) = self.current.state.connections.get(&it.name) {
            configuration.extend(before.secrets.keys().map(|key| (key.clone(), json!(MASK))));
        }
        configuration.extend(secrets.iter().map(|(key, secret)| (key.clone(), json!(secret))));
        let body = json!({
            "type": it.kind,
            "name": it.name,
            "description": it.description,
            "status": if it.active { "ACTIVE" } else { "INACTIVE" },
            "managed": it.managed,
            "configuration": configuration,
        });
        match self.current.connections.get(&it.name) {
            Some(id) => {
                self.api.put(&format!("/propagation/stores/{id}"), &body).await?;
            }
            None => {
                let made = self.api.post("/propagation/stores", &body).await?;
                self.current.connections.insert(it.name.clone(), id(&made)?);
            }
        }
        Ok(())
    }

    /// A rule gets its mappings while it is inactive, or keeps at least one of them all the while.
    async fn rule(&mut self, it: &Rule) -> Result<()> {
        let plan = fields::plan(self.api).await?;
        let id = match self.current.rules.get(&it.name).cloned() {
            Some(id) => {
                let was_active = self.current.state.rules.get(&it.name).is_some_and(|(_, it)| it.active);
                if was_active && !it.active {
                    self.put_rule(&id, it, &plan, false).await?;
                }
                id
            }
            None => {
                let made = self.api.post("/propagation/rules", &self.body(it, &plan, false)?).await?;
                id(&made)?
            }
        };
        self.mappings(it, &id).await?;
        self.put_rule(&id, it, &plan, it.active).await
    }

    async fn put_rule(&self, id: &str, it: &Rule, plan: &Value, active: bool) -> Result<()> {
        let body = self.body(it, plan, active)?;
        self.api.put(&format!("/propagation/rules/{id}"), &body).await.map(|_| ())
    }

    fn body(&self, it: &Rule, plan: &Value, active: bool) -> Result<Value> {
        let remote = known(&self.current.connections, &it.connection)?;
        let direction = match it.direction {
            Direction::Outbound => fields::Direction::Outbound,
            Direction::Inbound => fields::Direction::Inbound,
        };
        let directory = json!({ "id": self.current.directory });
        let (source, target) = fields::ends(direction, directory, json!({ "id": remote }));
        let groups: Result<Vec<Value>> =
            it.groups.iter().map(|name| Ok(json!({ "id": known(&self.current.groups, name)? }))).collect();
        let mut configuration: Settings = it.configuration.clone();
        if let Some(population) = &it.population {
            configuration.insert(POPULATION_ID.into(), json!(known(&self.current.populations, population)?));
        }
        Ok(json!({
            "plan": plan,
            "name": it.name,
            "description": it.description,
            "sourceStore": source,
            "targetStore": target,
            "active": active,
            "populationExpression": it.filter,
            "groups": groups?,
            "configuration": configuration,
        }))
    }

    /// New and changed ones first, the e-mail before all others: an active rule is never without it.
    async fn mappings(&self, it: &Rule, rule: &str) -> Result<()> {
        let none = Vec::new();
        let old = self.current.state.rules.get(&it.name).map_or(&none, |(_, it)| &it.mappings);
        let mut new: Vec<&Mapping> = it.mappings.iter().filter(|mapping| !old.contains(mapping)).collect();
        new.sort_by_key(|mapping| mapping.target != "email");
        for mapping in new {
            let mut body = json!({ "targetAttribute": mapping.target });
            if let Some(source) = &mapping.source {
                body["sourceAttribute"] = json!(source);
            }
            if let Some(expression) = &mapping.expression {
                body["expression"] = json!(expression);
            }
            let key = (it.name.clone(), mapping.target.clone());
            let sent = match self.current.mappings.get(&key) {
                Some(id) => self.api.put(&format!("/propagation/mappings/{id}"), &body).await,
                None => self.api.post(&format!("/propagation/rules/{rule}/mappings"), &body).await,
            };
            sent.with_context(|| format!("the mapping of {}", mapping.target))?;
        }
        let wanted = |target: &str| it.mappings.iter().any(|mapping| mapping.target == target);
        let mut gone: Vec<&Mapping> = old.iter().filter(|mapping| !wanted(&mapping.target)).collect();
        gone.sort_by_key(|mapping| mapping.target == "email");
        for mapping in gone {
            if let Some(id) = self.current.mappings.get(&(it.name.clone(), mapping.target.clone())) {
                self.api.delete(&format!("/propagation/mappings/{id}")).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, thing: &Thing) -> Result<()> {
        let current = &self.current;
        match thing {
            Thing::Rule(it) => {
                self.api.delete(&format!("/propagation/rules/{}", known(&current.rules, &it.name)?)).await
            }
            Thing::Population(it) => {
                self.api.delete(&format!("/populations/{}", known(&current.populations, &it.name)?)).await
            }
            Thing::Connection(it, _) => {
                let path = format!("/propagation/stores/{}", known(&current.connections, &it.name)?);
                // A rule that is being deleted holds it until its last run is done.
                let began = Instant::now();
                loop {
                    match self.api.delete(&path).await {
                        Err(_) if began.elapsed() < PATIENCE => {
                            tokio::time::sleep(Duration::from_millis(200)).await;
                        }
                        done => return done,
                    }
                }
            }
        }
    }
}

fn known<'m>(ids: &'m std::collections::BTreeMap<String, String>, name: &str) -> Result<&'m String> {
    ids.get(name).with_context(|| format!("{name} is not there any more"))
}

fn id(made: &Value) -> Result<String> {
    made["id"].as_str().map(str::to_owned).context("the server answered without an id")
}
