//! The one who commits change sets: whoever waits at the same time is committed in one transaction, so that the wait
//! for the disk is shared. Each change set stands behind a savepoint of its own and succeeds or fails alone.
//!
//! A task, not the callers: a caller that goes away (its client hung up) takes nobody else's change with it.

use sqlx::{Acquire as _, Transaction};
use tokio::sync::{mpsc, oneshot};
use usher_domain::{
    directory::change::ChangeSet,
    ports::store::{StoreError, StoreResult},
};

use super::{Db, Pool, begin, commit, from_sqlx};
use crate::seal::Seal;

/// How many change sets share a transaction at most.
const TOGETHER: usize = 64;

/// A change set whose committer waits.
#[derive(Debug)]
struct Waiting {
    changes: ChangeSet,
    answer: oneshot::Sender<StoreResult<()>>,
}

/// The way to the task; the task ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
}

impl Writer {
    pub(super) fn start(pool: Pool, seal: Seal) -> Self {
        let (queue, waiting) = mpsc::channel(TOGETHER);
        tokio::spawn(write_all(pool, seal, waiting));
        Writer { queue }
    }

    /// Returns when the change set is on the disk, or cannot be.
    pub(super) async fn commit(&self, changes: ChangeSet) -> StoreResult<()> {
        let gone = || StoreError::Unavailable("the store is shutting down".into());
        let (answer, answered) = oneshot::channel();
        self.queue.send(Waiting { changes, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn write_all(pool: Pool, seal: Seal, mut queue: mpsc::Receiver<Waiting>) {
    let mut together = Vec::with_capacity(TOGETHER);
    while queue.recv_many(&mut together, TOGETHER).await > 0 {
        let results = match write_together(&pool, &seal, &together).await {
            Ok(results) => results,
            // One of them spoils what they share. Nothing was committed: each for itself.
            Err(StoreError::Conflict(_)) if together.len() > 1 => {
                let mut results = Vec::with_capacity(together.len());
                for alone in together.chunks(1) {
                    results.push(write_together(&pool, &seal, alone).await.and_then(|mut one| one.remove(0)));
                }
                results
            }
            Err(error) => vec![Err(error); together.len()],
        };
        for (waiting, result) in together.drain(..).zip(results) {
            // Who went away does not want to know.
            let _ = waiting.answer.send(result);
        }
    }
}

/// What became of each; an error means that nothing was committed.
async fn write_together(pool: &Pool, seal: &Seal, together: &[Waiting]) -> StoreResult<Vec<StoreResult<()>>> {
    let mut transaction = begin(pool).await?;
    let mut results = Vec::with_capacity(together.len());
    for waiting in together {
        results.push(write_one(&mut transaction, seal, &waiting.changes).await?);
    }
    let written = together.iter().zip(&results).filter(|(_, result)| result.is_ok());
    let written: Vec<&ChangeSet> = written.map(|(waiting, _)| &waiting.changes).collect();
    commit::write_consequences(&mut transaction, seal, &written).await?;
    transaction.commit().await.map_err(from_sqlx)?;
    Ok(results)
}

/// The outer error is one of the transaction; the inner one is of this change set alone, and undone.
async fn write_one(
    transaction: &mut Transaction<'static, Db>,
    seal: &Seal,
    changes: &ChangeSet,
) -> StoreResult<StoreResult<()>> {
    let mut savepoint = transaction.begin().await.map_err(from_sqlx)?;
    match commit::write_rows(&mut savepoint, seal, changes).await {
        Ok(()) => savepoint.commit().await.map(Ok).map_err(from_sqlx),
        Err(error) => savepoint.rollback().await.map(|()| Err(error)).map_err(from_sqlx),
    }
}
