//! Subscriptions and their deliveries: due when they are behind, delivered by one server at a time.

use std::{collections::BTreeMap, time::Duration};

use usher_domain::{
    Secret, SubscriptionId,
    directory::change::{ChangeSet, Write},
    ports::store::Claim,
    subscription::{Delivery, Endpoint, EventFilter, Subscription},
};

use crate::{on_both, world::*};

const HOOK: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(0x5b));

pub(crate) fn subscription() -> Subscription {
    Subscription {
        id: HOOK,
        environment: ENVIRONMENT,
        name: "Collector".into(),
        enabled: true,
        endpoint: Endpoint { url: "https://hooks.example.com/in".into(), verify_tls_certificates: true },
        headers: BTreeMap::from([("Authorization".to_owned(), Secret::new("canary-header"))]),
        filter: EventFilter { action_types: vec!["USER.CREATED".into()], ..EventFilter::default() },
        signing_secret: Secret::new("canary-signing"),
        previous_secret: Some((Secret::new("canary-previous"), at(90))),
        starts_after: 0,
        not_before: Some(at(1)),
        created_at: at(1),
        updated_at: at(1),
        version: 1,
    }
}

async fn write(world: &World, it: Subscription) {
    world.commit(vec![Write::Subscription(Box::new(it))]).await;
}

async fn happens(world: &World, number: u128) {
    world.store.commit(&ChangeSet { events: vec![event(number)], ..ChangeSet::default() }).await.unwrap();
}

on_both! {
    async fn a_subscription_comes_back_as_it_was(world) {
        let made = subscription();
        write(world, made.clone()).await;
        let store = &world.store;
        assert_eq!(store.subscription(ENVIRONMENT, HOOK).await.unwrap().as_ref(), Some(&made));
        assert_eq!(store.subscription_by_id(HOOK).await.unwrap().as_ref(), Some(&made));
        let changed = Subscription { enabled: false, previous_secret: None, version: 2, ..made };
        write(world, changed.clone()).await;
        assert_eq!(store.subscriptions(ENVIRONMENT).await.unwrap(), [changed]);
        world.commit(vec![Write::SubscriptionGone(HOOK)]).await;
        assert_eq!(store.subscription_by_id(HOOK).await.unwrap(), None);
        assert_eq!(store.delivery(HOOK).await.unwrap(), None);
        assert_eq!(store.claim_delivery(HOOK, "ada", at(99), LEASE).await.unwrap(), None, "its job is gone too");
    }

    async fn what_is_behind_is_due_and_one_server_has_it(world) {
        let store = &world.store;
        let newest = store.last_event(ENVIRONMENT).await.unwrap();
        let made = Subscription { starts_after: newest, ..subscription() };
        write(world, made.clone()).await;
        assert!(store.deliveries_due(at(9), 9).await.unwrap().is_empty(), "nothing happened since");
        happens(world, 1000).await;
        assert!(store.deliveries_due(at(0), 9).await.unwrap().is_empty(), "not before it may be attempted");
        assert_eq!(store.deliveries_due(at(2), 9).await.unwrap(), [HOOK]);
        let ada = store.claim_delivery(HOOK, "ada", at(2), LEASE).await.unwrap().unwrap();
        assert!(store.deliveries_due(at(9), 9).await.unwrap().is_empty(), "ada has it");
        assert_eq!(store.claim_delivery(HOOK, "bob", at(9), LEASE).await.unwrap(), None);
        assert!(store.renew_delivery(&ada, LEASE).await.unwrap());
        assert!(store.deliveries_due(at(11), 9).await.unwrap().is_empty(), "ada kept it");

        assert!(store.renew_delivery(&ada, Duration::ZERO).await.unwrap());
        // Ada is gone; bob takes over, and what ada says later does not count.
        assert_eq!(store.deliveries_due(at(12), 9).await.unwrap(), [HOOK]);
        let bob = store.claim_delivery(HOOK, "bob", at(12), LEASE).await.unwrap().unwrap();
        assert!(bob.epoch > ada.epoch);
        let done = Delivery { position: newest + 1, delivered: 1, delivered_at: Some(at(13)), ..Delivery::default() };
        assert!(!store.renew_delivery(&ada, LEASE).await.unwrap());
        assert!(!store.record_delivery(&ada, &done, Some(at(13))).await.unwrap());
        assert_eq!(store.delivery(HOOK).await.unwrap(), Some((Delivery::from_start(newest), at(1))));

        assert!(store.record_delivery(&bob, &done, None).await.unwrap());
        happens(world, 1001).await;
        assert!(store.deliveries_due(at(14), 9).await.unwrap().is_empty(), "bob goes on");
        assert!(store.record_delivery(&bob, &done, Some(at(16))).await.unwrap());
        assert_eq!(store.delivery(HOOK).await.unwrap(), Some((done, at(16))));
        assert!(store.deliveries_due(at(15), 9).await.unwrap().is_empty(), "it rests");
        assert_eq!(store.deliveries_due(at(16), 9).await.unwrap(), [HOOK]);

        // Disabled, it is left alone; enabled again, it is attempted at once.
        let off = Subscription { enabled: false, version: 2, updated_at: at(15), ..made.clone() };
        write(world, off).await;
        assert!(store.deliveries_due(at(99), 9).await.unwrap().is_empty());
        let on = Subscription { version: 3, updated_at: at(15), ..made };
        write(world, on).await;
        assert_eq!(store.deliveries_due(at(15), 9).await.unwrap(), [HOOK]);
        let again: Option<Claim> = store.claim_delivery(HOOK, "ada", at(15), LEASE).await.unwrap();
        assert!(again.unwrap().epoch > bob.epoch);
    }
}
