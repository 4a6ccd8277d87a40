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
