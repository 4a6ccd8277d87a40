//! Reading the team: whole, or an error; or only some members and groups. Never a listing that may be short.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{time::timeout, try_join};
use usher_domain::{
    Problem,
    ports::connector::{ConnectorError, LookAtGroups, Person, Progress},
    reconcile::{
        scope::Scope,
        snapshot::{AccountId, GroupKeys, RemoteGroup, Seats, Snapshot},
    },
};

use super::{
    DropboxConnector,
    client::Reply,
    fault::{Fault, too_long},
    routes::{GROUPS_LIST, GROUPS_LIST_CONTINUE, MEMBERS_LIST, MEMBERS_LIST_CONTINUE, Route, TEAM_INFO},
    validate,
    wire::{Group, GroupsPage, Member, MembersPage, TeamInfo, UserSelector},
};

/// No page is made smaller than this.
const SMALLEST_PAGE: u32 = 50;
/// So many empty pages in a row are believed.
const EMPTY_PAGES: u32 = 3;
/// The most pages of one listing: a million members in the smallest pages.
pub(crate) const MOST_PAGES: u32 = 20_000;
/// The most memory for what one listing holds, in bytes.
pub(crate) const LARGEST_LISTING: usize = 1024 * 1024 * 1024;
/// How long one listing may take in all.
pub(crate) const LISTING_TIME: Duration = Duration::from_hours(2);

/// A page of a listing.
trait Page: DeserializeOwned + Send {
    type Item: Send;
    fn into_parts(self) -> (Vec<Self::Item>, String, bool);
}

impl Page for MembersPage {
    type Item = Member;
    fn into_parts(self) -> (Vec<Member>, String, bool) {
        (self.members, self.cursor, self.has_more)
    }
}

impl Page for GroupsPage {
    type Item = Group;
    fn into_parts(self) -> (Vec<Group>, String, bool) {
        (self.groups, self.cursor, self.has_more)
    }
}

/// A listing and how it is read.
struct Listing<'a> {
    first: &'static Route,
    next: &'static Route,
    /// What the first call says beside its limit.
    arg: Value,
    page: &'a AtomicU32,
}

/// Why a listing did not come to its end.
enum Break {
    /// The same again, with smaller pages.
    Smaller(ConnectorError),
    /// The cursor died: once more from the beginning.
    Restart(ConnectorError),
    Stop(ConnectorError),
}

impl DropboxConnector {
    pub(super) async fn whole(&self, progress: &dyn Progress) -> Result<Snapshot, ConnectorError> {
        let mut second_look = false;
        loop {
            let told = Told { progress, so_far: AtomicU64::new(0) };
            let (team, members, mut groups) = try_join!(
                // Boxed, because the three together would be a large future.
                self.team_info().boxed(),
                self.all_members(&told).boxed(),
                self.all_groups(&told).boxed()
            )?;
            let members = each_once(members);
            let listed = members.iter().filter(|member| !member.is_removed()).count();
            if (listed as u64) < u64::from(team.num_provisioned_users) {
                if second_look {
                    return Err(short(listed, team.num_provisioned_users));
                }
                second_look = true;
                shrink(&self.members_page);
                continue;
            }
            let unlisted = self.groups_by_id(&unlisted(&members, &groups)).await?;
            groups.extend(unlisted);
            let mut keys = GroupKeys::default();
            let groups = in_order(groups, &mut keys);
            return Ok(Snapshot {
                scope: Scope::Full,
                accounts: members.iter().map(|member| member.account(&mut keys)).collect(),
                groups,
                groups_whole: true,
                group_ids: keys.into_ids(),
                seats: Some(seats(&team)),
                own_account: self.own_account.clone(),
            });
        }
    }

    /// The snapshot's scope names no subject: which users and groups were meant, only the caller knows.
    pub(super) async fn at(
        &self,
        accounts: &[AccountId],
        people: &[Person],
        groups: &LookAtGroups,
        progress: &dyn Progress,
    ) -> Result<Snapshot, ConnectorError> {
        let told = Told { progress, so_far: AtomicU64::new(0) };
        let mut selectors: Vec<UserSelector> = accounts.iter().map(UserSelector::id).collect();
        for person in people {
            if validate::is_external_id(&person.external_id) {
                selectors.push(UserSelector::external_id(&person.external_id));
            }
            if validate::is_email(&person.email) {
                selectors.push(UserSelector::email(&person.email));
            }
        }
        let groups_whole = *groups == LookAtGroups::All;
        let members = async {
            let members = each_once(self.members(&selectors).await?);
            told.more(members.len());
            Ok(members)
        };
        let groups = async {
            match groups {
                LookAtGroups::None => Ok(Vec::new()),
                LookAtGroups::All => self.all_groups(&told).await,
                LookAtGroups::These(ids) => {
                    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
                    self.groups_by_id(&ids).await
                }
            }
        };
        let (members, groups) = try_join!(members.boxed(), groups.boxed())?;
        let mut keys = GroupKeys::default();
        let groups = in_order(groups, &mut keys);
        Ok(Snapshot {
            scope: Scope::Subjects { users: BTreeSet::new(), groups: BTreeSet::new() },
            accounts: members.iter().map(|member| member.account(&mut keys)).collect(),
            groups,
            groups_whole,
            group_ids: keys.into_ids(),
            seats: None,
            own_account: self.own_account.clone(),
        })
    }

    pub(super) async fn team_info(&self) -> Result<TeamInfo, ConnectorError> {
        match self.client.post(TEAM_INFO, &Value::Null).await {
            Ok(Reply { value, .. }) => Ok(value),
            Err(fault) => Err(fault.into_error(TEAM_INFO.path)),
        }
    }

    async fn all_members(&self, told: &Told<'_>) -> Result<Vec<Member>, ConnectorError> {
        let listing = Listing {
            first: MEMBERS_LIST,
            next: MEMBERS_LIST_CONTINUE,
            arg: json!({ "include_removed": true }),
            page: &self.members_page,
        };
        in_time(&listing, self.list::<MembersPage>(&listing, told)).await
    }

    async fn all_groups(&self, told: &Told<'_>) -> Result<Vec<Group>, ConnectorError> {
        let listing = Listing {
            first: GROUPS_LIST,
            next: GROUPS_LIST_CONTINUE,
            arg: json!({}),
            page: &self.groups_page,
        };
        in_time(&listing, self.list::<GroupsPage>(&listing, told)).await
    }

    /// All items: with ever smaller pages where pages fail, and once more from the beginning when the cursor dies.
    async fn list<P: Page>(
        &self,
        listing: &Listing<'_>,
        told: &Told<'_>,
    ) -> Result<Vec<P::Item>, ConnectorError> {
        let mut restarted = false;
        loop {
            let mut items = Vec::new();
            let Err(broken) = self.read_pages::<P>(listing, &mut items, told).await else {
                return Ok(items);
            };
            told.less(items.len());
            match broken {
                Break::Stop(error) => return Err(error),
                Break::Restart(error) if restarted => return Err(error),
                Break::Restart(_) => restarted = true,
                Break::Smaller(error) => {
                    if !shrink(listing.page) {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn read_pages<P: Page>(
        &self,
        listing: &Listing<'_>,
        items: &mut Vec<P::Item>,
        told: &Told<'_>,
    ) -> Result<(), Break> {
        let limit = listing.page.load(Ordering::Relaxed);
        let patience = &self.client.patience;
        let mut arg = listing.arg.clone();
        arg["limit"] = limit.into();
        // A page that is too large fails again and again; patience is for when it cannot be smaller.
        let attempts = if limit > SMALLEST_PAGE { patience.page_attempts } else { patience.attempts };
        let mut reply: Reply<P> = self
            .client
            .post_within(listing.first, &arg, attempts.max(1))
            .await
            .map_err(|fault| broken(fault, listing.first))?;
        let mut empty = 0;
        let mut weight = 0;
        let mut cursors = FxHashSet::default();
        for _ in 0..MOST_PAGES {
            weight += reply.weight;
            if weight > LARGEST_LISTING {
                let message = format!("The listing of {} is larger than 1 GiB.", listing.first.path);
                return Err(Break::Stop(endless(message)));
            }
            let (mut more, cursor, has_more) = reply.value.into_parts();
            let is_empty = more.is_empty();
            empty = if is_empty { empty + 1 } else { 0 };
            told.more(more.len());
            items.append(&mut more);
            if !has_more {
                return Ok(());
            }
            if empty >= EMPTY_PAGES {
                let message = format!("Dropbox gave {empty} empty pages in a row at {}.", listing.next.path);
                return Err(Break::Smaller(incomplete(message)));
            }
            if cursor.is_empty() {
                let message = format!("{} promised more and gave no cursor.", listing.first.path);
                return Err(Break::Stop(endless(message)));
            }
            // An empty page may say "not yet", with the cursor that it was asked by.
            if !is_empty && !cursors.insert(fingerprint(&cursor)) {
                let message = format!("{} gave the same cursor twice.", listing.first.path);
                return Err(Break::Stop(endless(message)));
            }
            reply = self
                .client
                .post(listing.next, &json!({ "cursor": cursor }))
                .await
                .map_err(|fault| broken(fault, listing.next))?;
        }
        let message = format!("The listing of {} has more than {MOST_PAGES} pages.", listing.first.path);
        Err(Break::Stop(endless(message)))
    }
}

/// What a listing comes to, if that does not take too long.
async fn in_time<T>(
    listing: &Listing<'_>,
    items: impl Future<Output = Result<Vec<T>, ConnectorError>>,
) -> Result<Vec<T>, ConnectorError> {
    timeout(LISTING_TIME, items).await.unwrap_or_else(|_| {
        let hours = LISTING_TIME.as_secs() / 3600;
        Err(endless(format!("The listing of {} did not end within {hours} hours.", listing.first.path)))
    })
}

/// A listing that does not come to an end.
fn endless(message: String) -> ConnectorError {
    too_long("LISTING_ENDLESS", message, "BASE_URL")
}

/// A number for a cursor, which may be long.
fn fingerprint(cursor: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    cursor.hash(&mut hasher);
    hasher.finish()
}

/// Tells how far it is, over listings that are read at once and may start again.
struct Told<'a> {
    progress: &'a dyn Progress,
    so_far: AtomicU64,
}

impl Told<'_> {
    fn more(&self, items: usize) {
        let before = self.so_far.fetch_add(items as u64, Ordering::Relaxed);
        self.progress.observed(before + items as u64);
    }

    fn less(&self, items: usize) {
        self.so_far.fetch_sub(items as u64, Ordering::Relaxed);
    }
}

fn broken(fault: Fault, route: &'static Route) -> Break {
    match fault {
        Fault::Lost { .. } => Break::Smaller(fault.into_error(route.path)),
        fault if fault.is_too_long() => Break::Smaller(fault.into_error(route.path)),
        Fault::Refused(ref refusal) if refusal.tag == "invalid_cursor" => Break::Restart(incomplete(
            format!("Dropbox forgot where the listing of {} was, twice.", route.path),
        )),
        fault => Break::Stop(fault.into_error(route.path)),
    }
}

/// Halves the page for this and all later listings; says whether it could.
fn shrink(page: &AtomicU32) -> bool {
    let before = page.load(Ordering::Relaxed);
    page.store((before / 2).max(SMALLEST_PAGE), Ordering::Relaxed);
    before > SMALLEST_PAGE
}

/// A member that moved between pages while they were read is listed twice; the later one counts.
fn each_once(members: Vec<Member>) -> Vec<Member> {
    let mut places: FxHashMap<Box<str>, usize> =
        FxHashMap::with_capacity_and_hasher(members.len(), rustc_hash::FxBuildHasher);
    let mut once: Vec<Member> = Vec::with_capacity(members.len());
    for member in members {
        match places.get(&member.profile.team_member_id) {
            Some(place) => once[*place] = member,
            None => {
                places.insert(member.profile.team_member_id.clone(), once.len());
                once.push(member);
            }
        }
    }
    once
}

/// The groups that members are in although the listing left them out; no number tells how many there should be. Taken
/// for deleted, such a group would keep whoever should leave it.
fn unlisted<'a>(members: &'a [Member], groups: &[Group]) -> Vec<&'a str> {
    let listed: FxHashSet<&str> = groups.iter().map(|group| &*group.group_id).collect();
    let members = members.iter().filter(|member| !member.is_removed());
    let unlisted: BTreeSet<&str> =
        members.flat_map(Member::groups).filter(|group| !listed.contains(group)).collect();
    unlisted.into_iter().collect()
}

/// The groups with their keys, each once.
fn in_order(groups: Vec<Group>, keys: &mut GroupKeys) -> Vec<RemoteGroup> {
    let mut groups: Vec<RemoteGroup> = groups.into_iter().map(|group| group.remote(keys)).collect();
    // Stable: of the same group listed twice the last stays, after reversing.
    groups.reverse();
    groups.sort_by_key(|group| group.key);
    groups.dedup_by_key(|group| group.key);
    groups
}

fn seats(team: &TeamInfo) -> Seats {
    let used = if team.num_used_licenses == 0 { team.num_provisioned_users } else { team.num_used_licenses };
    Seats { licensed: team.num_licensed_users, used }
}

fn incomplete(message: String) -> ConnectorError {
    let remedy = "Nothing is concluded from it; it is read again on its own.";
    ConnectorError::Incomplete { problem: Problem::new("LISTING_INCOMPLETE", message, remedy) }
}

fn short(listed: usize, provisioned: u32) -> ConnectorError {
    incomplete(format!(
        "Dropbox listed {listed} members although the team has {provisioned}, twice in a row."
    ))
}
