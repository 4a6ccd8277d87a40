//! Parts of a plan for whoever shows it otherwise than as one text: counts in words, and what an operation sets.

use super::Counts;
use crate::reconcile::operation::{Action, Stage};

impl Counts {
    /// What is taken away, as one sentence; `None` when nothing is.
    pub fn taken_away(&self) -> Option<String> {
        let parts: Vec<String> = Stage::ALL
            .into_iter()
            .filter_map(|stage| {
                Some((stage.taking()?, self.0.get(stage.kind()).copied().filter(|n| *n > 0)?))
            })
            .map(|((verb, noun), n)| format!("{verb} {n} {noun}{}", if n == 1 { "" } else { "s" }))
            .collect();
        match parts.as_slice() {
            [] => None,
            [only] => Some(format!("This plan {only}.")),
            [others @ .., last] => Some(format!("This plan {} and {last}.", others.join(", "))),
        }
    }
}

impl Stage {
    /// Whether its operations take something away.
    pub fn takes_away(self) -> bool {
        self.taking().is_some()
    }
}

impl Action {
    /// What it sets: attribute, value before (empty where there was none, or nothing was there), value after.
    pub fn changes(&self) -> Vec<(String, String, String)> {
        match self {
            Action::Create { attributes } => attributes
                .iter()
                .map(|(attribute, value)| (attribute.to_string(), String::new(), value.to_string()))
                .collect(),
            Action::Update { changes, .. } => changes
                .iter()
                .map(|it| (it.attribute.to_string(), it.before.to_string(), it.after.to_string()))
                .collect(),
            Action::UpdateUser { changes: set, .. } | Action::CreateUser { values: set, .. } => set
                .iter()
                .map(|it| (it.attribute.to_string(), it.before.to_string(), it.after.to_string()))
                .collect(),
            _ => Vec::new(),
        }
    }
}
