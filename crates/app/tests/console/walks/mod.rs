//! Walks through the console in a browser, as people take them, from the first click to what becomes of it in Dropbox
//! and in the directory.

mod census;
mod failures;
mod following;
mod inbound;
mod outbound;
mod person;

use serde_json::json;

use crate::{browser::Browser, support::until};

/// Opens a page again and again until it says so: what it tells of is on its way.
async fn comes_to_say(browser: &Browser, path: &str, words: &str) {
    let says = async || {
        browser.open(path).await;
        browser.text().await.contains(words)
    };
    until(&format!("{path} says \"{words}\""), says).await;
}

/// The number in the rule's summary of users that has this label.
async fn summed(browser: &Browser, label: &str) -> String {
    let find = "return [...document.querySelectorAll('#status .tile')]\
                .find(it => it.querySelector('.label').textContent === arguments[0]).querySelector('.value').textContent";
    browser.script(find, json!([label])).await.as_str().unwrap().to_owned()
}

/// Clicks on the one of these that has the words, once it is there.
async fn choose(browser: &Browser, selector: &str, words: &str) {
    let mark = "document.querySelector('#chosen')?.removeAttribute('id'); \
                const all = [...document.querySelectorAll(arguments[0])]; \
                const found = all.find(it => it.textContent.includes(arguments[1])); \
                if (found) found.id = 'chosen'";
    browser.says(words).await;
    browser.script(mark, json!([selector, words])).await;
    browser.click("#chosen").await;
}
