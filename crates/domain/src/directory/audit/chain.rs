//! The chain of an environment's events: what a link's hash covers, and what of it can be redacted.
//!
//! An event is kept as an [`Entry`]: its plain part, which stays for ever, and its personal part (names, sentences,
//! values), which can be taken away. The hash of an entry covers every column of it and the hash of the entry before;
//! of the personal part it covers only a commitment, the digest of that part with its random salt. Whoever redacts
//! puts the commitment in the part's place, and the chain still verifies; the salt is gone with the part, so that
//! nobody can find out what it said by trying. To check a chain: [`super::verify`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Actor, Event, Resource};
use crate::{EnvironmentId, EventId, Timestamp};

/// SHA-256.
pub type Hash = [u8; 32];
/// What makes a commitment unguessable.
pub type Salt = [u8; 16];

/// How many things an event may be about.
pub const SUBJECTS: usize = 3;
/// What stands where a name or a sentence was redacted.
pub const REDACTED: &str = "(redacted)";
/// The action of an event that tells of a redaction.
pub const REDACTION: &str = "ACTIVITY.REDACTED";

/// Stands before a commitment that stands for a redacted part; a part itself is a JSON object.
const COMMITTED: char = '#';

/// Numbers of events, from the first to the last.
pub type Span = (u64, u64);

/// One event as it is kept, every column of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its number: 1, 2, 3 …
    pub seq: u64,
    /// Its id.
    pub id: Uuid,
    /// When, in milliseconds since the epoch.
    pub recorded_at: i64,
    /// `USER.CREATED`, …
    pub action: Cow<'a, str>,
    /// The request it came from.
    pub correlation_id: Option<Cow<'a, str>>,
    /// Who.
    pub actor: Option<Uuid>,
    /// What it is about: the users first.
    pub subjects: [Option<Uuid>; SUBJECTS],
    /// The plain part, as JSON: [`Plain`].
    pub body: Cow<'a, str>,
    /// The personal part with its salt, as JSON, or the commitment to it.
    pub personal: Cow<'a, str>,
    /// The link to the entry before.
    pub hash: Hash,
}

/// What stays of an event, beside its columns.
#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    actor: Kind,
    resources: Vec<PlainResource>,
    status: String,
    /// Of a redaction: the events whose personal part was taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redacted: Vec<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Client,
    User,
    System,
}

#[derive(Debug, Serialize, Deserialize)]
struct PlainResource {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    population: Option<String>,
    path: String,
}

/// What can be redacted.
#[derive(Debug, Serialize, Deserialize)]
struct Personal {
    salt: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// The names of the resources, in their order.
    names: Vec<String>,
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Value>,
}

/// What a chain begins with.
pub fn genesis(environment: EnvironmentId) -> Hash {
    let mut digest = Sha256::new_with_prefix(b"usher audit genesis v1\0");
    digest.update(environment.uuid().as_bytes());
    digest.finalize().into()
}

/// A hash as people copy it: hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash from what [`hex`] made.
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}

impl Entry<'static> {
    /// The entry of an event, linked to the one before. `redacted` is told by an event that tells of a redaction.
    ///
    /// # Errors
    /// The event's own values do not become JSON.
    pub fn of(
        event: &Event,
        seq: u64,
        salt: &Salt,
        redacted: &[Span],
        before: &Hash,
    ) -> serde_json::Result<Self> {
        let (kind, actor, name) = match &event.actor {
            Actor::Client { id, name } => (Kind::Client, Some(*id), Some(name.clone())),
            Actor::User { id, name } => (Kind::User, Some(*id), Some(name.clone())),
            Actor::System => (Kind::System, None, None),
        };
        let resources = event.resources.iter().map(|resource| PlainResource {
            kind: resource.kind.clone(),
            id: resource.id.clone(),
            population: resource.population.clone(),
            path: resource.path.clone(),
        });
        let plain = Plain {
            actor: kind,
            resources: resources.collect(),
            status: event.status.clone(),
            redacted: redacted.to_vec(),
        };
        let personal = Personal {
            salt: hex(salt),
            actor: name,
            names: event.resources.iter().map(|resource| resource.name.clone()).collect(),
            description: event.description.clone(),
            changes: event.changes.clone(),
        };
        let mut entry = Entry {
            environment: event.environment,
            seq,
            id: event.id.uuid(),
            recorded_at: event.recorded_at.as_millis(),
            action: Cow::Owned(event.action.clone()),
            correlation_id: event.correlation_id.clone().map(Cow::Owned),
            actor,
            subjects: subjects(event),
            body: Cow::Owned(serde_json::to_string(&plain)?),
            personal: Cow::Owned(serde_json::to_string(&personal)?),
            hash: [0; 32],
        };
        entry.hash = entry.link(before).unwrap_or_default();
        Ok(entry)
    }
}

impl Entry<'_> {
    /// The hash that this entry has when it follows that one; `None` when its personal part is neither that nor a
    /// commitment to it.
    pub fn link(&self, before: &Hash) -> Option<Hash> {
        let commitment = self.commitment()?;
        // One buffer and one update: an update of a few bytes each costs more than the hashing.
        let mut bytes = Vec::with_capacity(320 + self.action.len() + self.body.len());
        bytes.extend_from_slice(b"usher audit event v1\0");
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(self.environment.uuid().as_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.recorded_at.to_be_bytes());
        put_text(&mut bytes, Some(&self.action));
        put_text(&mut bytes, self.correlation_id.as_deref());
        for id in std::iter::once(&self.actor).chain(&self.subjects) {
            match id {
                None => bytes.push(0),
                Some(id) => {
                    bytes.push(1);
                    bytes.extend_from_slice(id.as_bytes());
                }
            }
        }
        put_text(&mut bytes, Some(&self.body));
        bytes.extend_from_slice(&commitment);
        Some(Sha256::digest(&bytes).into())
    }

    /// Whether the personal part was taken away.
    pub fn is_redacted(&self) -> bool {
        self.personal.starts_with(COMMITTED)
    }

    /// What stands in the personal part's place once it is redacted; `None` when it already is.
    pub fn redacted(&self) -> Option<String> {
        let commitment = self.commitment().filter(|_| !self.is_redacted())?;
        Some(format!("{COMMITTED}{}", hex(&commitment)))
    }

    fn commitment(&self) -> Option<Hash> {
        match self.personal.strip_prefix(COMMITTED) {
            // Upper case would be another text of the same value: a change that nobody could see.
            Some(hash) => unhex(hash).filter(|bytes| hex(bytes) == hash),
            None => {
                let mut digest = Sha256::new_with_prefix(b"usher audit personal v1\0");
                digest.update(self.personal.as_bytes());
                Some(digest.finalize().into())
            }
        }
    }

    /// The events that this one tells to have been redacted.
    ///
    /// # Errors
    /// The plain part is not one.
    pub fn redactions(&self) -> serde_json::Result<Vec<Span>> {
        if self.action == REDACTION {
            Ok(serde_json::from_str::<Plain>(&self.body)?.redacted)
        } else {
            Ok(Vec::new())
        }
    }

    /// The event, with what was redacted said to be so.
    ///
    /// # Errors
    /// What is kept is not an event's.
    pub fn event(&self) -> serde_json::Result<Event> {
        let plain: Plain = serde_json::from_str(&self.body)?;
        let personal = if self.is_redacted() {
            Personal {
                salt: String::new(),
                actor: Some(REDACTED.into()),
                names: Vec::new(),
                description: REDACTED.into(),
                changes: None,
            }
        } else {
            serde_json::from_str(&self.personal)?
        };
        let name = || personal.actor.clone().unwrap_or_default();
        let actor = match (plain.actor, self.actor) {
            (Kind::Client, Some(id)) => Actor::Client { id, name: name() },
            (Kind::User, Some(id)) => Actor::User { id, name: name() },
            _ => Actor::System,
        };
        let mut names = personal.names.into_iter();
        let resources = plain.resources.into_iter().map(|resource| Resource {
            kind: resource.kind,
            id: resource.id,
            name: names.next().unwrap_or_else(|| REDACTED.into()),
            population: resource.population,
            path: resource.path,
        });
        Ok(Event {
            id: EventId(self.id),
            environment: self.environment,
            recorded_at: Timestamp::from_millis(self.recorded_at),
            correlation_id: self.correlation_id.as_deref().map(str::to_owned),
            actor,
            action: self.action.clone().into_owned(),
            resources: resources.collect(),
            status: plain.status,
            description: personal.description,
            changes: personal.changes,
        })
    }
}

/// Its length in front, so that no text runs into the next; and an absent text is not an empty one.
fn put_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(u64::MAX, |text| text.len() as u64);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
}

/// What an event is about: its resources, and whoever their paths name (a membership's user).
fn subjects(event: &Event) -> [Option<Uuid>; SUBJECTS] {
    let mut found: Vec<Uuid> = Vec::new();
    let ids = event.resources.iter().flat_map(|resource| {
        let in_path = resource.path.split('/').filter_map(|part| Uuid::try_parse(part).ok());
        in_path.chain(Uuid::try_parse(&resource.id).ok())
    });
    for id in ids {
        if !found.contains(&id) {
            found.push(id);
        }
    }
    let mut subjects = [None; SUBJECTS];
    for (subject, id) in subjects.iter_mut().zip(found) {
        *subject = Some(id);
    }
    subjects
}
