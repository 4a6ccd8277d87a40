//! What each route does and answers, given a request that is well formed and permitted.
//!
//! No HTTP here: a handler gets its decoded argument and gives the result's JSON, or refuses.

mod arg;
mod events;
mod features;
mod group_members;
mod groups;
mod info;
pub(crate) mod jobs;
mod listing;
mod member_add;
mod member_leave;
mod members;
mod wire;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::spec::{RouteSpec, SPEC};
use crate::team::Team;
use crate::team::log::Actor;
use jobs::JobOrder;

macro_rules! routes {
    ($($(#[doc = $doc:literal])? $name:ident $path:literal $handler:path;)*) => {
        /// A route that the simulator serves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Route {
            $(#[doc = concat!("`", $path, "`")] $name,)*
        }

        impl Route {
            /// Every route.
            pub const ALL: &'static [Route] = &[$(Route::$name),*];

            /// Its path below `/2/`.
            pub fn path(self) -> &'static str {
                match self { $(Route::$name => $path,)* }
            }

            fn handle(self, ask: &Ask<'_>, team: &mut Team) -> Answered {
                match self { $(Route::$name => $handler(ask, team),)* }
            }
        }
    };
}

routes! {
    TeamGetInfo "team/get_info" info::get_info;
    FeaturesGetValues "team/features/get_values" features::get_values;
    TokenGetAuthenticatedAdmin "team/token/get_authenticated_admin" info::get_authenticated_admin;
    MembersList "team/members/list_v2" listing::members;
    MembersListContinue "team/members/list/continue_v2" listing::members_continue;
    MembersGetInfo "team/members/get_info_v2" members::get_info;
    MembersGetRoles "team/members/get_available_team_member_roles" members::get_roles;
    MembersAdd "team/members/add_v2" member_add::add;
    MembersAddJobStatus "team/members/add/job_status/get_v2" jobs::add_status;
    MembersSetProfile "team/members/set_profile_v2" members::set_profile;
    MembersSetAdminPermissions "team/members/set_admin_permissions_v2" members::set_admin_permissions;
    MembersSuspend "team/members/suspend" member_leave::suspend;
    MembersUnsuspend "team/members/unsuspend" member_leave::unsuspend;
    MembersRemove "team/members/remove" member_leave::remove;
    MembersRemoveJobStatus "team/members/remove/job_status/get" jobs::remove_status;
    MembersRecover "team/members/recover" member_leave::recover;
    MembersSendWelcomeEmail "team/members/send_welcome_email" member_add::send_welcome_email;
    GroupsList "team/groups/list" listing::groups;
    GroupsListContinue "team/groups/list/continue" listing::groups_continue;
    GroupsGetInfo "team/groups/get_info" groups::get_info;
    GroupsCreate "team/groups/create" groups::create;
    GroupsUpdate "team/groups/update" groups::update;
    GroupsDelete "team/groups/delete" groups::delete;
    GroupsJobStatus "team/groups/job_status/get" jobs::group_status;
    GroupMembersList "team/groups/members/list" listing::group_members;
    GroupMembersListContinue "team/groups/members/list/continue" listing::group_members_continue;
    GroupMembersAdd "team/groups/members/add" group_members::add;
    GroupMembersRemove "team/groups/members/remove" group_members::remove;
    GroupMembersSetAccessType "team/groups/members/set_access_type" group_members::set_access_type;
    GetEvents "team_log/get_events" events::get_events;
    GetEventsContinue "team_log/get_events/continue" events::get_events_continue;
}

impl Route {
    /// The route at a path below `/2/`.
    pub fn at(path: &str) -> Option<Route> {
        Route::ALL.iter().copied().find(|route| route.path() == path)
    }

    /// Whether it changes anything on the team.
    pub fn is_write(self) -> bool {
        let reads_a_job = matches!(
            self,
            Route::MembersAddJobStatus | Route::MembersRemoveJobStatus | Route::GroupsJobStatus
        );
        !self.spec().scope.ends_with(".read") && !reads_a_job
    }

    pub(crate) fn spec(self) -> &'static RouteSpec {
        match SPEC.route(self.path()) {
            Some(spec) => spec,
            None => panic!("the embedded specification lacks {}", self.path()),
        }
    }
}

/// One request that is well formed and permitted, with what was ordered for it.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The argument, decoded: defaults filled in, unions in their long form.
    pub(crate) arg: Value,
    /// The argument as it was sent.
    pub(crate) sent: &'a Value,
    /// A listing is to answer with an empty page that says there is more.
    pub(crate) empty_page: bool,
    /// A cursor is to be refused.
    pub(crate) refuse_cursor: bool,
    /// The event log's cursor is out of date.
    pub(crate) reset_cursor: bool,
    /// The work is to be done by a job like this.
    pub(crate) job: Option<JobOrder>,
}

impl Ask<'_> {
    fn arg<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_value(self.arg.clone())
            .map_err(|error| Refusal::Broken(format!("the argument passed validation, but: {error}")))
    }
}

/// Why a route does not do what was asked.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// One of the route's own errors: 409.
    Error(Value),
    /// A rule that the types cannot tell: 400, with this text.
    BadInput(String),
    /// The simulator is wrong: 500, and a complaint.
    Broken(String),
}

/// A result's JSON, or a refusal.
pub(crate) type Answered = Result<Vec<u8>, Refusal>;

fn refuse<T>(tag: &str) -> Result<T, Refusal> {
    Err(Refusal::Error(json!({ ".tag": tag })))
}

fn refuse_with<T>(tag: &str, value: impl Serialize) -> Result<T, Refusal> {
    let mut error = json!({ ".tag": tag });
    error[tag] = json!(value);
    Err(Refusal::Error(error))
}

fn result(value: &impl Serialize) -> Answered {
    serde_json::to_vec(value).map_err(|error| Refusal::Broken(format!("a result cannot be written: {error}")))
}

/// Does what a route does.
pub(crate) fn perform(route: Route, ask: &Ask<'_>, team: &mut Team) -> Answered {
    team.log.actor = Actor::App;
    let answered = route.handle(ask, team);
    team.log.actor = Actor::Admin;
    answered
}
