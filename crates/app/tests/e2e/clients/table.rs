//! `docs/clients.md`: every route, who documents it, who may, and which client's sequence was seen to use it.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::Value;

use super::{Seen, collectors, directory, provisioning};
use crate::support::Home;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/clients.md");

/// What public clients of PingOne also call, and Usher does not serve: the path below the environment, by whom, why not.
const NOT_SERVED: [(&str, &str, &str); 5] = [
    ("GET /applications", "JupiterOne", "Usher signs nobody in: it has no applications"),
    (
        "GET /roles, /users/{userId}/roleAssignments",
        "JupiterOne",
        "roles are those of clients and administrators, not of users",
    ),
    (
        "GET, POST /schemas/{schemaId}/attributes",
        "Terraform provider",
        "custom attributes need no declaration",
    ),
    ("POST /users/{userId}/password", "Go SDK", "Usher keeps no passwords of users"),
    ("POST /activities", "Go SDK", "the audit is written by what happens, not by clients"),
];

const INTRODUCTION: &str = "# Clients

Which of PingOne's routes Usher serves, and which public clients were seen to use them. The rows come from the table of
routes (through `/openapi.json`); a client stands in a row when its sequence of calls, replayed against the real binary by
`crates/app/tests/e2e/clients`, got a good answer there. Beside these sequences every row is asked with every role
(`cargo test -p usher --bin usher api::routes`), and by a fuzzer that checks each answer against its schema (a part of
`cargo xtask test`).

This page is written by `USHER_WRITE_DOCS=1 cargo test -p usher --test e2e clients::table`, and the same test fails when it
is out of date.
";

#[tokio::test]
async fn the_page_about_clients_says_what_was_seen() {
    let seen = Seen::default();
    for sequence in ["directory", "provisioning", "collectors"] {
        let usher = Home::sqlite().serve().await;
        let api = usher.api().await;
        match sequence {
            "directory" => directory::terraform(&api, &api, &seen).await,
            "provisioning" => provisioning::easytofu(&api, &api, &seen).await,
            _ => collectors::collectors(&api, &api, &seen).await,
        }
    }
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let document = api.send(api.anywhere(Method::GET, "/openapi.json")).await.ok();

    let mut page = format!(
        "{INTRODUCTION}\n## Served\n\n| route | method | PingOne | roles | seen with |\n|---|---|---|---|---|\n"
    );
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method = method.to_uppercase();
            let whose = if operation["x-usher-extension"] == true { "ours" } else { "documented" };
            let clients =
                seen.lock().unwrap().get(&(method.clone(), path.clone())).cloned().unwrap_or_default();
            let clients = clients.into_iter().collect::<Vec<_>>().join(", ");
            let short = path.strip_prefix("/v1/environments/{environmentId}/").unwrap_or(path);
            writeln!(page, "| `{short}` | {method} | {whose} | {} | {clients} |", roles(operation)).unwrap();
        }
    }
    page.push_str("\n## Not served\n\n| what | who calls it | why not |\n|---|---|---|\n");
    for (what, who, why) in NOT_SERVED {
        writeln!(page, "| `{what}` | {who} | {why} |").unwrap();
    }

    if std::env::var_os("USHER_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == page, "docs/clients.md is out of date; its introduction says how to write it anew");
}

/// The roles of which one suffices, by their initials' words; `anybody` for an open route.
fn roles(operation: &Value) -> String {
    let Some(roles) = operation["x-usher-roles"].as_array() else { return "anybody".into() };
    roles.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
