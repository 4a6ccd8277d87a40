//! What a route needs of its caller. Each route names one of these, in the one table of `api::routes`.

use usher_domain::access::Role;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// See users and groups.
    ReadIdentities,
    /// Change users and groups.
    WriteIdentities,
    /// See environments, populations, provisioning, runs.
    ReadConfiguration,
    /// Change environments, populations, provisioning; start syncs.
    WriteConfiguration,
    /// Approve or cancel a held run.
    ApproveSyncs,
    /// See who may call: clients, administrators, signing keys.
    ReadAccess,
    /// Change who may call. Nobody gives a role that they do not have, whatever this says.
    WriteAccess,
    /// See the audit: it tells of people and of the set-up alike.
    ReadActivities,
    /// Take away what the audit says of a person.
    RedactActivities,
}

impl Permission {
    /// The roles of which one suffices.
    pub(crate) fn roles(self) -> &'static [Role] {
        use Role::*;
        match self {
            Permission::ReadIdentities => &[IdentityDataAdmin, IdentityDataReadOnly],
            Permission::WriteIdentities => &[IdentityDataAdmin],
            // Whoever keeps users must see the populations they live in, and where their sync stands.
            Permission::ReadConfiguration => &[
                EnvironmentAdmin,
                ConfigurationReadOnly,
                IdentityDataAdmin,
                IdentityDataReadOnly,
                SyncApprover,
            ],
            Permission::WriteConfiguration => &[EnvironmentAdmin],
            Permission::ApproveSyncs => &[SyncApprover],
            Permission::ReadAccess => &[EnvironmentAdmin, ConfigurationReadOnly],
            Permission::WriteAccess => &[EnvironmentAdmin],
            Permission::ReadActivities => &[EnvironmentAdmin, IdentityDataAdmin, IdentityDataReadOnly],
            // Not those who keep users: nobody takes away what is told of their own doing.
            Permission::RedactActivities => &[EnvironmentAdmin],
        }
    }

    /// Whether a caller with these roles may.
    pub(crate) fn allows(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles().contains(role))
    }
}
