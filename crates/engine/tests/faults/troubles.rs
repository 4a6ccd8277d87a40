//! The columns: what goes wrong, how often, and whether before or after the route did its work.

use std::time::Duration;

use dropbox_simulator::{Fault, JobEnd, Route, Target, Trigger, When};

use crate::scenes::{Scene, TOKEN};

/// How long a call may take where one is too slow. Wide, because the tests share a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// How slow a slow answer is: it never comes.
const SLOW: Duration = Duration::from_secs(600);

/// How long it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// One call.
    Once,
    /// Until the run has given up; the next one finds all well.
    TheRun,
    /// Until a person has repaired the connection.
    UntilRepaired,
}

/// On which routes it can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Anywhere,
    /// Where Dropbox looks at an access token.
    WithToken,
    Listings,
    Cursors,
    Launches,
    /// Only where it can have an effect, and the caller not know.
    Writes,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// Which table it is in.
    pub(crate) chapter: Chapter,
    title: &'static str,
    when: Option<When>,
    pub(crate) lasts: Lasts,
    /// None: nothing goes wrong.
    fault: Option<Fault>,
    on: Where,
    /// The token endpoint refuses as well.
    no_new_token: bool,
}

/// The tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chapter {
    Nothing,
    Throttled,
    Garbled,
    Lost,
    Outage,
    Token,
    Stopped,
    Content,
    Jobs,
}

impl Chapter {
    /// Those in which something goes wrong.
    pub(crate) const WITH_FAULTS: [Chapter; 8] = [
        Chapter::Throttled,
        Chapter::Garbled,
        Chapter::Lost,
        Chapter::Outage,
        Chapter::Token,
        Chapter::Stopped,
        Chapter::Content,
        Chapter::Jobs,
    ];

    /// Its heading, and what is to be known of its columns.
    pub(crate) fn heading(self) -> (&'static str, &'static str) {
        match self {
            Chapter::Nothing => ("The rows, without a fault", ""),
            Chapter::Throttled => (
                "Throttled",
                "A 429, once. With `too_many_requests` in JSON, in the plain text of the network edge, or with \
                 `too_many_write_operations`.",
            ),
            Chapter::Garbled => (
                "Server errors and pages of the network edge",
                "Once. The pages are HTML, with a status that says nothing about the call.",
            ),
            Chapter::Lost => (
                "Answers that do not arrive",
                "Once. The connection is reset; the answer breaks off in its middle; it takes longer than the \
                 connector waits. *Slow before* is a call that is given up before Dropbox does anything.",
            ),
            Chapter::Outage => (
                "An outage that outlasts a run's patience",
                "Every call of the route fails until the run has given up; then all is well again, and the back-off \
                 is waited out.",
            ),
            Chapter::Token => {
                ("Access tokens that are refused once", "401, once; the token endpoint gives a new token.")
            }
            Chapter::Stopped => (
                "Authorisations that are gone",
                "Every call of the route is refused until a person has repaired the connection and its test has \
                 succeeded. *invalid_grant*: the access token has expired, and the token endpoint refuses to give \
                 another. *Revoked*: no access token is accepted. *Access denied*: 403 `team_access_denied`.",
            ),
            Chapter::Content => (
                "Answers that are not what they seem",
                "Once. A listing leaves its last entry out; is empty and says that there is more; has an entry twice; \
                 its cursor is refused. *Unknown tags*: fields, and one status or union tag, that no specification \
                 knows.",
            ),
            Chapter::Jobs => (
                "Jobs",
                "The call is answered with a job: one that is in progress twice and completes; that fails and did \
                 nothing; that fails and did everything. Once.",
            ),
        }
    }
}

impl Trouble {
    /// As the head of its column.
    pub(crate) fn name(&self) -> String {
        let when = match self.when {
            None => "",
            Some(When::BeforeEffect) => ", before",
            Some(When::AfterEffect) => ", after",
        };
        format!("{}{when}", self.title)
    }

    /// Whether it makes sense there. A read has no effect, so before and after are one.
    pub(crate) fn applies(&self, scene: &Scene) -> bool {
        let route = Route::at(scene.route);
        let writes = route.is_some_and(Route::is_write);
        let there = match self.on {
            Where::Anywhere => true,
            Where::WithToken => scene.route != TOKEN,
            Where::Writes => writes,
            Where::Listings => matches!(
                route,
                Some(
                    Route::MembersList
                        | Route::MembersListContinue
                        | Route::GroupsList
                        | Route::GroupsListContinue
                )
            ),
            Where::Cursors => matches!(route, Some(Route::MembersListContinue | Route::GroupsListContinue)),
            Where::Launches => {
                matches!(route, Some(Route::MembersAdd | Route::MembersRemove | Route::GroupsDelete))
            }
        };
        there && (writes || self.when != Some(When::AfterEffect))
    }

    /// Orders it.
    pub(crate) fn order(&self, scene: &Scene, faults: &dropbox_simulator::Faults) {
        if self.no_new_token {
            faults.on(Target::Token, Trigger::Always, Fault::InvalidGrant, When::BeforeEffect);
            if scene.route == TOKEN {
                return;
            }
        }
        let target = Route::at(scene.route).map_or(Target::Token, Target::Route);
        let trigger = if self.lasts == Lasts::Once { Trigger::Next } else { Trigger::Always };
        let Some(fault) = self.fault.clone() else { return };
        faults.on(target, trigger, fault, self.when.unwrap_or(When::BeforeEffect));
    }

    /// Whether nothing goes wrong.
    pub(crate) fn is_none(&self) -> bool {
        self.fault.is_none()
    }

    /// Whether the call waits for an answer that does not come in time.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self.fault, Some(Fault::Slow(_)))
    }

    /// How many calls reached the simulator and were given up before it noted them.
    pub(crate) fn unnoted(&self) -> u64 {
        u64::from(self.is_slow() && self.when == Some(When::BeforeEffect))
    }
}

/// All of them, in the order of their columns.
pub(crate) fn all() -> Vec<Trouble> {
    use Chapter::{Content, Garbled, Jobs, Lost, Outage, Stopped, Throttled, Token};
    let throttle = |plain| Fault::Throttle { retry_after: 0, plain };
    let job = |polls, end| Fault::AsyncJob { polls, end };
    let failed = || JobEnd::Failed("it could not be done".into());
    let (once, run, repaired) = (Lasts::Once, Lasts::TheRun, Lasts::UntilRepaired);
    let anywhere = Where::Anywhere;
    let (before, after) = (Some(When::BeforeEffect), Some(When::AfterEffect));
    let trouble = |chapter, title, when, lasts, on, fault| {
        let no_new_token = title == "invalid_grant";
        Trouble { chapter, title, when, lasts, fault: Some(fault), on, no_new_token }
    };
    let both = |chapter, title, lasts, on, fault: Fault| {
        [before, after].map(|when| trouble(chapter, title, when, lasts, on, fault.clone()))
    };
    let mut all = vec![nothing()];
    all.extend(both(Throttled, "429 JSON", once, anywhere, throttle(false)));
    all.extend(both(Throttled, "429 text", once, anywhere, throttle(true)));
    let too_many_writes = Fault::TooManyWrites { retry_after: 0 };
    all.extend(both(Throttled, "429 writes", once, Where::Writes, too_many_writes));
    all.extend(both(Garbled, "503", once, anywhere, Fault::ServerError { status: 503 }));
    all.extend(both(Garbled, "HTML 400", once, anywhere, Fault::EdgeHtml { status: 400 }));
    all.extend(both(Garbled, "HTML 502", once, anywhere, Fault::EdgeHtml { status: 502 }));
    all.extend(both(Lost, "reset", once, anywhere, Fault::Reset));
    all.push(trouble(Lost, "truncated", None, once, anywhere, Fault::Truncated));
    all.extend(both(Lost, "slow", once, anywhere, Fault::Slow(SLOW)));
    all.extend(both(Outage, "503 throughout", run, anywhere, Fault::ServerError { status: 503 }));
    all.extend(both(Outage, "reset throughout", run, anywhere, Fault::Reset));
    all.extend(both(Token, "expired token", once, Where::WithToken, Fault::ExpiredToken));
    all.extend(both(Token, "invalid token", once, Where::WithToken, Fault::InvalidToken));
    all.extend([
        trouble(Stopped, "invalid_grant", None, repaired, anywhere, Fault::ExpiredToken),
        trouble(Stopped, "revoked", None, repaired, Where::WithToken, Fault::InvalidToken),
        trouble(Stopped, "access denied", None, repaired, Where::WithToken, Fault::Forbidden),
        trouble(Content, "unknown tags", None, once, anywhere, Fault::UnknownTag),
        trouble(Content, "short list", None, once, Where::Listings, Fault::ShortList { missing: 1 }),
        trouble(Content, "empty page", None, once, Where::Listings, Fault::EmptyPage),
        trouble(Content, "entry twice", None, once, Where::Listings, Fault::DuplicateMember),
        trouble(Content, "invalid cursor", None, once, Where::Cursors, Fault::InvalidCursor),
        trouble(Jobs, "completes", None, once, Where::Launches, job(2, JobEnd::Complete)),
    ]);
    all.extend(both(Jobs, "fails", once, Where::Launches, job(1, failed())));
    all
}

/// No trouble at all.
pub(crate) fn nothing() -> Trouble {
    Trouble {
        chapter: Chapter::Nothing,
        title: "calls",
        when: None,
        lasts: Lasts::Once,
        fault: None,
        on: Where::Anywhere,
        no_new_token: false,
    }
}
