//! A filter as canonical text: lower-case keywords, one space, no parentheses that are not needed.

use std::fmt::{self, Display, Formatter};

use super::{CompareOp, Filter, Target, ValuePath};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(all) => {
                joined(f, all, " and ", |part| matches!(part, Filter::And(_) | Filter::Or(_)))
            }
            Filter::Or(any) => joined(f, any, " or ", |part| matches!(part, Filter::Or(_))),
            Filter::Not(inner) => write!(f, "not ({inner})"),
            Filter::Present(target) => write!(f, "{target} pr"),
            Filter::Compare(target, op, value) => write!(f, "{target} {op} {value}"),
            Filter::In(target, values) => {
                write!(f, "{target} in [")?;
                for (n, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if n == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Filter::Any(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

fn joined(
    f: &mut Formatter<'_>,
    parts: &[Filter],
    word: &str,
    needs_group: fn(&Filter) -> bool,
) -> fmt::Result {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            f.write_str(word)?;
        }
        if needs_group(part) {
            write!(f, "({part})")?;
        } else {
            part.fmt(f)?;
        }
    }
    Ok(())
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Target::Attr(path) => path.fmt(f),
            Target::Selected { path, filter, sub } => write!(f, "{path}[{filter}].{sub}"),
        }
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Display for ValuePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}
