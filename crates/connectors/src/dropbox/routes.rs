//! The routes that are used, and whether a lost answer of one may have changed something.

/// A route of the Dropbox team API.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Its path below the Service URI.
    pub path: &'static str,
    /// Whether it changes something: its lost answers are resolved by reading back, never by blind repetition.
    pub write: bool,
}

macro_rules! routes {
    ($($name:ident = $path:literal, $write:literal;)*) => {
        $(pub(super) const $name: &Route = &Route { path: $path, write: $write };)*

        /// Every route that the connector calls.
        pub const ROUTES: &[&Route] = &[$($name),*];
    };
}

routes! {
    TEAM_INFO = "team/get_info", false;
    AUTHENTICATED_ADMIN = "team/token/get_authenticated_admin", false;
    MEMBERS_LIST = "team/members/list_v2", false;
    MEMBERS_LIST_CONTINUE = "team/members/list/continue_v2", false;
    MEMBERS_GET_INFO = "team/members/get_info_v2", false;
    MEMBERS_ADD = "team/members/add_v2", true;
    MEMBERS_ADD_STATUS = "team/members/add/job_status/get_v2", false;
    MEMBERS_SET_PROFILE = "team/members/set_profile_v2", true;
    MEMBERS_SET_ROLE = "team/members/set_admin_permissions_v2", true;
    MEMBERS_SUSPEND = "team/members/suspend", true;
    MEMBERS_UNSUSPEND = "team/members/unsuspend", true;
    MEMBERS_REMOVE = "team/members/remove", true;
    MEMBERS_REMOVE_STATUS = "team/members/remove/job_status/get", false;
    MEMBERS_RECOVER = "team/members/recover", true;
    GROUPS_LIST = "team/groups/list", false;
    GROUPS_LIST_CONTINUE = "team/groups/list/continue", false;
    GROUPS_GET_INFO = "team/groups/get_info", false;
    GROUPS_CREATE = "team/groups/create", true;
    GROUPS_UPDATE = "team/groups/update", true;
    GROUPS_DELETE = "team/groups/delete", true;
    GROUPS_JOB_STATUS = "team/groups/job_status/get", false;
    GROUPS_MEMBERS_ADD = "team/groups/members/add", true;
    GROUPS_MEMBERS_REMOVE = "team/groups/members/remove", true;
    GET_EVENTS = "team_log/get_events", false;
    GET_EVENTS_CONTINUE = "team_log/get_events/continue", false;
}
