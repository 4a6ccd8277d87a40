//! Furnishing a world: who is in the directory, what rule and connection say, who is in Dropbox already.

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    pin::Pin,
};

use dropbox_simulator::{GroupSeed, MemberSeed, TeamBuilder};
use serde_json::{Map, json};
use usher_domain::{
    MappingId, Secret,
    directory::{
        change::{ChangeSet, Write},
        environment::Environment,
        population::Population,
    },
    provisioning::{
        connection::ConnectionKind,
        mapping::{Mapping, MappingSource},
        rule::{Direction, PropagationPlan},
    },
    reconcile::snapshot::AccountId,
    targets::Targets,
};

use super::*;

/// What a user's body is made of.
type Attributes = Map<String, serde_json::Value>;

#[derive(Default)]
struct Person {
    name: String,
    disabled: bool,
    groups: Vec<String>,
    attributes: Attributes,
}

/// A world that is not made yet. What is said of a user is said of the one named last.
pub(crate) struct Draft {
    people: Vec<Person>,
    /// In order of naming; whether the rule provisions it.
    groups: Vec<(String, bool)>,
    nested: Vec<(String, String)>,
    filter: Option<String>,
    limits: BTreeMap<String, serde_json::Value>,
    settings: BTreeMap<String, serde_json::Value>,
    managed: bool,
    mappings: Vec<(MappingSource, String)>,
    team: TeamBuilder,
    /// How long the connector goes on trying.
    pub(crate) patience: Patience,
}

impl Default for Draft {
    fn default() -> Self {
        Draft {
            people: Vec::new(),
            groups: Vec::new(),
            nested: Vec::new(),
            filter: None,
            limits: BTreeMap::new(),
            settings: BTreeMap::new(),
            managed: false,
            mappings: Vec::new(),
            team: TeamBuilder::default().token_lifetime_s(400 * 24 * 3600),
            patience: patience(),
        }
    }
}

impl Draft {
    /// Someone in the directory: `ada` is Ada Example, `ada@example.com`.
    pub(crate) fn user(mut self, name: &str) -> Self {
        self.people.push(Person { name: name.into(), ..Person::default() });
        self
    }

    /// Several at once.
    pub(crate) fn users<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(self, Draft::user)
    }

    /// As many as there are names.
    pub(crate) fn many(self, names: impl IntoIterator<Item = String>) -> Self {
        names.into_iter().fold(self, |draft, name| draft.user(&name))
    }

    fn last(&mut self) -> &mut Person {
        self.people.last_mut().expect("a user was named before")
    }

    pub(crate) fn disabled(mut self) -> Self {
        self.last().disabled = true;
        self
    }

    /// They have this attribute, as the API spells it.
    pub(crate) fn with(mut self, attribute: &str, value: impl Into<serde_json::Value>) -> Self {
        self.last().attributes.insert(attribute.into(), value.into());
        self
    }

    /// They are in this group, which is of the rule unless it was named otherwise before.
    pub(crate) fn in_group(mut self, group: &str) -> Self {
        self.last().groups.push(group.into());
        self.name_group(group, true);
        self
    }

    /// A group of the rule.
    pub(crate) fn group(mut self, name: &str) -> Self {
        self.name_group(name, true);
        self
    }

    /// A group that the rule does not provision.
    pub(crate) fn group_beside(mut self, name: &str) -> Self {
        self.name_group(name, false);
        self
    }

    fn name_group(&mut self, name: &str, of_rule: bool) {
        if !self.groups.iter().any(|(known, _)| known == name) {
            self.groups.push((name.into(), of_rule));
        }
    }

    /// Whoever is in `child` is in `parent`.
    pub(crate) fn nested(mut self, child: &str, parent: &str) -> Self {
        self.nested.push((child.into(), parent.into()));
        self
    }

    /// Whom the rule is about; without it, everyone.
    pub(crate) fn filter(mut self, filter: &str) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// A setting of the rule.
    pub(crate) fn limit(mut self, key: &str, value: u32) -> Self {
        self.limits.insert(key.into(), value.into());
        self
    }

    /// A setting of the connection.
    pub(crate) fn setting(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// *Deprovision on rule deletion*.
    pub(crate) fn managed(mut self) -> Self {
        self.managed = true;
        self
    }

    /// The rule maps an attribute, or an expression when it has a `#`.
    pub(crate) fn maps(mut self, source: &str, target: &str) -> Self {
        let from =
            if source.contains('#') { MappingSource::Expression } else { MappingSource::SourceAttribute };
        self.mappings.push((from(source.into()), target.into()));
        self
    }

    /// Someone is in Dropbox already.
    pub(crate) fn member(mut self, member: MemberSeed) -> Self {
        self.team = self.team.member(member);
        self
    }

    /// There is a group in Dropbox already.
    pub(crate) fn remote_group(mut self, group: GroupSeed) -> Self {
        self.team = self.team.group(group);
        self
    }

    /// The team is otherwise, too.
    pub(crate) fn team(mut self, shape: impl FnOnce(TeamBuilder) -> TeamBuilder) -> Self {
        self.team = shape(self.team);
        self
    }

    async fn make(self) -> World {
        // Where there is a disk in memory, no commit of a test waits for a real one.
        let files = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let url = format!("sqlite://{}", files.path().join("usher.db").display());
        Storage::migrate(&url).await.unwrap();
        let seal = Seal::open_or_create(&files.path().join("usher.key")).unwrap();
        let store = Storage::open(&url, seal).await.unwrap();

        let simulator = Simulator::start(self.team.clone().build()).await.unwrap();
        let time = Time(simulator.team().clock());
        let ids: Arc<dyn Ids> = Arc::new(Counter(AtomicU64::new(0x1000)));
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let directory = Directory::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&ids),
            Duration::ZERO,
            Targets::default(),
        );
        let connectors = Arc::new(Real { patience: self.patience.clone(), kept: Mutex::default() });
        let reconciler = Reconciler::new(Arc::clone(&store), connectors, clock, ids, Retry::default());
        let settings = Settings::new("tests");
        let world = World {
            worker: Worker::new(reconciler.clone(), settings),
            store,
            directory,
            reconciler,
            simulator,
            time,
            users: RefCell::default(),
            groups: RefCell::default(),
            _files: files,
        };
        world.furnish().await;
        self.populate(&world).await;
        world
    }

    /// The directory's people and groups; then the rule, so that nobody is due because of having been made.
    async fn populate(self, world: &World) {
        for (group, _) in &self.groups {
            world.create_group(group).await;
        }
        for (child, parent) in &self.nested {
            world.nest(child, parent).await;
        }
        for person in &self.people {
            world.create_user_with(&person.name, person.attributes.clone()).await;
            if person.disabled {
                world.disable(&person.name).await;
            }
            for group in &person.groups {
                world.join(&person.name, group).await;
            }
        }
        let groups = self.groups.iter().filter(|(_, of_rule)| *of_rule).map(|(name, _)| world.group_id(name));
        let rule = Rule {
            id: RULE,
            environment: ENVIRONMENT,
            plan: PLAN,
            name: "Everyone to Dropbox".into(),
            description: None,
            source: DIRECTORY,
            target: DROPBOX,
            direction: Direction::Outbound,
            active: true,
            filter: self.filter,
            groups: groups.collect(),
            configuration: self.limits,
            retiring: None,
            consent: None,
            created_at: world.now(),
            updated_at: world.now(),
            version: 1,
        };
        let mappings = (0..).zip(self.mappings).map(|(number, (source, target))| {
            Write::Mapping(Mapping {
                id: MappingId(Uuid::from_u128(0xd00 + number)),
                environment: ENVIRONMENT,
                rule: RULE,
                source,
                target,
                created_at: world.now(),
                updated_at: world.now(),
                version: 1,
            })
        });
        let mut connection = world.blank_connection(ConnectionKind::Dropbox);
        connection.managed = self.managed;
        connection.configuration.extend(self.settings);
        let writes = [Write::Connection(connection), Write::Rule(rule)].into_iter().chain(mappings).collect();
        world.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
    }
}

impl IntoFuture for Draft {
    type Output = World;
    type IntoFuture = Pin<Box<dyn Future<Output = World>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

impl World {
    /// Environment, population, plan and the directory's own connection.
    async fn furnish(&self) {
        let (at, version) = (self.now(), 1);
        let (created_at, updated_at) = (at, at);
        let environment = Environment {
            id: ENVIRONMENT,
            name: "Example".into(),
            description: None,
            guard: Default::default(),
            created_at,
            updated_at,
            version,
        };
        let population = Population {
            id: POPULATION,
            environment: ENVIRONMENT,
            name: "Everyone".into(),
            description: None,
            default: true,
            created_at,
            updated_at,
            version,
        };
        let plan = PropagationPlan {
            id: PLAN,
            environment: ENVIRONMENT,
            name: "Plan".into(),
            active: true,
            created_at,
            updated_at,
            version,
        };
        let writes = vec![
            Write::Environment(environment),
            Write::Population(population),
            Write::Plan(plan),
            Write::Connection(self.blank_connection(ConnectionKind::Directory)),
        ];
        self.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
    }

    /// What a test of the connection finds.
    pub(super) fn healthy(&self) -> Health {
        let own_email = "admin@team.example.com";
        let own_account = self.dropbox().member_by_email(own_email).unwrap().team_member_id.clone();
        Health::Valid {
            at: self.now(),
            team: "Simulated Team".into(),
            own_account: AccountId::from(own_account),
            own_email: own_email.into(),
        }
    }

    fn blank_connection(&self, kind: ConnectionKind) -> Connection {
        let simulator = &self.simulator;
        let is_directory = kind == ConnectionKind::Directory;
        let configuration = [
            ("BASE_URL".to_owned(), json!(format!("{}/2", simulator.url()))),
            ("OAUTH_TOKEN_URL".to_owned(), json!(simulator.token_url())),
            ("OAUTH_CLIENT_ID".to_owned(), json!(simulator.client_id())),
            ("MAX_CALLS_PER_SECOND".to_owned(), json!(0)),
        ];
        let secrets = [
            ("OAUTH_CLIENT_SECRET".to_owned(), Secret::new(simulator.client_secret())),
            ("OAUTH_REFRESH_TOKEN".to_owned(), Secret::new(simulator.refresh_token())),
        ];
        Connection {
            id: if is_directory { DIRECTORY } else { DROPBOX },
            environment: ENVIRONMENT,
            kind,
            name: if is_directory { "Directory" } else { "Team" }.into(),
            description: None,
            active: true,
            managed: false,
            configuration: if is_directory { BTreeMap::new() } else { configuration.into() },
            secrets: if is_directory { BTreeMap::new() } else { secrets.into() },
            health: self.healthy(),
            created_at: self.now(),
            updated_at: self.now(),
            version: 1,
        }
    }
}
