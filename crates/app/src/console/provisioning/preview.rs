//! What a full sync of a rule would do now. Looking changes nothing.

use askama::Template;
use axum::extract::State;
use usher_domain::{provisioning::connection::Connection, reconcile::guard::Verdict};
use usher_engine::reconcile::{Draft, Preview, sync_status::not_running};

use super::{expected, find_rule, looking, plan_view::PlanView};
use crate::{
    access::{people::People, permission::Permission::WriteConfiguration},
    console::{
        error::ConsoleResult,
        page::{Shell, page},
        show::{self, count, number},
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

/// A preview, with what carrying it out takes.
#[derive(Debug)]
pub(super) struct PreviewShown {
    pub(super) plan: PlanView,
    /// Why names are left out, if they are.
    pub(super) left_out: Option<String>,
    pub(super) held: Vec<String>,
    pub(super) impacted: String,
    /// Seats needed and left, when that is known and some are needed.
    pub(super) seats: Option<(String, String, String, u32)>,
    /// The calls that it takes at least, and how long, when it takes any.
    pub(super) takes: Option<(String, String)>,
    pub(super) digest: String,
}

impl PreviewShown {
    pub(super) fn of(preview: &Preview, connection: Option<&Connection>, people: People) -> Self {
        let plan = &preview.plan;
        let seats = plan.seats.filter(|_| plan.seats_needed > 0);
        PreviewShown {
            plan: PlanView::of(plan, people),
            left_out: (!people.are_shown()).then(People::left_out),
            held: match &preview.verdict {
                Verdict::Clear => Vec::new(),
                Verdict::Hold { reasons } => show::hold(reasons),
            },
            impacted: format!(
                "{} and {}",
                count(plan.impacted_users, "user", "users"),
                count(plan.impacted_groups, "group", "groups")
            ),
            seats: seats.map(|it| {
                let shown = |n: u32| number(u64::from(n));
                (shown(plan.seats_needed), shown(it.left()), shown(it.licensed), plan.seats_missing())
            }),
            takes: (preview.calls > 0).then(|| {
                let time = connection.map_or_else(String::new, |it| expected::duration(preview.calls, it));
                (count(preview.calls, "call", "calls"), time)
            }),
            digest: preview.digest.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "provisioning/preview.html")]
struct Page {
    shell: Shell,
    id: String,
    name: String,
    shown: Option<PreviewShown>,
    fault: Option<String>,
    /// Why it cannot be applied, if it cannot.
    not_running: Option<String>,
    may_write: bool,
    may_see_people: bool,
}

/// `GET /console/rules/{id}/preview`
pub(in crate::console) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let title = format!("Preview: {}", rule.name);
    if let Some(first) = looking::first(&app, &visitor, title.clone()).await? {
        return Ok(first);
    }
    let connection = app.store.connection(visitor.home(), rule.connection()).await?;
    let (shown, fault) = match app.reconciler.preview(&rule, Draft::default()).await {
        Ok(preview) => (Some(PreviewShown::of(&preview, connection.as_ref(), visitor.people())), None),
        Err(error) => (None, Some(error.to_string())),
    };
    page(&Page {
        shell: Shell::new(&visitor, title),
        id: rule.id.to_string(),
        name: rule.name.clone(),
        shown,
        fault,
        not_running: not_running(&rule, connection.as_ref()),
        may_write: visitor.may(WriteConfiguration),
        may_see_people: visitor.people().are_shown(),
    })
}
