//! A plan as a tired person reads it: what is taken away on top and in words, then the numbers, then the operations by
//! kind with what changes from what to what, then what stands in the way.

use std::collections::BTreeMap;

use usher_domain::reconcile::{
    operation::{Action, Operation, Stage},
    outcome::Outcome,
    plan::{Counts, Finding, Plan},
    scope::Subject,
};

use crate::{
    access::people::People,
    console::{
        show::{self, Badge, number},
        standings::Problem,
    },
};

/// How many operations of a kind a preview shows.
const SHOWN: usize = 25;
/// How many findings of a kind are told by name.
const TOLD: usize = 5;

/// A plan, or a run's.
#[derive(Debug, Default)]
pub(super) struct PlanView {
    /// What is taken away, in words.
    pub(super) taken: Option<String>,
    /// The numbers by kind, in the order of the world.
    pub(super) counts: Vec<Count>,
    pub(super) groups: Vec<Group>,
    pub(super) findings: Vec<InTheWay>,
    pub(super) wants_full: bool,
}

/// How many operations of one kind there are.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) n: String,
    pub(super) label: &'static str,
    pub(super) class: &'static str,
}

/// The operations of one kind.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) heading: &'static str,
    pub(super) count: String,
    pub(super) rows: Vec<Row>,
    /// How many there are beside those that are shown.
    pub(super) more: Option<String>,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) class: &'static str,
    pub(super) sign: char,
    pub(super) sentence: String,
    pub(super) because: Option<String>,
    pub(super) href: Option<String>,
    pub(super) changes: Vec<(String, String, String)>,
    pub(super) outcome: Option<OutcomeShown>,
}

/// What became of an operation.
#[derive(Debug)]
pub(super) struct OutcomeShown {
    pub(super) badge: Badge,
    pub(super) problem: Option<Problem>,
}

/// What stands in the way of many in the same manner.
#[derive(Debug)]
pub(super) struct InTheWay {
    pub(super) standing: Option<Badge>,
    pub(super) count: String,
    pub(super) remedy: String,
    /// Who, and what happened to them.
    pub(super) told: Vec<(String, String)>,
    pub(super) more: Option<String>,
}

impl PlanView {
    /// Of a plan that was just made.
    pub(super) fn of(plan: &Plan, people: People) -> Self {
        let mut groups: Vec<(Stage, Group)> = Vec::new();
        for all in people.rows(&plan.operations).chunk_by(|a, b| a.action.stage() == b.action.stage()) {
            let Some(first) = all.first() else { continue };
            let stage = first.action.stage();
            groups.push((
                stage,
                Group {
                    heading: stage.heading(),
                    count: number(all.len() as u64),
                    rows: all.iter().take(SHOWN).map(|it| Row::of(it, None)).collect(),
                    more: (all.len() > SHOWN).then(|| number((all.len() - SHOWN) as u64)),
                },
            ));
        }
        groups.sort_by_key(|(stage, _)| !stage.takes_away());
        let counts = plan.counts();
        PlanView {
            taken: taken(&counts, &plan.manner),
            counts: shown(&counts),
            groups: groups.into_iter().map(|(_, group)| group).collect(),
            findings: in_the_way(people.rows(&plan.findings)),
            wants_full: plan.wants_full,
        }
    }

    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

impl Row {
    /// An operation, with what became of it if it was tried.
    pub(super) fn of(it: &Operation, outcome: Option<&Outcome>) -> Self {
        let sign = it.action.sign();
        let because = it.because.to_string();
        Row {
            class: match sign {
                '+' => "plus",
                '~' => "tilde",
                '-' => "minus",
                _ => "muted",
            },
            sign,
            sentence: it.action.sentence(&it.label),
            because: (because != "in scope").then_some(because),
            href: match it.subject {
                // Who is only about to be made has no page yet.
                _ if matches!(it.action, Action::CreateUser { .. } | Action::CreateDirectoryGroup { .. }) => {
                    None
                }
                Subject::User(id) => Some(format!("/console/users/{id}")),
                Subject::Group(id) => Some(format!("/console/groups/{id}")),
            },
            changes: it.action.changes(),
            outcome: outcome.map(OutcomeShown::of),
        }
    }
}

impl OutcomeShown {
    fn of(outcome: &Outcome) -> Self {
        let badge = |class, word| Badge { class, word };
        OutcomeShown {
            badge: match outcome {
                Outcome::Done { .. } => badge("good", "Done"),
                Outcome::AlreadyTrue { .. } => badge("good", "Already so"),
                Outcome::Refused { .. } => badge("bad", "Refused"),
                Outcome::Postponed { .. } => badge("warn", "Postponed"),
                Outcome::Skipped { .. } => badge("", "Skipped"),
            },
            problem: outcome.problem().map(Problem::from),
        }
    }
}

/// What is taken away, in words, with what that does beside.
pub(super) fn taken(counts: &Counts, manner: &str) -> Option<String> {
    let words = counts.taken_away()?;
    Some(if manner.is_empty() { words } else { format!("{words} {manner}") })
}

/// The numbers by kind.
pub(super) fn shown(counts: &Counts) -> Vec<Count> {
    let count = |stage: Stage| {
        let n = counts.0.get(stage.kind()).copied().filter(|n| *n > 0)?;
        Some(Count {
            n: number(n),
            label: stage.heading(),
            class: if stage.takes_away() { "bad" } else { "" },
        })
    };
    Stage::ALL.into_iter().filter_map(count).collect()
}

/// What stands in the way, the worst first, alike ones together.
fn in_the_way(findings: &[Finding]) -> Vec<InTheWay> {
    let mut alike: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let key = (std::cmp::Reverse(finding.standing), finding.problem.code.clone());
        alike.entry(key).or_default().push(finding);
    }
    let group = |all: Vec<&Finding>| {
        let first = all.first()?;
        let more = all.len().saturating_sub(TOLD);
        Some(InTheWay {
            standing: first.standing.map(show::standing),
            count: number(all.len() as u64),
            remedy: first.problem.remedy.clone(),
            told: all
                .iter()
                .take(TOLD)
                .map(|it| (it.label.to_string(), it.problem.message.clone()))
                .collect(),
            more: (more > 0).then(|| number(more as u64)),
        })
    };
    alike.into_values().filter_map(group).collect()
}
