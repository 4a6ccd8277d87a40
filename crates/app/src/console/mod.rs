//! The console: pages, made on the server. Links and forms come first; the script only spares a reader some waiting.
//!
//! To add a page: a line in [`routes`] with what it needs of the visitor, a handler that loads through the engine and
//! fills a template, and the template, which extends `base.html`. Three things to note: a handler gets its
//! [`visitor::Visitor`] (whose environment is the only one it may read), answers a form by [`page::done`] or by the
//! same page with the form's faults, and links only to what [`visitor::Visitor::may`] allows.
//!
//! Never here: a decision (the engine's), SQL, the API's shapes.

mod account;
mod assets;
mod audit;
mod chart;
mod cookies;
mod error;
mod event_kinds;
pub(crate) mod form;
mod gate;
mod groups;
mod import;
mod incoming;
mod overview;
mod page;
mod paging;
mod populations;
mod provider;
mod provisioning;
mod routes;
mod session;
mod settings;
mod show;
mod sign_in;
mod standings;
mod users;
mod visitor;

pub(crate) use routes::router;
