//! The console, as its visitors see it: over plain HTTP with forms, as with the script off, and in a browser.
//!
//! One test program for all of it. [`visitor`] is somebody without a browser; [`browser`] drives headless Chromium by
//! WebDriver. Tests in a browser are left out only where `cargo xtask test --no-browser` says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the binary; not all of it is needed here"
)]
#[path = "../e2e/support/mod.rs"]
mod support;

mod browser;
mod estate;
mod provider;
mod routes;
mod visitor;

mod access;
mod accessible;
mod directory;
mod guard;
mod hands;
mod isolation;
mod large;
mod openid;
mod overview;
mod pictures;
mod sessions;
mod walks;
mod webhooks;
