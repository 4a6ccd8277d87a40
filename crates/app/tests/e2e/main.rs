//! The binary `usher`, driven from outside: over HTTP and by its command line, against a simulated Dropbox team.
//!
//! Here live tests of what a person or another program sees of the whole. Nothing here looks inside: what is asked
//! of the product is asked through its doors, and what became of the team is asked of the simulator. One test
//! program for all of it, so that it is linked once; choose a part with `cargo test -p usher --test e2e kill9`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

mod access;
mod access_ends;
mod audit;
mod backup;
mod bad_input;
mod cli;
mod clients;
mod crash;
mod endless;
mod full_disk;
mod guests;
mod health;
mod inbound_steps;
mod kill9;
mod metrics;
mod people;
mod provisioning_pages;
mod seal_key;
mod secrets;
mod seed_steps;
mod state;
mod stopping;
mod terminal;
mod tls;
mod try_outs;
mod two_servers;
mod waits;
mod webhooks;
