//! How a webhook is shown: what it is told, and where its deliveries stand.

use askama::Template;
use usher_domain::{
    Timestamp,
    ports::store::StoreResult,
    subscription::{Delivery, DeliveryState, Subscription},
};

use crate::{
    access::permission::Permission::{ReadAccess, WriteConfiguration},
    console::{
        page::Shell,
        show::{Badge, Time, number},
        standings::Problem,
        visitor::Visitor,
    },
    state::AppState,
};

/// A line of the list.
pub(in crate::console) struct Row {
    pub(in crate::console) id: String,
    pub(in crate::console) name: String,
    pub(in crate::console) url: String,
    pub(in crate::console) state: Badge,
    pub(in crate::console) last: Option<Time>,
    pub(in crate::console) backlog: String,
}

/// The list.
pub(in crate::console) async fn rows(app: &AppState, visitor: &Visitor) -> StoreResult<Vec<Row>> {
    let newest = app.store.last_event(visitor.home()).await?;
    let mut rows = Vec::new();
    for it in app.store.subscriptions(visitor.home()).await? {
        let delivery = delivery(app, &it).await?.0;
        rows.push(Row {
            id: it.id.to_string(),
            url: it.endpoint.url,
            state: badge(delivery.state(it.enabled, newest)),
            last: delivery.delivered_at.map(Time),
            backlog: number(delivery.backlog(newest)),
            name: it.name,
        });
    }
    Ok(rows)
}

async fn delivery(app: &AppState, it: &Subscription) -> StoreResult<(Delivery, Option<Timestamp>)> {
    Ok(match app.store.delivery(it.id).await? {
        Some((delivery, next)) => (delivery, Some(next)),
        None => Default::default(),
    })
}

fn badge(state: DeliveryState) -> Badge {
    let (class, word) = match state {
        DeliveryState::Current => ("good", "Delivered"),
        DeliveryState::Behind => ("busy", "Delivering"),
        DeliveryState::Failing => ("bad", "Failing"),
        DeliveryState::Disabled => ("", "Off"),
    };
    Badge { class, word }
}

/// The page of one.
#[derive(Template)]
#[template(path = "settings/webhook.html")]
pub(super) struct Page {
    shell: Shell,
    id: String,
    name: String,
    url: String,
    enabled: bool,
    state: Badge,
    verified: bool,
    headers: Vec<String>,
    actions: Vec<String>,
    populations: Vec<String>,
    clients: Vec<String>,
    administrators_only: bool,
    backlog: u64,
    waiting: String,
    delivered: String,
    last: Option<Time>,
    failures: u32,
    failed_at: Option<Time>,
    problem: Option<Problem>,
    next: Option<Time>,
    dropped: u64,
    given_up: String,
    before_until: Option<Time>,
    created: Time,
    updated: Time,
    may_write: bool,
}

/// The page of one, as it stands.
pub(super) async fn shown(app: &AppState, visitor: &Visitor, it: &Subscription) -> StoreResult<Page> {
    let newest = app.store.last_event(it.environment).await?;
    let (delivery, next) = delivery(app, it).await?;
    let state = delivery.state(it.enabled, newest);
    let populations = app.store.populations(it.environment).await?;
    // Who may call is not everybody's to see.
    let clients = match visitor.may(ReadAccess) {
        true => app.store.clients(it.environment).await?,
        false => Vec::new(),
    };
    let name_of = |id: String, known: Option<String>| known.unwrap_or(id);
    let now = app.clock.now();
    Ok(Page {
        shell: Shell::new(visitor, it.name.clone()),
        id: it.id.to_string(),
        name: it.name.clone(),
        url: it.endpoint.url.clone(),
        enabled: it.enabled,
        state: badge(state),
        verified: it.endpoint.verify_tls_certificates,
        headers: it.headers.keys().cloned().collect(),
        actions: it.filter.action_types.clone(),
        populations: it
            .filter
            .populations
            .iter()
            .map(|id| {
                let known = populations.iter().find(|population| population.id == *id);
                name_of(id.to_string(), known.map(|known| known.name.clone()))
            })
            .collect(),
        clients: it
            .filter
            .applications
            .iter()
            .map(|id| {
                let known = clients.iter().find(|client| client.id.uuid() == *id);
                name_of(id.to_string(), known.map(|known| known.name.clone()))
            })
            .collect(),
        administrators_only: !it.filter.tags.is_empty(),
        backlog: delivery.backlog(newest),
        waiting: number(delivery.backlog(newest)),
        delivered: number(delivery.delivered),
        last: delivery.delivered_at.map(Time),
        failures: delivery.failures,
        failed_at: delivery.failed_at.map(Time),
        problem: delivery.problem.as_ref().map(Problem::from),
        next: next.filter(|_| state == DeliveryState::Failing).map(Time),
        dropped: delivery.dropped,
        given_up: number(delivery.dropped),
        before_until: it
            .previous_secret
            .as_ref()
            .filter(|(_, until)| now < *until)
            .map(|(_, until)| Time(*until)),
        created: Time(it.created_at),
        updated: Time(it.updated_at),
        may_write: visitor.may(WriteConfiguration),
    })
}
