//! What inbound rules remember, and the directory as they change it: in one transaction, behind the lease.

use usher_domain::{
    directory::change::{ChangeSet, DueSubject, Write},
    ports::store::{Record, StoreError},
    reconcile::{
        inbound::Provenance,
        links::{AccountLink, Origin},
        scope::Scope,
        snapshot::AccountId,
    },
};

use crate::{on_both, world::*};

fn made(number: u128, account: &str, has_left: bool) -> Provenance {
    Provenance { user: id(number), account: account.into(), has_left }
}

fn link(number: u128, account: &str, origin: Origin) -> AccountLink {
    let (user, account) = (id(number), account.into());
    AccountLink { user, account, rule: RULE, origin, suspended_by_us: false, remove_at: None }
}

on_both! {
    async fn whom_a_rule_made_comes_back_whole_or_by_account(world) {
        let lease = world.lease().await;
        let records = [
            Record::Provisioned(made(2, "dbmid:two", false)),
            Record::Provisioned(made(1, "dbmid:one", false)),
            Record::Provisioned(made(1, "dbmid:one", true)),
        ];
        world.store.record(&lease, DROPBOX, &records).await.unwrap();
        let all = world.store.provisioned(RULE, None).await.unwrap();
        assert_eq!(all, [made(1, "dbmid:one", true), made(2, "dbmid:two", false)]);
        let of = |text: &str| [AccountId::from(text)];
        let two = world.store.provisioned(RULE, Some(&of("dbmid:two"))).await.unwrap();
        assert_eq!(two, [made(2, "dbmid:two", false)]);
        assert!(world.store.provisioned(RULE, Some(&of("dbmid:three"))).await.unwrap().is_empty());
        assert_eq!(world.store.linked_counts(RULE).await.unwrap().users, 2);
        world.store.record(&lease, DROPBOX, &[Record::ProvenanceGone(id(1))]).await.unwrap();
        assert_eq!(world.store.provisioned(RULE, None).await.unwrap(), two);
        world.commit(vec![Write::RuleGone(RULE)]).await;
        assert!(world.store.provisioned(RULE, None).await.unwrap().is_empty());
    }

    async fn links_come_back_by_account(world) {
        let lease = world.lease().await;
        let records = [
            Record::Link(link(1, "dbmid:one", Origin::Created)),
            Record::Link(link(2, "dbmid:two", Origin::Adopted)),
        ];
        world.store.record(&lease, DROPBOX, &records).await.unwrap();
        let scope = Scope::Accounts(["dbmid:two".into(), "dbmid:none".into()].into());
        let links = world.store.links(DROPBOX, &scope).await.unwrap();
        assert_eq!(links.accounts(), [link(2, "dbmid:two", Origin::Adopted)]);
    }

    async fn accounts_that_were_left_behind_are_remembered_of_their_connection(world) {
        let lease = world.lease().await;
        world.store.record(&lease, DROPBOX, &[Record::LeftBehind("dbmid:one".into())]).await.unwrap();
        let records = [
            Record::LeftBehind("dbmid:one".into()),
            Record::Link(link(2, "dbmid:two", Origin::Created)),
            Record::Link(link(3, "dbmid:three", Origin::Adopted)),
        ];
        world.store.record(&lease, DROPBOX, &records).await.unwrap();
        // A rule that goes leaves those behind that it made.
        world.commit(vec![Write::RuleGone(RULE)]).await;
        let mut left = world.store.left_behind(DROPBOX).await.unwrap();
        left.sort();
        assert_eq!(left, ["dbmid:one".into(), "dbmid:two".into()]);
        assert!(world.store.left_behind(DIRECTORY).await.unwrap().is_empty());
    }

    async fn a_user_and_what_is_remembered_of_them_are_written_as_one(world) {
        let lease = world.lease().await;
        let changes = ChangeSet {
            writes: vec![Write::User(user(1, "ada"))],
            events: vec![event(1)],
            due: vec![due_user(1, 5)],
        };
        let records = [
            Record::Provisioned(made(1, "dbmid:one", false)),
            Record::Directory(Box::new(changes.clone())),
        ];
        world.store.record(&lease, DROPBOX, &records).await.unwrap();
        assert!(world.store.user(ENVIRONMENT, id(1)).await.unwrap().is_some());
        let dues = world.store.due(&lease, at(5)).await.unwrap();
        assert!(dues.iter().any(|mark| mark.subject == DueSubject::User(id(1))), "{dues:?}");
        assert_eq!(world.store.events(ENVIRONMENT, &page(None, 10)).await.unwrap().items.len(), 1);

        // Again: somebody was faster, and nothing is written.
        let records =
            [Record::Provisioned(made(2, "dbmid:two", false)), Record::Directory(Box::new(changes))];
        let again = world.store.record(&lease, DROPBOX, &records).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        assert_eq!(world.store.provisioned(RULE, None).await.unwrap().len(), 1);
        assert_eq!(world.store.events(ENVIRONMENT, &page(None, 10)).await.unwrap().items.len(), 1);
    }

    async fn an_account_is_due_by_its_name(world) {
        let account = |text: &str| DueSubject::Account(text.into());
        let due_at = [due(account("dbmid:one"), 3), due(account("dbmid:two"), 4), due(account("dbmid:one"), 2)];
        world.store.make_due(&due_at).await.unwrap();
        let lease = world.store.claim("me", at(10), LEASE).await.unwrap().unwrap();
        let dues = world.store.due(&lease, at(10)).await.unwrap();
        let mut subjects: Vec<DueSubject> = dues.iter().map(|mark| mark.subject.clone()).collect();
        subjects.sort();
        assert_eq!(subjects, [account("dbmid:one"), account("dbmid:two")]);
        world.store.settle(&lease, &dues, &[]).await.unwrap();
        assert_eq!(world.store.rule_due(RULE).await.unwrap(), None);
    }
}
