//! Jobs that Dropbox starts: asked for until they end, for as long as patience lasts.

use serde_json::{Value, json};
use tokio::time::Instant;
use usher_domain::ports::connector::ConnectorError;

use super::super::{DropboxConnector, client::Reply, fault::Fault, routes::Route, wire::JobStatus};

/// How a job ended.
pub(super) enum Ended {
    /// With these results, if it has any.
    Complete { results: Vec<Value>, request_id: Option<String> },
    /// Without a result that could be believed: read back. What Dropbox said, if it did.
    Unsure(String),
    /// Not yet, after all patience.
    NotYet,
}

impl DropboxConnector {
    pub(super) async fn job(&self, route: &'static Route, id: &str) -> Result<Ended, ConnectorError> {
        let patience = &self.client.patience;
        let started = Instant::now();
        let mut wait = patience.poll;
        loop {
            self.client.pause(wait).await?;
            match self.client.post(route, &json!({ "async_job_id": id })).await {
                Ok(Reply { value: JobStatus::Complete { complete: results }, request_id, .. }) => {
                    return Ok(Ended::Complete { results, request_id });
                }
                Ok(Reply { value: JobStatus::Failed { failed }, .. }) => return Ok(Ended::Unsure(failed)),
                Ok(Reply { value: JobStatus::InProgress, .. }) => {}
                Ok(Reply { value: JobStatus::Unknown, .. }) => {
                    return Ok(Ended::Unsure("in a state that is not known".into()));
                }
                Err(Fault::Refused(refusal)) => return Ok(Ended::Unsure(refusal.tag)),
                Err(Fault::Throttled { .. }) => return Ok(Ended::NotYet),
                Err(fault) => return Err(fault.into_error(route.path)),
            }
            if started.elapsed() >= patience.job {
                return Ok(Ended::NotYet);
            }
            wait = (wait * 2).min(patience.longest_wait);
        }
    }
}
