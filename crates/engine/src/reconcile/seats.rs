//! A team's licences, as its rules' runs last saw them. Nothing is asked of the remote side.

use usher_domain::{
    Timestamp,
    ports::store::StoreResult,
    provisioning::rule::Rule,
    reconcile::{run::SeatsSeen, snapshot::Seats},
};

use super::Reconciler;

/// So many full runs back, in case the last ones did not come to look.
const LOOK_BACK: u32 = 5;

/// What the last runs of a connection's rules saw.
#[derive(Clone, Debug, PartialEq)]
pub struct TeamSeats {
    /// As last seen.
    pub seats: Seats,
    /// When.
    pub at: Timestamp,
    /// Rules whose plan needed more than there were then, and what each saw.
    pub short: Vec<(Rule, SeatsSeen)>,
}

impl Reconciler {
    /// The licences of the connection that these rules share; `None` when no full run has looked yet.
    ///
    /// # Errors
    /// What the store says.
    pub async fn team_seats(&self, rules: &[&Rule]) -> StoreResult<Option<TeamSeats>> {
        let mut team: Option<TeamSeats> = None;
        let mut short = Vec::new();
        for rule in rules {
            let runs = self.store.full_runs(rule.id, LOOK_BACK).await?;
            let Some((at, seen)) = runs.iter().find_map(|run| Some((run.started_at, run.seats?))) else {
                continue;
            };
            if seen.missing() > 0 {
                short.push(((*rule).clone(), seen));
            }
            if team.as_ref().is_none_or(|team| team.at < at) {
                team = Some(TeamSeats { seats: seen.seats, at, short: Vec::new() });
            }
        }
        Ok(team.map(|team| TeamSeats { short, ..team }))
    }
}
