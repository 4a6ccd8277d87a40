//! What the tests are written with: a server process, a client of its API, a world to begin from, redaction.

mod api;
mod cable;
mod database;
mod faulty;
mod home;
mod pages;
mod redact;
mod small_disk;
mod stalling;
mod world;

pub(crate) use api::{Answer, Api, http_client};
pub(crate) use faulty::{Faulty, OnTheWay};
pub(crate) use home::{CLIENT, ENVIRONMENT, Home, SECRET, Usher, bare_command, pause};
pub(crate) use pages::Pages;
pub(crate) use redact::{redacted, shown};
pub(crate) use small_disk::SmallDisk;
pub(crate) use world::{Dropbox, World, id, person, settled, until};
