//! The planner, told as sentences (`accounts`, `leavers`, `groups`), as a document (`reading`), as standings
//! (`standing`) and as laws that hold in any world (`laws`).

mod laws;
mod team;
mod world;
