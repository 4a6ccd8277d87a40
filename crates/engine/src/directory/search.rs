//! The directory as it is searched: a filter is narrowed to what the store has indices for, the rest is looked at
//! here, a batch at a time.

use usher_domain::{
    EnvironmentId, GroupId, PopulationId, Rejection, UserId,
    directory::{
        filter::{AttrPath, CompareOp, Filter, Literal, Target},
        group::Group,
        memberships::Memberships,
        population::Population,
        user::User,
        view::UserView,
    },
    ports::store::{Page, PageRequest, StoreResult, UserQuery},
};

use super::{Directory, DirectoryError, found};

/// How many users are looked at between two reads, when a filter is looked at here.
const BATCH: u32 = 1000;

/// Whom a filter is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// How many meet it.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The first of them, in id order.
    pub sample: Vec<User>,
}

/// What the views of users are made from.
struct Surroundings {
    populations: Vec<Population>,
    groups: Vec<Group>,
    nestings: Vec<usher_domain::directory::group::Nesting>,
}

impl Directory {
    /// Users that meet the filter, in id order: at most `page.limit`, and fewer when the filter is rarely met.
    ///
    /// # Errors
    /// When the filter uses an attribute that users of the environment do not have.
    pub async fn search_users(
        &self,
        environment: EnvironmentId,
        filter: Option<&Filter>,
        page: &PageRequest,
    ) -> Result<Page<User>, DirectoryError> {
        let Some(filter) = filter else {
            return Ok(self.store.users(environment, &UserQuery::default(), page).await?);
        };
        self.check_filter(environment, filter).await?;
        let around = self.surroundings(environment, asks_for_groups(filter)).await?;
        let Some(query) = narrowed(filter, &around) else {
            return Ok(Page { items: Vec::new(), next: None });
        };

        let mut items: Vec<User> = Vec::new();
        let mut after = page.after;
        loop {
            let batch = PageRequest { after, limit: BATCH.max(page.limit) };
            let read = self.store.users(environment, &query, &batch).await?;
            let met = self.meeting(filter, &around, read.items).await?;
            items.extend(met);
            if items.len() > page.limit as usize {
                items.truncate(page.limit as usize);
                let next = items.last().map(|user| user.id.uuid());
                return Ok(Page { items, next });
            }
            match read.next {
                Some(next) => after = Some(next),
                None => return Ok(Page { items, next: None }),
            }
        }
    }

    /// How many users meet the filter, and the first of them: to see whom a filter is about before it is used.
    ///
    /// # Errors
    /// When the filter uses an attribute that users of the environment do not have.
    pub async fn matching(
        &self,
        environment: EnvironmentId,
        filter: Option<&Filter>,
        sample: u32,
    ) -> Result<Matching, DirectoryError> {
        let of = self.store.count_users(environment, None).await?;
        let Some(filter) = filter else {
            let first = PageRequest { after: None, limit: sample };
            let sample = self.store.users(environment, &UserQuery::default(), &first).await?.items;
            return Ok(Matching { count: of, of, sample });
        };
        self.check_filter(environment, filter).await?;
        let around = self.surroundings(environment, asks_for_groups(filter)).await?;
        let mut found = Matching { count: 0, of, sample: Vec::new() };
        let Some(query) = narrowed(filter, &around) else { return Ok(found) };
        let mut page = PageRequest { after: None, limit: BATCH };
        loop {
            let read = self.store.users(environment, &query, &page).await?;
            let met = self.meeting(filter, &around, read.items).await?;
            found.count += met.len() as u64;
            let missing = (sample as usize).saturating_sub(found.sample.len());
            found.sample.extend(met.into_iter().take(missing));
            match read.next {
                Some(next) => page.after = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn check_filter(&self, environment: EnvironmentId, filter: &Filter) -> Result<(), DirectoryError> {
        let custom = match UserView::needs_custom(&filter.to_string()) {
            true => self.custom_attributes(environment).await?,
            false => Vec::new(),
        };
        UserView::check(filter, &custom)
            .map_err(|error| Rejection::field("INVALID_VALUE", "filter", error.to_string()).into())
    }

    /// Users whose username, e-mail or name has these letters in it, in id order. Text that reads as a filter is one.
    ///
    /// # Errors
    /// The text is a filter, and it uses an attribute that users of the environment do not have.
    pub async fn find_users(
        &self,
        environment: EnvironmentId,
        text: &str,
        page: &PageRequest,
    ) -> Result<Page<User>, DirectoryError> {
        if let Ok(filter) = text.parse::<Filter>() {
            return self.search_users(environment, Some(&filter), page).await;
        }
        let query = UserQuery { text: Some(text.to_owned()), ..UserQuery::default() };
        Ok(self.store.users(environment, &query, page).await?)
    }

    async fn meeting(
        &self,
        filter: &Filter,
        around: &Surroundings,
        mut users: Vec<User>,
    ) -> StoreResult<Vec<User>> {
        let Some(environment) = users.first().map(|user| user.environment) else { return Ok(users) };
        if !asks_for_groups(filter) {
            users.retain(|user| {
                let population = around.population(user.population);
                filter.matches(&UserView { user, population, groups: &[] })
            });
            return Ok(users);
        }
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let direct = self.store.memberships(environment, Some(&ids)).await?;
        let memberships = Memberships::new(&around.groups, &around.nestings, &direct);
        users.retain(|user| {
            let population = around.population(user.population);
            let groups = memberships.groups_of(user, population);
            filter.matches(&UserView { user, population, groups: &groups })
        });
        Ok(users)
    }

    /// The groups that a user is in, in id order, and how: `DIRECT` or `INDIRECT`.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn groups_of(
        &self,
        environment: EnvironmentId,
        user: UserId,
    ) -> Result<Vec<(Group, &'static str)>, DirectoryError> {
        let user = found("user", user, self.store.user(environment, user).await?)?;
        let around = self.surroundings(environment, true).await?;
        let direct = self.store.memberships(environment, Some(&[user.id])).await?;
        let memberships = Memberships::new(&around.groups, &around.nestings, &direct);
        let in_groups = memberships.groups_of(&user, around.population(user.population));
        let whole = |id: GroupId| around.groups.iter().find(|group| group.id == id).cloned();
        Ok(in_groups.iter().filter_map(|it| Some((whole(it.id)?, it.kind()))).collect())
    }

    /// A user as expressions see them: with their groups, and the name of their population.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn seen_by_expressions(
        &self,
        environment: EnvironmentId,
        user: UserId,
    ) -> Result<serde_json::Value, DirectoryError> {
        let user = found("user", user, self.store.user(environment, user).await?)?;
        let around = self.surroundings(environment, true).await?;
        let direct = self.store.memberships(environment, Some(&[user.id])).await?;
        let memberships = Memberships::new(&around.groups, &around.nestings, &direct);
        let population = around.population(user.population);
        let groups = memberships.groups_of(&user, population);
        Ok(UserView { user: &user, population, groups: &groups }.to_value())
    }

    /// Everyone in a group: directly, through nesting, or by its filter; in id order.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn members_of(
        &self,
        environment: EnvironmentId,
        group: GroupId,
    ) -> Result<Vec<User>, DirectoryError> {
        let group = found("group", group, self.store.group(environment, group).await?)?;
        let around = self.surroundings(environment, true).await?;
        let direct = self.store.memberships(environment, None).await?;
        let memberships = Memberships::new(&around.groups, &around.nestings, &direct);
        let mut users = self.store.all_users(environment).await?;
        users.retain(|user| {
            let groups = memberships.groups_of(user, around.population(user.population));
            groups.iter().any(|it| it.id == group.id)
        });
        Ok(users)
    }

    /// The populations, and the groups where they are asked for: there may be thousands of those.
    async fn surroundings(&self, environment: EnvironmentId, groups: bool) -> StoreResult<Surroundings> {
        let populations = self.store.populations(environment).await?;
        if !groups {
            return Ok(Surroundings { populations, groups: Vec::new(), nestings: Vec::new() });
        }
        let (groups, nestings) =
            (self.store.groups(environment).await?, self.store.nestings(environment).await?);
        Ok(Surroundings { populations, groups, nestings })
    }
}

/// Whether the filter is about the groups that users are in.
fn asks_for_groups(filter: &Filter) -> bool {
    filter.attributes().any(|path| path.key().starts_with("memberofgroup"))
}

impl Surroundings {
    fn population(&self, id: PopulationId) -> Option<&str> {
        self.populations
            .iter()
            .find(|population| population.id == id)
            .map(|population| population.name.as_str())
    }

    /// The groups whose direct members are in `group`, through nesting; `None` when a filter is among them, so that
    /// members are not to be had from memberships alone.
    fn within(&self, group: GroupId) -> Option<Vec<GroupId>> {
        let mut within = vec![group];
        let mut place = 0;
        while let Some(parent) = within.get(place).copied() {
            let children = self.nestings.iter().filter(|nesting| nesting.parent == parent);
            for nesting in children {
                if !within.contains(&nesting.child) {
                    within.push(nesting.child);
                }
            }
            place += 1;
        }
        let dynamic =
            |id: &GroupId| self.groups.iter().any(|group| group.id == *id && group.user_filter.is_some());
        (!within.iter().any(dynamic)).then_some(within)
    }
}

/// What the store can narrow a filter to: conditions that all must hold. `None` when nobody can meet it.
fn narrowed(filter: &Filter, around: &Surroundings) -> Option<UserQuery> {
    let mut query = UserQuery::default();
    let all = match filter {
        Filter::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    for condition in all {
        match condition {
            Filter::Compare(Target::Attr(path), CompareOp::Eq, Literal::Text(text)) => {
                narrow(&mut query, path, text.as_str(), around)?;
            }
            Filter::Any(path, inner) if path.key() == "memberofgroups" => {
                if let Some(group) = group_of(inner) {
                    narrow_to_group(&mut query, group, around)?;
                }
            }
            _ => {}
        }
    }
    Some(query)
}

fn narrow(query: &mut UserQuery, path: &AttrPath, text: &str, around: &Surroundings) -> Option<()> {
    match path.key() {
        "id" => query.id = Some(text.parse().ok()?),
        "username" => query.username = Some(text.to_owned()),
        "email" => query.email = Some(text.to_owned()),
        "population.id" => query.population = Some(text.parse().ok()?),
        "memberofgroups.id" => narrow_to_group(query, text, around)?,
        _ => {}
    }
    Some(())
}

fn narrow_to_group(query: &mut UserQuery, group: &str, around: &Surroundings) -> Option<()> {
    let group = group.parse().ok()?;
    if query.direct_member_of.is_none() {
        query.direct_member_of = around.within(group);
    }
    Some(())
}

/// The group id that an inner condition asks for: `id eq "…"`, alone or among conditions that all must hold.
fn group_of(inner: &Filter) -> Option<&str> {
    match inner {
        Filter::Compare(Target::Attr(path), CompareOp::Eq, Literal::Text(id)) if path.key() == "id" => {
            Some(id.as_str())
        }
        Filter::And(all) => all.iter().find_map(group_of),
        _ => None,
    }
}
