//! The audit: events found by a filter, and what is personal in them taken away.

use usher_domain::{
    EnvironmentId, Rejection, Timestamp, UserId,
    directory::{
        audit::{
            Event, Resource,
            chain::{REDACTED, REDACTION},
        },
        filter::{CompareOp, Filter, Literal, Target},
    },
    ports::store::{EventQuery, Page},
};
use uuid::Uuid;

use super::{By, Directory, DirectoryError, found};

/// What an event can be filtered on, in PingOne's names.
pub const ATTRIBUTES: [&str; 14] = [
    "recordedAt",
    "id",
    "correlationId",
    "action.type",
    "actors.client.id",
    "actors.client.name",
    "actors.user.id",
    "actors.user.name",
    "resources.id",
    "resources.type",
    "resources.name",
    "resources.population.id",
    "result.status",
    "result.description",
];

/// How many events are read at a time when a filter leaves some out.
const CHUNK: u32 = 1_000;
/// How many events are looked at for one page, at most: a page may come short, and the next one goes on.
const LOOKED_AT: usize = 100_000;

impl Directory {
    /// One page of the events that a filter finds, the newest first. The page's `next` is a place between two events:
    /// what is recorded meanwhile moves nothing.
    ///
    /// # Errors
    /// The environment is not there; the filter names no time.
    pub async fn search_activities(
        &self,
        environment: EnvironmentId,
        filter: Option<&Filter>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Page<Event>, DirectoryError> {
        found("environment", environment, self.store.environment(environment).await?)?;
        let (filter, query) = narrowed(filter)?;
        let mut before = after.map(place_of);
        let mut page = Page { items: Vec::new(), next: None };
        let (mut looked_at, mut chunk) = (0, limit.saturating_add(1));
        loop {
            let events = self.store.find_events(environment, &query, before, chunk).await?;
            let there_is_more = events.len() >= chunk as usize;
            for (seq, event) in events {
                looked_at += 1;
                let place = (event.recorded_at, seq);
                if filter.matches(&event.to_pingone("")) {
                    if page.items.len() >= limit as usize {
                        page.next = before.map(cursor);
                        return Ok(page);
                    }
                    page.items.push(event);
                }
                before = Some(place);
            }
            if !there_is_more {
                return Ok(page);
            }
            if looked_at >= LOOKED_AT {
                page.next = before.map(cursor);
                return Ok(page);
            }
            chunk = CHUNK;
        }
    }

    /// Takes names, sentences and values away from every event about a user, who may be long gone, and tells it in an
    /// event. Returns of how many events.
    ///
    /// # Errors
    /// The environment is not there.
    pub async fn redact_activities(
        &self,
        by: &By,
        environment: EnvironmentId,
        user: UserId,
    ) -> Result<u64, DirectoryError> {
        found("environment", environment, self.store.environment(environment).await?)?;
        let resource = Resource {
            kind: "USER".into(),
            id: user.to_string(),
            name: REDACTED.into(),
            population: None,
            path: format!("/users/{user}"),
        };
        let told = self.stamp(by).event(
            environment,
            REDACTION,
            resource,
            format!("Redacted what earlier events said of User {user}"),
            None,
        );
        let spans = self.store.redact(user.uuid(), &told).await?;
        Ok(spans.iter().map(|(first, last)| last - first + 1).sum())
    }
}

/// A place between two events, as one number.
fn cursor((at, seq): (Timestamp, u64)) -> Uuid {
    Uuid::from_u64_pair(u64::try_from(at.as_millis()).unwrap_or_default(), seq)
}

fn place_of(cursor: Uuid) -> (Timestamp, u64) {
    let (at, seq) = cursor.as_u64_pair();
    (Timestamp::from_millis(i64::try_from(at).unwrap_or(i64::MAX)), seq)
}

/// What of a filter the store can look up. The filter is put to what is found there, so this may only be wider.
fn narrowed(filter: Option<&Filter>) -> Result<(&Filter, EventQuery), DirectoryError> {
    let no_time = || {
        let what = "must say of which time, such as recordedAt gt \"2026-01-31T00:00:00Z\"";
        Rejection::field("REQUIRED_VALUE", "filter", what)
    };
    let filter = filter.ok_or_else(no_time)?;
    let mut query = EventQuery::default();
    let all = match filter {
        Filter::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    for part in all {
        narrow(&mut query, part);
    }
    if query.from.is_none() && query.until.is_none() {
        return Err(no_time().into());
    }
    Ok((filter, query))
}

fn narrow(query: &mut EventQuery, part: &Filter) {
    let (Target::Attr(path), op, values) = (match part {
        Filter::Compare(target, op, value) => (target, *op, std::slice::from_ref(value)),
        Filter::In(target, values) => (target, CompareOp::Eq, values.as_slice()),
        Filter::And(all) => return all.iter().for_each(|part| narrow(query, part)),
        _ => return,
    }) else {
        return;
    };
    let texts: Option<Vec<&str>> = values
        .iter()
        .map(|value| match value {
            Literal::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let Some(texts) = texts else { return };
    let one = match texts.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    match (path.key(), op, one) {
        ("recordedat", op, Some(at)) => {
            let Ok(at) = at.parse::<Timestamp>() else { return };
            // A time may be finer than a millisecond: one is left on either side.
            let after = Timestamp::from_millis(at.as_millis().saturating_add(1));
            if matches!(op, CompareOp::Gt | CompareOp::Ge | CompareOp::Eq) {
                query.from = query.from.max(Some(at));
            }
            if matches!(op, CompareOp::Lt | CompareOp::Le | CompareOp::Eq) {
                query.until = Some(query.until.map_or(after, |until| until.min(after)));
            }
        }
        ("action.type", CompareOp::Eq, _) => {
            query.actions = Some(texts.iter().map(|action| action.to_ascii_uppercase()).collect());
        }
        ("resources.id", CompareOp::Eq, Some(id)) => query.about.extend(Uuid::try_parse(id).ok()),
        ("actors.client.id" | "actors.user.id", CompareOp::Eq, Some(id)) => {
            query.actor = Uuid::try_parse(id).ok().or(query.actor);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(filter: &str) -> EventQuery {
        narrowed(Some(&filter.parse().unwrap())).unwrap().1
    }

    #[test]
    fn a_filter_must_name_a_time() {
        for filter in [
            "action.type eq \"A\"",
            "recordedAt pr",
            "recordedAt gt \"yesterday\"",
            "not (recordedAt gt \"2026-01-01T00:00:00Z\")",
        ] {
            let refused = narrowed(Some(&filter.parse().unwrap())).unwrap_err().to_string();
            assert!(refused.contains("filter"), "{filter}: {refused}");
        }
        assert!(narrowed(None).is_err());
    }

    #[test]
    fn a_collectors_filter_is_a_range_of_time() {
        let found =
            query(r#"recordedAt gt "2026-01-01T00:00:00.999Z" AND recordedat lt "2026-01-01T01:00:00Z""#);
        assert_eq!(found.from.unwrap().to_string(), "2026-01-01T00:00:00.999Z");
        assert_eq!(found.until.unwrap().to_string(), "2026-01-01T01:00:00.001Z");
    }

    #[test]
    fn what_can_be_looked_up_is_and_what_cannot_narrows_nothing() {
        let id = Uuid::from_u128(7);
        let since = r#"recordedAt ge "2026-01-01T00:00:00Z""#;
        let found =
            query(&format!(r#"{since} and (action.type in ["a.b", "C"] and resources.id eq "{id}")"#));
        assert_eq!((found.actions, found.about), (Some(vec!["A.B".to_owned(), "C".to_owned()]), vec![id]));
        assert_eq!(query(&format!(r#"{since} and actors.client.id eq "{id}""#)).actor, Some(id));
        let found = query(&format!(r#"{since} and (action.type eq "A" or resources.id eq "{id}")"#));
        assert_eq!((found.actions, found.about), (None, vec![]));
        let found = query(&format!(r#"{since} and action.type ne "A" and resources.id eq "nobody""#));
        assert_eq!((found.actions, found.about), (None, vec![]));
    }

    #[test]
    fn a_cursor_is_a_place() {
        let place = (Timestamp::from_millis(1_760_000_000_123), 42);
        assert_eq!(place_of(cursor(place)), place);
    }
}
