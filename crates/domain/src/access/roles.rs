//! The laws of roles: nobody gives what they do not have, and somebody always has the keys.

use serde_json::Value;

use super::{Administrator, Role, WorkerClient};
use crate::{
    Detail, Rejection,
    directory::{
        change::Write,
        commands::{Body, body::Faults},
        environment::Environment,
    },
};

/// Who else has the keys of the environment.
#[derive(Clone, Copy, Debug)]
pub struct Keyholders<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// Its clients.
    pub clients: &'a [WorkerClient],
    /// Its administrators.
    pub administrators: &'a [Administrator],
}

/// The `roles` of a body: a list of their names, in the order of [`Role::ALL`], none twice.
pub(super) fn read(body: &Body, faults: &mut Faults) -> Vec<Role> {
    let names = Role::ALL.map(Role::name);
    let named = match body.get("roles") {
        None | Some(Value::Null) => {
            faults.required("roles", &format!("a list of {}", names.join(", ")));
            return Vec::new();
        }
        Some(Value::Array(named)) => named,
        Some(other) => {
            faults.wrong_type("roles", "a list of role names", other);
            return Vec::new();
        }
    };
    let known = |name: &Value| Role::ALL.into_iter().find(|role| name.as_str() == Some(role.name()));
    if named.iter().any(|name| known(name).is_none()) {
        faults.one_of("roles", &names);
    }
    Role::ALL.into_iter().filter(|role| named.iter().any(|name| known(name) == Some(*role))).collect()
}

/// Refuses to let someone with the roles of `giver` hand out these, by giving them or by becoming who has them.
pub(super) fn must_have(giver: &[Role], roles: &[Role]) -> Result<(), Rejection> {
    let missing: Vec<&str> =
        roles.iter().filter(|role| !giver.contains(role)).map(|role| role.name()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Rejection::forbidden(format!(
        "Nobody can give a role that they do not have, or take over who has it; the caller lacks {}.",
        missing.join(", ")
    )))
}

/// Whether someone with these roles, enabled or not, can manage access.
fn holds(enabled: bool, roles: &[Role]) -> bool {
    enabled && roles.contains(&Role::EnvironmentAdmin)
}

/// When someone stops being an Environment Admin: refuses it to the last one. The environment is written too, so that of
/// two who leave at once, the second is decided anew.
pub(super) fn stepping_down(
    before: (bool, &[Role]),
    after: (bool, &[Role]),
    keyholders: Keyholders<'_>,
) -> Result<Option<Write>, Rejection> {
    if !holds(before.0, before.1) || holds(after.0, after.1) {
        return Ok(None);
    }
    let clients = keyholders.clients.iter().filter(|client| holds(client.enabled, &client.roles)).count();
    let administrators = keyholders.administrators.iter();
    let administrators = administrators.filter(|it| holds(it.enabled, &it.roles)).count();
    if clients + administrators <= 1 {
        return Err(Rejection::invalid(vec![Detail::new(
            "CONSTRAINT_VIOLATION",
            "roles",
            "This is the last enabled Environment Admin; give the role to another client or administrator first",
        )]));
    }
    Ok(Some(keyholders.environment.alone()))
}
