//! An event as PingOne shows it (facts/pingone.md §1.13): the one shape, whether it is read or delivered.

use serde_json::{Map, Value, json};

use super::{Actor, Event, Resource};

impl Event {
    /// The event in PingOne's shape, as webhooks deliver it and `/activities` lists it. `v1` is what links begin with,
    /// such as `https://usher.example.com/v1`. Left to the caller is what only one of the two has: `_links` and
    /// `createdAt` of what is read, `_embedded` of what is delivered.
    pub fn to_pingone(&self, v1: &str) -> Value {
        let mut shown = Map::new();
        shown.insert("id".into(), json!(self.id));
        shown.insert("recordedAt".into(), json!(self.recorded_at));
        if let Some(id) = &self.correlation_id {
            shown.insert("correlationId".into(), json!(id));
        }
        let environment = json!({ "id": self.environment });
        match &self.actor {
            Actor::Client { id, name } => {
                let client = json!({ "id": id, "name": name, "environment": environment, "type": "CLIENT" });
                shown.insert("actors".into(), json!({ "client": client }));
            }
            Actor::User { id, name } => {
                let user = json!({ "id": id, "name": name, "environment": environment, "type": "USER" });
                shown.insert("actors".into(), json!({ "user": user }));
            }
            Actor::System => {}
        }
        shown.insert("action".into(), json!({ "type": self.action, "description": words(&self.action) }));
        let resources = self.resources.iter().map(|resource| self.resource(resource, v1));
        shown.insert("resources".into(), resources.collect());
        shown.insert("result".into(), json!({ "status": self.status, "description": self.description }));
        Value::Object(shown)
    }

    fn resource(&self, resource: &Resource, v1: &str) -> Value {
        let mut shown = json!({
            "type": resource.kind,
            "id": resource.id,
            "name": resource.name,
            "environment": { "id": self.environment },
            "href": format!("{v1}/environments/{}{}", self.environment, resource.path),
        });
        if let Some(population) = &resource.population {
            shown["population"] = json!({ "id": population });
        }
        shown
    }
}

/// `PROVISIONING_RULE.CREATED` as `Provisioning Rule Created`.
fn words(action: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase())).collect::<String>()
    };
    action.split(['.', '_']).map(capitalised).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{EnvironmentId, EventId, Timestamp};

    fn event(actor: Actor) -> Event {
        Event {
            id: EventId(Uuid::from_u128(1)),
            environment: EnvironmentId(Uuid::from_u128(0xe)),
            recorded_at: Timestamp::from_millis(1_658_161_939_529),
            correlation_id: Some("c-1".into()),
            actor,
            action: "PROVISIONING_CONNECTION.CREATED".into(),
            resources: vec![Resource {
                kind: "PROVISIONING_IDENTITY_CONNECTION".into(),
                id: Uuid::from_u128(5).to_string(),
                name: "xyz".into(),
                population: None,
                path: "/propagation/stores/5".into(),
            }],
            status: "SUCCESS".into(),
            description: "Created connection xyz of type xyz.".into(),
            changes: Some(json!({ "name": { "from": null, "to": "xyz" } })),
        }
    }

    #[test]
    fn an_event_is_shown_as_pingone_shows_its_own() {
        let shown = event(Actor::Client { id: Uuid::from_u128(9), name: "adminui".into() })
            .to_pingone("https://usher.example.com/v1");
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap(), @r#"
        {
          "action": {
            "description": "Provisioning Connection Created",
            "type": "PROVISIONING_CONNECTION.CREATED"
          },
          "actors": {
            "client": {
              "environment": {
                "id": "00000000-0000-0000-0000-00000000000e"
              },
              "id": "00000000-0000-0000-0000-000000000009",
              "name": "adminui",
              "type": "CLIENT"
            }
          },
          "correlationId": "c-1",
          "id": "00000000-0000-0000-0000-000000000001",
          "recordedAt": "2022-07-18T16:32:19.529Z",
          "resources": [
            {
              "environment": {
                "id": "00000000-0000-0000-0000-00000000000e"
              },
              "href": "https://usher.example.com/v1/environments/00000000-0000-0000-0000-00000000000e/propagation/stores/5",
              "id": "00000000-0000-0000-0000-000000000005",
              "name": "xyz",
              "type": "PROVISIONING_IDENTITY_CONNECTION"
            }
          ],
          "result": {
            "description": "Created connection xyz of type xyz.",
            "status": "SUCCESS"
          }
        }
        "#);
    }

    #[test]
    fn what_usher_does_by_itself_has_no_actor() {
        let shown = event(Actor::System).to_pingone("https://usher.example.com/v1");
        assert_eq!(shown.get("actors"), None);
    }

    #[test]
    fn an_action_is_described_by_its_own_words() {
        insta::assert_snapshot!(words("MEMBER_OF_GROUP.CREATED"), @"Member Of Group Created");
    }
}
