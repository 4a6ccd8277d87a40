//! A server that does not stop: bodies, trickles, headers, listings and jobs without an end; and one that repeats what
//! it was sent.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use usher_connectors::{
    dropbox::{DropboxConnector, Patience},
    openid::{OpenIdProvider, Registration},
};
use usher_domain::{
    Secret, Timestamp,
    ports::connector::{Connector, ConnectorError, Look},
    provisioning::connection::{DropboxAccess, Policy},
    targets::Targets,
};

use crate::world::{World, create, patience, team};

/// What a server answers on a route; the number counts the requests of that route from 0.
type Answers = Arc<dyn Fn(&str, usize) -> Said + Send + Sync>;

enum Said {
    /// This JSON.
    Json(String),
    /// This status and text.
    Text(u16, String),
    /// This after the head of a 200, again and again.
    Forever(&'static str),
    /// The head of a 200, and then a byte now and then.
    Trickle,
    /// Headers without an end.
    Headers,
}

const TOKEN: &str = r#"{"access_token": "sl.u.canary-access-token-5512", "expires_in": 14400}"#;
const TEAM: &str = r#"{"name": "Team", "num_licensed_users": 5, "num_provisioned_users": 0}"#;
const NOBODY: &str = r#"{"members": [], "groups": [], "cursor": "", "has_more": false}"#;

/// A server that answers like this; what is left to `None` is answered as an empty team does.
async fn serve(answers: impl Fn(&str, usize) -> Option<Said> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Answers = Arc::new(move |route, number| {
        answers(route, number).unwrap_or_else(|| {
            Said::Json(match route {
                "token" => TOKEN.into(),
                "team/get_info" => TEAM.into(),
                _ => NOBODY.into(),
            })
        })
    });
    let seen = Arc::new(std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
            tokio::spawn(async move {
                let mut stream = stream;
                let Some(route) = read(&mut stream).await else { return };
                let number = {
                    let mut seen = seen.lock().unwrap();
                    let count = seen.entry(route.clone()).or_default();
                    *count += 1;
                    *count - 1
                };
                // Whoever has enough goes away.
                let _ = say(stream, answers(&route, number)).await;
            });
        }
    });
    url
}

/// A connector to such a server.
async fn connector(
    patience: Patience,
    answers: impl Fn(&str, usize) -> Option<Said> + Send + Sync + 'static,
) -> DropboxConnector {
    at(&serve(answers).await, patience)
}

fn at(url: &str, patience: Patience) -> DropboxConnector {
    let access = DropboxAccess {
        base_url: format!("{url}/2"),
        token_url: format!("{url}/token"),
        client_id: "key".into(),
        client_secret: Secret::new("canary-app-secret/a91f"),
        refresh_token: Secret::new("canary-refresh-token+b82e"),
        send_welcome_email: true,
        wipe_data: false,
        keep_account: false,
        transfer_dest_email: None,
        transfer_admin_email: None,
        max_calls_per_second: 0,
        max_in_flight: 4,
        max_members_per_call: 500,
    };
    DropboxConnector::with_patience(access, &Policy::default(), None, &Targets::default(), patience).unwrap()
}

/// Reads a request to its end, and answers its route.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
    while bytes.len() < end + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?;
    Some(path.trim_start_matches("/2").trim_start_matches('/').to_owned())
}

async fn say(mut stream: TcpStream, said: Said) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    match said {
        Said::Json(body) => stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?,
        Said::Text(status, body) => {
            let head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n");
            let id = "x-dropbox-request-id: id-canary-app-secret/a91f\r\n";
            stream.write_all(format!("{head}{id}\r\n{body}").as_bytes()).await?;
        }
        Said::Forever(piece) => {
            stream.write_all(format!("{head}\r\n").as_bytes()).await?;
            let much = piece.repeat(64 * 1024 / piece.len());
            loop {
                stream.write_all(much.as_bytes()).await?;
            }
        }
        Said::Trickle => {
            stream.write_all(format!("{head}\r\n[").as_bytes()).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(b" ").await?;
            }
        }
        Said::Headers => {
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(format!("x-more: {}\r\n", "y".repeat(8000)).as_bytes()).await?;
            }
        }
    }
    stream.shutdown().await
}

async fn failed(
    patience: Patience,
    answers: impl Fn(&str, usize) -> Option<Said> + Send + Sync + 'static,
) -> ConnectorError {
    connector(patience, answers).await.observe(&Look::Whole, &()).await.unwrap_err()
}

fn page(member: usize, cursor: &str) -> Said {
    Said::Json(format!(
        r#"{{"members": [{{"profile": {{"team_member_id": "dbmid:{member}", "email": "m{member}@x.co", "status": {{".tag": "active"}}}}}}], "cursor": "{cursor}", "has_more": true}}"#
    ))
}

#[track_caller]
fn assert_protocol(error: &ConnectorError, code: &str) {
    assert!(matches!(error, ConnectorError::Protocol { .. }), "{error:?}");
    assert_eq!(error.problem().code, code, "{error}");
    assert!(error.problem().remedy.contains("The answer was not used."), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_an_end_ends_in_a_protocol_error_wherever_it_comes() {
    for route in [
        "token",
        "team/get_info",
        "team/members/list_v2",
        "team/groups/list",
        "team/members/list/continue_v2",
    ] {
        let error = failed(patience(), move |asked, _| match asked {
            _ if asked == route => Some(Said::Forever("          ")),
            "team/members/list_v2" if route.contains("continue") => Some(page(1, "a")),
            _ => None,
        })
        .await;
        assert_protocol(&error, "ANSWER_TOO_LONG");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_body_of_countless_values_is_refused_like_a_long_one() {
    let list = format!("[{}0]", "0,".repeat(2_000_000));
    let error = failed(patience(), move |route, _| {
        (route == "team/members/list_v2").then(|| Said::Json(list.clone()))
    })
    .await;
    assert_protocol(&error, "ANSWER_TOO_LONG");
}

#[tokio::test]
async fn a_page_that_is_too_long_is_asked_for_in_smaller_ones() {
    let connector = connector(patience(), |route, number| {
        (route == "team/members/list_v2" && number < 2).then_some(Said::Forever("     "))
    })
    .await;
    assert!(connector.observe(&Look::Whole, &()).await.unwrap().accounts.is_empty());
}

#[tokio::test]
async fn the_text_of_an_error_without_an_end_is_cut_and_the_error_is_told() {
    for status in [400, 401, 403, 500, 429] {
        let little =
            Patience { attempts: 1, page_attempts: 1, total: Duration::from_millis(100), ..patience() };
        let error = failed(little, move |route, _| {
            (route == "team/get_info").then(|| Said::Text(status, "no! ".repeat(1_000_000)))
        })
        .await;
        assert!(error.problem().message.len() < 9_000, "{status}: {}", error.problem().message.len());
        assert_ne!(error.problem().code, "ANSWER_TOO_LONG", "{status}");
    }
    // The description of a refusal by the token endpoint.
    let error = failed(patience(), |route, _| {
        let body =
            format!(r#"{{"error": "invalid_grant", "error_description": "{}"}}"#, "no! ".repeat(1_900));
        (route == "token").then_some(Said::Text(400, body))
    })
    .await;
    assert_eq!(error.problem().code, "REFRESH_TOKEN_REFUSED");
}

#[tokio::test]
async fn a_trickle_and_endless_headers_are_lost_answers() {
    let little =
        Patience { attempts: 1, page_attempts: 1, timeout: Duration::from_millis(300), ..patience() };
    let error = failed(little.clone(), |route, _| (route == "team/get_info").then_some(Said::Trickle)).await;
    assert!(matches!(error, ConnectorError::Busy { .. }), "{error:?}");
    let little = Patience { timeout: Duration::from_secs(20), ..little };
    let error = failed(little, |route, _| (route == "team/get_info").then_some(Said::Headers)).await;
    assert!(matches!(error, ConnectorError::Busy { .. }), "{error:?}");
}

#[tokio::test]
async fn a_cursor_that_comes_twice_is_refused() {
    let error = failed(patience(), |route, number| match route {
        "team/members/list_v2" => Some(page(0, "a")),
        "team/members/list/continue_v2" => Some(page(number + 1, ["b", "a"][number % 2])),
        _ => None,
    })
    .await;
    assert_protocol(&error, "LISTING_ENDLESS");
    assert!(error.problem().message.contains("the same cursor twice"), "{error}");
}

#[tokio::test]
async fn a_log_of_events_that_stands_still_is_refused() {
    let page = r#"{"events": [{}], "cursor": "a", "has_more": true}"#;
    let connector =
        connector(patience(), |route, _| route.starts_with("team_log").then(|| Said::Json(page.into())))
            .await;
    let error = connector.changes(None, Timestamp::from_millis(0)).await.unwrap_err();
    assert_protocol(&error, "LISTING_ENDLESS");
}

#[tokio::test]
async fn what_is_repeated_of_any_secret_is_masked_and_control_characters_are_shown() {
    let said = "canary-app-secret/a91f canary-refresh-token+b82e sl.u.canary-access-token-5512 \
                canary-refresh-token%2Bb82e a2V5OmNhbmFyeS1hcHAtc2VjcmV0L2E5MWY= \x1b[2J\u{202e}";
    let connector = connector(patience(), |route, number| match (route, number) {
        ("team/get_info", 0) => {
            let name = serde_json::to_string(said).unwrap();
            Some(Said::Json(format!(r#"{{"name": {name}, "num_provisioned_users": 0}}"#)))
        }
        ("team/get_info", _) => Some(Said::Text(400, said.into())),
        _ => None,
    })
    .await;
    let name = connector.check().await.team.unwrap();
    let error = connector.observe(&Look::Whole, &()).await.unwrap_err();
    let told = error.to_string();
    for text in [&name, &told] {
        let secrets = ["canary", "b82e", "a91f", "hbmFye", "\x1b", "\u{202e}"];
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
        assert!(text.contains("******** ******** ******** ********"), "{text}");
        assert!(text.contains(r"\x1b[2J\u{202e}"), "{text}");
    }
    assert_eq!(error.problem().request_id.as_deref(), Some("id-********"));
}

#[tokio::test]
async fn an_openid_provider_without_an_end_is_at_fault_and_its_echoes_are_masked() {
    let provider = |issuer: &str| {
        let registration = Registration {
            issuer: issuer.to_owned(),
            client_id: "usher".into(),
            client_secret: Secret::new("canary-openid-secret"),
        };
        OpenIdProvider::new(registration, Targets::default()).unwrap()
    };
    let now = Timestamp::from_millis(0);
    let endless = serve(|_, _| Some(Said::Forever("     "))).await;
    let problem = provider(&endless).metadata(now).await.unwrap_err();
    assert_eq!(problem.code, "OPENID_PROVIDER_FAULTY");
    assert!(problem.message.contains("more than 1024 KiB"), "{problem}");

    let echo = serve(|_, _| {
        Some(Said::Text(400, r#"{"error": "canary-openid-secret", "error_description": "\u001b[2J"}"#.into()))
    });
    let problem = provider(&echo.await).metadata(now).await.unwrap_err();
    assert!(problem.message.contains(r"******** \x1b[2J"), "{problem}");

    // Endless keys, and an endless answer of the token endpoint.
    for endless in ["keys", "token"] {
        let place = Arc::new(std::sync::OnceLock::<String>::new());
        let known = Arc::clone(&place);
        let url = serve(move |route, _| {
            let url = known.get().unwrap();
            Some(match route {
                _ if route == endless => Said::Forever("     "),
                _ => Said::Json(format!(
                    r#"{{"issuer": "{url}", "authorization_endpoint": "{url}/authorize", "token_endpoint": "{url}/token", "jwks_uri": "{url}/keys"}}"#
                )),
            })
        })
        .await;
        place.set(url.clone()).unwrap();
        let provider = provider(&url);
        let problem = match endless {
            "keys" => provider.keys(now, false).await.unwrap_err(),
            _ => provider.redeem("code", &Secret::new("verifier"), &url, now).await.unwrap_err(),
        };
        assert_eq!(problem.code, "OPENID_PROVIDER_FAULTY", "{problem}");
        assert!(problem.message.contains("more than 1024 KiB"), "{problem}");
    }
}

#[tokio::test]
async fn a_test_that_cannot_reach_dropbox_says_what_to_check_and_not_that_it_goes_on_by_itself() {
    let little = Patience { attempts: 1, ..patience() };
    // Nobody listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let report = at(&url, little).check().await;
    let detail = &report.checks[0].detail;
    assert!(detail.contains("Check that BASE_URL and OAUTH_TOKEN_URL"), "{detail}");
    assert!(!detail.contains("on its own"), "{detail}");
}

#[tokio::test]
async fn a_create_that_is_refused_by_itself_carries_the_request_id() {
    let world = World::of(team(&["ada@x.co"]).licences(2)).await;
    // The second has no licence left.
    let outcomes = world.apply(&[create("bob@x.co"), create("eve@x.co")]).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.problem()).collect();
    assert!(!refused.is_empty(), "{outcomes:?}");
    assert!(refused.iter().all(|problem| problem.request_id.is_some()), "{refused:?}");
}
