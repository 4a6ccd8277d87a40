//! Groups by name, with their members and the groups nested in them.

use std::collections::HashMap;

use usher_domain::{
    Detail, EnvironmentId, GroupId, Rejection, UserId,
    directory::{
        change::ChangeSet,
        commands::{Body, Stamp, group, membership, nesting},
        group::{Group, Nesting},
        user::User,
    },
};

use super::{CHUNK, Imported, ImportedAs, append, details};
use crate::directory::{By, Directory, DirectoryError, due::Touched, found};

/// One group of an import.
#[derive(Clone, Debug)]
pub struct GroupRow {
    /// Where it stands, for telling faults.
    pub line: u64,
    /// Its name. Groups that are confined to a population are not looked at.
    pub name: String,
    /// What people say of it; none leaves it as it is.
    pub description: Option<String>,
    /// The names of groups to be nested in it; they may stand in any row.
    pub nested: Vec<String>,
    /// The usernames of members to be added.
    pub members: Vec<String>,
}

/// The directory as the import knows it, kept up to date row by row.
struct Known {
    groups: Vec<Group>,
    /// Places in `groups` of those without a population, by name.
    by_name: HashMap<String, usize>,
    users: HashMap<String, User>,
    memberships: HashMap<UserId, Vec<GroupId>>,
    nestings: Vec<Nesting>,
}

impl Directory {
    /// Imports groups by name: creates what is not there, updates what differs, adds members and nested groups that
    /// are missing. A member that cannot be found is a fault of the row, and the others are added. Answers one result
    /// per row, in their order.
    ///
    /// # Errors
    /// The environment is not there, others kept changing the same groups, or the store is unavailable; what was
    /// committed before stays, and the import can be sent again.
    pub async fn import_groups(
        &self,
        by: &By,
        environment: EnvironmentId,
        rows: &[GroupRow],
    ) -> Result<Vec<Imported>, DirectoryError> {
        found("environment", environment, self.store.environment(environment).await?)?;
        let mut known = self.known_groups(environment).await?;
        let mut results = Vec::with_capacity(rows.len());
        // The groups first, since any row may be nested in any other.
        for chunk in rows.chunks(CHUNK) {
            let stamp = self.stamp(by);
            let mut changes = ChangeSet::default();
            for row in chunk {
                results.push(match import_group(environment, row, &mut known, &stamp) {
                    Ok((as_what, more)) => {
                        append(&mut changes, more);
                        Imported::good(row.line, as_what)
                    }
                    Err(why) => Imported::refused(row.line, why),
                });
            }
            self.keep(environment, changes, &[], &stamp).await?;
        }
        for (row, result) in rows.iter().zip(&mut results) {
            if result.as_what == ImportedAs::Refused {
                continue;
            }
            let stamp = self.stamp(by);
            let (changes, nested) = fill(row, &mut known, &mut result.faults, &stamp);
            if !changes.writes.is_empty() && result.as_what == ImportedAs::Unchanged {
                result.as_what = ImportedAs::Updated;
            }
            let touched: &[Touched] = if nested { &[Touched::Memberships] } else { &[] };
            self.keep(environment, changes, touched, &stamp).await?;
        }
        Ok(results)
    }

    async fn keep(
        &self,
        environment: EnvironmentId,
        mut changes: ChangeSet,
        touched: &[Touched],
        stamp: &Stamp<'_>,
    ) -> Result<(), DirectoryError> {
        if changes.writes.is_empty() {
            return Ok(());
        }
        changes.due = self.due(environment, &changes, touched, stamp.now.plus(self.quiet)).await?;
        self.store.commit(&changes).await.map_err(|error| match error {
            usher_domain::ports::store::StoreError::Conflict(what) => Rejection::conflict(format!(
                "Groups were changed by others during the import: {what}. Send it again"
            ))
            .into(),
            error => DirectoryError::Unavailable(error),
        })
    }

    async fn known_groups(&self, environment: EnvironmentId) -> Result<Known, DirectoryError> {
        let groups = self.store.groups(environment).await?;
        let by_name = groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.population.is_none())
            .map(|(place, group)| (group.name.to_lowercase(), place))
            .collect();
        let mut memberships: HashMap<UserId, Vec<GroupId>> = HashMap::new();
        for it in self.store.memberships(environment, None).await? {
            memberships.entry(it.user).or_default().push(it.group);
        }
        let users = self.store.all_users(environment).await?;
        Ok(Known {
            groups,
            by_name,
            users: users.into_iter().map(|user| (user.username.to_lowercase(), user)).collect(),
            memberships,
            nestings: self.store.nestings(environment).await?,
        })
    }
}

fn import_group(
    environment: EnvironmentId,
    row: &GroupRow,
    known: &mut Known,
    stamp: &Stamp<'_>,
) -> Result<(ImportedAs, ChangeSet), Rejection> {
    let place = known.by_name.get(&row.name.to_lowercase()).copied();
    let mut body = Body::new();
    let description = row.description.clone().map(serde_json::Value::from);
    let Some((place, current)) = place.and_then(|place| Some((place, known.groups.get(place)?))) else {
        body.insert("name".into(), row.name.clone().into());
        body.extend(description.map(|it| ("description".into(), it)));
        let facts = group::Facts { groups: &known.groups, population: None, members: (0, 0), custom: &[] };
        let (group, changes) = group::create(environment, &body, facts, stamp)?;
        known.by_name.insert(group.name.to_lowercase(), known.groups.len());
        known.groups.push(group);
        return Ok((ImportedAs::Created, changes));
    };
    let Some(description) = description else { return Ok((ImportedAs::Unchanged, ChangeSet::default())) };
    let (group, changes) = group::describe(current, &description, stamp)?;
    let as_what = if changes.writes.is_empty() { ImportedAs::Unchanged } else { ImportedAs::Updated };
    if let Some(slot) = known.groups.get_mut(place) {
        *slot = group;
    }
    Ok((as_what, changes))
}

/// Adds the row's members and nested groups; says whether a nesting was among them.
fn fill(row: &GroupRow, known: &mut Known, faults: &mut Vec<Detail>, stamp: &Stamp<'_>) -> (ChangeSet, bool) {
    let mut changes = ChangeSet::default();
    let place = known.by_name.get(&row.name.to_lowercase());
    let Some(group) = place.and_then(|place| known.groups.get(*place)) else { return (changes, false) };
    for username in &row.members {
        let Some(user) = known.users.get(&username.to_lowercase()) else {
            let message = format!("There is no user `{username}`; import users before groups");
            faults.push(Detail::new("INVALID_VALUE", "members", message));
            continue;
        };
        let own = known.memberships.entry(user.id).or_default();
        match membership::add(user, group, own, stamp) {
            Ok(more) if more.writes.is_empty() => {}
            Ok(more) => {
                append(&mut changes, more);
                own.push(group.id);
            }
            Err(why) => faults.extend(details(why)),
        }
    }
    let mut nested = false;
    for name in &row.nested {
        let place = known.by_name.get(&name.to_lowercase());
        let Some(child) = place.and_then(|place| known.groups.get(*place)) else {
            let message = format!("There is no group `{name}`, and no row that makes it");
            faults.push(Detail::new("INVALID_VALUE", "nested_groups", message));
            continue;
        };
        match nesting::add(child, group, &known.nestings, stamp) {
            Ok(more) if more.writes.is_empty() => {}
            Ok(more) => {
                append(&mut changes, more);
                known.nestings.push(Nesting { child: child.id, parent: group.id });
                nested = true;
            }
            Err(why) => faults.extend(details(why)),
        }
    }
    (changes, nested)
}
