//! The audit's events, in PingOne's action types, resource types and sentences (facts §1.13).

use serde_json::{Map, Value};

use super::Stamp;
use crate::{
    EnvironmentId,
    directory::{
        audit::{Event, Resource},
        environment::Environment,
        group::Group,
        population::Population,
        user::User,
    },
};

impl Stamp<'_> {
    /// An event of something that succeeded.
    pub fn event(
        &self,
        environment: EnvironmentId,
        action: &str,
        resource: Resource,
        description: String,
        changes: Option<Map<String, Value>>,
    ) -> Event {
        Event {
            id: self.ids.next().into(),
            environment,
            recorded_at: self.now,
            correlation_id: self.correlation_id.map(str::to_owned),
            actor: self.actor.clone(),
            action: action.to_owned(),
            resources: vec![resource],
            status: "SUCCESS".to_owned(),
            description,
            changes: changes.filter(|changes| !changes.is_empty()).map(Value::Object),
        }
    }
}

pub(crate) fn of_user(user: &User) -> Resource {
    Resource {
        kind: "USER".into(),
        id: user.id.to_string(),
        name: user.username.clone(),
        population: Some(user.population.to_string()),
        path: format!("/users/{}", user.id),
    }
}

pub(crate) fn of_group(group: &Group) -> Resource {
    Resource {
        kind: "GROUP".into(),
        id: group.id.to_string(),
        name: group.name.clone(),
        population: group.population.map(|id| id.to_string()),
        path: format!("/groups/{}", group.id),
    }
}

pub(crate) fn of_population(population: &Population) -> Resource {
    Resource {
        kind: "POPULATION".into(),
        id: population.id.to_string(),
        name: population.name.clone(),
        population: None,
        path: format!("/populations/{}", population.id),
    }
}

pub(crate) fn of_environment(environment: &Environment) -> Resource {
    Resource {
        kind: "ENVIRONMENT".into(),
        id: environment.id.to_string(),
        name: environment.name.clone(),
        population: None,
        path: String::new(),
    }
}
