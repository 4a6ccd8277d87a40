//! Who is shown people's data: names, addresses, attributes and what a sync does to each person. Callers without a role
//! that may read identities get the same answers with numbers only. API and console both ask here.

use usher_domain::{Rejection, access::Role};

use super::permission::Permission;

/// How much of people's data a caller is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum People {
    /// Everything.
    Shown,
    /// How many there are.
    Counted,
}

impl People {
    /// How much these roles may see.
    pub(crate) fn of(roles: &[Role]) -> People {
        if Permission::ReadIdentities.allows(roles) { People::Shown } else { People::Counted }
    }

    pub(crate) fn are_shown(self) -> bool {
        self == People::Shown
    }

    /// Rows that are about people: all of them, or none.
    pub(crate) fn rows<T>(self, rows: &[T]) -> &[T] {
        match self {
            People::Shown => rows,
            People::Counted => &[],
        }
    }

    /// The sentence in place of what is left out.
    pub(crate) fn left_out() -> String {
        format!("To see who they are, you need one of the roles {}.", reading_roles())
    }

    /// Refuses requests whose answer would show people's data even without the rows: a draft's mappings and filters can ask
    /// for any attribute of any user, and so can an expression.
    ///
    /// # Errors
    /// People are not shown.
    pub(crate) fn require_shown(self, what: &str) -> Result<(), Rejection> {
        match self {
            People::Shown => Ok(()),
            People::Counted => Err(Rejection::forbidden(format!(
                "{what} can show any attribute of any user. It needs one of the roles {}.",
                reading_roles()
            ))),
        }
    }
}

fn reading_roles() -> String {
    let names: Vec<&str> = Permission::ReadIdentities.roles().iter().map(|role| role.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_may_read_identities_sees_people() {
        for role in Role::ALL {
            let reads = matches!(role, Role::IdentityDataAdmin | Role::IdentityDataReadOnly);
            let people = People::of(&[role]);
            assert_eq!(people.are_shown(), reads, "{role:?}");
            assert_eq!(people.rows(&["ada"]).len(), usize::from(reads));
            assert_eq!(people.require_shown("A draft").is_ok(), reads);
        }
        insta::assert_snapshot!(
            People::Counted.require_shown("A draft").unwrap_err(),
            @"The actor attempting to perform the request is not authorized. A draft can show any attribute of any user. It needs one of the roles Identity Data Admin, Identity Data Read Only."
        );
    }
}
