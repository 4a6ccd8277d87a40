//! Laying out a team before it is served.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::clock::Clock;
use crate::ids::Ids;
use crate::team::group::ManagementType;
use crate::team::log::EventLog;
use crate::team::member::{MemberState, Role};
use crate::team::switches::Switches;
use crate::team::{Credentials, Settings, Team, Tokens};

/// Every scope of the routes served here, and `account_info.read`, which every token has.
pub const ALL_SCOPES: [&str; 8] = [
    "account_info.read",
    "team_info.read",
    "members.read",
    "members.write",
    "members.delete",
    "groups.read",
    "groups.write",
    "events.read",
];

/// A member to begin with.
///
/// ```
/// use dropbox_simulator::{MemberSeed, MemberState};
/// let ada = MemberSeed {
///     external_id: Some("e-1".into()),
///     state: MemberState::Suspended,
///     ..MemberSeed::new("ada@example.com", "Ada", "Lovelace")
/// };
/// # let _ = ada;
/// ```
#[derive(Clone, Debug)]
pub struct MemberSeed {
    /// The address they sign in with; kept in lower case.
    pub email: String,
    /// Given name.
    pub given_name: String,
    /// Surname.
    pub surname: String,
    /// Where they stand. A removed member was active before, and is removed now.
    pub state: MemberState,
    /// What another provisioner knows them by.
    pub external_id: Option<String>,
    /// Further addresses, all verified.
    pub secondary_emails: Vec<String>,
    /// Their role.
    pub role: Option<Role>,
}

impl MemberSeed {
    /// An active, ordinary member.
    pub fn new(email: &str, given_name: &str, surname: &str) -> Self {
        Self {
            email: email.to_owned(),
            given_name: given_name.to_owned(),
            surname: surname.to_owned(),
            state: MemberState::Active,
            external_id: None,
            secondary_emails: Vec::new(),
            role: None,
        }
    }

    /// Someone who was invited and has not accepted.
    pub fn invited(email: &str, given_name: &str, surname: &str) -> Self {
        Self { state: MemberState::Invited, ..Self::new(email, given_name, surname) }
    }
}

/// A group to begin with.
#[derive(Clone, Debug)]
pub struct GroupSeed {
    /// Its name.
    pub name: String,
    /// Who manages it.
    pub management_type: ManagementType,
    /// What another provisioner knows it by.
    pub external_id: Option<String>,
    /// E-mails of its members, who must be on the team.
    pub members: Vec<String>,
}

impl GroupSeed {
    /// A company-managed group with these members.
    pub fn new(name: &str, members: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            management_type: ManagementType::CompanyManaged,
            external_id: None,
            members: members.iter().map(|email| (*email).to_owned()).collect(),
        }
    }
}

/// Lays out a [`Team`]. It always has one active team admin, by whose authorisation the app works.
#[derive(Clone, Debug)]
pub struct TeamBuilder {
    name: String,
    licences: u32,
    seed: u64,
    clock: Clock,
    admin: MemberSeed,
    members: Vec<MemberSeed>,
    groups: Vec<GroupSeed>,
    credentials: Credentials,
    app_scopes: HashSet<String>,
    token_scopes: HashSet<String>,
    token_lifetime_s: u64,
    on_another_team: HashSet<String>,
    switches: Switches,
    latency: Duration,
    check_answers: bool,
    call_log_limit: usize,
}

impl Default for TeamBuilder {
    fn default() -> Self {
        let scopes: HashSet<String> = ALL_SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        Self {
            name: "Simulated Team".to_owned(),
            licences: 1_000_000,
            seed: 0,
            clock: Clock::default(),
            admin: MemberSeed {
                role: Some(Role::TeamAdmin),
                ..MemberSeed::new("admin@team.example.com", "Team", "Admin")
            },
            members: Vec::new(),
            groups: Vec::new(),
            credentials: Credentials {
                client_id: "simulated-app-key".to_owned(),
                client_secret: "simulated-app-secret".to_owned(),
                refresh_token: "simulated-refresh-token".to_owned(),
            },
            app_scopes: scopes.clone(),
            token_scopes: scopes,
            token_lifetime_s: 14_400,
            on_another_team: HashSet::new(),
            switches: Switches::default(),
            latency: Duration::ZERO,
            check_answers: cfg!(debug_assertions),
            call_log_limit: 100_000,
        }
    }
}

impl TeamBuilder {
    /// The team's name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// How many licences the team has. Default 1,000,000.
    #[must_use]
    pub fn licences(mut self, licences: u32) -> Self {
        self.licences = licences;
        self
    }

    /// What ids, dots and chance are drawn from. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The team's clock. Default: stands at 2026-01-01.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who authorised the app; becomes an active team admin. Default `admin@team.example.com`.
    #[must_use]
    pub fn admin(mut self, admin: MemberSeed) -> Self {
        self.admin = MemberSeed { role: Some(Role::TeamAdmin), state: MemberState::Active, ..admin };
        self
    }

    /// One more member.
    #[must_use]
    pub fn member(mut self, member: MemberSeed) -> Self {
        self.members.push(member);
        self
    }

    /// More members.
    #[must_use]
    pub fn members(mut self, members: impl IntoIterator<Item = MemberSeed>) -> Self {
        self.members.extend(members);
        self
    }

    /// One more group.
    #[must_use]
    pub fn group(mut self, group: GroupSeed) -> Self {
        self.groups.push(group);
        self
    }

    /// What the app proves itself with.
    #[must_use]
    pub fn credentials(mut self, client_id: &str, client_secret: &str, refresh_token: &str) -> Self {
        self.credentials = Credentials {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            refresh_token: refresh_token.to_owned(),
        };
        self
    }

    /// The app loses a scope: calls that need it answer 400 in plain text.
    #[must_use]
    pub fn app_without_scope(mut self, scope: &str) -> Self {
        self.app_scopes.remove(scope);
        self
    }

    /// The authorisation lacks a scope which the app has: 401 `missing_scope`.
    #[must_use]
    pub fn token_without_scope(mut self, scope: &str) -> Self {
        self.token_scopes.remove(scope);
        self
    }

    /// How long an access token is good for, in seconds of the team's clock. Default 14,400.
    #[must_use]
    pub fn token_lifetime_s(mut self, seconds: u64) -> Self {
        self.token_lifetime_s = seconds;
        self
    }

    /// Someone who is on another team already, and cannot be added to this one.
    #[must_use]
    pub fn on_another_team(mut self, email: &str) -> Self {
        self.on_another_team.insert(email.to_lowercase());
        self
    }

    /// How the open questions are answered.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// What every call takes at least. Default zero.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Whether every answer is checked against the specification before it is sent; a wrong one becomes a 500, and a
    /// panic when the simulator is dropped. Default: in debug builds.
    #[must_use]
    pub fn check_answers(mut self, check: bool) -> Self {
        self.check_answers = check;
        self
    }

    /// How many calls the log keeps whole; beyond it they are only counted. Default 100,000.
    #[must_use]
    pub fn call_log_limit(mut self, limit: usize) -> Self {
        self.call_log_limit = limit;
        self
    }

    /// The team, laid out.
    ///
    /// # Panics
    /// When two seeds have the same e-mail, external id or group name, or a group's member is not on the team: the
    /// test that says so is wrong.
    pub fn build(self) -> Team {
        let mut ids = Ids::seeded(self.seed);
        let settings = Settings {
            team_id: format!("dbtid:{}", ids.letters(35)),
            name: self.name,
            licences: self.licences,
            app_scopes: self.app_scopes,
            token_scopes: self.token_scopes,
            token_lifetime_s: self.token_lifetime_s,
            on_another_team: self.on_another_team,
            latency: self.latency,
            check_answers: self.check_answers,
            call_log_limit: self.call_log_limit,
        };
        let mut team = Team {
            settings,
            credentials: self.credentials,
            switches: self.switches,
            clock: self.clock,
            ids,
            tokens: Tokens::default(),
            members: Vec::new(),
            member_by_id: HashMap::new(),
            member_by_email: HashMap::new(),
            member_by_external_id: HashMap::new(),
            counts: [0; 4],
            groups: Vec::new(),
            group_by_id: HashMap::new(),
            group_by_name: HashMap::new(),
            group_by_external_id: HashMap::new(),
            system_group: 0,
            admin: 0,
            jobs: HashMap::new(),
            wipes: Vec::new(),
            log: EventLog::seeded(self.seed),
        };
        let everyone = GroupSeed {
            management_type: ManagementType::SystemManaged,
            ..GroupSeed::new(&format!("Everyone at {}", team.settings.name), &[])
        };
        team.add_group(everyone);
        team.add_member(self.admin);
        for member in self.members {
            team.add_member(member);
        }
        for group in self.groups {
            team.add_group(group);
        }
        team.log.kept = true;
        team
    }
}
