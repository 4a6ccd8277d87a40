//! One cell: lives through a scene with a trouble until all is quiet, and judges how it ended.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    time::Duration,
};

use dropbox_simulator::{Call, Member, Route};
use futures_util::FutureExt;
use usher_connectors::dropbox::DropboxConnector;
use usher_domain::{
    Problem,
    directory::change::{ChangeSet, Write},
    ports::connector::{CheckReport, CheckStatus, Connector},
    provisioning::connection::{Connection, DropboxSettings, Health},
    reconcile::{
        run::{Run, RunState},
        scope::Scope,
    },
    targets::Targets,
};

use crate::{
    scenes::Scene,
    troubles::{Lasts, TIMEOUT, Trouble},
    world::{DROPBOX, ENVIRONMENT, RULE, World},
};

/// So often something may be due again before it must be called endless.
const MOST_ROUNDS: usize = 40;
/// How long a person takes to repair a connection.
const UNTIL_REPAIRED: Duration = Duration::from_secs(3600);

/// How it went, so far.
#[derive(Default)]
struct Story {
    /// What people were told, each thing once.
    told: Vec<String>,
    /// Calls of the route that a connection's test made.
    by_tests: u64,
}

impl Story {
    fn tell(&mut self, what: &str) {
        if !self.told.iter().any(|told| told == what) {
            self.told.push(what.to_owned());
        }
    }
}

/// How it ended, in the words of the table; or what is wrong.
pub(crate) async fn live(scene: &Scene, trouble: &Trouble) -> Result<String, String> {
    let lived = AssertUnwindSafe(live_through(scene, trouble)).catch_unwind().await;
    lived.unwrap_or_else(|panic| Err(words_of(&*panic)))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    words.unwrap_or("it panicked").to_owned()
}

async fn live_through(scene: &Scene, trouble: &Trouble) -> Result<String, String> {
    let mut draft = scene.draft();
    if trouble.is_slow() {
        draft.patience.timeout = TIMEOUT;
    }
    let world = draft.await;
    scene.prepare(&world).await;
    if trouble.is_none() {
        world.assert_at_rest().await;
    }
    let runs_before = world.runs().await.len();
    let calls = world.simulator.calls();
    (scene.act)(&world).await;
    (scene.besides)(&world);
    trouble.order(scene, &world.simulator.faults());
    calls.clear();

    let mut story = Story::default();
    until_quiet(scene, trouble, &world, &mut story).await?;
    let noted = calls.count(scene.route);
    let log = calls.list();
    let runs = world.runs().await.split_off(runs_before);
    for run in &runs {
        tell_of(run, &world, &mut story).await;
    }

    if noted == 0 {
        return Err("the route was not called".into());
    }
    judge_team(scene, &world)?;
    judge_effects(scene, &log)?;
    judge_memory(scene, &world).await?;
    let times = noted + trouble.unnoted() - story.by_tests;
    let mut cell = format!("ok, {times} call{}", if times == 1 { "" } else { "s" });
    let runs = runs.iter().filter(|run| run.total > 0 || run.state != RunState::Succeeded).count();
    if runs > 1 {
        cell += &format!(", {runs} runs");
    }
    if !story.told.is_empty() {
        cell += &format!(", told {}", story.told.join(" and "));
    }
    Ok(cell)
}

/// Works, waits and repairs until nothing is due any more.
async fn until_quiet(
    scene: &Scene,
    trouble: &Trouble,
    world: &World,
    story: &mut Story,
) -> Result<(), String> {
    if scene.full {
        world.sync_full().await;
    } else {
        world.sync_due().await;
    }
    for _ in 0..MOST_ROUNDS {
        if trouble.lasts == Lasts::TheRun && !scene.is_a_test() {
            world.simulator.faults().clear();
        }
        let connection = world.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        if let Health::Broken { problem, .. } = &connection.health {
            nothing_moves(scene, world).await?;
            if !scene.is_a_test() {
                story.tell(&problem.code);
            }
            repair(scene, world, connection, story).await?;
        }
        match world.store.next_due().await.unwrap() {
            None => return Ok(()),
            Some(at) => world.time_passes(at.since(world.now())),
        }
        world.sync_due().await;
    }
    Err(format!("it does not come to rest: {:?}", world.last_run().await))
}

/// The connection is stopped: since the call that was refused nothing was written, and for an hour nobody calls.
async fn nothing_moves(scene: &Scene, world: &World) -> Result<(), String> {
    let calls = world.simulator.calls();
    let before = calls.list();
    let refused = |call: &Call| call.route == scene.route && matches!(call.status, Some(400..=403));
    let since = before.iter().position(refused).unwrap_or(before.len());
    let written = effects(&before[since..]);
    if !written.is_empty() {
        return Err(format!("after the authorisation was refused, this was done: {written}"));
    }
    world.time_passes(UNTIL_REPAIRED);
    world.sync_due().await;
    let after = calls.list().len() - before.len();
    if after > 0 {
        return Err(format!("{after} calls were made on a connection that is stopped"));
    }
    Ok(())
}

/// A person enters what they got by authorising the app again, and tests the connection.
async fn repair(
    scene: &Scene,
    world: &World,
    mut connection: Connection,
    story: &mut Story,
) -> Result<(), String> {
    let calls = world.simulator.calls();
    let before = calls.count(scene.route);
    if scene.is_a_test() {
        let report = test(&connection).await;
        if let Some(check) = report.checks.iter().find(|check| check.status == CheckStatus::Failed) {
            story.tell(&format!("that the test fails at `{}`", check.name));
        }
        if accept(world, &connection, report).await {
            return Ok(());
        }
    }
    world.simulator.faults().clear();
    connection.version += 1;
    let writes = vec![Write::Connection(connection.clone())];
    world.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
    let report = test(&connection).await;
    let checks = format!("{:?}", report.checks);
    if !accept(world, &connection, report).await {
        return Err(format!("the repaired connection fails its test: {checks}"));
    }
    if !scene.is_a_test() {
        story.by_tests += calls.count(scene.route) - before;
    }
    Ok(())
}

/// A connector of its own, as for a test that a person asks for.
async fn test(connection: &Connection) -> CheckReport {
    let settings =
        DropboxSettings::parse(&connection.configuration, &connection.secrets, &Targets::default()).unwrap();
    let patience = crate::world::Draft::default().patience;
    let connector = DropboxConnector::with_patience(
        settings.access,
        &settings.policy,
        None,
        &Targets::default(),
        patience,
    )
    .unwrap();
    connector.check().await
}

/// Remembers what the test said; gives whether the connection can be used.
async fn accept(world: &World, connection: &Connection, report: CheckReport) -> bool {
    let at = world.now();
    let passed = report.passed();
    let health = match (report.team, report.own_account) {
        (Some(team), Some((own_account, own_email))) if passed => {
            Health::Valid { at, team, own_account, own_email }
        }
        _ => {
            let problem =
                Problem::new("CONNECTION_TEST_FAILED", "The test failed.", "Correct the connection.");
            Health::Broken { at, problem }
        }
    };
    world.directory.connection_tested(connection, &health).await.unwrap();
    matches!(health, Health::Valid { .. })
}

/// What a run that did not succeed in everything says.
async fn tell_of(run: &Run, world: &World, story: &mut Story) {
    if let Some(problem) = &run.problem {
        story.tell(&problem.code);
    }
    for operation in world.operations(run).await {
        if let Some(problem) = operation.outcome.as_ref().and_then(|outcome| outcome.problem()) {
            story.tell(&problem.code);
        }
    }
}

/// Everyone and every group is as the directory wants, and nobody is there twice.
fn judge_team(scene: &Scene, world: &World) -> Result<(), String> {
    let team = world.dropbox();
    let mut now: BTreeMap<String, String> = BTreeMap::new();
    let local = |member: &Member| member.email.split('@').next().unwrap_or_default().to_owned();
    for member in team.members() {
        if now.insert(local(member), world.describe(&team, member)).is_some() {
            return Err(format!("{} is there twice", member.email));
        }
        if member.welcome_emails > 1 {
            return Err(format!("{} was invited {} times", member.email, member.welcome_emails));
        }
    }
    let groups: Vec<String> = team.groups().map(|group| group.name.clone()).collect();
    drop(team);
    for group in groups.into_iter().filter(|name| !name.starts_with("Everyone at ")) {
        let how = world.group(&group);
        if now.insert(format!("group {group}"), how).is_some() {
            return Err(format!("there are two groups {group}"));
        }
    }
    let wanted = scene.end();
    if now == wanted {
        return Ok(());
    }
    let differs =
        |(who, how): &(&String, &String), other: &BTreeMap<String, String>| other.get(*who) != Some(how);
    let is: Vec<_> = now.iter().filter(|pair| differs(pair, &wanted)).collect();
    let should: Vec<_> = wanted.iter().filter(|pair| differs(pair, &now)).collect();
    Err(format!("the team is {is:?} and should be {should:?}"))
}

/// Each effect took place once.
fn judge_effects(scene: &Scene, log: &[Call]) -> Result<(), String> {
    let done = effects(log);
    if done == scene.effects {
        return Ok(());
    }
    let calls: Vec<_> = log.iter().map(|call| (&call.route, call.status, call.done)).collect();
    Err(format!("done: {done}; should be: {}\n{calls:?}", scene.effects))
}

/// What Dropbox carried out, whatever it answered: each route with the number of its subjects. Asking twice to add
/// the same address, or to set the same values, has one effect; whether that is one too many, the team shows.
fn effects(log: &[Call]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut once = BTreeSet::new();
    for call in log.iter().filter(|call| call.done && Route::at(&call.route).is_some_and(Route::is_write)) {
        let sets = matches!(
            Route::at(&call.route),
            Some(
                Route::MembersAdd
                    | Route::MembersSetProfile
                    | Route::MembersSetAdminPermissions
                    | Route::GroupsUpdate
            )
        );
        let lists = ["new_members", "members", "users"];
        let listed = lists.into_iter().find_map(|list| call.request.get(list)?.as_array());
        let subjects = listed.map_or_else(|| vec![&call.request], |listed| listed.iter().collect());
        for subject in subjects {
            if !sets || once.insert((call.route.as_str(), subject.to_string())) {
                *counts.entry(call.route.trim_start_matches("team/")).or_default() += 1;
            }
        }
    }
    counts.into_iter().map(|(route, count)| format!("{route} {count}")).collect::<Vec<_>>().join(", ")
}

/// Links and standings are right, and there is nothing left to do.
async fn judge_memory(scene: &Scene, world: &World) -> Result<(), String> {
    let users: BTreeSet<String> =
        world.store.all_users(ENVIRONMENT).await.unwrap().iter().map(|user| user.id.to_string()).collect();
    let of_rule: BTreeSet<String> = world.rule().await.groups.iter().map(ToString::to_string).collect();
    let links = world.store.links(DROPBOX, &Scope::Full).await.unwrap();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    known.extend(links.accounts().iter().map(|link| (link.account.to_string(), link.user.to_string())));
    known.extend(links.groups().iter().map(|link| (link.remote.to_string(), link.group.to_string())));
    judge_links(&known, &users, &of_rule, world)?;
    let statuses = world.status().await;
    let wanted = (
        crate::world::counts(users.len() as u64 - scene.unsynced, scene.unsynced, 0, 0),
        crate::world::counts(of_rule.len() as u64, 0, 0, 0),
    );
    if statuses != wanted {
        return Err(format!("the statuses are {statuses:?} and should be {wanted:?}"));
    }
    let next = world.store.statuses_of(RULE, None).await.unwrap();
    if let Some(status) = next.iter().find(|status| status.problem.is_some() && scene.unsynced == 0) {
        return Err(format!("a problem is still told: {status:?}"));
    }
    world.assert_at_rest().await;
    Ok(())
}

/// Whoever is marked as ours on the team is linked, and no link leads to someone or something that is not marked so. A
/// leaver who can be recovered stays linked. `known` is by account and group.
fn judge_links(
    known: &BTreeMap<String, String>,
    users: &BTreeSet<String>,
    of_rule: &BTreeSet<String>,
    world: &World,
) -> Result<(), String> {
    let team = world.dropbox();
    let mut marked: BTreeMap<&str, &str> = BTreeMap::new();
    for member in team.members().iter().filter(|member| member.holds_their_place(team.clock().now_ms())) {
        let Some(user) = member.external_id.as_deref() else { continue };
        marked.insert(&member.team_member_id, user);
        if member.on_team() && users.contains(user) && !known.contains_key(&member.team_member_id) {
            return Err(format!("{} is not linked", member.email));
        }
    }
    for group in team.groups() {
        let Some(ours) = group.external_id.as_deref() else { continue };
        marked.insert(&group.group_id, ours);
        if of_rule.contains(ours) && !known.contains_key(&group.group_id) {
            return Err(format!("the group {} is not linked", group.name));
        }
    }
    match known.iter().find(|(there, ours)| marked.get(there.as_str()) != Some(&ours.as_str())) {
        Some((there, ours)) => Err(format!("{ours} is linked to {there}, which is not marked as theirs")),
        None => Ok(()),
    }
}
