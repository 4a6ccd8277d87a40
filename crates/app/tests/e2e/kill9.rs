//! `kill -9`, two hundred times, at random moments of a sync that never ends: nothing that was acknowledged is lost,
//! nothing harmful happens twice, and the rule runs again as soon as a server is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use dropbox_simulator::{Fault, GroupSeed, MemberSeed, MemberState, Route, Team, Trigger, When};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Home, World, id, person, until};

/// How often the server is killed.
const KILLS: usize = 200;
/// How long after a server is ready a rule that was cut off may take to run again: at the median, and at most.
const RUNS_AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];
const PEOPLE: usize = 60;
const GROUPS: usize = 6;
/// People of the team whom the directory does not know.
const STRANGERS: [&str; 3] = ["sam@elsewhere.example", "sue@elsewhere.example", "sid@elsewhere.example"];

/// A user, as the directory acknowledged it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Person {
    username: String,
    family: String,
    enabled: bool,
    groups: BTreeSet<String>,
}

impl Person {
    fn email(&self) -> String {
        format!("{}@example.com", self.username)
    }
}

/// One change of the directory.
#[derive(Clone, Debug)]
enum Change {
    Hire(String),
    Fire(String),
    Rename(String, String),
    Enable(String, bool),
    Join(String, String),
    Leave(String, String),
    RenameGroup(String, String),
}

/// What the directory acknowledged, and what was ever allowed to happen to whom.
#[derive(Debug, Default)]
struct Acknowledged {
    people: BTreeMap<String, Person>,
    groups: BTreeMap<String, String>,
    /// By user id: everyone there ever was, with the address.
    everyone: BTreeMap<String, String>,
    /// Who was ever disabled or deleted: only they may be suspended, or their invitations cancelled.
    ever_out: BTreeSet<String>,
    /// How often someone came back: each time may take one more invitation.
    returns: BTreeMap<String, u32>,
    /// Who was ever taken out of which group, by their names.
    ever_left: BTreeSet<(String, String)>,
}

impl Acknowledged {
    fn change(&self, rng: &mut StdRng, number: usize) -> Change {
        let someone = |rng: &mut StdRng| {
            let all: Vec<&String> = self.people.keys().collect();
            (*all.choose(rng).unwrap()).clone()
        };
        let a_group = |rng: &mut StdRng| {
            let all: Vec<&String> = self.groups.keys().collect();
            (*all.choose(rng).unwrap()).clone()
        };
        match rng.random_range(0..100) {
            0..8 => Change::Hire(format!("new{number}")),
            8..14 => Change::Fire(someone(rng)),
            14..36 => Change::Rename(someone(rng), format!("Family{number}")),
            36..56 => {
                let user = someone(rng);
                let enabled = self.people[&user].enabled;
                Change::Enable(user, !enabled)
            }
            56..94 => {
                let (user, group) = (someone(rng), a_group(rng));
                match self.people[&user].groups.contains(&group) {
                    true => Change::Leave(user, group),
                    false => Change::Join(user, group),
                }
            }
            _ => Change::RenameGroup(a_group(rng), format!("Group{number}")),
        }
    }

    /// Takes note of a change that was acknowledged.
    fn done(&mut self, change: &Change, answer: &Value) {
        match change {
            Change::Hire(name) => self.hired(&id(answer), name),
            Change::Fire(user) => {
                self.out(user);
                self.people.remove(user);
            }
            Change::Rename(user, family) => self.people.get_mut(user).unwrap().family.clone_from(family),
            Change::Enable(user, enabled) => {
                self.people.get_mut(user).unwrap().enabled = *enabled;
                match enabled {
                    true => *self.returns.entry(user.clone()).or_default() += 1,
                    false => self.out(user),
                }
            }
            Change::Join(user, group) => {
                self.people.get_mut(user).unwrap().groups.insert(group.clone());
            }
            Change::Leave(user, group) => {
                self.people.get_mut(user).unwrap().groups.remove(group);
                self.ever_left.insert((user.clone(), group.clone()));
            }
            Change::RenameGroup(group, name) => {
                self.groups.insert(group.clone(), name.clone());
            }
        }
    }

    fn hired(&mut self, user: &str, name: &str) {
        let person = Person {
            username: name.to_owned(),
            family: "Example".to_owned(),
            enabled: true,
            groups: BTreeSet::new(),
        };
        self.everyone.insert(user.to_owned(), person.email());
        self.people.insert(user.to_owned(), person);
    }

    fn out(&mut self, user: &str) {
        self.ever_out.insert(user.to_owned());
    }
}

fn request(world: &World, change: &Change) -> reqwest::RequestBuilder {
    let api = &world.api;
    match change {
        Change::Hire(name) => api.request(Method::POST, "/users").json(&person(name)),
        Change::Fire(user) => api.request(Method::DELETE, &format!("/users/{user}")),
        Change::Rename(user, family) => api
            .request(Method::PATCH, &format!("/users/{user}"))
            .json(&json!({ "name": { "family": family } })),
        Change::Enable(user, enabled) => {
            api.request(Method::PUT, &format!("/users/{user}/enabled")).json(&json!({ "enabled": enabled }))
        }
        Change::Join(user, group) => {
            api.request(Method::POST, &format!("/users/{user}/memberOfGroups")).json(&json!({ "id": group }))
        }
        Change::Leave(user, group) => {
            api.request(Method::DELETE, &format!("/users/{user}/memberOfGroups/{group}"))
        }
        Change::RenameGroup(group, name) => {
            api.request(Method::PUT, &format!("/groups/{group}")).json(&json!({ "name": name }))
        }
    }
}

/// Asks the directory what became of a change whose answer never came: all of it, or nothing of it.
async fn became(world: &World, change: &Change) -> Option<Value> {
    let api = &world.api;
    let user = |user: &str| format!("/users/{user}");
    match change {
        Change::Hire(name) => {
            let found = api.get(&format!("/users?filter=username%20eq%20%22{name}%22")).await.ok();
            found["_embedded"]["users"].as_array().unwrap().first().cloned()
        }
        Change::Fire(id) => (api.get(&user(id)).await.status == 404).then_some(Value::Null),
        Change::Rename(id, family) => {
            let now = api.get(&user(id)).await.ok();
            (now["name"]["family"] == json!(family)).then_some(now)
        }
        Change::Enable(id, enabled) => {
            let now = api.get(&user(id)).await.ok();
            (now["enabled"] == json!(enabled)).then_some(now)
        }
        Change::Join(id, group) => {
            let now = api.get(&format!("/users/{id}/memberOfGroups/{group}")).await;
            (now.status == 200).then_some(now.body)
        }
        Change::Leave(id, group) => {
            let now = api.get(&format!("/users/{id}/memberOfGroups/{group}")).await;
            (now.status == 404).then_some(Value::Null)
        }
        Change::RenameGroup(group, name) => {
            let now = api.get(&format!("/groups/{group}")).await.ok();
            (now["name"] == json!(name)).then_some(now)
        }
    }
}

fn seed() -> u64 {
    let given = std::env::var("USHER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or(9)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_lose_nothing_and_repeat_nothing_harmful() {
    let seed = seed();
    eprintln!("USHER_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let (world, rule, mut known) = set_up(&mut rng).await;
    let mut world = world;
    let (mut uncertain, mut changes, mut starting) = (None, 0, Duration::ZERO);
    let mut waits = Vec::new();

    for kill in 0..KILLS {
        if let Some(change) = uncertain.take()
            && let Some(answer) = became(&world, &change).await
        {
            known.done(&change, &answer);
        }
        if rng.random_bool(0.3) {
            world.dropbox.0.team().accept_all_invitations();
        }
        let until = Instant::now() + Duration::from_millis(rng.random_range(5..=300));
        // A burst of changes, then rest, so that kills also fall into runs that are well under way.
        for _ in 0..rng.random_range(0..6) {
            changes += 1;
            let change = known.change(&mut rng, changes);
            let sent = world.api.try_send(request(&world, &change));
            match tokio::time::timeout_at(until.into(), sent).await {
                Ok(answer) => {
                    let answer: Answer = answer.unwrap();
                    known.done(&change, &answer.ok());
                }
                Err(_) => {
                    // Whether it happened is asked when the server is back; what it may do to the team is allowed.
                    allow(&mut known, &change);
                    uncertain = Some(change);
                    break;
                }
            }
        }
        tokio::time::sleep_until(until.into()).await;
        world.usher.kill9();
        let killed = now();
        check_nothing_harmful(&world, &known, kill);
        let began = Instant::now();
        world.usher.restart().await;
        starting += began.elapsed();
        waits.extend(runs_again(&world, &rule, &killed).await);
    }
    let runs = world.runs(&rule).await;
    let cut_off = runs.iter().filter(|run| run["state"] == "FAILED").count();
    eprintln!(
        "{changes} changes, {} runs of which {cut_off} were cut off, {} calls; a start took {:?}",
        runs.len(),
        world.dropbox.0.calls().total(),
        starting / u32::try_from(KILLS).unwrap()
    );

    waits.sort();
    let [median, longest] = [waits[waits.len() / 2], waits[waits.len() - 1]];
    eprintln!(
        "after {} kills something was due: it ran {median:?} after readiness at the median, {longest:?} at most",
        waits.len()
    );
    assert!(
        waits.len() >= KILLS / 4,
        "something was due only {} times: the test has lost its edge",
        waits.len()
    );
    assert!(median <= RUNS_AGAIN[0] && longest <= RUNS_AGAIN[1], "the rule stood still: {waits:?}");
    assert!(
        cut_off >= KILLS / 10,
        "only {cut_off} of {KILLS} kills fell into a run: the test has lost its edge"
    );

    if let Some(change) = uncertain.take()
        && let Some(answer) = became(&world, &change).await
    {
        known.done(&change, &answer);
    }
    check_directory(&world, &known).await;
    check_converges(&world, &rule, &known).await;
}

/// The time, as the server writes it.
#[expect(clippy::disallowed_methods, reason = "a test compares with the server's clock")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// How long a server that is ready takes to run what was due when the one before it was killed; `None` if nothing was.
async fn runs_again(world: &World, rule: &str, killed: &str) -> Option<Duration> {
    let ready = Instant::now();
    loop {
        let status = world.api.get(&format!("/propagation/rules/{rule}/syncStatus")).await.ok();
        let runs = world.api.get(&format!("/propagation/rules/{rule}/runs?limit=1")).await.ok();
        let latest = &runs["_embedded"]["runs"][0];
        // Written alike, times are in order as texts.
        if latest["startedAt"].as_str().is_some_and(|started| started > killed) {
            return Some(ready.elapsed());
        }
        let later = status["nextSyncAt"].as_str().is_none_or(|next| next > now().as_str());
        if status["currentRun"].is_null() && later {
            return None;
        }
        assert!(ready.elapsed() < 2 * RUNS_AGAIN[1], "the rule stands still: {status:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The server dies when Dropbox has made an account and nobody was told; before it looks again, the user is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_deleted_before_their_new_account_was_recorded_does_not_keep_it() {
    let mut world = World::of(Home::sqlite(), Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    let ada = world.user("ada").await;
    world.user("bob").await;
    let slow = Fault::Slow(Duration::from_secs(20));
    world.dropbox.0.faults().on(Route::MembersAdd, Trigger::Next, slow, When::AfterEffect);
    let rule = world.outbound_rule(json!({})).await;
    until("the accounts are made", async || world.dropbox.0.team().on_team() == 3).await;
    world.usher.restart().await;
    world.api.delete(&format!("/users/{ada}")).await.ok();
    let status = world.settled(&rule).await;
    assert_eq!(status["users"]["success"], 1, "{status:#}");
    assert_eq!(world.dropbox.people(), ["bob@example.com Bob Example invited"]);
    world.dropbox.assert_nothing_was_wiped();
}

/// A team of strangers, a directory of sixty, six groups of which the team has one already, and a rule.
async fn set_up(rng: &mut StdRng) -> (World, String, Acknowledged) {
    let strangers = STRANGERS.map(|email| MemberSeed::new(email, "Some", "Stranger"));
    let team = Team::builder()
        .members(strangers)
        .group(GroupSeed::new("Group-0", &STRANGERS[..1]))
        // So that a run takes long enough to be killed in the middle.
        .latency(Duration::from_millis(10));
    let settings = json!({ "DEPROVISION_USERS": true, "REMOVE_ACTION": "Disable", "MAX_IN_FLIGHT": 2 });
    let world = World::of(Home::sqlite(), team, settings).await;
    let mut known = Acknowledged::default();
    for number in 0..GROUPS {
        let name = format!("Group-{number}");
        known.groups.insert(world.group(&name).await, name);
    }
    let groups: Vec<String> = known.groups.keys().cloned().collect();
    for number in 0..PEOPLE {
        let name = format!("user{number}");
        let user = world.user(&name).await;
        known.hired(&user, &name);
        let group = groups.choose(rng).unwrap();
        world.join(&user, group).await;
        known.people.get_mut(&user).unwrap().groups.insert(group.clone());
    }
    let of_rule: Vec<Value> = groups.iter().map(|group| json!({ "id": group })).collect();
    let no_guard = json!({ "GUARD_MAX_REMOVALS": 1_000_000, "GUARD_MAX_REMOVAL_PERCENT": 100, "GUARD_WINDOW_MINUTES": 0 });
    let rule = world.outbound_rule(json!({ "groups": of_rule, "configuration": no_guard })).await;
    (world, rule, known)
}

/// What a change may do to the team, whether or not it was acknowledged.
fn allow(known: &mut Acknowledged, change: &Change) {
    match change {
        Change::Fire(user) | Change::Enable(user, false) => known.out(user),
        Change::Enable(user, true) => *known.returns.entry(user.clone()).or_default() += 1,
        Change::Leave(user, group) => {
            known.ever_left.insert((user.clone(), group.clone()));
        }
        _ => {}
    }
}

/// Nobody was invited twice, wiped, or taken out without cause; strangers are as they were.
fn check_nothing_harmful(world: &World, known: &Acknowledged, kill: usize) {
    world.dropbox.assert_nothing_was_wiped();
    let by_email: BTreeMap<&str, &str> =
        known.everyone.iter().map(|(user, email)| (email.as_str(), user.as_str())).collect();
    let team = world.dropbox.0.team();
    let mut invitations: BTreeMap<&str, u32> = BTreeMap::new();
    for member in team.members().iter().filter(|member| member.role.is_none()) {
        let email = member.email.as_str();
        if STRANGERS.contains(&email) {
            let untouched = member.state == MemberState::Active && member.external_id.is_none();
            assert!(untouched, "after kill {kill}: a stranger was touched: {member:?}");
            continue;
        }
        // Somebody who was hired by a request that was cut off is not known yet.
        let Some(user) = by_email.get(email) else { continue };
        *invitations.entry(user).or_default() += member.welcome_emails;
        let gone = matches!(member.state, MemberState::Suspended | MemberState::Removed);
        assert!(!gone || known.ever_out.contains(*user), "after kill {kill}: {email} is out without cause");
    }
    for (user, count) in invitations {
        let allowed = 1 + known.returns.get(user).copied().unwrap_or(0);
        assert!(count <= allowed, "after kill {kill}: {} was invited {count} times", known.everyone[user]);
    }
}

/// Every acknowledged change is in the directory, and nothing else.
async fn check_directory(world: &World, known: &Acknowledged) {
    let mut people = BTreeMap::new();
    for user in world.api.list("/users?limit=50", "users").await {
        let user_id = id(&user);
        let groups = world.api.list(&format!("/users/{user_id}/memberOfGroups"), "groupMemberships").await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let person = Person {
            username: text(&user["username"]),
            family: text(&user["name"]["family"]),
            enabled: user["enabled"] == true,
            groups: groups.iter().map(id).collect(),
        };
        people.insert(user_id, person);
    }
    assert_eq!(people, known.people);
    let groups = world.api.list("/groups", "groups").await;
    let groups: BTreeMap<String, String> =
        groups.iter().map(|group| (id(group), group["name"].as_str().unwrap().to_owned())).collect();
    assert_eq!(groups, known.groups);
}

/// Left alone, the team becomes what the directory says, and a full sync has nothing more to do.
async fn check_converges(world: &World, rule: &str, known: &Acknowledged) {
    let status = world.settled(rule).await;
    assert_eq!(status["status"], "ACTIVE", "{status:#}");
    assert_eq!(status["users"]["failed"], 0, "{status:#}");
    check_nothing_harmful(world, known, KILLS);
    check_team(world, known);

    let log = world.dropbox.0.calls();
    let writes =
        || -> u64 { Route::ALL.iter().filter(|route| route.is_write()).map(|route| log.count(route)).sum() };
    let before = writes();
    let run = world.api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    world.settled(rule).await;
    let run = world.api.get(&format!("/propagation/runs/{}", id(&run))).await.ok();
    assert_eq!(run["state"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["progress"]["total"], 0, "a full sync finds something to do: {run:#}");
    assert_eq!(writes(), before, "a full sync wrote something");
    check_team(world, known);
}

fn check_team(world: &World, known: &Acknowledged) {
    let team = world.dropbox.0.team();
    let on_team: Vec<_> =
        team.members().iter().filter(|member| member.on_team() && member.role.is_none()).collect();
    let mut expected: BTreeSet<(String, String)> = BTreeSet::new();
    for (user, person) in &known.people {
        let email = person.email();
        let members: Vec<_> =
            on_team.iter().filter(|member| member.external_id.as_ref() == Some(user)).collect();
        if person.enabled {
            let [member] = members.as_slice() else {
                panic!("{email} is {} times on the team", members.len())
            };
            assert!(matches!(member.state, MemberState::Active | MemberState::Invited), "{member:?}");
            assert_eq!((&member.email, &member.surname), (&email, &person.family));
            expected.extend(person.groups.iter().map(|group| (known.groups[group].clone(), email.clone())));
        } else {
            assert!(members.iter().all(|member| member.state == MemberState::Suspended), "{members:?}");
        }
    }
    for member in &on_team {
        let user = member.external_id.as_deref().unwrap_or_default();
        let is_known = STRANGERS.contains(&member.email.as_str()) || known.people.contains_key(user);
        assert!(is_known || member.state == MemberState::Suspended, "{member:?} should be out");
    }
    // Who is disabled stays where they were; where they are not any more, they are taken out.
    let memberships: BTreeSet<(String, String)> = team
        .memberships()
        .into_iter()
        .filter(|(_, email)| {
            let member = team.member_by_email(email).unwrap();
            member.state != MemberState::Suspended && !STRANGERS.contains(email)
        })
        .map(|(group, email)| (group.to_owned(), email.to_owned()))
        .collect();
    assert_eq!(memberships, expected);
    // The stranger is where they were, whether or not their group was adopted before it was renamed.
    let theirs = team.memberships().into_iter().filter(|(_, email)| *email == STRANGERS[0]).count();
    assert_eq!(theirs, 1, "a stranger was taken out of their group, or put into another");
}
