//! Which attributes a filter uses, and whether a resource has them.

use super::lex::{self, Token};
use super::{AttrPath, Filter, FilterError, Target};

impl Filter {
    /// The attributes that the filter uses, each once, in the order of their first use. Attributes inside a value
    /// path come with its path: `emails[type eq "work"]` uses `emails.type`.
    pub fn attributes(&self) -> impl Iterator<Item = AttrPath> {
        let mut found = Vec::new();
        collect(self, None, &mut found);
        found.into_iter()
    }

    /// Checks that a resource has every attribute that the filter uses. Schemas are left out of the comparison, and
    /// case does not matter.
    ///
    /// # Errors
    /// Names the first attribute that is not among `known`, and lists those that are.
    pub fn check(&self, known: &[&str]) -> Result<(), FilterError> {
        let Some(unknown) =
            self.attributes().find(|path| !known.iter().any(|name| name.eq_ignore_ascii_case(path.key())))
        else {
            return Ok(());
        };
        let near = known
            .iter()
            .map(|name| (distance(&name.to_ascii_lowercase(), unknown.key()), name))
            .min()
            .filter(|(distance, name)| *distance <= 2 && *distance < name.len());
        let hint = near.map(|(_, name)| format!("Did you mean `{name}`? ")).unwrap_or_default();
        let text = self.to_string();
        let message = format!("`{unknown}` is not an attribute that can be filtered on here");
        let remedy = format!("{hint}These can be: {}.", known.join(", "));
        // The path of an attribute inside a value path is not found as such: then there is no place to show.
        let place = lex::tokens(&text)?.into_iter().find_map(|(token, place)| match token {
            Token::Word(word) if word == unknown.as_str() => Some(place),
            _ => None,
        });
        Err(match place {
            Some(place) => FilterError::at(&text, place, message, remedy),
            None => FilterError::whole(message, remedy),
        })
    }
}

fn collect(filter: &Filter, outer: Option<&AttrPath>, found: &mut Vec<AttrPath>) {
    let under = |path: &AttrPath| outer.map_or_else(|| path.clone(), |outer| outer.join(path));
    let mut add = |path: AttrPath| {
        if !found.contains(&path) {
            found.push(path);
        }
    };
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| collect(part, outer, found)),
        Filter::Not(inner) => collect(inner, outer, found),
        Filter::Any(path, inner) => collect(inner, Some(&under(path)), found),
        Filter::Present(target) | Filter::Compare(target, ..) | Filter::In(target, _) => match target {
            Target::Attr(path) => add(under(path)),
            Target::Selected { path, filter, sub } => {
                let path = under(path);
                collect(filter, Some(&path), found);
                let sub = path.join(sub);
                if !found.contains(&sub) {
                    found.push(sub);
                }
            }
        },
    }
}

/// How many letters must be added, dropped or changed to make one name of the other. Names of attributes are short.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
