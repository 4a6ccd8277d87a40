//! The routes that are used, whether a lost answer of one may have changed something, and how long its answers may be.

use crate::http::{LONGEST_ANSWER, LONGEST_LISTING};

/// A route of the Dropbox team API.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Its path below the Service URI.
    pub path: &'static str,
    /// Whether it changes something: its lost answers are resolved by reading back, never by blind repetition.
    pub write: bool,
    /// The longest answer, in bytes.
    pub longest: usize,
}

macro_rules! routes {
    ($($name:ident = $path:literal, $write:literal, $longest:ident;)*) => {
        $(pub(super) const $name: &Route = &Route { path: $path, write: $write, longest: $longest };)*

        /// Every route that the connector calls.
        pub const ROUTES: &[&Route] = &[$($name),*];
    };
}

routes! {
    TEAM_INFO = "team/get_info", false, LONGEST_ANSWER;
    AUTHENTICATED_ADMIN = "team/token/get_authenticated_admin", false, LONGEST_ANSWER;
    MEMBERS_LIST = "team/members/list_v2", false, LONGEST_LISTING;
    MEMBERS_LIST_CONTINUE = "team/members/list/continue_v2", false, LONGEST_LISTING;
    MEMBERS_GET_INFO = "team/members/get_info_v2", false, LONGEST_LISTING;
    MEMBERS_ADD = "team/members/add_v2", true, LONGEST_ANSWER;
    MEMBERS_ADD_STATUS = "team/members/add/job_status/get_v2", false, LONGEST_ANSWER;
    MEMBERS_SET_PROFILE = "team/members/set_profile_v2", true, LONGEST_ANSWER;
    MEMBERS_SET_ROLE = "team/members/set_admin_permissions_v2", true, LONGEST_ANSWER;
    MEMBERS_SUSPEND = "team/members/suspend", true, LONGEST_ANSWER;
    MEMBERS_UNSUSPEND = "team/members/unsuspend", true, LONGEST_ANSWER;
    MEMBERS_REMOVE = "team/members/remove", true, LONGEST_ANSWER;
    MEMBERS_REMOVE_STATUS = "team/members/remove/job_status/get", false, LONGEST_ANSWER;
    MEMBERS_RECOVER = "team/members/recover", true, LONGEST_ANSWER;
    GROUPS_LIST = "team/groups/list", false, LONGEST_LISTING;
    GROUPS_LIST_CONTINUE = "team/groups/list/continue", false, LONGEST_LISTING;
    GROUPS_GET_INFO = "team/groups/get_info", false, LONGEST_LISTING;
    GROUPS_CREATE = "team/groups/create", true, LONGEST_ANSWER;
    GROUPS_UPDATE = "team/groups/update", true, LONGEST_ANSWER;
    GROUPS_DELETE = "team/groups/delete", true, LONGEST_ANSWER;
    GROUPS_JOB_STATUS = "team/groups/job_status/get", false, LONGEST_ANSWER;
    GROUPS_MEMBERS_ADD = "team/groups/members/add", true, LONGEST_ANSWER;
    GROUPS_MEMBERS_REMOVE = "team/groups/members/remove", true, LONGEST_ANSWER;
    GET_EVENTS = "team_log/get_events", false, LONGEST_LISTING;
    GET_EVENTS_CONTINUE = "team_log/get_events/continue", false, LONGEST_LISTING;
}
