//! Who is in which group, all things considered: by hand, by a group's filter, and through nesting.
//!
//! A dynamic group's filter that mentions groups sees memberships by hand and through nesting of those, never those
//! of dynamic groups: else membership could depend on itself. What is nested is whoever is in the nested group,
//! dynamic or not. Circles, which the directory refuses, could not make this hang.

use rustc_hash::FxHashMap;

use super::{
    filter::Filter,
    group::{Group, Membership, Nesting},
    user::User,
    view::{UserGroup, UserView},
};
use crate::{GroupId, PopulationId, UserId};

/// Effective memberships, computed one user at a time from what was loaded once.
#[derive(Debug)]
pub struct Memberships {
    /// In id order; everything below names a group by its place here.
    groups: Vec<(GroupId, Box<str>)>,
    /// The groups that each is nested in.
    parents: Vec<Vec<u32>>,
    /// By user.
    direct: Vec<(UserId, u32)>,
    dynamic: Vec<Dynamic>,
}

#[derive(Debug)]
struct Dynamic {
    group: u32,
    population: Option<PopulationId>,
    filter: Filter,
}

impl Memberships {
    /// Takes in groups, nestings and direct memberships, in any order; what refers to a group that is not among
    /// `groups` is left out. A dynamic group whose filter cannot be read has no members.
    pub fn new(groups: &[Group], nestings: &[Nesting], direct: &[Membership]) -> Self {
        let mut ordered: Vec<&Group> = groups.iter().collect();
        ordered.sort_unstable_by_key(|group| group.id);
        let places: FxHashMap<GroupId, u32> =
            (0..).zip(&ordered).map(|(place, group)| (group.id, place)).collect();
        let mut parents = vec![Vec::new(); ordered.len()];
        for nesting in nestings {
            if let (Some(child), Some(parent)) = (places.get(&nesting.child), places.get(&nesting.parent))
                && let Some(parents) = parents.get_mut(*child as usize)
            {
                parents.push(*parent);
            }
        }
        let mut direct: Vec<(UserId, u32)> = direct
            .iter()
            .filter_map(|membership| Some((membership.user, *places.get(&membership.group)?)))
            .collect();
        direct.sort_unstable();
        direct.dedup();
        let dynamic = (0..)
            .zip(&ordered)
            .filter_map(|(group, it)| {
                let filter = Filter::parse(it.user_filter.as_deref()?).ok()?;
                Some(Dynamic { group, population: it.population, filter })
            })
            .collect();
        let groups = ordered.into_iter().map(|group| (group.id, group.name.as_str().into())).collect();
        Memberships { groups, parents, direct, dynamic }
    }

    /// The groups that a user is in, in id order; one that they are in both ways is direct. `population` is the name
    /// of the user's population, for filters that ask for it.
    pub fn groups_of(&self, user: &User, population: Option<&str>) -> Vec<UserGroup<'_>> {
        let from = self.direct.partition_point(|(other, _)| *other < user.id);
        let own =
            self.direct.get(from..).unwrap_or_default().iter().take_while(|(other, _)| *other == user.id);
        let mut found: FxHashMap<u32, bool> = own.map(|(_, group)| (*group, true)).collect();
        self.close(&mut found);
        if !self.dynamic.is_empty() {
            let groups = self.named(&found);
            let view = UserView { user, population, groups: &groups };
            let before = found.len();
            let mut promoted = false;
            for dynamic in &self.dynamic {
                let home = dynamic.population.is_none_or(|home| home == user.population);
                if home && dynamic.filter.matches(&view) {
                    promoted |= found.insert(dynamic.group, true) == Some(false);
                }
            }
            if found.len() > before {
                self.close(&mut found);
            } else if !promoted {
                return groups;
            }
        }
        self.named(&found)
    }

    /// Adds whatever the found groups are nested in.
    fn close(&self, found: &mut FxHashMap<u32, bool>) {
        let mut open: Vec<u32> = found.keys().copied().collect();
        while let Some(group) = open.pop() {
            for parent in self.parents.get(group as usize).into_iter().flatten() {
                found.entry(*parent).or_insert_with(|| {
                    open.push(*parent);
                    false
                });
            }
        }
    }

    fn named(&self, found: &FxHashMap<u32, bool>) -> Vec<UserGroup<'_>> {
        let mut places: Vec<(u32, bool)> = found.iter().map(|(group, direct)| (*group, *direct)).collect();
        places.sort_unstable();
        let named = places.into_iter().filter_map(|(place, direct)| {
            let (id, name) = self.groups.get(place as usize)?;
            Some(UserGroup { id: *id, name, direct })
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::Map;
    use uuid::Uuid;

    use super::*;
    use crate::{EnvironmentId, Timestamp, directory::user::Name};

    fn group(n: usize, filter: Option<&str>) -> Group {
        Group {
            id: GroupId(Uuid::from_u128(n as u128)),
            environment: EnvironmentId(Uuid::nil()),
            population: None,
            name: format!("g{n}"),
            description: None,
            external_id: None,
            custom_data: None,
            user_filter: filter.map(str::to_owned),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            version: 1,
        }
    }

    fn user(n: usize) -> User {
        User {
            id: UserId(Uuid::from_u128(n as u128)),
            environment: EnvironmentId(Uuid::nil()),
            population: PopulationId(Uuid::nil()),
            username: format!("u{n}"),
            email: format!("u{n}@example.com"),
            enabled: n.is_multiple_of(2),
            name: Name::default(),
            external_id: None,
            attributes: Map::new(),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            version: 1,
        }
    }

    fn nesting(child: usize, parent: usize) -> Nesting {
        Nesting { child: group(child, None).id, parent: group(parent, None).id }
    }

    fn names(groups: &[UserGroup<'_>]) -> Vec<String> {
        groups.iter().map(|group| format!("{} {}", group.name, group.kind())).collect()
    }

    #[test]
    fn membership_is_by_hand_by_filter_and_through_nesting() {
        let groups = [
            group(1, None),
            group(2, None),
            group(3, Some("enabled eq true and memberOfGroupNames eq \"g2\"")),
            group(4, None),
            // Sees no dynamic membership, its own neither.
            group(5, Some("memberOfGroupNames eq \"g3\"")),
        ];
        let direct = [Membership { user: user(2).id, group: groups[0].id }];
        let nestings = [nesting(1, 2), nesting(3, 4)];
        let memberships = Memberships::new(&groups, &nestings, &direct);
        assert_eq!(
            names(&memberships.groups_of(&user(2), None)),
            ["g1 DIRECT", "g2 INDIRECT", "g3 DIRECT", "g4 INDIRECT"]
        );
        assert_eq!(names(&memberships.groups_of(&user(4), None)), [""; 0]);
    }

    #[test]
    fn a_dynamic_group_of_a_population_has_only_its_users() {
        let mut local = group(1, Some("enabled pr"));
        local.population = Some(PopulationId(Uuid::from_u128(9)));
        let memberships = Memberships::new(&[local], &[], &[]);
        assert_eq!(memberships.groups_of(&user(1), None), []);
        let lives_there = User { population: PopulationId(Uuid::from_u128(9)), ..user(1) };
        assert_eq!(memberships.groups_of(&lives_there, None).len(), 1);
    }

    /// What is reached from the direct memberships by taking one nesting after the other until nothing is new.
    fn naive(direct: &[Membership], nestings: &[Nesting], user: UserId) -> BTreeSet<GroupId> {
        let mut found: BTreeSet<GroupId> =
            direct.iter().filter(|it| it.user == user).map(|it| it.group).collect();
        loop {
            let more: BTreeSet<GroupId> =
                nestings.iter().filter(|it| found.contains(&it.child)).map(|it| it.parent).collect();
            let before = found.len();
            found.extend(more);
            if found.len() == before {
                return found;
            }
        }
    }

    proptest! {
        #[test]
        fn memberships_are_the_closure_of_nesting_circles_or_not(
            direct in proptest::collection::vec((0_usize..6, 0_usize..12), 0..30),
            nested in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40),
        ) {
            let groups: Vec<Group> = (0..12).map(|n| group(n, None)).collect();
            let direct: Vec<Membership> =
                direct.iter().map(|(u, g)| Membership { user: user(*u).id, group: groups[*g].id }).collect();
            let nestings: Vec<Nesting> = nested.iter().map(|(a, b)| nesting(*a, *b)).collect();
            let memberships = Memberships::new(&groups, &nestings, &direct);
            for n in 0..6 {
                let user = user(n);
                let found = memberships.groups_of(&user, None);
                let ids: Vec<GroupId> = found.iter().map(|group| group.id).collect();
                prop_assert_eq!(&ids, &naive(&direct, &nestings, user.id).into_iter().collect::<Vec<_>>());
                for group in &found {
                    let by_hand = direct.contains(&Membership { user: user.id, group: group.id });
                    prop_assert_eq!(group.direct, by_hand);
                }
            }
        }
    }
}
