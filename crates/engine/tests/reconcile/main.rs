//! Runs from a change in the directory to the remote team, with a real store and a team in memory.

mod faults;
mod guard;
mod properties;
mod rules;
mod steady;
mod world;
