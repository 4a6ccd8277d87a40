mod conditions;
mod matching;
mod properties;
mod syntax;

use super::*;

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{error}"))
}
