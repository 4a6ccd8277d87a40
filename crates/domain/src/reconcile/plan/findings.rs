//! The words for what stands in the way: what happened, to whom, and what to do next.

use crate::{Problem, Timestamp};

/// The one finding that time alone ends.
pub(super) const ADDRESS_OF_REMOVED_MEMBER: &str = "ADDRESS_OF_REMOVED_MEMBER";
/// The code of an account in a state that this version does not know.
pub(super) const UNKNOWN_STATE: &str = "UNKNOWN_STATE";

fn name(email: &str) -> &str {
    if email.is_empty() { "The account" } else { email }
}

pub(super) fn create_off(email: &str) -> Problem {
    Problem::new(
        "CREATE_OFF",
        format!("{email} has no account in Dropbox, and creating accounts is off."),
        "Set CREATE_USERS on the connection, or invite them in Dropbox.",
    )
}

pub(super) fn came_from_dropbox(email: &str) -> Problem {
    Problem::new(
        "CAME_FROM_DROPBOX",
        format!(
            "{} came into the directory from Dropbox and is not in the team any more; an outbound rule does not invite them again.",
            name(email)
        ),
        "Invite them in Dropbox, or delete the user and make them by hand.",
    )
}

pub(super) fn group_from_dropbox(name: &str) -> Problem {
    Problem::new(
        "GROUP_FROM_DROPBOX",
        format!("The group {name} came into the directory from Dropbox, where its members are decided."),
        "Take the group off this rule; or turn SYNC_GROUPS off in the inbound rule and delete that rule's group.",
    )
}

pub(super) fn recover_off(email: &str) -> Problem {
    Problem::new(
        "CREATE_OFF",
        format!("{} was removed from the Dropbox team, and creating accounts is off.", name(email)),
        "Set CREATE_USERS on the connection, or recover them in Dropbox.",
    )
}

pub(in crate::reconcile) fn no_account(email: &str) -> Problem {
    Problem::new(
        "DISABLED_WITHOUT_ACCOUNT",
        format!("{} is disabled in the directory and has no account in Dropbox.", name(email)),
        "Nothing needs to be done; an account is made when the user is enabled.",
    )
}

pub(super) fn update_off(email: &str, what: &str) -> Problem {
    Problem::new(
        "UPDATE_OFF",
        format!("{} differs in {what}, and updating accounts is off.", name(email)),
        "Set UPDATE_USERS on the connection, or change it in Dropbox.",
    )
}

pub(super) fn disable_off(email: &str) -> Problem {
    Problem::new(
        "DISABLE_OFF",
        format!(
            "{} is disabled in the directory, is still active in Dropbox, and disabling is off.",
            name(email)
        ),
        "Set DISABLE_USERS on the connection, or suspend them in Dropbox.",
    )
}

pub(super) fn no_email(user: &str) -> Problem {
    Problem::new(
        "NO_EMAIL",
        format!("{user} has no e-mail address, and an account in Dropbox must have one."),
        "Give the user an e-mail address, or map another attribute to email.",
    )
}

pub(super) fn suspended_elsewhere(email: &str, since: Option<Timestamp>) -> Problem {
    let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
    Problem::new(
        "SUSPENDED_IN_DROPBOX",
        format!("{} is suspended in Dropbox{since}, and not by Usher.", name(email)),
        "Unsuspend them in Dropbox, disable them in the directory, or set UNDO_REMOTE_SUSPENSION.",
    )
}

pub(super) fn unknown_state(email: &str) -> Problem {
    Problem::new(
        UNKNOWN_STATE,
        format!("{} is in a state at Dropbox that this version of Usher does not know.", name(email)),
        "It is left alone; look at the member in Dropbox, and update Usher.",
    )
}

pub(super) fn ambiguous(email: &str) -> Problem {
    Problem::new(
        "AMBIGUOUS_ACCOUNT",
        format!(
            "It cannot be told which account in Dropbox is {email}'s: several fit, or several users fit one."
        ),
        "Make e-mail addresses and external ids unique on both sides; nothing is changed until then.",
    )
}

pub(super) fn foreign_external_id(email: &str, theirs: &str) -> Problem {
    Problem::new(
        "FOREIGN_EXTERNAL_ID",
        format!("The account {email} carries another system's external id, {theirs:?}."),
        "If it is this user's, set FOREIGN_EXTERNAL_ID to Keep or Overwrite, or clear it in Dropbox.",
    )
}

pub(super) fn address_taken(email: &str, holder: &str) -> Problem {
    let holder = if holder == email { String::new() } else { format!(" ({holder})") };
    Problem::new(
        "ADDRESS_TAKEN",
        format!("The address {email} belongs to another user's account in Dropbox{holder}."),
        "Change the address of one of the two; the next sync goes on from there.",
    )
}

pub(super) fn address_wanted_twice(email: &str) -> Problem {
    Problem::new(
        "ADDRESS_WANTED_TWICE",
        format!("Several users of the rule have the address {email}."),
        "Give each user an address of their own; nothing is changed until then.",
    )
}

pub(super) fn address_removed(email: &str) -> Problem {
    Problem::new(
        ADDRESS_OF_REMOVED_MEMBER,
        format!("The address {email} belongs to a member who was removed and can still be recovered."),
        "If it is the same person, recover them in Dropbox; else delete them there for good, or wait seven days.",
    )
}

pub(super) fn own_account(email: &str) -> Problem {
    Problem::new(
        "OWN_ACCOUNT",
        format!(
            "{} is the administrator whose authorisation the connection uses, and is left alone.",
            name(email)
        ),
        "Authorise the connection as another administrator first.",
    )
}

pub(super) fn own_role(email: &str) -> Problem {
    Problem::new(
        "OWN_ACCOUNT",
        format!(
            "{} is the administrator whose authorisation the connection uses; the role is left as it is.",
            name(email)
        ),
        "Authorise the connection as another administrator first.",
    )
}

pub(super) fn protected(email: &str) -> Problem {
    Problem::new(
        "PROTECTED",
        format!("{} is protected, and is left alone.", name(email)),
        "Take the address out of PROTECTED_EMAILS if it should be disabled or removed.",
    )
}

pub(super) fn last_admin(email: &str) -> Problem {
    Problem::new(
        "LAST_ADMINISTRATOR",
        format!("{} is the team's last active administrator, and is left alone.", name(email)),
        "Make someone else an administrator in Dropbox first.",
    )
}

pub(super) fn left_alone(email: &str) -> Problem {
    Problem::new(
        "LEFT_ALONE",
        format!("{} is not of the rule any more; the account stays in Dropbox as it is.", name(email)),
        "Remove it in Dropbox if it is not wanted, or set DEPROVISION_USERS for the future.",
    )
}

pub(super) fn contested(email: &str) -> Problem {
    Problem::new(
        "AMBIGUOUS_ACCOUNT",
        format!("{} is linked to several users, and is left alone.", name(email)),
        "Decide whose account it is, and delete the other user.",
    )
}

pub(super) fn grace_cut(email: &str) -> Problem {
    Problem::new(
        "GRACE_CUT_SHORT",
        format!(
            "{} is suspended but will not be removed: the rule ends before the days of grace do.",
            name(email)
        ),
        "Remove the member in Dropbox when the time has come.",
    )
}

pub(super) fn group_not_ours(name: &str, kind: &str) -> Problem {
    Problem::new(
        "GROUP_NOT_COMPANY_MANAGED",
        format!("The group {name} in Dropbox is {kind}; Usher only touches company-managed groups."),
        "Make it company-managed in Dropbox, or rename one of the two groups.",
    )
}

pub(super) fn group_conflict(name: &str) -> Problem {
    Problem::new(
        "GROUP_NAME_CONFLICT",
        format!("Dropbox has a group {name} already, and adopting groups is off."),
        "Set GROUP_NAME_CONFLICT to Adopt if it is the same group, or rename one of the two.",
    )
}

pub(super) fn group_taken(name: &str) -> Problem {
    Problem::new(
        "GROUP_NAME_TAKEN",
        format!("The name {name} belongs to another group in Dropbox."),
        "Rename one of the two groups.",
    )
}

pub(super) fn group_ambiguous(name: &str) -> Problem {
    Problem::new(
        "AMBIGUOUS_GROUP",
        format!(
            "It cannot be told which group in Dropbox is {name}: several fit, or several of ours have that name."
        ),
        "Rename all but one of them.",
    )
}

pub(super) fn group_left_alone(name: &str) -> Problem {
    Problem::new(
        "LEFT_ALONE",
        format!("The group {name} is not of the rule any more; it stays in Dropbox as it is."),
        "Delete it in Dropbox if it is not wanted.",
    )
}
