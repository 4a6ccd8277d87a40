//! New Rule, and a rule reopened: a wizard whose every step is the same form. What the steps before and after hold travels
//! along hidden, so that it works without script and the server keeps no draft. It ends in a preview of the effect.

mod draft;
mod filter;
mod steps;

pub(in crate::console) use filter::filter_part;
pub(in crate::console) use steps::{begin, reopen, step, step_of};
