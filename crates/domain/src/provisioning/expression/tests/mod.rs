mod errors;
mod properties;
mod values;

use serde_json::{Value, json};

use super::*;

fn user() -> Value {
    json!({
        "accountId": "ID2",
        "username": "john",
        "email": "john.doe@example.com",
        "name": { "given": "John", "family": "Doe", "full-name": "John Doe" },
        "title": null,
        "nickname": "",
        "role": "SA",
        "enabled": true,
        "age": 42,
        "height": 1.83,
        "createdAt": "2021-01-01T22:05:09.120+05:30",
        "memberOfGroupNames": ["Admin", "User"],
        "groupDNs": ["CN=Devs,CN=Users,DC=malibu", "CN=Admins,CN=Users,DC=malibu"],
        "emails": [
            { "type": "work", "value": "john.doe@example.com" },
            { "type": "home", "value": "jd@home.example" },
        ],
    })
}

fn expression(source: &str) -> Expression {
    Expression::parse(source).unwrap_or_else(|error| panic!("{error}"))
}

fn evaluated(source: &str) -> Result<Value, ExpressionError> {
    Expression::parse(source)?.evaluate(&Context { root: &user() })
}

/// The value as JSON text.
#[track_caller]
fn value(source: &str) -> String {
    evaluated(source).unwrap_or_else(|error| panic!("{error}")).to_string()
}
