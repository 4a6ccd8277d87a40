//! Checking a chain: entry by entry, in any number of stretches that are then joined; and what is said of one that
//! was tampered with.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::chain::{Entry, Hash, Span, hex};
use crate::{EnvironmentId, Timestamp};

/// How many events lie between two signed checkpoints. They say where a chain that somebody computed anew begins to
/// differ: between two of them, and not only somewhere.
pub const CHECKPOINT_EVERY: u64 = 100;

/// What was done to a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// These events are not there, while later ones are.
    Missing(Span),
    /// The event does not follow from the one before it.
    Changed(u64),
    /// The event cannot be read as what was once written.
    Unreadable(u64),
    /// The chain goes on after its signed end, or before its beginning.
    Inserted(u64),
    /// The last events are gone: the signed end is after what is there.
    Truncated { last: u64, signed: u64 },
    /// Every link holds, but the chain does not come to the hash that was signed at this number.
    Recomputed { after: u64, signed: u64 },
    /// A checkpoint is not there.
    CheckpointMissing(u64),
    /// A checkpoint stands where none was ever made.
    CheckpointForged(u64),
    /// The signature of a checkpoint, or of the end, is not ours.
    Signature { what: &'static str, seq: u64, why: String },
    /// The end's record is gone.
    HeadMissing,
    /// The personal part was taken away, and no event tells of it.
    RedactedUntold(u64),
    /// The personal part is there, although an event tells that it was taken away.
    RedactionUndone(u64),
    /// The environment is not among those that were signed, or its chain is gone.
    Roll(String),
    /// An anchor that was kept elsewhere says something else.
    Anchor { seq: u64, expected: String, found: Option<String> },
}

impl Tampering {
    /// The number of the first event that it is about.
    pub fn at(&self) -> u64 {
        match self {
            Tampering::Missing((seq, _))
            | Tampering::Changed(seq)
            | Tampering::Unreadable(seq)
            | Tampering::Inserted(seq)
            | Tampering::CheckpointMissing(seq)
            | Tampering::CheckpointForged(seq)
            | Tampering::Signature { seq, .. }
            | Tampering::RedactedUntold(seq)
            | Tampering::RedactionUndone(seq)
            | Tampering::Anchor { seq, .. } => *seq,
            Tampering::Recomputed { after, .. } => after + 1,
            Tampering::Truncated { last, .. } => last + 1,
            Tampering::HeadMissing | Tampering::Roll(_) => 0,
        }
    }
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tampering::Missing((first, last)) if first == last => write!(f, "REMOVED: event {first} is gone"),
            Tampering::Missing((first, last)) => write!(f, "REMOVED: events {first} to {last} are gone"),
            Tampering::Changed(seq) => write!(
                f,
                "CHANGED: event {seq} is not what was recorded after event {}; it was changed, replaced or moved",
                seq.saturating_sub(1)
            ),
            Tampering::Unreadable(seq) => {
                write!(f, "CHANGED: event {seq} cannot be read as what was recorded")
            }
            Tampering::Inserted(seq) => {
                write!(f, "INSERTED: event {seq} is outside of what was signed")
            }
            Tampering::Truncated { last, signed } => {
                write!(f, "TRUNCATED: the last event is {last}, and {signed} was signed as the last")
            }
            Tampering::Recomputed { after, signed } => write!(
                f,
                "CHANGED: events after {after}, up to {signed}, were changed and their hashes computed anew: \
                 they do not come to what was signed"
            ),
            Tampering::CheckpointMissing(seq) => write!(f, "REMOVED: the checkpoint of event {seq} is gone"),
            Tampering::CheckpointForged(seq) => {
                write!(f, "INSERTED: a checkpoint of event {seq}, where none is made")
            }
            Tampering::Signature { what, seq, why } => {
                write!(f, "FORGED: the signature of the {what} at event {seq} {why}")
            }
            Tampering::HeadMissing => write!(f, "REMOVED: the signed end of the chain is gone"),
            Tampering::RedactedUntold(seq) => {
                write!(
                    f,
                    "REDACTED by someone else: event {seq} has lost its words, and no event tells of it"
                )
            }
            Tampering::RedactionUndone(seq) => {
                write!(f, "CHANGED: event {seq} was redacted, and its words are back")
            }
            Tampering::Roll(what) => write!(f, "{what}"),
            Tampering::Anchor { seq, expected, found: None } => write!(
                f,
                "REPLACED: event {seq} with the hash {expected} was seen before, and is not there: this is an older \
                 copy, or the end was cut off"
            ),
            Tampering::Anchor { seq, expected, found: Some(found) } => write!(
                f,
                "REPLACED: event {seq} had the hash {expected} when it was seen before, and has {found} now: this is \
                 another chain"
            ),
        }
    }
}

/// A stretch of a chain, being checked.
#[derive(Clone, Debug)]
pub struct Stretch {
    next: u64,
    before: Hash,
    /// Those whose personal part is gone.
    redacted: BTreeSet<u64>,
    /// Those that events tell to be so.
    told: Vec<Span>,
    /// The hashes at the numbers that have a checkpoint.
    marks: BTreeMap<u64, Hash>,
}

impl Stretch {
    /// Begins after an event: its number and its hash; 0 and the genesis for the first stretch.
    pub fn after(seq: u64, hash: Hash) -> Self {
        Stretch {
            next: seq + 1,
            before: hash,
            redacted: BTreeSet::new(),
            told: Vec::new(),
            marks: BTreeMap::new(),
        }
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// What was done to it.
    pub fn check(&mut self, entry: &Entry<'_>) -> Result<(), Tampering> {
        let seq = entry.seq;
        if seq > self.next {
            return Err(Tampering::Missing((self.next, seq - 1)));
        }
        if seq < self.next || entry.link(&self.before) != Some(entry.hash) {
            return Err(Tampering::Changed(seq));
        }
        if entry.is_redacted() {
            self.redacted.insert(seq);
        }
        self.told.extend(entry.redactions().map_err(|_| Tampering::Unreadable(seq))?);
        if seq.is_multiple_of(CHECKPOINT_EVERY) {
            self.marks.insert(seq, entry.hash);
        }
        self.before = entry.hash;
        self.next += 1;
        Ok(())
    }

    /// The number that is checked next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The last entry's number and hash.
    pub fn end(&self) -> (u64, Hash) {
        (self.next - 1, self.before)
    }

    /// Takes what was found out in the stretch that follows.
    pub fn join(&mut self, later: Stretch) {
        (self.next, self.before) = (later.next, later.before);
        self.redacted.extend(later.redacted);
        self.told.extend(later.told);
        self.marks.extend(later.marks);
    }

    /// Compares the chain with its checkpoints, whose signatures were found good, and with its signed end. The
    /// stretch must reach from the first event to the last.
    ///
    /// # Errors
    /// The first place at which they differ.
    pub fn comes_to(&self, checkpoints: &BTreeMap<u64, Hash>, end: (u64, Hash)) -> Result<(), Tampering> {
        let mut good = 0;
        for (seq, hash) in &self.marks {
            match checkpoints.get(seq) {
                None => return Err(Tampering::CheckpointMissing(*seq)),
                Some(signed) if signed != hash => {
                    return Err(Tampering::Recomputed { after: good, signed: *seq });
                }
                Some(_) => good = *seq,
            }
        }
        if let Some(seq) = checkpoints.keys().find(|seq| !self.marks.contains_key(seq)) {
            return Err(Tampering::CheckpointForged(*seq));
        }
        let (last, hash) = self.end();
        let (signed, expected) = end;
        match last.cmp(&signed) {
            Ordering::Less => Err(Tampering::Truncated { last, signed }),
            Ordering::Greater => Err(Tampering::Inserted(signed + 1)),
            Ordering::Equal if hash != expected => Err(Tampering::Recomputed { after: good, signed }),
            Ordering::Equal => Ok(()),
        }
    }

    /// Whether exactly those events are redacted that events tell of, once all stretches are joined.
    ///
    /// # Errors
    /// The first event of which that is not so.
    pub fn redactions_hold(&self) -> Result<(), Tampering> {
        let told: BTreeSet<u64> = self.told.iter().flat_map(|(first, last)| *first..=*last).collect();
        let untold = self.redacted.difference(&told).next().map(|seq| Tampering::RedactedUntold(*seq));
        let undone = told.difference(&self.redacted).next().map(|seq| Tampering::RedactionUndone(*seq));
        match [untold, undone].into_iter().flatten().min_by_key(Tampering::at) {
            None => Ok(()),
            Some(tampering) => Err(tampering),
        }
    }
}

/// What was found out about the chain of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whose chain.
    pub environment: EnvironmentId,
    /// How many events it has.
    pub events: u64,
    /// Its end, to be kept elsewhere; `None` when the chain does not hold.
    pub end: Option<Anchor>,
    /// The first thing that was done to it.
    pub tampering: Option<Tampering>,
}

/// How a chain stands, by its records alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    /// How many events it has; the last is signed.
    pub events: u64,
    /// The last checkpoint: its event's number, and when that was recorded.
    pub checkpoint: Option<(u64, Timestamp)>,
}

/// The last time that a chain was checked from within.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastCheck {
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// How many events it had.
    pub events: u64,
    /// Its end, to be kept elsewhere (an [`Anchor`]); `None` when it did not hold.
    pub end: Option<String>,
    /// What was done to it (a [`Tampering`]).
    pub tampering: Option<String>,
}

impl LastCheck {
    /// What was found out, to be remembered.
    pub fn of(checked: &Checked, by: String, at: Timestamp) -> Self {
        LastCheck {
            at,
            by,
            events: checked.events,
            end: checked.end.as_ref().map(Anchor::to_string),
            tampering: checked.tampering.as_ref().map(Tampering::to_string),
        }
    }
}

/// What was found out about all chains of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Chain by chain.
    pub chains: Vec<Checked>,
    /// What was done to the whole.
    pub tampering: Vec<Tampering>,
}

impl Report {
    /// Whether nothing was tampered with.
    pub fn holds(&self) -> bool {
        self.tampering.is_empty() && self.chains.iter().all(|chain| chain.tampering.is_none())
    }
}

/// The end of a chain, as it can be kept elsewhere: `[ENVIRONMENT:]SEQ:HASH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Which environment's; `None` where there is only one.
    pub environment: Option<EnvironmentId>,
    /// The number of an event.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl std::str::FromStr for Anchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "{text:?} is not an anchor; give [ENVIRONMENT:]SEQ:HASH as `usher audit verify` printed it"
            )
        };
        let mut parts = text.trim().rsplitn(3, ':');
        let hash = parts
            .next()
            .and_then(|hash| super::chain::unhex(&hash.to_ascii_lowercase()))
            .ok_or_else(fault)?;
        let seq = parts.next().and_then(|seq| seq.parse().ok()).ok_or_else(fault)?;
        let environment = parts.next().map(|id| id.parse().map_err(|_| fault())).transpose()?;
        Ok(Anchor { environment, seq, hash })
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(environment) = self.environment {
            write!(f, "{environment}:")?;
        }
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}
