//! The laws of roles: nobody gives a role that they do not have, and for every role someone who can give it remains.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

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

/// Who may lose a role.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder<'a> {
    Client(&'a WorkerClient),
    Administrator(&'a Administrator),
}

impl<'a> Holder<'a> {
    fn id(self) -> Uuid {
        match self {
            Holder::Client(it) => it.id.uuid(),
            Holder::Administrator(it) => it.id.uuid(),
        }
    }

    /// What they can use now: nothing while they are disabled. A lock-out ends by itself, so it takes nothing away here.
    fn roles(self) -> &'a [Role] {
        let (enabled, roles) = match self {
            Holder::Client(it) => (it.enabled, it.roles.as_slice()),
            Holder::Administrator(it) => (it.enabled, it.roles.as_slice()),
        };
        if enabled { roles } else { &[] }
    }
}

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Client(it) => write!(f, "client {}", it.name),
            Holder::Administrator(it) => write!(f, "administrator {}", it.username),
        }
    }
}

impl<'a> Keyholders<'a> {
    fn all(self) -> impl Iterator<Item = Holder<'a>> {
        let administrators = self.administrators.iter().map(Holder::Administrator);
        self.clients.iter().map(Holder::Client).chain(administrators)
    }

    /// The roles that no enabled client or administrator can give any more.
    pub fn lost(self) -> Vec<Role> {
        let lost = |role: &Role| !self.all().any(|it| can_give(it.roles(), *role));
        Role::ALL.into_iter().filter(lost).collect()
    }

    /// The enabled clients and administrators who can give a role, each with a word for what they are.
    pub fn givers(self) -> Vec<String> {
        let gives = |it: &Holder<'_>| it.roles().contains(&Role::EnvironmentAdmin);
        self.all().filter(gives).map(|it| it.to_string()).collect()
    }
}

/// Whether someone with these roles can give this one: they have it, and manage access.
fn can_give(roles: &[Role], role: Role) -> bool {
    roles.contains(&role) && roles.contains(&Role::EnvironmentAdmin)
}

/// When someone loses roles: refuses to take a role from the last who has it, or from the last who can give it. `after` is
/// whether they are enabled then, and their roles. The environment is written too, so that of two who lose roles at
/// once, the second is decided anew.
pub(super) fn stepping_down(
    who: Holder<'_>,
    after: (bool, &[Role]),
    keyholders: Keyholders<'_>,
) -> Result<Option<Write>, Rejection> {
    let before = who.roles();
    let after = if after.0 { after.1 } else { &[] };
    let others = || keyholders.all().filter(|other| other.id() != who.id()).map(Holder::roles);
    let is_last = |role: Role| {
        let holds = !after.contains(&role) && !others().any(|roles| roles.contains(&role));
        let gives =
            can_give(before, role) && !can_give(after, role) && !others().any(|roles| can_give(roles, role));
        holds || gives
    };
    let last: Vec<&str> = before.iter().filter(|role| is_last(**role)).map(|role| role.name()).collect();
    if !last.is_empty() {
        let roles = last.join(", ");
        let message = format!(
            "The {who} is the last enabled holder of {roles}: nobody could give it any more. First give it, together with \
             Environment Admin, to another enabled client or administrator"
        );
        return Err(Rejection::invalid(vec![Detail::new("CONSTRAINT_VIOLATION", "roles", message)]));
    }
    let loses = before.iter().any(|role| !after.contains(role));
    Ok(loses.then(|| keyholders.environment.alone()))
}
