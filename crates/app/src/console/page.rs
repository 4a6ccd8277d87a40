//! What every page has around it, and how a handler answers with one.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    assets::{FAVICON, SCRIPTS, STYLESHEET},
    cookies::FLASH,
    error::{ConsoleError, ConsoleResult},
    visitor::{Visit, Visitor},
};
use crate::access::permission::Permission;

/// What is around a page.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) environment: String,
    pub(super) username: String,
    pub(super) csrf: String,
    pub(super) theme: &'static str,
    pub(super) other_theme: &'static str,
    pub(super) flash: Option<String>,
    pub(super) path: String,
    pub(super) nav: Vec<Section>,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
}

/// A part of the navigation.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) items: Vec<Item>,
}

/// One place to go.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) title: &'static str,
    pub(super) href: &'static str,
    pub(super) icon: &'static str,
    pub(super) current: bool,
}

/// The places: section, title, address, what it needs, the icon's path.
#[rustfmt::skip]
const PLACES: &[(&str, &str, &str, Option<Permission>, &str)] = &[
    ("", "Overview", "/console", None, "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z"),
    ("Directory", "Users", "/console/users", Some(Permission::ReadIdentities), "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8"),
    ("Directory", "Groups", "/console/groups", Some(Permission::ReadIdentities), "M12 3 3 7.5l9 4.5 9-4.5zM3 12l9 4.5 9-4.5M3 16.5 12 21l9-4.5"),
    ("Directory", "Populations", "/console/populations", Some(Permission::ReadConfiguration), "M3 21V9l6-4v16M9 21h12V5l-6 4M13 13h4M13 17h4"),
    ("Integrations", "Connections", "/console/connections", Some(Permission::ReadConfiguration), "M9 7V3M15 7V3M6 7h12v4a6 6 0 0 1-12 0zM12 17v4"),
    ("Integrations", "Rules", "/console/rules", Some(Permission::ReadConfiguration), "M4 6h10M18 6h2M4 12h2M10 12h10M4 18h8M16 18h4M16 4v4M8 10v4M14 16v4"),
    ("Integrations", "Runs", "/console/runs", Some(Permission::ReadConfiguration), "M20 12a8 8 0 1 1-2.5-5.8M20 3v4h-4"),
    ("Administration", "Audit", "/console/audit", Some(Permission::ReadActivities), "M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h7"),
    ("Administration", "Settings", "/console/settings", Some(Permission::ReadConfiguration), "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.1 2.1M16.3 16.3l2.1 2.1M5.6 18.4l2.1-2.1M16.3 7.7l2.1-2.1"),
];

impl Shell {
    /// Around a page for guests.
    pub(super) fn plain(visit: &Visit, title: impl Into<String>) -> Shell {
        Shell {
            title: title.into(),
            environment: String::new(),
            username: String::new(),
            csrf: visit.csrf.clone(),
            theme: visit.theme,
            other_theme: if visit.theme == "dark" { "light" } else { "dark" },
            flash: visit.flash.clone(),
            path: visit.path.clone(),
            nav: Vec::new(),
            style: &STYLESHEET.address,
            script: &SCRIPTS.address,
            icon: &FAVICON.address,
        }
    }

    /// Around a page for an administrator: the navigation has what they may see, with the place that the address is
    /// in marked.
    pub(super) fn new(visitor: &Visitor, title: impl Into<String>) -> Shell {
        let mut nav: Vec<Section> = Vec::new();
        for (section, title, href, needs, icon) in PLACES {
            if needs.is_some_and(|needs| !visitor.may(needs)) {
                continue;
            }
            let path = visitor.visit.path.as_str();
            let within = path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let current = if *href == "/console" { path == *href } else { within };
            let item = Item { title, href, icon, current };
            match nav.last_mut().filter(|last| last.title == *section) {
                Some(last) => last.items.push(item),
                None => nav.push(Section { title: section, items: vec![item] }),
            }
        }
        Shell {
            environment: visitor.environment.name.clone(),
            username: visitor.administrator.username.clone(),
            nav,
            ..Shell::plain(&visitor.visit, title)
        }
    }
}

/// Answers with a page.
pub(super) fn page(template: &impl Template) -> ConsoleResult {
    Ok(Html(template.render()?).into_response())
}

/// Answers with a page that has a form which was refused.
pub(super) fn refused(template: &impl Template) -> ConsoleResult {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(template.render()?)).into_response())
}

/// Answers a form that did what it should: on to a page, which tells so.
pub(super) fn done(visitor: &Visitor, to: &str, told: &str) -> ConsoleResult {
    let mut response = Redirect::to(to).into_response();
    let told: String = told.chars().take(600).collect();
    visitor.visit.cookies.set(
        response.headers_mut(),
        FLASH,
        &URL_SAFE_NO_PAD.encode(told),
        "Strict",
        Some(60),
    );
    Ok(response)
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    error: &'a ConsoleError,
}

#[derive(Template)]
#[template(path = "error_plain.html")]
struct PlainErrorPage<'a> {
    shell: Shell,
    error: &'a ConsoleError,
}

/// The page that says why another cannot be shown.
pub(super) fn error(visitor: Option<&Visitor>, visit: &Visit, error: &ConsoleError) -> Response {
    let rendered = match visitor {
        Some(visitor) => ErrorPage { shell: Shell::new(visitor, error.title.clone()), error }.render(),
        None => PlainErrorPage { shell: Shell::plain(visit, error.title.clone()), error }.render(),
    };
    match rendered {
        Ok(html) => (error.status, Html(html)).into_response(),
        Err(_) => {
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
            (error.status, kind, error.message.clone()).into_response()
        }
    }
}
