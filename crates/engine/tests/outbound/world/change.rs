//! What people do: to the directory, to the rule, to the connection.

use serde_json::{Map, Value, json};
use usher_domain::directory::change::{ChangeSet, Write};
use usher_engine::directory::By;

use super::*;

fn by() -> By {
    By { actor: person(), correlation_id: None }
}

fn body(value: Value) -> Map<String, Value> {
    let Value::Object(body) = value else { panic!("a body is an object") };
    body
}

/// `ada` is called Ada.
pub(crate) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl World {
    /// The guard's limits for rules that set none of their own.
    pub(crate) async fn guard_defaults(&self, configuration: Value) {
        let body = body(serde_json::json!({ "configuration": configuration }));
        self.directory.replace_guard_defaults(&by(), ENVIRONMENT, &body).await.unwrap();
    }

    pub(crate) async fn create_user(&self, name: &str) {
        self.create_user_with(name, Map::new()).await;
    }

    /// Someone new; `more` goes over what their name gives.
    pub(crate) async fn create_user_with(&self, name: &str, more: Map<String, Value>) {
        let mut body = body(json!({
            "username": name,
            "email": format!("{name}@example.com"),
            "name": {"given": capitalized(name), "family": "Example"},
        }));
        body.extend(more);
        let user = self.directory.create_user(&by(), ENVIRONMENT, &body).await.unwrap();
        self.users.borrow_mut().insert(name.into(), user.id);
    }

    /// Changes attributes, as the API spells them; null clears one.
    pub(crate) async fn patch(&self, name: &str, patch: Value) {
        self.directory.patch_user(&by(), ENVIRONMENT, self.user_id(name), &body(patch)).await.unwrap();
    }

    pub(crate) async fn disable(&self, name: &str) {
        self.directory.set_user_enabled(&by(), ENVIRONMENT, self.user_id(name), false).await.unwrap();
    }

    pub(crate) async fn enable(&self, name: &str) {
        self.directory.set_user_enabled(&by(), ENVIRONMENT, self.user_id(name), true).await.unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.directory.delete_user(&by(), ENVIRONMENT, self.user_id(name)).await.unwrap();
    }

    pub(crate) async fn create_group(&self, name: &str) {
        let group =
            self.directory.create_group(&by(), ENVIRONMENT, &body(json!({"name": name}))).await.unwrap();
        self.groups.borrow_mut().insert(name.into(), group.id);
    }

    /// It is still called by its first name here.
    pub(crate) async fn rename_group(&self, name: &str, new: &str) {
        let id = self.group_id(name);
        self.directory.replace_group(&by(), ENVIRONMENT, id, &body(json!({"name": new}))).await.unwrap();
    }

    pub(crate) async fn delete_group(&self, name: &str) {
        self.directory.delete_group(&by(), ENVIRONMENT, self.group_id(name)).await.unwrap();
    }

    pub(crate) async fn join(&self, user: &str, group: &str) {
        let (user, group) = (self.user_id(user), self.group_id(group));
        self.directory.add_member(&by(), ENVIRONMENT, user, group).await.unwrap();
    }

    pub(crate) async fn leave(&self, user: &str, group: &str) {
        let (user, group) = (self.user_id(user), self.group_id(group));
        self.directory.remove_member(&by(), ENVIRONMENT, user, group).await.unwrap();
    }

    /// Nothing when they are not in it.
    pub(crate) async fn leave_if_in(&self, user: &str, group: &str) {
        if self.store.memberships_of(self.user_id(user)).await.unwrap().contains(&self.group_id(group)) {
            self.leave(user, group).await;
        }
    }

    pub(crate) async fn nest(&self, child: &str, parent: &str) {
        let (child, parent) = (self.group_id(child), self.group_id(parent));
        self.directory.nest_group(&by(), ENVIRONMENT, child, parent).await.unwrap();
    }

    /// Nests, or ends the nesting; gives whether it is nested now.
    pub(crate) async fn toggle_nesting(&self, child: &str, parent: &str) -> bool {
        let nesting = usher_domain::directory::group::Nesting {
            child: self.group_id(child),
            parent: self.group_id(parent),
        };
        let was = self.store.nestings(ENVIRONMENT).await.unwrap().contains(&nesting);
        match was {
            true => self.unnest(child, parent).await,
            false => self.nest(child, parent).await,
        }
        !was
    }

    pub(crate) async fn unnest(&self, child: &str, parent: &str) {
        let (child, parent) = (self.group_id(child), self.group_id(parent));
        self.directory.unnest_group(&by(), ENVIRONMENT, child, parent).await.unwrap();
    }

    /// A person tests the connection, with success.
    pub(crate) async fn test_connection(&self) {
        let connection = self.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        self.directory.connection_tested(&connection, &self.healthy()).await.unwrap();
    }

    /// Changes a setting of the connection; like a person who flips an action, it makes nothing due.
    pub(crate) async fn set(&self, key: &str, value: impl Into<Value>) {
        let mut connection = self.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        connection.configuration.insert(key.into(), value.into());
        connection.version += 1;
        let writes = vec![Write::Connection(connection)];
        self.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
    }

    /// Changes the rule, all of which is due then.
    pub(crate) async fn change_rule(&self, change: impl FnOnce(&mut Rule)) {
        let mut rule = self.rule().await;
        change(&mut rule);
        rule.version += 1;
        let due = vec![Due { rule: RULE, subject: DueSubject::Everything, at: self.now() }];
        let changes = ChangeSet { writes: vec![Write::Rule(rule)], due, ..ChangeSet::default() };
        self.store.commit(&changes).await.unwrap();
    }

    /// Deletes the rule; with `deprovision`, its accounts too, whatever the connection says.
    pub(crate) async fn delete_rule(&self, deprovision: bool, consent: Option<&str>) {
        self.directory.delete_rule(&by(), ENVIRONMENT, RULE, deprovision, consent).await.unwrap();
    }

    pub(crate) fn user_id(&self, name: &str) -> UserId {
        *self.users.borrow().get(name).unwrap_or_else(|| panic!("there is no user {name}"))
    }

    pub(crate) fn group_id(&self, name: &str) -> GroupId {
        *self.groups.borrow().get(name).unwrap_or_else(|| panic!("there is no group {name}"))
    }
}
