//! Forms: what was sent, what is wrong with it, and how a field shows both.

use std::collections::BTreeMap;

use askama::Template;
use axum::{extract::FromRequestParts, http::request::Parts};
use usher_domain::Rejection;

use super::error::ConsoleError;
use crate::state::AppState;

/// The largest form without a file, in bytes.
pub(crate) const FORM_LIMIT: usize = 1024 * 1024;
/// The largest form with a file, in bytes.
pub(crate) const FILE_LIMIT: usize = 16 * 1024 * 1024;

/// A form that was sent, or the values that one begins with; and its faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    values: BTreeMap<String, Vec<String>>,
    faults: BTreeMap<String, String>,
    /// What is wrong with it as a whole.
    pub(super) trouble: Vec<String>,
}

impl Form {
    /// A form that begins with these values.
    pub(super) fn of<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
        Form { values, ..Form::default() }
    }

    /// Adds a value to a field, which may have some already.
    pub(super) fn add(&mut self, name: String, value: String) {
        self.values.entry(name).or_default().push(value);
    }

    /// A field's value, trimmed; empty when it is missing.
    pub(super) fn value(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field's value as it was sent: passwords and files.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.values.get(name).and_then(|values| values.last()).map_or("", String::as_str)
    }

    /// A field's value, if there is any.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        Some(self.value(name)).filter(|value| !value.is_empty())
    }

    /// Every value of a field that may come more than once.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.get(name).into_iter().flatten().map(|value| value.trim())
    }

    /// Whether a box is ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Sets a value.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), vec![value.into()]);
    }

    /// Whether nothing is wrong with it so far.
    pub(super) fn is_good(&self) -> bool {
        self.faults.is_empty() && self.trouble.is_empty()
    }

    /// Sets every value of a field that may come more than once.
    pub(super) fn set_all(&mut self, name: &str, values: Vec<String>) {
        self.values.insert(name.to_owned(), values);
    }

    /// Takes a value away: a box that is not ticked.
    pub(super) fn unset(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Tells what is wrong with a field.
    pub(super) fn fault(&mut self, name: &str, what: impl Into<String>) {
        self.faults.insert(name.to_owned(), what.into());
    }

    /// The same form with why it was refused: a fault of a field that the form has (`fields`: what the rejection calls
    /// it, what the form does) stands beside it, others at the top.
    #[must_use]
    pub(super) fn refused(mut self, why: &Rejection, fields: &[(&str, &str)]) -> Self {
        if why.details.is_empty() {
            self.trouble.push(why.message.clone());
        }
        for detail in &why.details {
            let field = fields.iter().find(|(theirs, _)| *theirs == detail.target).map(|(_, ours)| *ours);
            let mut text = detail.message.clone();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            match field {
                Some(field) => self.fault(field, text),
                None if detail.target.is_empty() => self.trouble.push(text),
                None => self.trouble.push(format!("{}: {}", detail.target, detail.message)),
            }
        }
        self
    }

    /// What is wrong with a field, if something is.
    pub(super) fn fault_of(&self, name: &str) -> Option<&str> {
        self.faults.get(name).map(String::as_str)
    }

    /// A one-line field, as HTML.
    pub(super) fn text<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field {
            name,
            label,
            kind: "text",
            value: self.value(name),
            hint: "",
            fault: self.fault_of(name),
            required: false,
            autocomplete: "off",
            placeholder: "",
        }
    }

    /// A box to tick.
    pub(super) fn tick<'a>(&'a self, name: &'a str, label: &'a str) -> Tick<'a> {
        Tick { name, label, hint: "", ticked: self.ticked(name), fault: self.fault_of(name) }
    }

    /// One of several.
    pub(super) fn select<'a>(&'a self, name: &'a str, label: &'a str, options: &'a [Choice]) -> Select<'a> {
        Select { name, label, value: self.value(name), hint: "", fault: self.fault_of(name), options }
    }
}

impl FromRequestParts<AppState> for Form {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ConsoleError> {
        let form = parts.extensions.remove::<Form>();
        form.ok_or_else(|| ConsoleError::unexpected("a page that takes no form asked for one"))
    }
}

/// One option of a [`Select`].
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
}

impl Choice {
    pub(super) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Choice { value: value.into(), label: label.into() }
    }
}

/// A one-line field with its label, its hint and what is wrong with it.
#[derive(Template)]
#[template(path = "field.html")]
pub(super) struct Field<'a> {
    name: &'a str,
    label: &'a str,
    kind: &'a str,
    value: &'a str,
    hint: &'a str,
    fault: Option<&'a str>,
    required: bool,
    autocomplete: &'a str,
    placeholder: &'a str,
}

impl<'a> Field<'a> {
    pub(super) fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    pub(super) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// `password`, `email`, `number`, `textarea`, …; what was typed into a password is never shown again.
    pub(super) fn kind(mut self, kind: &'a str) -> Self {
        self.kind = kind;
        if kind == "password" {
            self.value = "";
        }
        self
    }

    pub(super) fn autocomplete(mut self, what: &'a str) -> Self {
        self.autocomplete = what;
        self
    }

    pub(super) fn placeholder(mut self, text: &'a str) -> Self {
        self.placeholder = text;
        self
    }

    fn described_by(&self) -> String {
        describe(self.name, self.hint, self.fault)
    }
}

/// A box to tick.
#[derive(Template)]
#[template(path = "tick.html")]
pub(super) struct Tick<'a> {
    name: &'a str,
    label: &'a str,
    hint: &'a str,
    ticked: bool,
    fault: Option<&'a str>,
}

impl<'a> Tick<'a> {
    pub(super) fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    fn described_by(&self) -> String {
        describe(self.name, self.hint, self.fault)
    }
}

/// One of several.
#[derive(Template)]
#[template(path = "select.html")]
pub(super) struct Select<'a> {
    name: &'a str,
    label: &'a str,
    value: &'a str,
    hint: &'a str,
    fault: Option<&'a str>,
    options: &'a [Choice],
}

impl<'a> Select<'a> {
    pub(super) fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    fn described_by(&self) -> String {
        describe(self.name, self.hint, self.fault)
    }
}

/// The ids of what describes a field, for `aria-describedby`.
fn describe(name: &str, hint: &str, fault: Option<&str>) -> String {
    let hint = (!hint.is_empty()).then(|| format!("{name}-hint"));
    let fault = fault.map(|_| format!("{name}-fault"));
    [fault, hint].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
