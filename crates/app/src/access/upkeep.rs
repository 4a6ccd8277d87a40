//! What comes round by itself: new signing keys, old ones deleted, attempts of yesterday forgotten.

use std::time::Duration;

use anyhow::Result;
use tokio::time::interval;
use usher_domain::{access::lockout::REMEMBERED, directory::audit::Actor};
use usher_engine::directory::By;

use crate::{state::AppState, system::random_secret};

/// How often.
const EVERY: Duration = Duration::from_secs(600);

/// Sees to it for as long as it is polled. Harmless when several servers do it.
pub(crate) async fn tend(app: AppState) {
    let mut round = interval(EVERY);
    loop {
        round.tick().await;
        if let Err(error) = once(&app).await {
            tracing::warn!(%error, "cannot see to the signing keys yet");
        }
    }
}

async fn once(app: &AppState) -> Result<()> {
    let by = By { actor: Actor::System, correlation_id: None };
    app.directory.tend_signing_keys(&by, &random_secret()).await?;
    app.store.forget_attempts_before(app.clock.now().minus(REMEMBERED)).await?;
    Ok(())
}
