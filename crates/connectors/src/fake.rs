//! A team in memory, with faults to order: for tests and for trying things out. It keeps the contract of
//! [`Connector`] and knows a team's state machine (facts/dropbox.md §4), but neither Dropbox's JSON nor its limits.
//!
//! The same orders give the same answers: nothing here is random but [`FakeTeam::fail_often`], which is seeded.

mod rules;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::Notify;
use usher_domain::{
    Problem, Timestamp,
    ports::connector::{
        Applied, Changes, Check, CheckReport, CheckStatus, Connector, ConnectorError, LogPosition, Look,
        LookAtGroups, Outcomes, Progress,
    },
    reconcile::{
        attributes::{Attribute, AttributeSet},
        operation::Operation,
        outcome::Outcome,
        scope::Scope,
        snapshot::{
            Account, AccountId, AccountState, GroupKeys, GroupKind, RemoteGroup, RemoteGroupId, Seats,
            Snapshot,
        },
    },
};

/// Something that goes wrong with one call: an observation, or one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is not made, because the team is busy; ends an application.
    Busy,
    /// The call takes effect, but the answer is lost for good; ends an application.
    LostAnswer,
    /// The operation is refused, with the code `REFUSED`; an observation takes no notice.
    Refused,
    /// The authorisation is gone, for this call.
    Unauthorized,
    /// The listing is not whole; an operation takes no notice.
    ShortList,
    /// The call is not made and does not answer; see [`FakeTeam::hung`] and [`FakeTeam::release`].
    HangBefore,
    /// The call takes effect and does not answer; see [`FakeTeam::hung`] and [`FakeTeam::release`].
    HangAfter,
}

/// A member of the team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where they stand.
    pub state: AccountState,
    /// What can be set on them.
    pub attributes: AttributeSet,
    /// Whether they may administer the team.
    pub is_admin: bool,
    /// The groups they are in.
    pub groups: BTreeSet<RemoteGroupId>,
    /// What recovering brings back.
    before_removal: Option<AccountState>,
}

/// A group of the team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamGroup {
    /// Its name.
    pub name: String,
    /// The provisioner's id.
    pub external_id: Option<String>,
    /// Who may edit it.
    pub kind: GroupKind,
}

/// What there is in the team.
#[derive(Clone, Debug, Default)]
pub struct Team {
    /// Members by id, removed ones too.
    pub members: BTreeMap<AccountId, Member>,
    /// Groups by id.
    pub groups: BTreeMap<RemoteGroupId, TeamGroup>,
    /// Licences; as many as are wanted when `None`.
    pub licensed: Option<u32>,
    /// The account whose authorisation is used.
    pub own_account: Option<AccountId>,
    /// Whether someone who was only invited can be in a group.
    pub invited_may_join_groups: bool,
    made: u64,
}

#[derive(Debug, Default)]
struct State {
    team: Team,
    faults: VecDeque<Fault>,
    often: Option<(u64, u32)>,
    calls: u64,
    /// The team as it was at each position of the log that was given out; `None` where it was forgotten.
    positions: Vec<Option<Team>>,
}

/// The team, shared: a clone is the same team.
#[derive(Clone, Debug, Default)]
pub struct FakeTeam {
    state: Arc<Mutex<State>>,
    hung: Arc<Notify>,
    released: Arc<Notify>,
}

impl FakeTeam {
    /// An empty team with one active administrator.
    pub fn new() -> Self {
        let fake = FakeTeam::default();
        fake.change(|team| {
            let id = team.invite("admin@team.example", "");
            if let Some(member) = team.members.get_mut(&id) {
                member.state = AccountState::Active;
                member.is_admin = true;
            }
            team.own_account = Some(id);
            team.invited_may_join_groups = true;
        });
        fake
    }

    /// Looks at the team, or changes it as a person at its console would.
    pub fn change<T>(&self, change: impl FnOnce(&mut Team) -> T) -> T {
        change(&mut self.lock().team)
    }

    /// Orders faults, one for each of the next calls.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// From now on about one call in `one_in` fails in one way or another (never hanging); 0 ends it.
    pub fn fail_often(&self, seed: u64, one_in: u32) {
        self.lock().often = (one_in > 0).then_some((seed, one_in));
    }

    /// No fault is left.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.faults.clear();
        state.often = None;
    }

    /// No position of the log that was given out is good any more.
    pub fn forget_log(&self) {
        self.lock().positions.fill(None);
    }

    /// How many calls were made or tried: observations, and operations one by one.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Waits until a call hangs.
    pub async fn hung(&self) {
        self.hung.notified().await;
    }

    /// Lets a call that hangs go on: one that looks then answers.
    pub fn release(&self) {
        self.released.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already; the others may go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and takes the fault that was ordered for it.
    fn call(&self) -> Option<Fault> {
        let mut state = self.lock();
        state.calls += 1;
        if let Some(fault) = state.faults.pop_front() {
            return Some(fault);
        }
        let (seed, one_in) = state.often.as_mut()?;
        let number = next_number(seed);
        const KINDS: [Fault; 5] =
            [Fault::Busy, Fault::LostAnswer, Fault::Refused, Fault::ShortList, Fault::LostAnswer];
        number
            .is_multiple_of(u64::from(*one_in))
            .then(|| KINDS[usize::try_from(number >> 33).unwrap_or(0) % KINDS.len()])
    }

    async fn hang(&self) {
        self.hung.notify_one();
        self.released.notified().await;
    }

    async fn perform(&self, index: usize, operation: &Operation) -> Result<Vec<Applied>, ConnectorError> {
        let applied = |outcome| Ok(vec![Applied { index, outcome }]);
        match self.call() {
            Some(Fault::Busy) => Err(busy()),
            Some(Fault::Unauthorized) => Err(unauthorized()),
            Some(Fault::HangBefore) => {
                self.hang().await;
                Err(busy())
            }
            Some(Fault::LostAnswer) => {
                self.change(|team| team.apply(operation));
                Err(busy())
            }
            Some(Fault::HangAfter) => {
                self.change(|team| team.apply(operation));
                self.hang().await;
                Err(busy())
            }
            Some(Fault::Refused) => applied(Outcome::Refused {
                problem: Problem::new(
                    "REFUSED",
                    format!("The team refuses this for {}.", operation.label),
                    "Order no fault.",
                ),
            }),
            None | Some(Fault::ShortList) => applied(self.change(|team| team.apply(operation))),
        }
    }
}

#[async_trait]
impl Connector for FakeTeam {
    async fn check(&self) -> CheckReport {
        let failed = self.call() == Some(Fault::Unauthorized);
        let status = if failed { CheckStatus::Failed } else { CheckStatus::Success };
        let check = Check { name: "token".into(), status, detail: String::new(), request_id: None };
        let own_account =
            self.lock().team.own_account.clone().map(|id| (id, "admin@team.example".to_owned()));
        CheckReport { checks: vec![check], team: Some("Fake".into()), own_account }
    }

    async fn observe(&self, look: &Look, progress: &dyn Progress) -> Result<Snapshot, ConnectorError> {
        match self.call() {
            Some(Fault::Busy | Fault::LostAnswer) => return Err(busy()),
            Some(Fault::Unauthorized) => return Err(unauthorized()),
            Some(Fault::ShortList) if *look == Look::Whole => {
                let problem = Problem::new("SHORT_LIST", "The team's list is not whole.", "Try again later.");
                return Err(ConnectorError::Incomplete { problem });
            }
            Some(Fault::HangBefore | Fault::HangAfter) => self.hang().await,
            Some(Fault::Refused | Fault::ShortList) | None => {}
        }
        let snapshot = self.change(|team| team.look(look));
        progress.observed(snapshot.accounts.len() as u64);
        Ok(snapshot)
    }

    fn apply<'a>(&'a self, operations: &'a [Operation]) -> Outcomes<'a> {
        let todo = operations.iter().enumerate();
        Box::pin(stream::unfold(Some(todo), move |todo| async move {
            let mut todo = todo?;
            let (index, operation) = todo.next()?;
            let applied = self.perform(index, operation).await;
            let rest = applied.is_ok().then_some(todo);
            Some((applied, rest))
        }))
    }

    /// The log is what differs from the team as it was: it tells of what happened twice once, and of what was undone not
    /// at all.
    async fn changes(
        &self,
        position: Option<&LogPosition>,
        _since: Timestamp,
    ) -> Result<Changes, ConnectorError> {
        match self.call() {
            Some(Fault::Busy | Fault::LostAnswer) => return Err(busy()),
            Some(Fault::Unauthorized) => return Err(unauthorized()),
            Some(Fault::HangBefore | Fault::HangAfter) => self.hang().await,
            Some(Fault::Refused | Fault::ShortList) | None => {}
        }
        let mut state = self.lock();
        let number = position.and_then(|position| position.0.parse::<usize>().ok());
        let before = number.and_then(|number| state.positions.get(number)).and_then(Option::as_ref);
        let now = &state.team;
        let (accounts, groups) = match before {
            Some(before) => {
                (differing(&before.members, &now.members), differing(&before.groups, &now.groups))
            }
            None => (BTreeSet::new(), BTreeSet::new()),
        };
        let everything = position.is_some() && before.is_none();
        let now = now.clone();
        state.positions.push(Some(now));
        let position = LogPosition((state.positions.len() - 1).to_string());
        Ok(Changes { accounts, groups, everything, position, more: false })
    }

    fn calls(&self, operations: &[Operation]) -> u64 {
        operations.len() as u64
    }
}

impl Team {
    /// A new member, invited.
    pub fn invite(&mut self, email: &str, external_id: &str) -> AccountId {
        self.made += 1;
        let id = AccountId::from(format!("dbmid:{:04}", self.made));
        let attributes = AttributeSet::new([(Attribute::Email, email), (Attribute::ExternalId, external_id)]);
        let member = Member {
            state: AccountState::Invited,
            attributes,
            is_admin: false,
            groups: BTreeSet::new(),
            before_removal: None,
        };
        self.members.insert(id.clone(), member);
        id
    }

    /// A new group, empty.
    pub fn found(&mut self, name: &str, kind: GroupKind, external_id: Option<String>) -> RemoteGroupId {
        self.made += 1;
        let id = RemoteGroupId::from(format!("g:{:04}", self.made));
        self.groups.insert(id.clone(), TeamGroup { name: name.to_owned(), external_id, kind });
        id
    }

    /// Everyone who was invited accepts.
    pub fn accept_invitations(&mut self) {
        for member in self.members.values_mut().filter(|member| member.state == AccountState::Invited) {
            member.state = AccountState::Active;
        }
    }

    /// The member with that address who is not removed.
    pub fn by_email(&self, email: &str) -> Option<(&AccountId, &Member)> {
        self.members
            .iter()
            .find(|(_, member)| member.is_there() && member.attributes.get(Attribute::Email) == email)
    }

    /// The group of that name.
    pub fn by_name(&self, name: &str) -> Option<(&RemoteGroupId, &TeamGroup)> {
        self.groups.iter().find(|(_, group)| group.name.eq_ignore_ascii_case(name))
    }

    /// The addresses of those who can use their account, or could by accepting their invitation; sorted.
    pub fn with_access(&self) -> Vec<&str> {
        let in_use = |member: &&Member| matches!(member.state, AccountState::Active | AccountState::Invited);
        let mut emails: Vec<&str> = self
            .members
            .values()
            .filter(in_use)
            .map(|member| member.attributes.get(Attribute::Email))
            .collect();
        emails.sort_unstable();
        emails
    }

    /// The addresses of those in a group who are not removed; sorted.
    pub fn in_group(&self, name: &str) -> Vec<&str> {
        let Some((id, _)) = self.by_name(name) else { return Vec::new() };
        let members = self.members.values().filter(|member| member.is_there() && member.groups.contains(id));
        let mut emails: Vec<&str> = members.map(|member| member.attributes.get(Attribute::Email)).collect();
        emails.sort_unstable();
        emails
    }

    fn used(&self) -> u32 {
        u32::try_from(self.members.values().filter(|member| member.is_there()).count()).unwrap_or(u32::MAX)
    }

    fn look(&self, look: &Look) -> Snapshot {
        let mut keys = GroupKeys::default();
        let wanted = |id: &AccountId, member: &Member| {
            let Look::At { accounts, people, .. } = look else { return true };
            let is = |attribute, value: &str| {
                !value.is_empty() && member.attributes.get(attribute) == value && member.is_there()
            };
            accounts.contains(id)
                || people.iter().any(|person| {
                    is(Attribute::ExternalId, &person.external_id) || is(Attribute::Email, &person.email)
                })
        };
        let seen = self.members.iter().filter(|(id, member)| wanted(id, member));
        let accounts = seen
            .map(|(id, member)| {
                let mut groups: Vec<_> = member.groups.iter().map(|group| keys.key(group.as_str())).collect();
                groups.sort_unstable();
                Account {
                    id: id.clone(),
                    state: member.state.clone(),
                    attributes: member.attributes.clone(),
                    secondary_emails: Box::default(),
                    is_admin: member.is_admin,
                    groups: if member.is_there() { groups.into() } else { Box::default() },
                }
            })
            .collect();
        let wanted = |id: &RemoteGroupId| match look {
            Look::Whole | Look::At { groups: LookAtGroups::All, .. } => true,
            Look::At { groups: LookAtGroups::These(these), .. } => these.contains(id),
            Look::At { groups: LookAtGroups::None, .. } => false,
        };
        let groups = self.groups.iter().filter(|(id, _)| wanted(id));
        let groups = groups
            .map(|(id, group)| RemoteGroup {
                key: keys.key(id.as_str()),
                name: group.name.as_str().into(),
                external_id: group.external_id.as_deref().map(Into::into),
                kind: group.kind,
            })
            .collect();
        let whole = *look == Look::Whole;
        let seats = self.licensed.filter(|_| whole).map(|licensed| Seats { licensed, used: self.used() });
        Snapshot {
            scope: Scope::Full,
            accounts,
            groups,
            groups_whole: matches!(look, Look::Whole | Look::At { groups: LookAtGroups::All, .. }),
            group_ids: keys.into_ids(),
            seats,
            own_account: self.own_account.clone(),
        }
    }
}

impl Member {
    /// Whether they are on the team.
    pub fn is_there(&self) -> bool {
        !matches!(self.state, AccountState::Removed { .. })
    }
}

/// The keys at which two maps differ.
fn differing<K: Ord + Clone, V: PartialEq>(before: &BTreeMap<K, V>, now: &BTreeMap<K, V>) -> BTreeSet<K> {
    let keys = before.keys().chain(now.keys());
    keys.filter(|key| before.get(key) != now.get(key)).cloned().collect()
}

/// SplitMix64.
fn next_number(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn busy() -> ConnectorError {
    let problem = Problem::new("BUSY", "The team is busy.", "It is tried again by itself.");
    ConnectorError::Busy { after: Duration::from_secs(1), problem }
}

fn unauthorized() -> ConnectorError {
    let problem =
        Problem::new("UNAUTHORIZED", "The authorisation is gone.", "Authorise the connection anew.");
    ConnectorError::Unauthorized { problem }
}
