//! The audit's action types, in the kinds that a person chooses by.

/// A kind: its word in an address, its label, its action types.
pub(super) type Kind = (&'static str, &'static str, &'static [&'static str]);

/// Every action type that Usher records, each in one kind.
pub(super) const KINDS: [Kind; 9] = [
    ("users", "Users", &["USER.CREATED", "USER.UPDATED", "USER.MOVED", "USER.DELETED"]),
    (
        "groups",
        "Groups and memberships",
        &[
            "GROUP.CREATED",
            "GROUP.UPDATED",
            "GROUP.DELETED",
            "MEMBER_OF_GROUP.CREATED",
            "MEMBER_OF_GROUP.DELETED",
        ],
    ),
    (
        "places",
        "Environment and populations",
        &[
            "ENVIRONMENT.CREATED",
            "ENVIRONMENT.UPDATED",
            "POPULATION.CREATED",
            "POPULATION.UPDATED",
            "POPULATION.DELETED",
            "ENVIRONMENT.EXPORTED",
        ],
    ),
    (
        "syncs",
        "Syncs: started, held, decided",
        &[
            "PROVISIONING_SYNC.STARTED",
            "PROVISIONING_SYNC.HELD",
            "PROVISIONING_SYNC.APPROVED",
            "PROVISIONING_SYNC.CANCELLED",
        ],
    ),
    (
        "failures",
        "Failures of syncs",
        &[
            "PROVISIONING_SYNC.FAILURE",
            "PROVISIONING_POLL.FAILURE",
            "PROVISIONING_IDENTITY_SYNC.FAILURE",
            "PROVISIONING_GROUP_SYNC.FAILURE",
            "PROVISIONING_GROUP_MEMBERSHIP_SYNC.FAILURE",
        ],
    ),
    (
        "provisioning",
        "Connections and rules",
        &[
            "PROVISIONING_CONNECTION.CREATED",
            "PROVISIONING_CONNECTION.UPDATED",
            "PROVISIONING_CONNECTION.DELETED",
            "PROVISIONING_CONNECTION.TESTED",
            "PROVISIONING_RULE.CREATED",
            "PROVISIONING_RULE.UPDATED",
            "PROVISIONING_RULE.DELETED",
            "PROVISIONING_MAPPING.CREATED",
            "PROVISIONING_MAPPING.UPDATED",
            "PROVISIONING_MAPPING.DELETED",
            "PROVISIONING_PLAN.CREATED",
            "PROVISIONING_PLAN.UPDATED",
            "PROVISIONING_PLAN.DELETED",
            "PROVISIONING_REVISION.CREATED",
        ],
    ),
    (
        "access",
        "Signing in, administrators, clients and keys",
        &[
            "USER.ACCESS_ALLOWED",
            "USER.ACCESS_DENIED",
            "USER.LOCKED",
            "SESSION.DELETED",
            "ACCESS.RECOVERED",
            "PASSWORD.SET",
            "PASSWORD.RESET",
            "PASSWORD.CHECK_FAILED",
            "OTP.CHECK_FAILED",
            "SECRET.CHECK_FAILED",
            "ROLE_ASSIGNMENT.CREATED",
            "ROLE_ASSIGNMENT.DELETED",
            "APPLICATION.CREATED",
            "APPLICATION.UPDATED",
            "APPLICATION.DELETED",
            "SECRET.UPDATED",
            "KEY.CREATED",
            "KEY.UPDATED",
            "KEY.DELETED",
        ],
    ),
    ("webhooks", "Webhooks", &["SUBSCRIPTION.CREATED", "SUBSCRIPTION.UPDATED", "SUBSCRIPTION.DELETED"]),
    ("redactions", "Redactions of the audit", &["ACTIVITY.REDACTED"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_type_is_in_one_kind() {
        let mut all: Vec<&str> = KINDS.iter().flat_map(|(.., actions)| *actions).copied().collect();
        let many = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), many);
    }
}
