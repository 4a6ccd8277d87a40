//! An inbound rule beside the world's outbound one, and what can be seen of it.

use std::collections::BTreeMap;

use dropbox_simulator::MemberSeed;
use serde_json::{Value, json};
use usher_domain::{
    RuleId, UserId,
    directory::{
        change::{ChangeSet, Due, DueSubject, Write},
        user::User,
    },
    ports::store::PageRequest,
    provisioning::rule::{Direction, Rule},
    reconcile::{
        run::{Run, RunState},
        scope::Subject,
        status::StatusCounts,
    },
};
use usher_engine::reconcile::{Draft as RuleDraft, Preview};
use uuid::Uuid;

use crate::world::{DIRECTORY, DROPBOX, Draft, ENVIRONMENT, POPULATION, World, person};

/// The inbound rule.
pub(crate) const INBOUND: RuleId = RuleId(Uuid::from_u128(0xb1));

/// `ada` is Ada Example, `ada@example.com`, active.
pub(crate) fn member(name: &str) -> MemberSeed {
    let given = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    MemberSeed::new(&format!("{name}@example.com"), &given, "Example")
}

/// A world with an inbound rule alone: members whose address ends in `@example.com` come in.
pub(crate) async fn inbound(configuration: Value, members: impl IntoIterator<Item = MemberSeed>) -> World {
    inbound_into(members.into_iter().fold(World::new(), |draft, seed| draft.member(seed)), configuration)
        .await
}

/// The same, in a world that is furnished otherwise too.
pub(crate) async fn inbound_into(draft: Draft, configuration: Value) -> World {
    let world = draft.await;
    world.change_rule(|rule| rule.active = false).await;
    world.sync_due().await;
    world.add_inbound(configuration, Some("domain eq \"example.com\"")).await;
    world
}

impl World {
    /// An inbound rule that is active from now on.
    pub(crate) async fn add_inbound(&self, configuration: Value, filter: Option<&str>) {
        let rule = Rule {
            id: INBOUND,
            source: DROPBOX,
            target: DIRECTORY,
            name: "Dropbox to everyone".into(),
            direction: Direction::Inbound,
            active: true,
            filter: filter.map(str::to_owned),
            groups: Vec::new(),
            configuration: settings(configuration),
            version: 1,
            ..self.rule().await
        };
        let changes = ChangeSet { writes: vec![Write::Rule(rule)], ..ChangeSet::default() };
        self.store.commit(&changes).await.unwrap();
    }

    pub(crate) async fn inbound_rule(&self) -> Rule {
        self.store.rule_by_id(INBOUND).await.unwrap().expect("the rule is there")
    }

    /// Other settings; all of the rule is due then.
    pub(crate) async fn set_inbound(&self, configuration: Value) {
        let mut rule = self.inbound_rule().await;
        rule.configuration.extend(settings(configuration));
        self.save_inbound(rule).await;
    }

    pub(crate) async fn save_inbound(&self, mut rule: Rule) {
        rule.version += 1;
        let due = vec![Due { rule: INBOUND, subject: DueSubject::Everything, at: self.now() }];
        let changes = ChangeSet { writes: vec![Write::Rule(rule)], due, ..ChangeSet::default() };
        self.store.commit(&changes).await.unwrap();
    }

    /// A full inbound sync that a person asks for, and whatever is due beside it.
    pub(crate) async fn bring_in(&self) -> Run {
        let rule = self.inbound_rule().await;
        let run = self.reconciler.resync(ENVIRONMENT, &rule, person()).await.unwrap();
        self.sync_due().await;
        self.run(run.id).await
    }

    /// Accounts are due, as a follower of events would say it.
    pub(crate) async fn bring_in_accounts(&self, accounts: impl IntoIterator<Item = String>) -> Run {
        let at = self.now();
        let due = |account: String| Due { rule: INBOUND, subject: DueSubject::Account(account.into()), at };
        self.store.make_due(&accounts.into_iter().map(due).collect::<Vec<_>>()).await.unwrap();
        self.sync_due().await;
        self.inbound_runs().await.pop().expect("there was a run")
    }

    pub(crate) async fn inbound_runs(&self) -> Vec<Run> {
        let page = self.store.runs(INBOUND, &PageRequest { after: None, limit: 1000 }).await.unwrap();
        page.items.into_iter().rev().collect()
    }

    pub(crate) async fn preview_inbound(&self) -> Preview {
        self.reconciler.preview(&self.inbound_rule().await, RuleDraft::default()).await.unwrap()
    }

    /// A full inbound run would do nothing now.
    pub(crate) async fn assert_inbound_at_rest(&self) {
        let plan = self.preview_inbound().await.plan;
        assert!(plan.is_empty(), "there is still something to do:\n{plan}");
    }

    /// The inbound run that is held.
    pub(crate) async fn held_inbound(&self) -> Run {
        let open = self.store.open_runs(INBOUND).await.unwrap();
        let mut held: Vec<Run> = open.into_iter().filter(|run| run.state == RunState::Held).collect();
        assert_eq!(held.len(), 1, "not one held run: {held:?}");
        held.remove(0)
    }

    /// The directory's user of that username.
    pub(crate) async fn user_named(&self, username: &str) -> Option<User> {
        let users = self.store.all_users(ENVIRONMENT).await.unwrap();
        users.into_iter().find(|user| user.username == username)
    }

    /// `enabled, Ada Example, ada@example.com`; `none` when there is no user `ada@example.com`.
    pub(crate) async fn user(&self, name: &str) -> String {
        match self.user_named(&format!("{name}@example.com")).await {
            Some(user) => told(&user),
            None => "none".into(),
        }
    }

    /// Everybody in the directory, by username.
    pub(crate) async fn everyone(&self) -> Vec<String> {
        let users = self.store.all_users(ENVIRONMENT).await.unwrap();
        let mut told: Vec<String> =
            users.iter().map(|user| format!("{}: {}", user.username, told(user))).collect();
        told.sort();
        told
    }

    /// Where the user of a member stands: `Partial UPDATE_OFF`.
    pub(crate) async fn inbound_standing(&self, user: UserId) -> String {
        let status = self.store.status(INBOUND, Subject::User(user)).await.unwrap();
        let Some(status) = status else { return "none".into() };
        match status.problem {
            None => format!("{:?}", status.standing),
            Some(problem) => format!("{:?} {}", status.standing, problem.code),
        }
    }

    pub(crate) async fn inbound_status(&self) -> StatusCounts {
        self.store.status_counts(INBOUND).await.unwrap().0
    }

    /// What is in somebody's way, each as it is told.
    pub(crate) async fn in_the_way(&self) -> Vec<String> {
        let plan = self.preview_inbound().await.plan;
        plan.findings.iter().map(|finding| format!("{} {}", finding.problem.code, finding.problem)).collect()
    }
}

fn told(user: &User) -> String {
    let state = if user.enabled { "enabled" } else { "disabled" };
    let (given, family) = (user.name.given.as_deref(), user.name.family.as_deref());
    format!("{state}, {} {}, {}", given.unwrap_or("-"), family.unwrap_or("-"), user.email)
}

fn settings(configuration: Value) -> BTreeMap<String, Value> {
    let mut all = json!({"POPULATION_ID": POPULATION.to_string()});
    all.as_object_mut().unwrap().extend(configuration.as_object().unwrap().clone());
    all.as_object().unwrap().clone().into_iter().collect()
}
