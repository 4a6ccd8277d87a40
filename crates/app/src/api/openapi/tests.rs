//! The document is whole, and `docs/openapi.json` is it.

use std::collections::BTreeSet;

use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_page_in_docs_is_the_document_that_is_served() {
    if std::env::var_os("USHER_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, TEXT.as_str()).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == *TEXT,
        "docs/openapi.json does not say what the API is. If the API is as it should be, write the page anew:\n  \
         USHER_WRITE_DOCS=1 cargo test -p usher --bin usher openapi"
    );
}

#[test]
fn every_route_has_a_name_of_its_own_and_says_what_it_does() {
    let mut names = BTreeSet::new();
    for route in table() {
        assert!(!route.id.is_empty() && !route.summary.is_empty(), "{} {}", route.method, route.path);
        assert!(names.insert(route.id), "two routes are called {}", route.id);
        let gives_nothing = matches!(route.gives, Gives::Nothing);
        assert_eq!(gives_nothing, route.method == Method::DELETE, "{}: what does it give?", route.id);
        let takes = route.method == Method::PUT || route.method == Method::PATCH;
        assert!(!takes || !route.takes.is_empty(), "{}: what does it take?", route.id);
    }
}

#[test]
fn every_schema_that_is_named_is_there_and_every_one_that_is_there_is_named() {
    let document = document();
    let mut named = BTreeSet::new();
    collect(&document, &mut named);
    let there: BTreeSet<String> = schemas::all().keys().cloned().collect();
    let named: BTreeSet<String> = named
        .iter()
        .filter_map(|name| name.strip_prefix("#/components/schemas/").map(str::to_owned))
        .collect();
    assert_eq!(named, there);
}

fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(name)) = object.get("$ref") {
                into.insert(name.clone());
            }
            object.values().for_each(|value| collect(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}
