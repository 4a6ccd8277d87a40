//! The connection test. It changes nothing: a scope that writes is proved by a call about a member or a group that
//! cannot exist, because Dropbox looks at the scope first and only then for the member or group.

use serde_json::{Value, json};
use tokio::time::timeout;
use usher_domain::{
    Problem,
    ports::connector::{Check, CheckReport, CheckStatus, ConnectorError, THROTTLED},
    problem::LONGEST_MESSAGE,
    provisioning::connection::{Policy, RemoveAction},
    reconcile::snapshot::AccountId,
    shown,
};

use super::{
    DropboxConnector,
    client::{MISSING_SCOPE, Reply},
    fault::{Fault, Refusal, unauthorized},
    routes::{
        AUTHENTICATED_ADMIN, GET_EVENTS, GROUPS_DELETE, GROUPS_LIST, MEMBERS_LIST, MEMBERS_REMOVE,
        MEMBERS_SUSPEND, Route, TEAM_INFO,
    },
    wire::{AuthenticatedAdmin, Ignored, TeamInfo},
};

/// A member id that no team has: Dropbox's own are opaque and long.
const NO_MEMBER: &str = "dbmid:usher-connection-check";
/// The longest name of a team that is kept, in bytes.
const LONGEST_TEAM_NAME: usize = 1024;
/// A group id that no team has.
const NO_GROUP: &str = "g:usher-connection-check";

/// The scopes that write and that the chosen actions need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    members_write: bool,
    members_delete: bool,
    groups_write: bool,
}

impl Needs {
    /// Creating, updating and disabling write members. Removing, and disabling (an invitation can only be removed,
    /// and who was removed is recovered), need `members.delete`. Whoever writes members writes groups.
    pub(super) fn of(policy: &Policy) -> Self {
        let members_write = policy.create || policy.update || policy.disable;
        let removes = policy.deprovision && policy.remove_action == RemoveAction::Delete;
        Needs {
            members_write,
            members_delete: removes || policy.disable,
            groups_write: members_write || removes,
        }
    }
}

/// What a single check came to.
enum Verdict {
    Holds {
        detail: String,
        request_id: Option<String>,
    },
    /// It does not, and the rest may still be asked.
    Fails(Problem),
    /// It does not, and neither will anything else.
    Ends(Problem),
    /// An answer that proves nothing.
    Open {
        detail: String,
        request_id: Option<String>,
    },
}

impl DropboxConnector {
    /// Runs the checks, within the time that a person waits for them.
    pub(super) async fn test(&self) -> CheckReport {
        let mut report = CheckReport { checks: Vec::new(), team: None, own_account: None };
        // The first check that ends everything leaves the rest out, and so does the end of the time.
        let _ = timeout(self.client.patience.test, self.steps(&mut report)).await;
        report
    }

    /// Adds a check that is about to run, with the result that it has if the test's time runs out first.
    fn begin(&self, report: &mut CheckReport, name: &str, status: CheckStatus) {
        let time = self.client.patience.test.as_secs();
        let detail = format!(
            "The test stopped after {time} s, before this was answered. Dropbox or the network is slow, or Dropbox asked to \
             wait. Test again later."
        );
        report.checks.push(Check { name: name.to_owned(), status, detail, request_id: None });
    }

    /// `None` as soon as nothing more can be learnt.
    async fn steps(&self, report: &mut CheckReport) -> Option<()> {
        self.begin(report, "token", CheckStatus::Failed);
        let token = match self.client.authenticate().await {
            Ok(()) => Verdict::Holds { detail: "An access token was issued.".into(), request_id: None },
            Err(error) => Verdict::Ends(in_a_test(&error)),
        };
        end(report, token)?;
        self.begin(report, "team", CheckStatus::Failed);
        let (team, verdict) = match self.client.post(TEAM_INFO, &Value::Null).await {
            Ok(Reply {
                value: TeamInfo { name, num_licensed_users, num_provisioned_users, .. },
                request_id,
                ..
            }) => {
                let detail =
                    format!("{name}: {num_provisioned_users} members, {num_licensed_users} licences bought.");
                (Some(shown::cut(name, LONGEST_TEAM_NAME)), Verdict::Holds { detail, request_id })
            }
            Err(fault) => (None, failed(fault, TEAM_INFO)),
        };
        report.team = team;
        end(report, verdict)?;
        self.begin(report, "administrator", CheckStatus::Failed);
        let (own, verdict) = match self.client.post(AUTHENTICATED_ADMIN, &Value::Null).await {
            Ok(Reply { value: AuthenticatedAdmin { admin_profile: admin }, request_id, .. }) => {
                let email = admin.email.to_lowercase();
                let detail = format!("Authorised by {email}, who is never disabled or removed.");
                (Some((AccountId::from(admin.team_member_id), email)), Verdict::Holds { detail, request_id })
            }
            Err(Fault::Refused(refusal)) => (None, Verdict::Fails(no_administrator(refusal))),
            Err(fault) => (None, failed(fault, AUTHENTICATED_ADMIN)),
        };
        report.own_account = own;
        end(report, verdict)?;
        self.begin(report, "members.read", CheckStatus::Failed);
        end(report, self.reads(MEMBERS_LIST).await)?;
        self.begin(report, "groups.read", CheckStatus::Failed);
        end(report, self.reads(GROUPS_LIST).await)?;
        let nobody = json!({ ".tag": "team_member_id", "team_member_id": NO_MEMBER });
        if self.needs.members_write {
            let arg = json!({ "user": nobody, "wipe_data": false });
            self.begin(report, "members.write", CheckStatus::Failed);
            end(report, self.probe(MEMBERS_SUSPEND, &arg).await)?;
        }
        if self.needs.members_delete {
            let arg = json!({ "user": nobody, "wipe_data": false, "keep_account": false });
            self.begin(report, "members.delete", CheckStatus::Failed);
            end(report, self.probe(MEMBERS_REMOVE, &arg).await)?;
        }
        if self.needs.groups_write {
            let arg = json!({ ".tag": "group_id", "group_id": NO_GROUP });
            self.begin(report, "groups.write", CheckStatus::Failed);
            end(report, self.probe(GROUPS_DELETE, &arg).await)?;
        }
        self.begin(report, "events.read", CheckStatus::NotChecked);
        end(report, self.follows().await)
    }

    /// Whether the log of events can be read. Only some inbound rules need it, so that it fails no test.
    async fn follows(&self) -> Verdict {
        let arg = json!({ "limit": 1, "category": "members" });
        match self.client.post::<_, Ignored>(GET_EVENTS, &arg).await {
            Ok(reply) => Verdict::Holds { detail: "Granted.".into(), request_id: reply.request_id },
            Err(fault) => {
                let Problem { message, remedy, request_id, .. } =
                    in_a_test(&fault.into_error(GET_EVENTS.path));
                let detail =
                    format!("Needed by inbound rules with FOLLOW_EVENTS only. {message} For these: {remedy}");
                Verdict::Open { detail, request_id }
            }
        }
    }

    async fn reads(&self, route: &'static Route) -> Verdict {
        match self.client.post::<_, Ignored>(route, &json!({ "limit": 1 })).await {
            Ok(reply) => Verdict::Holds { detail: "Granted.".into(), request_id: reply.request_id },
            Err(fault) => failed(fault, route),
        }
    }

    /// Asks for something to be done to nobody. Only "there is no such one" proves the scope.
    async fn probe(&self, route: &'static Route, arg: &Value) -> Verdict {
        match self.client.post::<_, Ignored>(route, arg).await {
            Err(Fault::Refused(Refusal { tag, request_id, .. }))
                if matches!(&*tag, "user_not_found" | "user_not_in_team" | "group_not_found") =>
            {
                Verdict::Holds { detail: "Granted.".into(), request_id }
            }
            Err(fault @ (Fault::Failed(_) | Fault::Throttled { .. })) => failed(fault, route),
            Ok(Reply { request_id, .. })
            | Err(
                Fault::Refused(Refusal { request_id, .. })
                | Fault::BadInput { request_id, .. }
                | Fault::Lost { request_id, .. },
            ) => Verdict::Open { detail: "The answer proves nothing either way.".into(), request_id },
        }
    }
}

/// Records the result of the check that was begun; `None` if no other check follows.
fn end(report: &mut CheckReport, verdict: Verdict) -> Option<()> {
    let ends = matches!(verdict, Verdict::Ends(_));
    let (status, detail, request_id) = match verdict {
        Verdict::Holds { detail, request_id } => (CheckStatus::Success, detail, request_id),
        Verdict::Open { detail, request_id } => (CheckStatus::NotChecked, detail, request_id),
        Verdict::Fails(problem) | Verdict::Ends(problem) => {
            let detail = format!("{} {}", problem.message, problem.remedy);
            (CheckStatus::Failed, detail, problem.request_id)
        }
    };
    let begun = report.checks.last_mut()?;
    begun.status = status;
    begun.detail = shown::cut(detail, LONGEST_MESSAGE);
    begun.request_id = request_id;
    (!ends).then_some(())
}

fn failed(fault: Fault, route: &Route) -> Verdict {
    let error = fault.into_error(route.path);
    let problem = in_a_test(&error);
    match error {
        ConnectorError::Unauthorized { .. } if problem.code == MISSING_SCOPE => Verdict::Fails(problem),
        _ => Verdict::Ends(problem),
    }
}

/// The problem with a remedy that fits a test: nothing is tried again after it.
fn in_a_test(error: &ConnectorError) -> Problem {
    let mut problem = error.problem().clone();
    let remedy = match &*problem.code {
        "DROPBOX_UNAVAILABLE" | "TOKEN_ENDPOINT_UNAVAILABLE" => {
            "Check that BASE_URL and OAUTH_TOKEN_URL are right and can be reached from this server, then test again."
        }
        THROTTLED => "Test again after that time.",
        _ => return problem,
    };
    problem.remedy = remedy.to_owned();
    problem
}

fn no_administrator(refusal: Refusal) -> Problem {
    let message = match &*refusal.tag {
        "admin_not_active" => {
            "The administrator who authorised the app is not active, or no administrator any more."
        }
        "mapping_not_found" => "Dropbox does not know which administrator authorised the app.",
        _ => "Dropbox does not say which administrator authorised the app.",
    };
    let remedy = "Have a team administrator authorise the app again, and enter the new OAUTH_REFRESH_TOKEN.";
    let error = unauthorized("ADMINISTRATOR_NOT_ACTIVE", message, remedy, refusal.request_id);
    error.problem().clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_asks_only_for_the_scopes_that_the_actions_need() {
        let nothing = Policy { create: false, update: false, disable: false, ..Policy::default() };
        let none = Needs { members_write: false, members_delete: false, groups_write: false };
        assert_eq!(Needs::of(&nothing), none);
        let create = Needs::of(&Policy { create: true, ..nothing.clone() });
        assert!(create.members_write && !create.members_delete);
        let delete = Policy { deprovision: true, remove_action: RemoveAction::Delete, ..nothing };
        assert!(Needs::of(&delete).members_delete && !Needs::of(&delete).members_write);
    }
}
