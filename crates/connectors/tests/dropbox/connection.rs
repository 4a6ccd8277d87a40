//! The connection test, tokens, pace, and what never appears in a log.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use dropbox_simulator::{Fault, GroupSeed, Route, Simulator, Trigger, When};
use usher_connectors::dropbox::{DropboxConnector, Patience};
use usher_domain::{
    Secret,
    ports::connector::{CheckReport, CheckStatus, Connector, ConnectorError, Look},
    provisioning::connection::Policy,
    reconcile::operation::Action,
    targets::Targets,
};

use crate::world::{World, access, create, operation, patience, team};

fn summary(report: &CheckReport) -> String {
    report.checks.iter().map(|check| format!("{} {:?}\n", check.name, check.status)).collect()
}

#[tokio::test]
async fn a_sound_connection_passes_every_check_and_nothing_changes() {
    let world = World::of(team(&["ada@x.co"]).group(GroupSeed::new("Eng", &[]))).await;
    let report = world.connector.check().await;
    insta::assert_snapshot!(summary(&report), @r"
    token Success
    team Success
    administrator Success
    members.read Success
    groups.read Success
    members.write Success
    members.delete Success
    groups.write Success
    events.read Success
    ");
    assert!(report.passed());
    let admin = world.simulator.team().members()[0].clone();
    let (id, email) = report.own_account.unwrap();
    assert_eq!((id.as_str(), email), (admin.team_member_id.as_str(), admin.email));
    assert!(report.team.is_some());
    assert!(world.simulator.team().wipes().is_empty());
}

#[tokio::test]
async fn the_scope_that_only_following_needs_is_named_but_fails_no_test() {
    for team in [team(&[]).app_without_scope("events.read"), team(&[]).token_without_scope("events.read")] {
        let report = World::of(team).await.connector.check().await;
        assert!(report.passed());
        let last = report.checks.last().unwrap();
        assert_eq!((last.name.as_str(), last.status), ("events.read", CheckStatus::NotChecked));
        assert!(
            last.detail.starts_with("Needed by inbound rules with FOLLOW_EVENTS only."),
            "{}",
            last.detail
        );
        assert!(last.detail.contains("scope events.read"), "{}", last.detail);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named_whether_the_app_or_the_authorisation_lacks_it() {
    let scopes = ["members.read", "groups.read", "members.write", "members.delete", "groups.write"];
    for scope in scopes {
        let worlds = [
            World::of(team(&[]).app_without_scope(scope)).await,
            World::of(team(&[]).token_without_scope(scope)).await,
        ];
        for world in worlds {
            let report = world.connector.check().await;
            let failed: Vec<&str> = report
                .checks
                .iter()
                .filter(|check| check.status == CheckStatus::Failed)
                .map(|check| check.name.as_str())
                .collect();
            assert_eq!(failed, [scope], "{}", summary(&report));
            assert_eq!(report.checks.len(), 9);
            let detail = &report.checks.iter().find(|check| check.name == scope).unwrap().detail;
            assert!(detail.contains(scope) && detail.contains("authorise the app again"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_test_says_nothing_about_what_it_did_not_reach() {
    let world = World::of(team(&[])).await;
    world.simulator.team().revoke_authorization();
    let report = world.connector.check().await;
    assert_eq!(summary(&report), "token Failed\n");
    assert!(report.checks[0].detail.contains("OAUTH_REFRESH_TOKEN"), "{}", report.checks[0].detail);

    let world = World::of(team(&[])).await;
    let route = Route::TokenGetAuthenticatedAdmin;
    let fault = Fault::Refused("admin_not_active".into());
    world.simulator.faults().on(route, Trigger::Always, fault, When::BeforeEffect);
    let report = world.connector.check().await;
    assert!(!report.passed() && report.own_account.is_none());
}

#[tokio::test]
async fn a_test_ends_in_time_and_names_the_check_that_was_not_answered() {
    let patience = Patience { test: Duration::from_secs(1), total: Duration::from_mins(15), ..patience() };
    for (route, passes) in [(Route::TeamGetInfo, false), (Route::GetEvents, true)] {
        let world = World::patient(team(&[]), |_| {}, patience.clone()).await;
        // Dropbox asks to wait for as long as a run would.
        world.simulator.faults().on(route, Trigger::Always, Fault::throttle(600), When::BeforeEffect);
        let began = Instant::now();
        let report = world.connector.check().await;
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert_eq!(report.passed(), passes, "{}", summary(&report));
        let last = report.checks.last().unwrap();
        assert_eq!(last.name, if passes { "events.read" } else { "team" });
        assert!(last.detail.starts_with("The test stopped after 1 s"), "{}", last.detail);
    }
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_not_called_a_success() {
    let world = World::of(team(&[])).await;
    let fault = Fault::Refused("other".into());
    world.simulator.faults().on(Route::MembersSuspend, Trigger::Always, fault, When::BeforeEffect);
    let report = world.connector.check().await;
    let check = report.checks.iter().find(|check| check.name == "members.write").unwrap();
    assert_eq!(check.status, CheckStatus::NotChecked);
}

#[tokio::test]
async fn a_wrong_secret_or_a_revoked_token_stops_the_connection_and_says_what_to_do() {
    let simulator = Simulator::start(team(&[]).build()).await.unwrap();
    let connector = |change: fn(&mut usher_domain::provisioning::connection::DropboxAccess)| {
        let mut access = access(&simulator);
        change(&mut access);
        DropboxConnector::with_patience(access, &Policy::default(), None, &Targets::default(), patience())
            .unwrap()
    };
    let cases = [
        (connector(|access| access.client_secret = Secret::new("wrong")), "CLIENT_REFUSED", "App Console"),
        (
            connector(|access| access.refresh_token = Secret::new("wrong")),
            "REFRESH_TOKEN_REFUSED",
            "authorise",
        ),
    ];
    for (connector, code, remedy) in cases {
        let error = connector.observe(&Look::Whole, &()).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Unauthorized { .. }), "{error}");
        assert_eq!(error.problem().code, code);
        assert!(error.problem().remedy.contains(remedy), "{error}");
        assert!(!error.to_string().contains("wrong"));
    }
}

#[tokio::test]
async fn many_calls_at_once_share_one_refresh_and_one_failure() {
    let emails: Vec<String> = (0..20).map(|n| format!("m{n}@x.co")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let world = World::of(team(&emails)).await;
    let operations: Vec<_> = emails
        .iter()
        .map(|email| operation(email, Action::Suspend { account: world.account(email), remove_at: None }))
        .collect();
    world.apply(&operations).await;
    assert_eq!(world.simulator.calls().token_refreshes(), 1);
    world.simulator.team().revoke_authorization();
    let before = world.simulator.calls().token_refreshes();
    let (_, error) = world.apply_all(&operations).await;
    assert!(matches!(error, Some(ConnectorError::Unauthorized { .. })), "{error:?}");
    let failed = world.simulator.calls().token_refreshes() - before;
    assert!(failed <= 4, "{failed} refreshes");
}

#[tokio::test]
async fn a_token_endpoint_that_stumbles_is_asked_again() {
    for fault in
        [Fault::Reset, Fault::ServerError { status: 503 }, Fault::EdgeHtml { status: 400 }, Fault::Truncated]
    {
        let world = World::of(team(&[])).await;
        let target = dropbox_simulator::Target::Token;
        world.simulator.faults().on(target, Trigger::First(2), fault.clone(), When::BeforeEffect);
        assert!(world.whole().await.is_ok(), "{fault:?}");
        world.simulator.faults().on(target, Trigger::Always, fault.clone(), When::BeforeEffect);
        world.simulator.team().expire_access_tokens();
        let error = world.whole().await.unwrap_err();
        assert!(matches!(error, ConnectorError::Busy { .. }), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_after_it_was_refused() {
    // Five minutes and a bit: half of it passes before it is renewed, so that it is used at all.
    let world = World::of(team(&[]).token_lifetime_s(310)).await;
    world.whole().await.unwrap();
    world.whole().await.unwrap();
    assert_eq!(world.simulator.calls().token_refreshes(), 1);
    world.simulator.team().expire_access_tokens();
    world.whole().await.unwrap();
    assert_eq!(world.simulator.calls().token_refreshes(), 2);
}

#[tokio::test]
async fn a_throttle_is_waited_for_and_one_beyond_all_patience_is_told_as_busy() {
    let world = World::of(team(&[])).await;
    world.simulator.faults().on(Route::TeamGetInfo, Trigger::Next, Fault::throttle(1), When::BeforeEffect);
    let start = Instant::now();
    world.whole().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());

    let little = Patience { total: Duration::from_secs(2), ..patience() };
    let world = World::patient(team(&[]), |_| {}, little).await;
    world.simulator.faults().on(Route::TeamGetInfo, Trigger::Next, Fault::throttle(300), When::BeforeEffect);
    let error = world.whole().await.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Busy { after, .. } if after == Duration::from_secs(300)),
        "{error:?}"
    );
}

thread_local! {
    /// What this thread logs, if it wants to know.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Keeps what the thread logs that asked for it. The subscriber is the whole process's: what one thread without a
/// subscriber meets first, tracing would believe to interest nobody.
struct ThreadLog;

impl std::io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.as_mut().map(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_log_has_a_line_for_each_call_and_no_token_secret_or_address() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| ThreadLog)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    LOG.set(Some(Vec::new()));
    let world = World::of(team(&["ada@x.co"])).await;
    world.whole().await.unwrap();
    world.apply(&[create("secret.person@x.co")]).await;
    world.simulator.faults().on(Route::MembersAdd, Trigger::Always, Fault::Forbidden, When::BeforeEffect);
    let (_, error) = world.apply_all(&[create("other.person@x.co")]).await;
    let simulator = &world.simulator;
    let text = String::from_utf8(LOG.take().unwrap()).unwrap()
        + &format!("{:?} {error:?} {}", world.connector, error.as_ref().unwrap());
    for secret in [simulator.client_secret(), simulator.refresh_token(), "sl.".into(), "person@x.co".into()] {
        assert!(!text.contains(&secret), "{secret} is in the log");
    }
    let lines =
        text.lines().filter(|line| line.contains(" call route=") && line.contains(" status=")).count() as u64;
    let refreshes = simulator.calls().token_refreshes();
    assert_eq!(lines, simulator.calls().total() + refreshes, "{text}");
    assert!(text.contains("request_id=") && text.contains("attempt="));
}
