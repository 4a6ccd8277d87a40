//! Bad input of every kind: each refusal names the field, the rule that it broke and what is allowed, and nothing
//! is half done. The parts differ in what is refused; here is what all refusals have in common.

mod directory;
mod files;
mod limits;
mod provisioning;
mod requests;

use std::fmt;

use serde_json::Value;

use crate::support::{Answer, Api, redacted};

/// The codes that a detail may have (facts §2.3).
const DETAIL_CODES: [&str; 6] = [
    "INVALID_VALUE",
    "REQUIRED_VALUE",
    "EMPTY_VALUE",
    "UNIQUENESS_VIOLATION",
    "CONSTRAINT_VIOLATION",
    "SIZE_LIMIT_EXCEEDED",
];

/// Refusals, one after the other, as a snapshot shows them.
struct Refusals {
    api: Api,
    told: String,
}

impl Refusals {
    fn of(api: &Api) -> Refusals {
        Refusals { api: api.clone(), told: String::new() }
    }

    async fn post(&mut self, case: &str, path: &str, body: Value) {
        let answer = self.api.post(path, body).await;
        self.add(case, answer);
    }

    async fn put(&mut self, case: &str, path: &str, body: Value) {
        let answer = self.api.put(path, body).await;
        self.add(case, answer);
    }

    async fn patch(&mut self, case: &str, path: &str, body: Value) {
        let answer = self.api.patch(path, body).await;
        self.add(case, answer);
    }

    async fn get(&mut self, case: &str, path: &str) {
        let answer = self.api.get(path).await;
        self.add(case, answer);
    }

    async fn delete(&mut self, case: &str, path: &str) {
        let answer = self.api.delete(path).await;
        self.add(case, answer);
    }

    /// Notes a refusal, after it was made sure that it has the shape that clients understand.
    #[track_caller]
    fn add(&mut self, case: &str, answer: Answer) {
        let Answer { status, body, .. } = answer;
        assert!((400..500).contains(&status), "{case}: answered {status}: {body:#}");
        let error = body.as_object().unwrap_or_else(|| panic!("{case}: no error object: {body}"));
        assert!(error["id"].as_str().is_some_and(|id| !id.is_empty()), "{case}: no id: {body:#}");
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (code, message) = (text(&error["code"]), text(&error["message"]));
        let (Some(code), Some(message)) = (code, message) else {
            panic!("{case}: no code or message: {body:#}")
        };
        self.told.push_str(&format!("{case}\n  {status} {code}: {message}\n"));
        let details = error.get("details").map_or(&[][..], |details| details.as_array().unwrap());
        assert_eq!(
            code == "INVALID_DATA",
            !details.is_empty(),
            "{case}: details go with INVALID_DATA: {body:#}"
        );
        for detail in details {
            let parts = [&detail["code"], &detail["target"], &detail["message"]].map(text);
            let [Some(code), Some(target), Some(message)] = parts else {
                panic!("{case}: a detail has no code, target or message: {body:#}")
            };
            assert!(DETAIL_CODES.contains(&code.as_str()), "{case}: {code} is no code of a detail");
            self.told.push_str(&format!("  - {target} {code}: {message}\n"));
            if let Some(inner) = detail.get("innerError") {
                self.told.push_str(&format!("    {inner}\n"));
            }
        }
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(redacted(&self.told).trim_end())
    }
}

/// An id that nothing has.
const NOBODY: &str = "0197b2d0-0000-7000-8000-00000000dead";
