//! A strict stand-in for the Dropbox Business team API, in memory, for tests, demonstrations and benchmarks.
//!
//! ```
//! use dropbox_simulator::{Fault, MemberSeed, MemberState, Route, Simulator, Team, Trigger, When};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let team = Team::builder().licences(10).member(MemberSeed::invited("ada@example.com", "Ada", "Lovelace")).build();
//! let simulator = Simulator::start(team).await?;
//!
//! // A client is given these four, and the base address.
//! let _ = (simulator.token_url(), simulator.client_id(), simulator.client_secret(), simulator.refresh_token());
//!
//! // A person acts.
//! simulator.team().accept_invitation("ada@example.com")?;
//! assert_eq!(simulator.team().count(MemberState::Active), 2);
//!
//! // Something goes wrong: the second suspend is done, and its answer never arrives.
//! simulator.faults().on(Route::MembersSuspend, Trigger::Nth(2), Fault::Reset, When::AfterEffect);
//!
//! // What was asked.
//! assert_eq!(simulator.calls().total(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Requests are judged by the public specification, as strictly as Dropbox's own decoder does; in debug builds every
//! answer is judged by it as well. Where nobody outside Dropbox knows what the real API does, there is a switch in
//! [`Switches`]. The simulator depends on no other crate of this workspace, and never will: it must not share a
//! misunderstanding with the client that is tested against it.
//!
//! To add a route: its types into `spec.json`, a line in `routes!`, a handler beside the others.

mod calls;
mod clock;
mod faults;
mod ids;
mod routes;
mod server;
mod simulator;
mod spec;
mod stone;
mod team;

pub use calls::{Call, CallLog};
pub use clock::{Clock, DAY_MS, DEFAULT_START_MS};
pub use faults::{Fault, Faults, JobEnd, Target, Trigger, When};
pub use routes::Route;
pub use simulator::Simulator;
pub use team::builder::{ALL_SCOPES, GroupSeed, MemberSeed, TeamBuilder};
pub use team::group::{AccessType, Group, ManagementType};
pub use team::member::{Member, MemberState, RECOVERABLE_MS, Role, SecondaryEmail};
pub use team::switches::Switches;
pub use team::{NotPossible, Team, Wipe};
