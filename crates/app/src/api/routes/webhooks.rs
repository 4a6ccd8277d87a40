//! Routes of subscriptions: webhooks.

use super::route::{Route, delete, get, post, put};
use crate::{
    access::permission::Permission::{ReadConfiguration, WriteConfiguration},
    api::subscriptions,
};

/// See the module.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    vec![
        get("/subscriptions", ReadConfiguration, subscriptions::list)
            .named("readAllSubscriptions", "Lists subscriptions").pages("subscriptions", "Subscription"),
        post("/subscriptions", WriteConfiguration, subscriptions::create)
            .named("createSubscription", "Makes a subscription; the one answer beside a rotation's that shows what signs")
            .takes("SubscriptionBody").creates("Subscription"),
        get("/subscriptions/{subscriptionId}", ReadConfiguration, subscriptions::read)
            .named("readOneSubscription", "Shows a subscription, and where its deliveries stand").gives("Subscription"),
        put("/subscriptions/{subscriptionId}", WriteConfiguration, subscriptions::replace)
            .named("updateSubscription", "Replaces a subscription").takes("SubscriptionBody").gives("Subscription"),
        delete("/subscriptions/{subscriptionId}", WriteConfiguration, subscriptions::remove)
            .named("deleteSubscription", "Deletes a subscription, with what it has not delivered"),
        post("/subscriptions/{subscriptionId}/signingSecret", WriteConfiguration, subscriptions::rotate).ours()
            .named("rotateSigningSecret", "Makes another signing secret; the one before signs too for a day")
            .gives("SigningSecret"),
    ]
}
