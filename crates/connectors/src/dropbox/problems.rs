//! What a refusal of Dropbox means for one person or group: its code, a sentence, what to do, and whether waiting
//! helps. One table for all routes, because the tags mean the same wherever they occur.

use std::{borrow::Cow, time::Duration};

use usher_domain::{
    Problem,
    reconcile::{
        operation::{Action, Operation},
        outcome::Outcome,
    },
};

use Then::{Look, Never, Wait};

/// What the engine does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Refused: a person must change something.
    Never,
    /// Postponed: time, or someone else, will change it.
    Wait,
    /// Postponed, and only a full observation can tell what to do.
    Look,
}

/// Tag, reason (after "…: "), remedy, then what. Sorted by tag.
const TABLE: &[(&str, &str, &str, Then)] = &[
    (
        "already_transferred",
        "its files were already transferred",
        "Nothing is left to transfer; take TRANSFER_DEST_EMAIL off the connection for this removal, or remove the member in the Dropbox admin console.",
        Never,
    ),
    (
        "already_transferred_or_deleted",
        "its files were already transferred or deleted",
        "Remove the member in the Dropbox admin console.",
        Never,
    ),
    (
        "cannot_keep_account",
        "only a team administrator may turn this account into a basic one",
        "Have a full team administrator authorise the app, or set KEEP_ACCOUNT to false.",
        Never,
    ),
    (
        "cannot_keep_account_and_delete_data",
        "an account cannot be kept while its devices are wiped",
        "Set either KEEP_ACCOUNT or WIPE_DATA to false.",
        Never,
    ),
    (
        "cannot_keep_account_and_permanently_delete",
        "an account cannot be kept while its files are deleted",
        "Set KEEP_ACCOUNT to false.",
        Never,
    ),
    (
        "cannot_keep_account_and_transfer",
        "an account cannot be kept while its files are transferred",
        "Set KEEP_ACCOUNT to false, or take TRANSFER_DEST_EMAIL and TRANSFER_ADMIN_EMAIL out.",
        Never,
    ),
    (
        "cannot_keep_account_required_to_sign_tos",
        "the member has yet to agree to Dropbox's terms before the account can be kept",
        "Ask the member to sign in once, or set KEEP_ACCOUNT to false.",
        Never,
    ),
    (
        "cannot_keep_account_under_legal_hold",
        "its content is under a legal hold",
        "Take the member off the legal hold, or set KEEP_ACCOUNT to false.",
        Never,
    ),
    (
        "cannot_keep_invited_user_account",
        "the invitation was never accepted, so there is no account to keep",
        "Nothing to do: the next run cancels the invitation.",
        Wait,
    ),
    (
        "cannot_permanently_delete_and_transfer",
        "files cannot be both deleted and transferred",
        "Take TRANSFER_DEST_EMAIL and TRANSFER_ADMIN_EMAIL out.",
        Never,
    ),
    (
        "cannot_retain_shares_when_data_wiped",
        "shares cannot be kept while devices are wiped",
        "Set WIPE_DATA to false.",
        Never,
    ),
    (
        "cannot_retain_shares_when_no_account_kept",
        "shares cannot be kept without the account",
        "Set KEEP_ACCOUNT to true.",
        Never,
    ),
    (
        "cannot_retain_shares_when_team_external_sharing_off",
        "the team does not share with the outside",
        "Allow sharing outside the team in the Dropbox admin console.",
        Never,
    ),
    (
        "cannot_set_permissions",
        "Dropbox does not let this member's role be changed (for example while suspended)",
        "Lift the suspension, or change the role in the Dropbox admin console.",
        Never,
    ),
    (
        "directory_restricted_off",
        "the team cannot hide members from its directory",
        "Take the mapping to is_directory_restricted out, or have Dropbox turn the feature on.",
        Never,
    ),
    (
        "duplicate_external_member_id",
        "another member, perhaps one removed in the last days, has the same external id",
        "Nothing to do yet: the whole team is read to find out whose it is.",
        Look,
    ),
    (
        "duplicate_member_persistent_id",
        "another member has the same persistent id",
        "Correct the mapping to persistent_id, or the other member.",
        Never,
    ),
    (
        "duplicate_user",
        "Dropbox says that the member is in the group already, and lists it without",
        "Nothing to do: the next run looks again.",
        Wait,
    ),
    (
        "email_address_too_long_to_be_disabled",
        "its e-mail address is too long for Dropbox to disable",
        "Give the member a shorter address, then remove it again.",
        Never,
    ),
    (
        "email_reserved_for_other_user",
        "another Dropbox account has that address",
        "Give the other account another address in Dropbox, or correct the user's.",
        Never,
    ),
    (
        "external_id_already_in_use",
        "another group has the same external id",
        "Nothing to do yet: the whole team is read to find out whose it is.",
        Look,
    ),
    (
        "external_id_used_by_other_user",
        "another member has that external id",
        "Clear the external id of the other member, or correct the mapping to external_id.",
        Never,
    ),
    (
        "free_team_member_limit_reached",
        "the team's plan allows no more members",
        "Upgrade the team's plan, or free a place in Dropbox.",
        Wait,
    ),
    ("group_already_deleted", "the group is deleted", "Nothing to do: the whole team is read again.", Look),
    (
        "group_name_already_used",
        "another group of the team has that name",
        "Rename the other group in Dropbox, or this one in the directory; the whole team is read again.",
        Look,
    ),
    ("group_name_invalid", "Dropbox does not allow that name", "Rename the group in the directory.", Never),
    (
        "group_not_found",
        "the group is not there any more",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
    (
        "group_not_in_team",
        "the group is not of this team",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
    (
        "last_admin",
        "this is the team's last administrator",
        "Make someone else a team administrator first.",
        Never,
    ),
    (
        "member_is_transfer_destination",
        "files of another member are just being transferred to this one",
        "Nothing to do: it is tried again when the transfer is over.",
        Wait,
    ),
    (
        "member_not_in_group",
        "Dropbox says that the member is not in the group, and lists it with",
        "Nothing to do: the next run looks again.",
        Wait,
    ),
    (
        "members_not_in_team",
        "Dropbox says that the member is not of the team",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
    ("no_new_data_specified", "nothing was to be changed", "Report this to the makers of Usher.", Never),
    (
        "persistent_id_disabled",
        "the team does not use SAML persistent ids",
        "Take the mapping to persistent_id out.",
        Never,
    ),
    (
        "persistent_id_used_by_other_user",
        "another member has that persistent id",
        "Correct the mapping to persistent_id, or the other member.",
        Never,
    ),
    (
        "recipient_not_verified",
        "the one who is to get the files has not verified their e-mail address",
        "Have the owner of TRANSFER_DEST_EMAIL verify the address, or choose someone else.",
        Never,
    ),
    (
        "remove_last_admin",
        "this is the team's last administrator",
        "Make someone else a team administrator first.",
        Never,
    ),
    (
        "removed_and_transfer_admin_should_differ",
        "TRANSFER_ADMIN_EMAIL is the member who is removed",
        "Choose another TRANSFER_ADMIN_EMAIL.",
        Never,
    ),
    (
        "removed_and_transfer_dest_should_differ",
        "TRANSFER_DEST_EMAIL is the member who is removed",
        "Choose another TRANSFER_DEST_EMAIL.",
        Never,
    ),
    (
        "role_not_found",
        "the team has no such role",
        "Correct the mapping to role: it needs a role id of this team.",
        Never,
    ),
    (
        "set_profile_disallowed",
        "Dropbox does not let a removed member be changed",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
    ("suspend_inactive_user", "the member is not active", "Nothing to do: the next run looks again.", Wait),
    (
        "suspend_last_admin",
        "this is the team's last administrator",
        "Make someone else a team administrator first.",
        Never,
    ),
    (
        "system_managed_group_disallowed",
        "Dropbox itself manages that group",
        "Take the group off the rule.",
        Never,
    ),
    (
        "team_license_limit",
        "the team has no licence left",
        "Buy a licence, or free one by removing a member.",
        Wait,
    ),
    (
        "transfer_admin_is_not_admin",
        "TRANSFER_ADMIN_EMAIL is no team administrator",
        "Choose a team administrator as TRANSFER_ADMIN_EMAIL.",
        Never,
    ),
    (
        "transfer_admin_user_not_found",
        "TRANSFER_ADMIN_EMAIL is nobody on the team",
        "Correct TRANSFER_ADMIN_EMAIL.",
        Never,
    ),
    (
        "transfer_admin_user_not_in_team",
        "TRANSFER_ADMIN_EMAIL is not on the team",
        "Correct TRANSFER_ADMIN_EMAIL.",
        Never,
    ),
    (
        "transfer_dest_user_not_found",
        "TRANSFER_DEST_EMAIL is nobody on the team",
        "Correct TRANSFER_DEST_EMAIL.",
        Never,
    ),
    (
        "transfer_dest_user_not_in_team",
        "TRANSFER_DEST_EMAIL is not on the team",
        "Correct TRANSFER_DEST_EMAIL.",
        Never,
    ),
    (
        "transfer_in_progress",
        "its files are just being transferred",
        "Nothing to do: it is tried again when the transfer is over.",
        Wait,
    ),
    (
        "unspecified_transfer_admin_id",
        "a transfer of files needs an administrator to be told",
        "Set TRANSFER_ADMIN_EMAIL beside TRANSFER_DEST_EMAIL.",
        Never,
    ),
    (
        "unsuspend_non_suspended_member",
        "the member is not suspended",
        "Nothing to do: the next run looks again.",
        Wait,
    ),
    (
        "user_already_on_team",
        "the address belongs to a member of the team, perhaps one removed in the last days",
        "Nothing to do yet: the whole team is read to find out who it is.",
        Look,
    ),
    (
        "user_already_paired",
        "the person's other Dropbox account is already paired with one of the team",
        "Have the person unpair the accounts in Dropbox, or use another address.",
        Never,
    ),
    (
        "user_creation_failed",
        "Dropbox could not make the account",
        "Try to invite the person in the Dropbox admin console; it says more.",
        Never,
    ),
    (
        "user_migration_failed",
        "Dropbox could not bring the person's existing account into the team",
        "Have the person contact Dropbox, or use another address.",
        Never,
    ),
    (
        "user_must_be_active_to_be_owner",
        "only an active member can own a group",
        "Nothing to do: it is tried again when the member is active.",
        Wait,
    ),
    (
        "user_not_found",
        "the account is not there any more",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
    (
        "user_not_in_team",
        "the account is not of the team any more",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
    (
        "user_on_another_team",
        "the address belongs to a member of, or is invited to, another Dropbox team",
        "Have the person leave the other team or decline its invitation, or use another address.",
        Never,
    ),
    (
        "user_unrecoverable",
        "the account cannot be recovered any more",
        "Nothing to do: the whole team is read again, and the person is invited anew where the rule says so.",
        Look,
    ),
    (
        "users_not_found",
        "Dropbox does not find the member",
        "Nothing to do: the whole team is read again.",
        Look,
    ),
];

/// What a refusal with this tag means for the subject of the operation.
pub(super) fn refusal(operation: &Operation, tag: &str, request_id: Option<String>) -> Outcome {
    let (reason, remedy, then) = match TABLE.binary_search_by_key(&tag, |(tag, ..)| *tag) {
        Ok(place) => {
            let (_, reason, remedy, then) = TABLE[place];
            (Cow::Borrowed(reason), remedy, then)
        }
        Err(_) => {
            let short: String = tag.chars().take(60).collect();
            let remedy = "Look at the member or group in the Dropbox admin console; the request id helps Dropbox's support.";
            (Cow::Owned(format!("Dropbox says {short}")), remedy, Never)
        }
    };
    outcome(then, problem(operation, code(tag), &reason, remedy, request_id))
}

/// A call about this subject alone that Dropbox did not understand.
pub(super) fn bad_input(operation: &Operation, text: &str, request_id: Option<String>) -> Outcome {
    let remedy = "Correct the value that Dropbox names, in the directory or in the mappings.";
    let reason = format!("Dropbox does not accept the values: {}", text.trim_end_matches('.'));
    Outcome::Refused { problem: problem(operation, "VALUE_REFUSED".into(), &reason, remedy, request_id) }
}

/// The person has not accepted the invitation yet.
pub(super) fn not_accepted(operation: &Operation, request_id: Option<String>) -> Outcome {
    let reason = "the invitation is not accepted yet";
    let remedy =
        "Nothing to do: it is tried again until the person has accepted; remind them if it takes long.";
    outcome(Wait, problem(operation, "INVITATION_PENDING".into(), reason, remedy, request_id))
}

/// The account or group is in another state than planning saw.
pub(super) fn moved(operation: &Operation, reason: &str, then: Then, request_id: Option<String>) -> Outcome {
    let remedy = "Nothing to do: it is planned anew.";
    outcome(then, problem(operation, "MOVED_MEANWHILE".into(), reason, remedy, request_id))
}

/// Dropbox is still at it.
pub(super) fn under_way(operation: &Operation, request_id: Option<String>) -> Outcome {
    let reason = "Dropbox is still working on it";
    let remedy = "Nothing to do: the next run sees what became of it.";
    let problem = problem(operation, "STILL_UNDER_WAY".into(), reason, remedy, request_id);
    Outcome::Postponed { problem, after: Some(Duration::from_mins(1)), needs_full: false }
}

/// Refused, for a reason of ours.
pub(super) fn refused(operation: &Operation, code: &'static str, reason: &str, remedy: &str) -> Outcome {
    Outcome::Refused { problem: problem(operation, code.into(), reason, remedy, None) }
}

fn problem(
    operation: &Operation,
    code: Cow<'static, str>,
    reason: &str,
    remedy: &str,
    request_id: Option<String>,
) -> Problem {
    let message = format!("{} was not {}: {reason}.", operation.label, deed(&operation.action));
    Problem::new(code, message, remedy).with_request_id(request_id)
}

fn outcome(then: Then, problem: Problem) -> Outcome {
    match then {
        Never => Outcome::Refused { problem },
        Wait => Outcome::Postponed { problem, after: None, needs_full: false },
        Look => Outcome::Postponed { problem, after: None, needs_full: true },
    }
}

/// The tag as a code. Tags of tomorrow have one too; anything that is no tag does not become a code.
fn code(tag: &str) -> Cow<'static, str> {
    if !tag.is_empty() && tag.len() <= 60 && tag.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        Cow::Owned(tag.to_ascii_uppercase())
    } else {
        Cow::Borrowed("OTHER")
    }
}

/// The deed as a participle.
fn deed(action: &Action) -> Cow<'static, str> {
    match action {
        Action::Suspend { .. } => "suspended".into(),
        Action::CancelInvitation { .. } => "uninvited".into(),
        Action::Remove { .. } => "removed".into(),
        Action::RemoveMember { group_name, .. } => format!("taken out of the group {group_name}").into(),
        Action::Recover { .. } => "recovered".into(),
        Action::Unsuspend { .. } => "unsuspended".into(),
        Action::Create { .. } => "invited".into(),
        Action::Update { .. } => "updated".into(),
        Action::CreateGroup { .. } => "created".into(),
        Action::RenameGroup { after, .. } => format!("renamed to {after}").into(),
        Action::AddMember { group_name, .. } => format!("added to the group {group_name}").into(),
        Action::DeleteGroup { .. } => "deleted".into(),
        Action::Unlink { .. }
        | Action::Link { .. }
        | Action::Amend { .. }
        | Action::LinkGroup { .. }
        | Action::UnlinkGroup { .. }
        | Action::ForgetMember { .. } => "recorded".into(),
        Action::DisableUser { .. }
        | Action::DeleteUser { .. }
        | Action::LeaveGroup { .. }
        | Action::DeleteDirectoryGroup { .. }
        | Action::EnableUser { .. }
        | Action::UpdateUser { .. }
        | Action::CreateUser { .. }
        | Action::CreateDirectoryGroup { .. }
        | Action::RenameDirectoryGroup { .. }
        | Action::JoinGroup { .. } => "changed in the directory".into(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use usher_domain::{
        UserId,
        reconcile::{operation::Because, scope::Subject, snapshot::AccountId},
    };
    use uuid::Uuid;

    use super::*;

    fn suspend() -> Operation {
        Operation {
            action: Action::Suspend { account: AccountId::from("dbmid:1"), remove_at: None },
            subject: Subject::User(UserId(Uuid::nil())),
            label: "ada@example.com".into(),
            because: Because::Disabled,
        }
    }

    #[test]
    fn the_table_is_sorted_so_that_tags_are_found() {
        assert!(TABLE.is_sorted_by(|(one, ..), (other, ..)| one < other));
    }

    #[test]
    fn a_refusal_says_what_happened_to_whom_and_what_to_do() {
        let outcome = refusal(&suspend(), "suspend_last_admin", Some("abc".into()));
        let problem = outcome.problem().unwrap();
        assert_eq!(problem.code, "SUSPEND_LAST_ADMIN");
        assert_snapshot!(problem, @"ada@example.com was not suspended: this is the team's last administrator. Make someone else a team administrator first. (Dropbox request abc)");
    }

    #[test]
    fn a_refusal_of_tomorrow_is_told_by_its_tag() {
        let outcome = refusal(&suspend(), "moon_phase_wrong", None);
        assert!(matches!(outcome, Outcome::Refused { .. }));
        assert_eq!(outcome.problem().unwrap().code, "MOON_PHASE_WRONG");
        assert_eq!(refusal(&suspend(), "<script>", None).problem().unwrap().code, "OTHER");
    }
}
