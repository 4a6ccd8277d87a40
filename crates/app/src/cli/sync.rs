//! `usher preview, sync, approve, status, explain`.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{
    FAILURE, HELD, NOTHING, PENDING,
    client::{ApiClient, is_passing},
    directory, say, say_json,
};

/// How often to look at the run.
const LOOK: Duration = Duration::from_millis(200);
/// How often to ask whether a worker has the rule, while the run is not known to be in progress.
const LOOK_FOR_WORKER: Duration = Duration::from_secs(5);
/// How long to wait for a server that does not answer.
pub(crate) const SILENT: Duration = Duration::from_secs(60);
/// How long to wait for a run that no worker has taken.
pub(crate) const NO_WORKER: Duration = Duration::from_secs(10 * 60);

async fn rule(api: &ApiClient, wanted: &str) -> Result<Value> {
    api.find("/propagation/rules", "rules", "rule", wanted).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `usher preview RULE`
pub(crate) async fn preview(api: &ApiClient, wanted: &str, json: bool) -> Result<u8> {
    let rule = rule(api, wanted).await?;
    let preview = api.post(&format!("/propagation/rules/{}/preview", text(&rule["id"])), &json!({})).await?;
    if json {
        say_json(&preview)?;
    } else {
        say(text(&preview["text"]).trim_end());
        say(format!("Calls to Dropbox: at least {}. Digest {}.", preview["calls"], text(&preview["digest"])));
        reasons(&preview["guard"]);
    }
    let counts = preview["counts"].as_object();
    let pending = counts.is_some_and(|counts| counts.values().any(|count| count.as_u64() != Some(0)));
    Ok(match text(&preview["guard"]["verdict"]) {
        "HOLD" => HELD,
        _ if pending => PENDING,
        _ => NOTHING,
    })
}

fn reasons(guard: &Value) {
    for reason in guard["reasons"].as_array().into_iter().flatten() {
        say(format!("HELD: {}", text(reason)));
    }
}

/// `usher sync RULE [--wait]`
pub(crate) async fn sync(api: &ApiClient, wanted: &str, wait: bool, json: bool) -> Result<u8> {
    let rule = rule(api, wanted).await?;
    let mut run = api.post(&format!("/propagation/rules/{}/syncs", text(&rule["id"])), &json!({})).await?;
    if wait {
        run = follow(api, text(&rule["id"]), run).await?;
    }
    if json {
        say_json(&run)?;
    } else {
        say(format!("run {} of rule {}: {}", text(&run["id"]), text(&rule["name"]), text(&run["state"])));
        reasons(&run["guard"]);
        if let Some(message) = run["error"]["message"].as_str() {
            say(format!("{message} {}", text(&run["error"]["remedy"])));
        }
        if text(&run["state"]) == "HELD" {
            say(format!(
                "Look at it with `usher preview {wanted}`, then `usher approve {}`.",
                text(&run["id"])
            ));
        }
    }
    Ok(match text(&run["state"]) {
        "SUCCEEDED" => NOTHING,
        "HELD" => HELD,
        "PARTIAL" | "FAILED" | "CANCELLED" => FAILURE,
        _ => PENDING,
    })
}

/// Waits until a run is over or held, with a progress bar on a terminal. Ends with an error when the server is gone, or
/// when no worker takes the run for long.
async fn follow(api: &ApiClient, rule: &str, mut run: Value) -> Result<Value> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg:10} {bar:40} {pos}/{len}") {
        bar.set_style(style);
    }
    let path = format!("/propagation/runs/{}", text(&run["id"]));
    let began = Instant::now();
    let (mut heard, mut in_hand, mut looked) = (began, began, began);
    loop {
        bar.set_message(text(&run["state"]).to_owned());
        bar.set_length(run["progress"]["total"].as_u64().unwrap_or(0));
        bar.set_position(run["progress"]["done"].as_u64().unwrap_or(0));
        if !matches!(text(&run["state"]), "PLANNING" | "APPLYING") {
            bar.finish_and_clear();
            return Ok(run);
        }
        tokio::time::sleep(LOOK).await;
        let answer = match api.get(&path).await {
            Ok(now) if looked.elapsed() >= LOOK_FOR_WORKER => {
                run = now;
                looked = Instant::now();
                api.get(&format!("/propagation/rules/{rule}/syncStatus")).await.map(Some)
            }
            Ok(now) => {
                run = now;
                Ok(None)
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(status) => {
                heard = Instant::now();
                if status.is_some_and(|status| text(&status["worker"]) == "WORKING") {
                    in_hand = heard;
                }
            }
            Err(error) if is_passing(&error) && heard.elapsed() < SILENT => {}
            Err(error) => {
                return Err(error)
                    .context("the run was started, but its result is not known; see `usher status`");
            }
        }
        if in_hand.elapsed() >= NO_WORKER {
            bail!(
                "the run {} was requested, but no worker has taken it for {} minutes. It begins as soon as one is \
                 free: see whether a server runs with --role all or --role worker, and `usher status`.",
                text(&run["id"]),
                NO_WORKER.as_secs() / 60
            );
        }
    }
}

/// `usher approve RUN`
pub(crate) async fn approve(api: &ApiClient, run: &str, digest: Option<String>) -> Result<u8> {
    let held = api.get(&format!("/propagation/runs/{run}")).await?;
    let digest = match digest.or_else(|| held["digest"].as_str().map(str::to_owned)) {
        Some(digest) => digest,
        None => bail!("run {run} has no plan to approve; it is {}", text(&held["state"])),
    };
    let answer = api.post(&format!("/propagation/runs/{run}/approval"), &json!({ "digest": digest })).await?;
    say(format!(
        "Approved. A fresh plan goes on if it is the same as the one you saw; run {} is {}.",
        text(&answer["id"]),
        text(&answer["state"])
    ));
    Ok(NOTHING)
}

/// `usher status [RULE]`
pub(crate) async fn status(api: &ApiClient, wanted: Option<&str>, json: bool) -> Result<u8> {
    let rules = match wanted {
        Some(wanted) => vec![rule(api, wanted).await?],
        None => api.list("/propagation/rules", "rules").await?,
    };
    let mut all = Vec::new();
    let mut worst = NOTHING;
    for rule in rules {
        let status = api.get(&format!("/propagation/rules/{}/syncStatus", text(&rule["id"]))).await?;
        worst = worst.max(match text(&status["status"]) {
            "FAILED" => FAILURE,
            "HELD" => HELD,
            _ => NOTHING,
        });
        if json {
            all.push(json!({ "rule": { "id": rule["id"], "name": rule["name"] }, "syncStatus": status }));
        } else {
            say(summary(text(&rule["name"]), &status));
        }
    }
    if json {
        say_json(&all)?;
    }
    Ok(worst)
}

/// A rule's sync status, as PingOne's screen has it.
pub(crate) fn summary(name: &str, status: &Value) -> String {
    let line = |title: &str, counts: &Value| {
        format!(
            "  {title:21}Impacted {}  Success {}  Unsynced {}  Partial Synced {}  Failed {}",
            counts["impacted"], counts["success"], counts["unsynced"], counts["partial"], counts["failed"]
        )
    };
    let detail = status["detail"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "{name}\n  Sync Status          {}{detail}\n{}\n{}\n  Last Sync            {}\n  Sync Direction       {}\n  Source → Target      {} → {}",
        text(&status["status"]),
        line("User Sync Summary", &status["users"]),
        line("Group Sync Summary", &status["groups"]),
        status["lastSyncAt"].as_str().unwrap_or("never"),
        text(&status["direction"]),
        text(&status["source"]["name"]),
        text(&status["target"]["name"]),
    )
}

/// `usher explain USER`
pub(crate) async fn explain(api: &ApiClient, user: &str, wanted: Option<&str>, json: bool) -> Result<u8> {
    let user = directory::user(api, user).await?;
    let query = match wanted {
        Some(wanted) => format!("?rule={}", text(&rule(api, wanted).await?["id"])),
        None => String::new(),
    };
    let answer = api.get(&format!("/users/{}/explanation{query}", text(&user["id"]))).await?;
    if json {
        say_json(&answer)?;
        return Ok(NOTHING);
    }
    say(format!("{} <{}>", text(&user["username"]), text(&user["email"])));
    for rule in answer["rules"].as_array().into_iter().flatten() {
        say(format!("\nRule {}", text(&rule["rule"]["name"])));
        for (number, step) in rule["steps"].as_array().into_iter().flatten().enumerate() {
            say(format!("  {}. {}", number + 1, text(step)));
        }
    }
    Ok(NOTHING)
}
