//! The other direction, beside the outbound rule on the same connection: people whom Dropbox has and the directory does
//! not come in, and whom a person adds in Dropbox is in the directory a moment later.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use dropbox_simulator::{MemberSeed, Simulator};
use serde_json::json;
use usher_domain::{
    EnvironmentId,
    ports::store::{PageRequest, UserQuery},
    provisioning::rule::Rule,
};

use super::{by, object};
use crate::{cli::say, state::AppState};

/// An inbound rule from where the outbound one goes to: partners, who are on the team and not in the directory.
pub(super) async fn set_up(app: &AppState, environment: EnvironmentId, outbound: &Rule) -> Result<Rule> {
    let partners = object(json!({ "name": "Partners" }));
    let population = app.directory.create_population(&by(), environment, &partners).await?;
    let rule = object(json!({
        "plan": { "id": outbound.plan },
        "name": "Partners from Dropbox",
        "sourceStore": { "id": outbound.target },
        "targetStore": { "id": outbound.source },
        "populationExpression": "domain eq \"partner.example.net\"",
        "configuration": { "POPULATION_ID": population.id, "SCHEDULE": "daily", "FOLLOW_EVENTS": true },
        "active": true,
    }));
    let rule = app.directory.create_rule(&by(), environment, &rule).await?;
    say(format!("\nRule         {}: who is on the team with an address of a partner", rule.name));
    app.wake.notify_one();
    Ok(rule)
}

/// Someone is added to the team by hand, and how long it takes until the directory has them.
pub(super) async fn live(
    app: &AppState,
    environment: EnvironmentId,
    simulator: &Simulator,
    rule: &Rule,
) -> Result<()> {
    caught_up(app, rule).await?;
    let email = "ivo@partner.example.net";
    let began = Instant::now();
    simulator.team().add_member(MemberSeed::new(email, "Ivo", "Partner"));
    let query = UserQuery { email: Some(email.into()), ..UserQuery::default() };
    let page = PageRequest { after: None, limit: 1 };
    while app.store.users(environment, &query, &page).await?.items.is_empty() {
        if began.elapsed() > Duration::from_secs(30) {
            bail!("a member who was added in Dropbox did not reach the directory within 30 s");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    say(format!(
        "\nLive         {email} was added in Dropbox by hand; the directory had them {} ms later",
        began.elapsed().as_millis()
    ));
    Ok(())
}

/// Waits until the log of events is read to its end: it tells of everything that the outbound rule has just done.
async fn caught_up(app: &AppState, rule: &Rule) -> Result<()> {
    let began = Instant::now();
    while app.store.watch(rule.id).await?.log.position.is_none()
        || app.store.rule_due(rule.id).await?.is_some()
    {
        if began.elapsed() > Duration::from_secs(60) {
            bail!("the log of events was not read to its end within a minute");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
