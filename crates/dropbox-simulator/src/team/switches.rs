//! What nobody outside Dropbox knows for sure, as switches. Each default says why it is the default.

/// The open questions about the real API. `Switches::default()` is the simulator's best reading of it.
///
/// ```
/// use dropbox_simulator::{Switches, Team};
/// let team = Team::builder()
///     .switches(Switches { invited_may_join_groups: false, ..Switches::default() })
///     .build();
/// # let _ = team;
/// ```
#[derive(Clone, Debug)]
pub struct Switches {
    /// An invited member's e-mail may be changed. Default true (Okta's documentation); Ping's says no. When false,
    /// `set_profile` answers `set_profile_disallowed`: there is no tag of its own for it.
    pub invited_email_can_change: bool,
    /// An invited member can be added to a group. Default true (Okta); Ping says no. When false, `members_not_in_team`.
    pub invited_may_join_groups: bool,
    /// Invited members have an `account_id`. Default true; false is how a placeholder for a personal account looks.
    pub invited_have_account_id: bool,
    /// Invited members keep a licence. Default true (the API guide); some say no.
    pub invited_use_licence: bool,
    /// Suspended members keep a licence. Default true (help pages).
    pub suspended_use_licence: bool,
    /// `get_info_v2` shows a removed member asked for by `team_member_id`. Default true; by e-mail or external id it
    /// is `id_not_found` either way.
    pub removed_visible_by_id: bool,
    /// A removed member's e-mail is changed so that it is out of the way (`…#removed-…`). Default false.
    pub removed_email_is_rewritten: bool,
    /// More than 20 new members in one `members/add_v2` are refused with 400. Default 20 (prose of the documentation).
    pub max_new_members: usize,
    /// Members in one `groups/members/add` or `remove` beyond which 400 is answered. Default none: not documented.
    pub max_group_members_per_call: Option<usize>,
    /// Group names that differ only in case are the same name. Default true.
    pub group_names_ignore_case: bool,
    /// The longest group name, in characters; longer is `group_name_invalid`. Default 255; not documented.
    pub max_group_name: usize,
    /// A deleted group's name and external id can be used again. Default true.
    pub deleted_group_name_is_free: bool,
    /// Deleting a deleted group answers `group_already_deleted`. Default true; when false, `group_not_found`.
    pub deleted_group_is_remembered: bool,
    /// The group "Everyone at …" appears in each member's `profile.groups`. Default true: clients must cope.
    pub system_group_in_profiles: bool,
    /// `groups/members/list` lists the group "Everyone at …". Default true, as its error union has no tag against it;
    /// when false, `group_not_found`.
    pub system_group_can_be_listed: bool,
    /// A group made without a management type is company-managed. Default true; when false, user-managed.
    pub groups_are_company_managed_by_default: bool,
    /// A suspended member stays in their groups. Default true.
    pub suspended_keep_groups: bool,
    /// `members/recover` puts the member back into the groups they were in. Default true.
    pub recover_restores_groups: bool,
    /// How long a listing's cursor is good for, in milliseconds of the simulator's clock. Default none: for ever.
    pub cursor_lifetime_ms: Option<u64>,
    /// The event log gives events in the order in which they became known. Default false: "not sorted".
    pub events_in_order: bool,
    /// An event is known up to so many milliseconds after it happened, each after another while. Default 0.
    pub events_late_ms: u64,
    /// How likely an event comes twice, 0 to 1. Default 0.
    pub events_repeated: f64,
    /// Events name members by `team_member_id`. Default true; false leaves it out, as "may be missing" allows.
    pub events_name_members_by_id: bool,
    /// What an unknown route answers. Default 404, which nobody verified.
    pub unknown_route_status: u16,
    /// When the administrator who authorised the app leaves or is no administrator any more, the token is dead for
    /// every route (401 `invalid_access_token`, `invalid_grant`). Default false: only `get_authenticated_admin` says so.
    pub token_dies_with_administrator: bool,
    /// `groups/delete` answers with a job to poll. Default false.
    pub group_delete_is_a_job: bool,
    /// `members/remove` answers with a job to poll. Default false.
    pub member_remove_is_a_job: bool,
    /// How often a job answers `in_progress` before it is complete, unless a fault says otherwise. Default 1.
    pub job_polls: u32,
    /// The team uses SAML persistent ids. Default false: `persistent_id_disabled`.
    pub persistent_ids: bool,
    /// The team may restrict the directory. Default false: `directory_restricted_off`.
    pub directory_restrictions: bool,
    /// The team may share with people outside of it, which `retain_team_shares` needs. Default true.
    pub external_sharing: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            invited_email_can_change: true,
            invited_may_join_groups: true,
            invited_have_account_id: true,
            invited_use_licence: true,
            suspended_use_licence: true,
            removed_visible_by_id: true,
            removed_email_is_rewritten: false,
            max_new_members: 20,
            max_group_members_per_call: None,
            group_names_ignore_case: true,
            max_group_name: 255,
            deleted_group_name_is_free: true,
            deleted_group_is_remembered: true,
            system_group_in_profiles: true,
            system_group_can_be_listed: true,
            groups_are_company_managed_by_default: true,
            suspended_keep_groups: true,
            recover_restores_groups: true,
            cursor_lifetime_ms: None,
            events_in_order: false,
            events_late_ms: 0,
            events_repeated: 0.0,
            events_name_members_by_id: true,
            unknown_route_status: 404,
            token_dies_with_administrator: false,
            group_delete_is_a_job: false,
            member_remove_is_a_job: false,
            job_polls: 1,
            persistent_ids: false,
            directory_restrictions: false,
            external_sharing: true,
        }
    }
}
