//! What comes round by itself: new signing keys, old ones deleted, old attempts and known places forgotten,
//! guesses recorded in the audit.

use std::time::Duration;

use anyhow::Result;
use tokio::time::interval;
use usher_domain::{access::lockout::REMEMBERED, directory::audit::Actor};
use usher_engine::directory::By;

use super::administrators::PLACE_LIFETIME;
use crate::{state::AppState, system::random_secret};

/// How often.
const EVERY: Duration = Duration::from_secs(600);

/// Sees to it for as long as it is polled. Harmless when several servers do it.
pub(crate) async fn tend(app: AppState) {
    tokio::join!(app.guesses.tend(), tend_keys(&app));
}

async fn tend_keys(app: &AppState) {
    let mut round = interval(EVERY);
    loop {
        round.tick().await;
        if let Err(error) = once(app).await {
            tracing::warn!(%error, "cannot see to the signing keys yet");
        }
    }
}

async fn once(app: &AppState) -> Result<()> {
    let by = By { actor: Actor::System, correlation_id: None };
    app.learn_environments().await?;
    app.directory.tend_signing_keys(&by, &random_secret()).await?;
    app.store.forget_attempts_before(app.clock.now().minus(REMEMBERED)).await?;
    app.store.forget_places_before(app.clock.now().minus(PLACE_LIFETIME)).await?;
    Ok(())
}
