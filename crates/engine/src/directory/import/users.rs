//! Users by username.

use std::collections::{HashMap, VecDeque};

use usher_domain::{
    EnvironmentId, Rejection,
    directory::{
        change::ChangeSet,
        commands::{Body, Stamp, population, user},
        population::Population,
        user::User,
    },
    ports::store::StoreError,
};

use super::{CHUNK, Imported, ImportedAs, append};
use crate::directory::{By, Directory, DirectoryError, found};

/// One user of an import.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Where it stands, for telling faults.
    pub line: u64,
    /// The user, as PingOne's API spells them; `enabled` counts. What is left out stays, null clears.
    pub user: Body,
    /// The name of their population; none is the default for a new user, and where they are for others.
    pub population: Option<String>,
}

/// The directory as the import knows it, kept up to date row by row.
struct Known {
    users: HashMap<String, User>,
    populations: Vec<Population>,
}

impl Directory {
    /// Imports users by username: creates who is not there, updates who differs. With `create_populations`, a
    /// population that is not there is made. Answers one result per row, in their order.
    ///
    /// # Errors
    /// The environment is not there, or the store is unavailable; chunks that were committed before stay.
    pub async fn import_users(
        &self,
        by: &By,
        environment: EnvironmentId,
        rows: &[UserRow],
        create_populations: bool,
    ) -> Result<Vec<Imported>, DirectoryError> {
        found("environment", environment, self.store.environment(environment).await?)?;
        let mut results = Vec::with_capacity(rows.len());
        let mut known = self.known(environment).await?;
        let mut open: VecDeque<&[UserRow]> = rows.chunks(CHUNK).collect();
        while let Some(chunk) = open.pop_front() {
            let stamp = self.stamp(by);
            let mut changes = ChangeSet::default();
            let mut told = Vec::with_capacity(chunk.len());
            for row in chunk {
                told.push(
                    match self.import_user(environment, row, create_populations, &mut known, &stamp).await {
                        Ok((as_what, more)) => {
                            append(&mut changes, more);
                            Imported::good(row.line, as_what)
                        }
                        Err(DirectoryError::Rejected(why)) => Imported::refused(row.line, why),
                        Err(error) => return Err(error),
                    },
                );
            }
            if !changes.writes.is_empty() {
                changes.due = self.due(environment, &changes, &[], stamp.now.plus(self.quiet)).await?;
                match self.store.commit(&changes).await {
                    Ok(()) => {}
                    // Somebody was faster, or a row breaks a rule that only the store knows: look again, and halve the
                    // chunk, so that in the end only that row is refused.
                    Err(StoreError::Conflict(what)) => {
                        known = self.known(environment).await?;
                        match chunk {
                            [row] => {
                                let why = Rejection::conflict(format!("The row could not be kept: {what}"));
                                results.push(Imported::refused(row.line, why));
                            }
                            rows => {
                                let (first, second) = rows.split_at(rows.len() / 2);
                                open.push_front(second);
                                open.push_front(first);
                            }
                        }
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            results.extend(told);
        }
        Ok(results)
    }

    /// What an import of these rows would make of each of them; changes nothing.
    ///
    /// # Errors
    /// The environment is not there, or the store is unavailable.
    pub async fn preview_users(
        &self,
        by: &By,
        environment: EnvironmentId,
        rows: &[UserRow],
        create_populations: bool,
    ) -> Result<Vec<Imported>, DirectoryError> {
        found("environment", environment, self.store.environment(environment).await?)?;
        let mut known = self.known(environment).await?;
        let stamp = self.stamp(by);
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            results.push(
                match self.import_user(environment, row, create_populations, &mut known, &stamp).await {
                    Ok((as_what, _)) => Imported::good(row.line, as_what),
                    Err(DirectoryError::Rejected(why)) => Imported::refused(row.line, why),
                    Err(error) => return Err(error),
                },
            );
        }
        Ok(results)
    }

    async fn known(&self, environment: EnvironmentId) -> Result<Known, DirectoryError> {
        let users = self.store.all_users(environment).await?;
        Ok(Known {
            users: users.into_iter().map(|user| (user.username.to_lowercase(), user)).collect(),
            populations: self.store.populations(environment).await?,
        })
    }

    async fn import_user(
        &self,
        environment: EnvironmentId,
        row: &UserRow,
        create_populations: bool,
        known: &mut Known,
        stamp: &Stamp<'_>,
    ) -> Result<(ImportedAs, ChangeSet), DirectoryError> {
        let current =
            user::username(&row.user).and_then(|name| known.users.get(&name.to_lowercase())).cloned();
        let (home, mut changes) = match &row.population {
            Some(name) => home(environment, name, create_populations, &known.populations, stamp)?,
            None => (known.populations.iter().find(|it| it.default).cloned(), ChangeSet::default()),
        };
        let facts =
            user::Facts { username_taken_by: current.as_ref().map(|user| user.id), population: home.clone() };
        let (after, as_what) = match current {
            None => {
                let (user, more) = user::create(environment, &row.user, &facts, stamp)?;
                append(&mut changes, more);
                (user, ImportedAs::Created)
            }
            Some(current) => {
                let (mut user, more) = user::import(&current, &row.user, &facts, stamp)?;
                append(&mut changes, more);
                if let (Some(home), true) = (&home, row.population.is_some())
                    && home.id != user.population
                {
                    let groups = self.direct_groups(environment, user.id).await?;
                    let (moved, more) = user::set_population(&user, home, &groups, stamp);
                    append(&mut changes, more);
                    user = moved;
                }
                let same = user == current;
                (user, if same { ImportedAs::Unchanged } else { ImportedAs::Updated })
            }
        };
        // Only now: a row that is refused leaves nothing behind, a population neither.
        if let Some(home) = home
            && known.populations.iter().all(|it| it.id != home.id)
        {
            known.populations.push(home);
        }
        known.users.insert(after.username.to_lowercase(), after);
        Ok((as_what, changes))
    }
}

/// The population of that name, made when it is not there and may be.
fn home(
    environment: EnvironmentId,
    name: &str,
    create: bool,
    all: &[Population],
    stamp: &Stamp<'_>,
) -> Result<(Option<Population>, ChangeSet), Rejection> {
    let folded = name.to_lowercase();
    if let Some(there) = all.iter().find(|it| it.name.to_lowercase() == folded) {
        return Ok((Some(there.clone()), ChangeSet::default()));
    }
    if !create {
        let message =
            format!("There is no population `{name}`; make it first, or let the import make populations");
        return Err(Rejection::field("INVALID_VALUE", "population", message));
    }
    let mut body = Body::new();
    body.insert("name".into(), name.into());
    let (population, changes) = population::create(environment, &body, all, stamp)?;
    Ok((Some(population), changes))
}
