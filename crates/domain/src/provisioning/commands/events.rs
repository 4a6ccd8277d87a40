//! What the audit's events of the provisioning set-up are about (facts §1.13).

use crate::{
    directory::audit::Resource,
    provisioning::{
        connection::Connection,
        mapping::Mapping,
        rule::{PropagationPlan, Revision, Rule},
    },
};

fn resource(kind: &str, id: String, name: &str, shelf: &str) -> Resource {
    let path = format!("/propagation/{shelf}/{id}");
    Resource { kind: kind.into(), id, name: name.into(), population: None, path }
}

pub(super) fn of_connection(it: &Connection) -> Resource {
    resource("PROVISIONING_IDENTITY_CONNECTION", it.id.to_string(), &it.name, "stores")
}

pub(super) fn of_rule(it: &Rule) -> Resource {
    resource("PROVISIONING_IDENTITY_RULE", it.id.to_string(), &it.name, "rules")
}

pub(super) fn of_mapping(it: &Mapping) -> Resource {
    resource("PROVISIONING_IDENTITY_MAPPING", it.id.to_string(), &it.target, "mappings")
}

pub(super) fn of_plan(it: &PropagationPlan) -> Resource {
    resource("PROVISIONING_IDENTITY_PLAN", it.id.to_string(), &it.name, "plans")
}

pub(super) fn of_revision(it: &Revision) -> Resource {
    resource("PROVISIONING_IDENTITY_REVISION", it.id.to_string(), "revision", "revisions")
}
