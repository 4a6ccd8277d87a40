//! A simulated team and a connector to it, and words for operations.

use dropbox_simulator::{MemberSeed, Route, Simulator, Team, TeamBuilder};
use futures_util::StreamExt;
use usher_connectors::dropbox::{DropboxConnector, Patience};
use usher_domain::{
    GroupId, Secret, UserId,
    ports::connector::{Connector, ConnectorError, Look},
    provisioning::connection::{DropboxAccess, Policy},
    reconcile::{
        attributes::{Attribute, AttributeSet},
        operation::{Action, Because, Change, Operation},
        outcome::Outcome,
        scope::Subject,
        snapshot::{AccountId, RemoteGroupId, Snapshot},
    },
    targets::Targets,
};
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) connector: DropboxConnector,
}

/// Hardly any: tests order faults by the number.
pub(crate) fn patience() -> Patience {
    use std::time::Duration;
    Patience {
        attempts: 4,
        page_attempts: 2,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(4),
        total: Duration::from_secs(20),
        timeout: Duration::from_secs(10),
        poll: Duration::from_millis(1),
        job: Duration::from_secs(10),
        test: Duration::from_secs(20),
    }
}

pub(crate) fn access(simulator: &Simulator) -> DropboxAccess {
    DropboxAccess {
        base_url: format!("{}/2", simulator.url()),
        token_url: simulator.token_url(),
        client_id: simulator.client_id(),
        client_secret: Secret::new(simulator.client_secret()),
        refresh_token: Secret::new(simulator.refresh_token()),
        send_welcome_email: true,
        wipe_data: false,
        keep_account: false,
        transfer_dest_email: None,
        transfer_admin_email: None,
        max_calls_per_second: 0,
        max_in_flight: 4,
        max_members_per_call: 500,
    }
}

impl World {
    pub(crate) async fn of(team: TeamBuilder) -> World {
        World::with(team, |_| {}).await
    }

    /// A world whose connection has other settings.
    pub(crate) async fn with(team: TeamBuilder, settings: impl FnOnce(&mut DropboxAccess)) -> World {
        World::patient(team, settings, patience()).await
    }

    pub(crate) async fn patient(
        team: TeamBuilder,
        settings: impl FnOnce(&mut DropboxAccess),
        patience: Patience,
    ) -> World {
        let simulator = Simulator::start(team.build()).await.unwrap();
        let mut access = access(&simulator);
        settings(&mut access);
        let connector =
            DropboxConnector::with_patience(access, &Policy::default(), None, &Targets::default(), patience)
                .unwrap();
        World { simulator, connector }
    }

    pub(crate) fn account(&self, email: &str) -> AccountId {
        let team = self.simulator.team();
        let member = team.member_by_email(email).unwrap_or_else(|| panic!("{email} is not on the team"));
        AccountId::from(member.team_member_id.as_str())
    }

    pub(crate) fn group(&self, name: &str) -> RemoteGroupId {
        RemoteGroupId::from(self.simulator.team().group_by_name(name).unwrap().group_id.as_str())
    }

    pub(crate) fn members_of(&self, group: &str) -> Vec<String> {
        let mut members: Vec<String> =
            self.simulator.team().group_members(group).into_iter().map(str::to_owned).collect();
        members.sort();
        members
    }

    pub(crate) fn calls(&self, route: Route) -> u64 {
        self.simulator.calls().count(route.path())
    }

    pub(crate) async fn whole(&self) -> Result<Snapshot, ConnectorError> {
        self.connector.observe(&Look::Whole, &()).await
    }

    /// Applies, and demands that everything got an outcome, once.
    pub(crate) async fn apply(&self, operations: &[Operation]) -> Vec<Outcome> {
        let (outcomes, error) = self.apply_all(operations).await;
        assert_eq!(error, None);
        outcomes.into_iter().map(|outcome| outcome.expect("every operation has an outcome")).collect()
    }

    pub(crate) async fn apply_one(&self, operation: Operation) -> Outcome {
        self.apply(&[operation]).await.remove(0)
    }

    pub(crate) async fn apply_all(
        &self,
        operations: &[Operation],
    ) -> (Vec<Option<Outcome>>, Option<ConnectorError>) {
        let mut outcomes = vec![None; operations.len()];
        let mut error = None;
        let mut stream = self.connector.apply(operations);
        while let Some(applied) = stream.next().await {
            assert_eq!(error, None, "an error is the end");
            match applied {
                Ok(applied) => {
                    for one in applied {
                        assert_eq!(outcomes[one.index].replace(one.outcome), None, "one outcome each");
                    }
                }
                Err(end) => error = Some(end),
            }
        }
        (outcomes, error)
    }
}

/// A team with room, and these active members.
pub(crate) fn team(emails: &[&str]) -> TeamBuilder {
    let members = emails.iter().map(|email| MemberSeed::new(email, "Given", "Sur"));
    Team::builder().licences(5_000).members(members)
}

pub(crate) fn operation(label: &str, action: Action) -> Operation {
    Operation {
        action,
        subject: Subject::User(UserId(Uuid::nil())),
        label: label.into(),
        because: Because::InScope,
    }
}

pub(crate) fn create(email: &str) -> Operation {
    create_with(email, &[])
}

/// Someone new; their external id is `u-` and their address, unless said otherwise.
pub(crate) fn create_with(email: &str, values: &[(Attribute, &str)]) -> Operation {
    let external_id = format!("u-{email}");
    let defaults = [
        (Attribute::Email, email),
        (Attribute::GivenName, "Ada"),
        (Attribute::Surname, "Lovelace"),
        (Attribute::ExternalId, &external_id),
    ];
    let attributes = AttributeSet::new(defaults.into_iter().chain(values.iter().copied()));
    operation(email, Action::Create { attributes })
}

pub(crate) fn update(email: &str, account: AccountId, changes: &[(Attribute, &str)]) -> Operation {
    let changes = changes
        .iter()
        .map(|(attribute, after)| Change { attribute: *attribute, before: "".into(), after: (*after).into() })
        .collect();
    operation(email, Action::Update { account, changes })
}

pub(crate) fn add_member(world: &World, group: &str, email: &str) -> Operation {
    let action = Action::AddMember {
        group: GroupId(Uuid::nil()),
        group_name: group.into(),
        remote: Some(world.group(group)),
        account: Some(world.account(email)),
        user: UserId(Uuid::nil()),
    };
    operation(email, action)
}

pub(crate) fn remove_member(world: &World, group: &str, email: &str) -> Operation {
    let action = Action::RemoveMember {
        group: GroupId(Uuid::nil()),
        group_name: group.into(),
        remote: world.group(group),
        account: world.account(email),
        user: None,
    };
    operation(email, action)
}

pub(crate) fn create_group(name: &str) -> Operation {
    let mut operation = operation(name, Action::CreateGroup { name: name.into() });
    operation.subject = Subject::Group(GroupId(Uuid::from_u128(7)));
    operation
}
