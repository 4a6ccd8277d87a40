//! The words for what stands in an inbound rule's way: what happened, to whom, and what to do next.

use crate::{
    Problem, Rejection, RuleId,
    directory::user::User,
    reconcile::{operation::Because, snapshot::Account},
};

pub(super) fn create_off(email: &str) -> Problem {
    Problem::new(
        "CREATE_OFF",
        format!("{email} has no user in the directory, and creating users is off."),
        "Set CREATE_USERS in the rule's configuration, or make the user by hand with this e-mail address.",
    )
}

pub(super) fn update_off(email: &str, what: &str) -> Problem {
    Problem::new(
        "UPDATE_OFF",
        format!("The user of {email} differs in {what}, and updating users is off."),
        "Set UPDATE_USERS in the rule's configuration, or change the user by hand.",
    )
}

pub(super) fn disable_off(email: &str) -> Problem {
    Problem::new(
        "DISABLE_OFF",
        format!("{email} is suspended in Dropbox, their user is enabled, and disabling users is off."),
        "Set DISABLE_USERS in the rule's configuration, or disable the user by hand.",
    )
}

pub(super) fn no_population() -> Problem {
    Problem::new(
        "NO_POPULATION",
        "The population in which the rule's new users are to live is not given, or not there any more.",
        "Set POPULATION_ID in the rule's configuration.",
    )
}

pub(super) fn unknown_state(email: &str) -> Problem {
    Problem::new(
        "UNKNOWN_STATE",
        format!("{email} is in a state that this version does not know, and is left alone."),
        "Look at the member in Dropbox; a later version of Usher may know the state.",
    )
}

pub(super) fn refused(email: &str, rejection: &Rejection) -> Problem {
    let faults: Vec<&str> = rejection.details.iter().map(|detail| detail.message.as_str()).collect();
    Problem::new(
        "VALUE_REFUSED",
        format!("The directory does not take the values of {email}: {}.", faults.join("; ")),
        "Correct the member in Dropbox, or the rule's mappings.",
    )
}

pub(super) fn ambiguous(email: &str, users: &[&User]) -> Problem {
    let names: Vec<String> = users.iter().map(|user| format!("{} ({})", user.username, user.id)).collect();
    Problem::new(
        "AMBIGUOUS",
        format!("{email} could be any of {}.", names.join(" and ")),
        "Give the right one the member's id as external id, or change the others' e-mail addresses.",
    )
}

pub(super) fn wanted_twice(user: &User, accounts: &[&str]) -> Problem {
    Problem::new(
        "AMBIGUOUS",
        format!("The members {} all fit user {} ({}).", accounts.join(" and "), user.username, user.id),
        "Give the user the right member's id as external id.",
    )
}

pub(super) fn user_has_account(email: &str, user: &User, other: &Account) -> Problem {
    let other = super::correlate::label(other);
    Problem::new(
        "USER_HAS_ACCOUNT",
        format!("{email} fits user {} ({}), who has the account {other}.", user.username, user.id),
        "Change the e-mail address or external id of one of them.",
    )
}

pub(super) fn username_taken(email: &str, username: &str, holder: &User) -> Problem {
    Problem::new(
        "USERNAME_TAKEN",
        format!(
            "{email} would be given the username {username}, which user {} ({}) has.",
            holder.email, holder.id
        ),
        "Change the username of one of them, or the rule's mapping to username.",
    )
}

pub(super) fn username_wanted_twice(email: &str, username: &str) -> Problem {
    Problem::new(
        "USERNAME_WANTED_TWICE",
        format!("{email} and another member would both be given the username {username}."),
        "Change the rule's mapping to username, so that each member gets their own.",
    )
}

pub(super) fn made_by_outbound(email: &str) -> Problem {
    Problem::new(
        "MADE_FOR_A_FORMER_USER",
        format!(
            "The account {email} was made for a user who is not in the directory any more, and makes no new one."
        ),
        "Remove the account in Dropbox, or make a user by hand with this e-mail address.",
    )
}

pub(super) fn of_another_rule(email: &str, rule: RuleId) -> Problem {
    Problem::new(
        "OF_ANOTHER_RULE",
        format!("The user of {email} is kept by the inbound rule {rule}; this rule leaves them alone."),
        "Narrow the filter of one of the rules, so that each member is of one rule.",
    )
}

pub(super) fn left_alone(username: &str, because: Because) -> Problem {
    Problem::new(
        "LEFT_ALONE",
        format!("The account of {username} is {because}; the user stays as they are."),
        "Set DEPROVISION_USERS (and for REMOVE_ACTION Disable also DISABLE_USERS) in the rule's configuration, or remove the user by hand.",
    )
}

pub(super) fn group_name_taken(name: &str) -> Problem {
    Problem::new(
        "GROUP_NAME_TAKEN",
        format!("The directory has another group named {name}, which belongs to another Dropbox group."),
        "Rename one of the groups, in Dropbox or in the directory.",
    )
}

pub(super) fn group_name_twice(name: &str) -> Problem {
    Problem::new(
        "GROUP_NAME_TWICE",
        format!("Several Dropbox groups would be named {name} in the directory."),
        "Rename one of the groups in Dropbox.",
    )
}

pub(super) fn group_goes_out(name: &str) -> Problem {
    Problem::new(
        "GROUP_GOES_OUT",
        format!(
            "The group {name} is provisioned by an outbound rule; its members are decided in the directory."
        ),
        "Nothing needs to be done; or take the group off the outbound rule.",
    )
}

pub(super) fn group_is_dynamic(name: &str) -> Problem {
    Problem::new(
        "GROUP_IS_DYNAMIC",
        format!("The directory's group {name} is dynamic, and takes nobody by hand."),
        "Rename one of the groups, in Dropbox or in the directory.",
    )
}

pub(super) fn lives_elsewhere(email: &str, group: &str) -> Problem {
    Problem::new(
        "LIVES_ELSEWHERE",
        format!("The user of {email} does not live in the population that the group {group} is confined to."),
        "Move the user to that population, or leave them out of the group in Dropbox.",
    )
}
