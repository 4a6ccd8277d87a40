//! Which attributes an expression reads, for explanations.

use serde_json::Value;

use super::ast::{Kind, Node, Step, StepKind};

/// The name of the whole object.
const WHOLE: &str = "#root";

/// The attributes that may be read, each once, in the order of their first use.
pub(super) fn of(root: &Node) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(path) = walk(root, Some(""), &mut found) {
        add(&path, &mut found);
    }
    found
}

/// Collects what a node reads. Answers the path of the node's own value when it is a plain path, which is not yet
/// collected: the caller may go further along it.
fn walk(node: &Node, this: Option<&str>, found: &mut Vec<String>) -> Option<String> {
    let all = |nodes: &[Node], found: &mut Vec<String>| nodes.iter().for_each(|node| read(node, this, found));
    match &node.kind {
        Kind::Literal(_) => {}
        Kind::Root => return Some(String::new()),
        Kind::This => return this.map(str::to_owned),
        Kind::Path(start, steps) => {
            let mut path = walk(start, this, found);
            for step in steps {
                path = walk_step(step, path, this, found);
            }
            return path;
        }
        Kind::List(items) | Kind::Call(_, items, _) => all(items, found),
        Kind::Map(entries) => {
            for (key, value) in entries {
                read(key, this, found);
                read(value, this, found);
            }
        }
        Kind::Not(inner) | Kind::Negate(inner) => read(inner, this, found),
        Kind::Chain(first, rest) => {
            read(first, this, found);
            rest.iter().for_each(|(_, node)| read(node, this, found));
        }
        Kind::Ternary(nodes) => all(nodes.as_slice(), found),
        Kind::Elvis(nodes) | Kind::Matches(nodes, _) => all(nodes.as_slice(), found),
    }
    None
}

fn walk_step(
    step: &Step,
    path: Option<String>,
    this: Option<&str>,
    found: &mut Vec<String>,
) -> Option<String> {
    let further = |path: Option<String>, name: &str| {
        path.map(|path| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") })
    };
    match &step.kind {
        StepKind::Member(name) => further(path, name),
        StepKind::Index(Node { kind: Kind::Literal(Value::String(name)), .. }) => further(path, name),
        StepKind::Index(Node { kind: Kind::Literal(_), .. }) => path,
        StepKind::Index(index) => {
            if let Some(path) = path {
                add(&path, found);
            }
            read(index, this, found);
            None
        }
        StepKind::Project(inner) => {
            let before = found.len();
            read(inner, path.as_deref(), found);
            // Even if no element is looked at, their number is.
            if let Some(path) =
                path.filter(|path| !found[before..].iter().any(|new| new.starts_with(path.as_str())))
            {
                add(&path, found);
            }
            None
        }
        StepKind::Select(inner) | StepKind::First(inner) | StepKind::Last(inner) => {
            read(inner, path.as_deref(), found);
            path
        }
    }
}

fn read(node: &Node, this: Option<&str>, found: &mut Vec<String>) {
    if let Some(path) = walk(node, this, found) {
        add(&path, found);
    }
}

fn add(path: &str, found: &mut Vec<String>) {
    let path = if path.is_empty() { WHOLE } else { path };
    if !found.iter().any(|known| known == path) {
        found.push(path.to_owned());
    }
}
