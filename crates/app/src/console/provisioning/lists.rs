//! Short lists that are sorted and searched here: an environment has a handful of connections and rules.

use super::super::visitor::Visitor;

/// How a list is sorted and what is looked for in it, from the query.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The letters looked for.
    pub(super) q: String,
    /// One of the columns.
    pub(super) sort: &'static str,
    /// Whether the last comes first.
    pub(super) descending: bool,
    columns: &'static [(&'static str, &'static str)],
    path: String,
}

/// A column's heading that sorts by it.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) label: &'static str,
    pub(super) href: String,
    /// For `aria-sort`.
    pub(super) sorted: &'static str,
}

impl Wanted {
    /// `columns`: each as the query names it, with its heading; the first one is what a list is sorted by unless it is
    /// asked otherwise.
    pub(super) fn of(visitor: &Visitor, columns: &'static [(&'static str, &'static str)]) -> Wanted {
        let asked = visitor.query("sort").unwrap_or_default();
        let (descending, name) = match asked.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, asked),
        };
        let first = columns.first().map_or("", |(name, _)| name);
        let known = columns.iter().find(|(column, _)| *column == name);
        Wanted {
            q: visitor.query("q").unwrap_or_default().to_owned(),
            sort: known.map_or(first, |(name, _)| name),
            descending: known.is_some() && descending,
            columns,
            path: visitor.visit.path.clone(),
        }
    }

    /// The headings, each a link that sorts by its column, the other way if it is sorted by already.
    pub(super) fn headings(&self) -> Vec<Heading> {
        let heading = |(name, label): &(&'static str, &'static str)| {
            let is_sorted = *name == self.sort;
            let down = is_sorted && !self.descending;
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("sort", &format!("{}{name}", if down { "-" } else { "" }));
            if !self.q.is_empty() {
                query.append_pair("q", &self.q);
            }
            Heading {
                label,
                href: format!("{}?{}", self.path, query.finish()),
                sorted: match (is_sorted, self.descending) {
                    (false, _) => "none",
                    (true, false) => "ascending",
                    (true, true) => "descending",
                },
            }
        };
        self.columns.iter().map(heading).collect()
    }

    /// Whether one of these texts has the letters that are looked for.
    pub(super) fn finds(&self, texts: &[&str]) -> bool {
        let letters = self.q.to_lowercase();
        letters.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&letters))
    }

    /// Sorts rows by what each has in the column.
    pub(super) fn sort<T, K: Ord>(&self, rows: &mut [T], key: impl FnMut(&T) -> K) {
        rows.sort_by_cached_key(key);
        if self.descending {
            rows.reverse();
        }
    }
}
