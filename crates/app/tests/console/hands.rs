//! Hands that do not wait: what is typed and clicked while a part of the page is on its way.

use serde_json::json;

use crate::{
    browser::Browser,
    support::{World, until},
};

/// From now on no request of the script leaves before `letGo()`; `asked` counts them.
const HOLD: &str = "window.asked = 0; window.held = []; const send = XMLHttpRequest.prototype.send; \
                    XMLHttpRequest.prototype.send = function (...it) { asked++; held.push(() => send.apply(this, it)); }; \
                    window.answered = 0; addEventListener('htmx:afterRequest', () => answered++, true); \
                    window.letGo = () => { XMLHttpRequest.prototype.send = send; held.forEach(it => it()); }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_editor_of_a_filter_loses_no_letter_and_no_click() {
    let world = World::start().await;
    let Some(browser) = Browser::at(&world.usher).await else { return };
    for name in ["ada", "bob", "eve"] {
        world.user(name).await;
    }
    let number = async |name: &str| browser.script(&format!("return window.{name}"), json!([])).await;
    browser.sign_in().await;
    browser.open("/console/rules/new").await;
    browser.click("main button.primary").await;
    browser.fill("#name", "Some of them").await;
    browser.click("main button.primary").await;
    browser.says("3 of 3 users").await;
    browser.click("button[value^='add-row']").await;
    browser.says("Does not equal").await;
    browser.says("3 of 3 users").await;

    // The attribute is on its way to be answered while the value is typed: the answer comes, and the value stays.
    let (attribute, value) = ("#c0-a", "#c0-v");
    browser.script(HOLD, json!([])).await;
    browser.fill(attribute, "username").await;
    browser.keys(attribute, "\u{e004}").await;
    until("the change of the attribute is sent", async || number("asked").await == 1).await;
    browser.keys(value, "eve").await;
    browser.script("letGo()", json!([])).await;
    until("it is answered", async || number("answered").await == 1).await;
    browser.keys(value, "\u{e004}").await;
    browser.says("1 of 3 users").await;
    let text = browser.script("return document.querySelector('#filter').value", json!([])).await;
    assert_eq!(text, "username eq \"eve\"");
    // Who goes on by the keyboard is still where they were, though that part is new.
    let focus = browser.script("return document.activeElement.id", json!([])).await;
    assert_eq!(focus, "c0-r", "the button after the value");

    // The text is changed and the button pressed in one go: what stands under the pointer stays until it is released.
    browser.script(HOLD, json!([])).await;
    // With Ctrl and A what was there is chosen, to be typed over.
    browser.keys("#filter", "\u{e009}a\u{e000}username sw \"a\" or username sw \"b\"").await;
    browser.press("#count").await;
    assert_eq!(number("asked").await, 0, "nothing is asked for under a pointer that is down");
    browser.release().await;
    until("the button did its work", async || number("held").await.is_null()).await;
    browser.says("2 of 3 users").await;
}
