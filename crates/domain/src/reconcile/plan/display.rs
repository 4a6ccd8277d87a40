//! A plan as it is read aloud: what is taken away comes first, in words; then each step; then what stands in the
//! way; then the numbers.

use std::fmt;

use super::{Finding, Plan};
use crate::reconcile::{
    links::Origin,
    operation::{Action, Because, Operation, Stage},
    status::Standing,
};

impl Stage {
    /// The kind of its operations, as it is spelled in the API.
    pub fn kind(self) -> &'static str {
        match self {
            Stage::Unlink => "UNLINK",
            Stage::UnlinkGroup => "UNLINK_GROUP",
            Stage::Link => "LINK",
            Stage::LinkGroup => "LINK_GROUP",
            Stage::Amend => "AMEND",
            Stage::ForgetMember => "FORGET_MEMBER",
            Stage::Suspend => "SUSPEND",
            Stage::CancelInvitation => "CANCEL_INVITATION",
            Stage::Remove => "REMOVE",
            Stage::RemoveMember => "REMOVE_MEMBER",
            Stage::Recover => "RECOVER",
            Stage::Unsuspend => "UNSUSPEND",
            Stage::Create => "CREATE",
            Stage::Update => "UPDATE",
            Stage::CreateGroup => "CREATE_GROUP",
            Stage::RenameGroup => "RENAME_GROUP",
            Stage::AddMember => "ADD_MEMBER",
            Stage::DeleteGroup => "DELETE_GROUP",
            Stage::DisableUser => "DISABLE_USER",
            Stage::DeleteUser => "DELETE_USER",
            Stage::LeaveGroup => "LEAVE_GROUP",
            Stage::DeleteDirectoryGroup => "DELETE_DIRECTORY_GROUP",
            Stage::EnableUser => "ENABLE_USER",
            Stage::UpdateUser => "UPDATE_USER",
            Stage::CreateUser => "CREATE_USER",
            Stage::CreateDirectoryGroup => "CREATE_DIRECTORY_GROUP",
            Stage::RenameDirectoryGroup => "RENAME_DIRECTORY_GROUP",
            Stage::JoinGroup => "JOIN_GROUP",
        }
    }

    /// The heading over its operations.
    pub fn heading(self) -> &'static str {
        self.words().0
    }

    /// What taking away by it is called, if it takes something away: verb and noun.
    pub(super) fn taking(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Stage::Suspend => ("suspends", "account"),
            Stage::CancelInvitation => ("cancels", "invitation"),
            Stage::Remove => ("removes", "account"),
            Stage::RemoveMember => ("ends", "membership"),
            Stage::DeleteGroup | Stage::DeleteDirectoryGroup => ("deletes", "group"),
            Stage::DisableUser => ("disables", "user"),
            Stage::DeleteUser => ("deletes", "user"),
            Stage::LeaveGroup => ("ends", "membership"),
            _ => return None,
        })
    }

    /// The heading over its operations, and what `n` of them are in the line of counts.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Stage::Unlink => ("Forget whose these accounts are (they stay as they are)", "to forget"),
            Stage::UnlinkGroup => ("Forget these groups (they stay as they are)", "groups to forget"),
            Stage::Link => ("Adopt accounts", "to adopt"),
            Stage::LinkGroup => ("Adopt groups", "groups to adopt"),
            Stage::Amend => ("Correct what is remembered", "to correct"),
            Stage::ForgetMember => ("Forget memberships that are no more", "memberships to forget"),
            Stage::Suspend => ("Suspend", "to suspend"),
            Stage::CancelInvitation => ("Cancel invitations", "invitations to cancel"),
            Stage::Remove => ("Remove from the team", "to remove"),
            Stage::RemoveMember => ("Take out of groups", "memberships to remove"),
            Stage::Recover => ("Recover", "to recover"),
            Stage::Unsuspend => ("Lift suspensions", "to unsuspend"),
            Stage::Create => ("Create accounts", "to create"),
            Stage::Update => ("Update accounts", "to update"),
            Stage::CreateGroup => ("Create groups", "groups to create"),
            Stage::RenameGroup => ("Rename groups", "groups to rename"),
            Stage::AddMember => ("Add to groups", "memberships to add"),
            Stage::DeleteGroup => ("Delete groups", "groups to delete"),
            Stage::DisableUser => ("Disable users in the directory", "to disable"),
            Stage::DeleteUser => ("Delete users from the directory", "users to delete"),
            Stage::LeaveGroup => ("Take out of directory groups", "memberships to remove"),
            Stage::DeleteDirectoryGroup => ("Delete directory groups", "groups to delete"),
            Stage::EnableUser => ("Enable users in the directory", "to enable"),
            Stage::UpdateUser => ("Update users in the directory", "users to update"),
            Stage::CreateUser => ("Create users in the directory", "users to create"),
            Stage::CreateDirectoryGroup => ("Create directory groups", "groups to create"),
            Stage::RenameDirectoryGroup => ("Rename directory groups", "groups to rename"),
            Stage::JoinGroup => ("Add to directory groups", "memberships to add"),
        }
    }
}

impl Action {
    /// What is done to whom, without a full stop: `suspend ada@example.com`.
    pub fn sentence(&self, label: &str) -> String {
        match self {
            Action::Unlink { .. } => format!("forget which account is {label}'s"),
            Action::UnlinkGroup { .. } => format!("forget the group {label}"),
            Action::Link { from: None, .. } => format!("adopt the account {label}"),
            Action::Link { from: Some(from), .. } => {
                format!("hand the account {label} over from user {from}, whom the rule wants no more")
            }
            Action::LinkGroup { origin: Origin::Created, .. } => format!("remember our group {label}"),
            Action::LinkGroup { .. } => format!("adopt the group {label}"),
            Action::Amend { remove_at: Some(at), .. } => {
                format!("remember that {label} is to be removed at {at}")
            }
            Action::Amend { suspended_by_us: true, .. } => {
                format!("remember that {label} is not to be removed")
            }
            Action::Amend { .. } => format!("remember that {label} is in use"),
            Action::ForgetMember { group_name, .. } => {
                format!("forget that {label} was put into {group_name}")
            }
            Action::Suspend { remove_at: None, .. } => format!("suspend {label}"),
            Action::Suspend { remove_at: Some(at), .. } => {
                format!("suspend {label}, and remove them at {at}")
            }
            Action::CancelInvitation { .. } => format!("cancel the invitation of {label}"),
            Action::Remove { .. } => format!("remove {label} from the team"),
            Action::RemoveMember { group_name, .. } => format!("take {label} out of {group_name}"),
            Action::Recover { .. } => format!("recover {label}"),
            Action::Unsuspend { .. } => format!("lift the suspension of {label}"),
            Action::Create { .. } => format!("create {label}"),
            Action::Update { .. } => format!("update {label}"),
            Action::CreateGroup { .. } => format!("create the group {label}"),
            Action::RenameGroup { before, .. } => format!("rename the group {before} to {label}"),
            Action::AddMember { group_name, .. } => format!("add {label} to {group_name}"),
            Action::DeleteGroup { .. } => format!("delete the group {label}"),
            Action::DisableUser { .. } => format!("disable {label} in the directory"),
            Action::DeleteUser { .. } => format!("delete {label} from the directory"),
            Action::LeaveGroup { group_name, .. } => {
                format!("take {label} out of {group_name} in the directory")
            }
            Action::DeleteDirectoryGroup { .. } => format!("delete the group {label} from the directory"),
            Action::EnableUser { .. } => format!("enable {label} in the directory"),
            Action::UpdateUser { .. } => format!("update {label} in the directory"),
            Action::CreateUser { .. } => format!("create {label} in the directory"),
            Action::CreateDirectoryGroup { .. } => format!("create the group {label} in the directory"),
            Action::RenameDirectoryGroup { before, .. } => {
                format!("rename the group {before} to {label} in the directory")
            }
            Action::JoinGroup { group_name, .. } => format!("add {label} to {group_name} in the directory"),
        }
    }

    /// `+` gives, `~` changes, `-` takes away, `=` only remembers.
    pub fn sign(&self) -> char {
        match self {
            _ if self.is_local() => '=',
            _ if self.removal().is_some() => '-',
            Action::Update { .. }
            | Action::RenameGroup { .. }
            | Action::Unsuspend { .. }
            | Action::EnableUser { .. }
            | Action::UpdateUser { .. }
            | Action::RenameDirectoryGroup { .. } => '~',
            _ => '+',
        }
    }
}

impl fmt::Display for Operation {
    /// One line; an update has one more for each attribute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.sign(), self.action.sentence(&self.label))?;
        if self.because != Because::InScope {
            write!(f, " ({})", self.because)?;
        }
        match &self.action {
            Action::Create { attributes } => {
                for (attribute, value) in attributes.iter().filter(|(_, value)| **value != *self.label) {
                    write!(f, "\n      {attribute}: {value}")?;
                }
            }
            Action::Update { changes, .. } => {
                for change in changes {
                    let (before, after) = (or_nothing(&change.before), or_nothing(&change.after));
                    write!(f, "\n      {}: {before} → {after}", change.attribute)?;
                }
            }
            Action::UpdateUser { changes, .. } => {
                for change in changes {
                    let (before, after) = (or_nothing(&change.before), or_nothing(&change.after));
                    write!(f, "\n      {}: {before} → {after}", change.attribute)?;
                }
            }
            Action::CreateUser { enabled, values, .. } => {
                for set in values.iter().filter(|set| *set.after != *self.label) {
                    write!(f, "\n      {}: {}", set.attribute, set.after)?;
                }
                if !enabled {
                    f.write_str("\n      enabled: false")?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn or_nothing(value: &str) -> &str {
    if value.is_empty() { "(nothing)" } else { value }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Some(Standing::Success) => "Success",
            Some(Standing::Partial) => "Partial",
            Some(Standing::Unsynced) => "Unsynced",
            Some(Standing::Failed) => "Failed",
            None => "Not of the rule",
        };
        write!(f, "! {} ({standing}): {}", self.label, self.problem)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        removals(self, f)?;
        for stage in self.operations.chunk_by(|a, b| a.action.stage() == b.action.stage()) {
            let Some(first) = stage.first() else { continue };
            writeln!(f, "{}", first.action.stage().words().0)?;
            for operation in stage {
                writeln!(f, "  {operation}")?;
            }
            writeln!(f)?;
        }
        if !self.findings.is_empty() {
            writeln!(f, "In the way")?;
            in_the_way(&self.findings, f)?;
            writeln!(f)?;
        }
        if self.wants_full {
            writeln!(f, "Some of it can only be decided by a full sync.")?;
        }
        numbers(self, f)
    }
}

impl Plan {
    /// The plan without anybody's name: what it takes away, in words, and the numbers.
    pub fn in_numbers(&self) -> String {
        struct InNumbers<'a>(&'a Plan);
        impl fmt::Display for InNumbers<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                removals(self.0, f)?;
                numbers(self.0, f)
            }
        }
        InNumbers(self).to_string()
    }
}

/// The line of counts, and the seats.
fn numbers(plan: &Plan, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if plan.operations.is_empty() {
        return write!(f, "Nothing to do.");
    }
    let counts = plan.operations.chunk_by(|a, b| a.action.stage() == b.action.stage()).filter_map(|stage| {
        let words = stage.first()?.action.stage().words().1;
        let words = if stage.len() == 1 { words.replacen("s to", " to", 1) } else { words.to_owned() };
        Some(format!("{} {words}", stage.len()))
    });
    write!(f, "Plan: {}.", counts.collect::<Vec<_>>().join(", "))?;
    seats(plan, f)
}

/// How many findings of one kind are told one by one; of more, the rest are counted.
const TOLD: usize = 5;

/// What stands in the way: the worst first, and of many that are alike only the first few by name.
fn in_the_way(findings: &[Finding], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut alike: Vec<&Finding> = findings.iter().collect();
    alike.sort_by(|a, b| b.standing.cmp(&a.standing).then_with(|| a.problem.code.cmp(&b.problem.code)));
    for kind in alike.chunk_by(|a, b| a.standing == b.standing && a.problem.code == b.problem.code) {
        for finding in kind.iter().take(TOLD) {
            writeln!(f, "  {finding}")?;
        }
        let more = kind.len().saturating_sub(TOLD);
        if let (1.., Some(first)) = (more, kind.first()) {
            writeln!(f, "  … and {more} more like these ({})", first.problem.code)?;
        }
    }
    Ok(())
}

/// What is taken away, as one sentence on top.
fn removals(plan: &Plan, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(words) = plan.counts().taken_away() else { return Ok(()) };
    f.write_str(&words)?;
    if !plan.manner.is_empty() {
        write!(f, " {}", plan.manner)?;
    }
    writeln!(f, "\n")
}

fn seats(plan: &Plan, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(seats) = plan.seats.filter(|_| plan.seats_needed > 0) else { return Ok(()) };
    write!(f, "\nSeats: {} needed, {} of {} left", plan.seats_needed, seats.left(), seats.licensed)?;
    match plan.seats_missing() {
        0 => write!(f, "."),
        missing => write!(f, "; {missing} missing. Buy licences, or some accounts will have to wait."),
    }
}
