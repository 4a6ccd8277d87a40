//! The directory: what was written comes back, and what must be unique is.

use usher_domain::{
    GroupId, PopulationId, UserId,
    directory::{
        change::Write,
        group::{Membership, Nesting},
        user::Name,
    },
    ports::store::{PageRequest, StoreError, UserQuery},
};

use crate::{on_both, world::*};

fn member(user: u128, group: u128) -> Membership {
    Membership { user: id(user), group: id(group) }
}

fn conflict(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Conflict(why)) => why,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

on_both! {
    async fn users_come_back_as_they_were_written(world) {
        let ada = user(1, "Ada");
        world.commit(vec![Write::User(ada.clone())]).await;
        assert_eq!(world.store.user(ENVIRONMENT, id(1)).await.unwrap(), Some(ada.clone()));
        assert_eq!(world.store.user(id(99), id(1)).await.unwrap(), None, "another tenant's user is not found");

        let mut changed = user(1, "Ada");
        (changed.version, changed.enabled, changed.external_id) = (2, false, None);
        world.commit(vec![Write::User(changed.clone())]).await;
        assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap(), [changed]);
        world.commit(vec![Write::UserGone(id(1))]).await;
        assert_eq!(world.store.user(ENVIRONMENT, id(1)).await.unwrap(), None);
    }

    async fn environments_populations_and_groups_come_back_as_they_were_written(world) {
        let environments = world.store.environments().await.unwrap();
        assert_eq!(environments, [environment(ENVIRONMENT)]);
        assert_eq!(world.store.environment(ENVIRONMENT).await.unwrap().as_ref(), environments.first());
        let (contractors, archive) =
            (population(id(0xf1), "Contractors", false), population(id(0xf2), "archive", false));
        world.commit(vec![Write::Population(contractors.clone()), Write::Population(archive.clone())]).await;
        let everyone = population(POPULATION, "Everyone", true);
        let populations = world.store.populations(ENVIRONMENT).await.unwrap();
        assert_eq!(populations, [archive.clone(), contractors, everyone], "in name order");
        assert_eq!(world.store.population(ENVIRONMENT, archive.id).await.unwrap(), Some(archive));

        let mut crew = group(5, "Crew");
        crew.population = Some(POPULATION);
        crew.user_filter = Some("title sw \"C\"".into());
        let mut bare = group(4, "Bare");
        (bare.custom_data, bare.external_id) = (None, None);
        world.commit(vec![Write::Group(crew.clone()), Write::Group(bare.clone())]).await;
        assert_eq!(world.store.groups(ENVIRONMENT).await.unwrap(), [bare, crew.clone()], "in id order");
        assert_eq!(world.store.group(ENVIRONMENT, crew.id).await.unwrap(), Some(crew));
    }

    async fn a_change_made_from_an_older_version_is_a_conflict(world) {
        world.commit(vec![Write::User(user(1, "ada"))]).await;
        let version = |version| { let mut user = user(1, "ada"); user.version = version; Write::User(user) };
        conflict(world.try_commit(vec![version(1)]).await);
        conflict(world.try_commit(vec![version(3)]).await);
        world.commit(vec![version(2)]).await;
        conflict(world.try_commit(vec![version(2)]).await);
        world.commit(vec![Write::UserGone(id(1))]).await;
        conflict(world.try_commit(vec![version(3)]).await);
        conflict(world.try_commit(vec![Write::UserGone(id(1))]).await);
    }

    async fn usernames_are_unique_without_regard_to_case(world) {
        for (number, (taken, wanted)) in
            (0..).zip([("ada", "ADA"), ("łukasz", "ŁUKASZ"), ("straße", "STRAẞE"), ("İpek", "i̇PEK"), ("ΟΔΟΣ", "οδοσ")])
        {
            world.commit(vec![Write::User(user(100 + number, taken))]).await;
            let why = conflict(world.try_commit(vec![Write::User(user(200 + number, wanted))]).await);
            assert_eq!(why, "a user of that username exists", "{taken} {wanted}");
            let query = UserQuery { username: Some(wanted.into()), ..UserQuery::default() };
            let page = PageRequest { after: None, limit: 10 };
            let found = world.store.users(ENVIRONMENT, &query, &page).await.unwrap();
            assert_eq!(found.items.len(), 1, "{wanted}");
        }
        world.commit(vec![Write::User(user(300, "strasse")), Write::User(user(301, "ipek"))]).await;
    }

    async fn group_names_are_unique_in_their_population_or_among_those_without(world) {
        let within = |number, name: &str, population: Option<PopulationId>| {
            let mut group = group(number, name);
            group.population = population;
            Write::Group(group)
        };
        world.commit(vec![within(1, "Crew", None), within(2, "CREW", Some(POPULATION))]).await;
        let taken = "a group of that name exists";
        assert_eq!(conflict(world.try_commit(vec![within(3, "crew", None)]).await), taken);
        assert_eq!(conflict(world.try_commit(vec![within(3, "crew", Some(POPULATION))]).await), taken);
    }

    async fn an_environment_has_populations_of_different_names_and_one_default(world) {
        let why = conflict(world.try_commit(vec![Write::Population(population(id(7), "EVERYONE", false))]).await);
        assert_eq!(why, "a population of that name exists");
        let why = conflict(world.try_commit(vec![Write::Population(population(id(7), "New", true))]).await);
        assert_eq!(why, "the environment has a default population");
        let mut old = population(POPULATION, "Everyone", false);
        old.version = 2;
        let new = population(id(7), "New", true);
        world.commit(vec![Write::Population(new), Write::Population(old)]).await;
    }

    async fn what_is_referred_to_stays_until_nothing_refers_to_it(world) {
        world.commit(vec![Write::User(user(1, "ada"))]).await;
        conflict(world.try_commit(vec![Write::PopulationGone(POPULATION)]).await);
        let mut stray = user(2, "stray");
        stray.population = id(404);
        conflict(world.try_commit(vec![Write::User(stray)]).await);
        conflict(world.try_commit(vec![Write::Member(member(1, 404))]).await);
        world.commit(vec![Write::UserGone(id(1)), Write::PopulationGone(POPULATION)]).await;
    }

    async fn memberships_are_read_from_either_side_and_go_with_their_ends(world) {
        world.commit(vec![
            Write::User(user(1, "ada")), Write::User(user(2, "bob")), Write::User(user(3, "eve")),
            Write::Group(group(10, "a")), Write::Group(group(11, "b")), Write::Group(group(12, "c")),
            Write::Member(member(1, 10)), Write::Member(member(2, 10)), Write::Member(member(2, 11)),
            Write::Nested(Nesting { child: id(11), parent: id(10) }),
            Write::Nested(Nesting { child: id(12), parent: id(11) }),
        ]).await;
        let store = &world.store;
        world.commit(vec![Write::Member(member(1, 10))]).await;
        assert_eq!(store.members_of(id(10)).await.unwrap(), [id::<UserId>(1), id(2)]);
        assert_eq!(store.memberships_of(id(2)).await.unwrap(), [id::<GroupId>(10), id(11)]);
        assert_eq!(store.memberships(ENVIRONMENT, None).await.unwrap().len(), 3);
        assert_eq!(store.memberships(id(99), None).await.unwrap(), []);
        assert_eq!(store.memberships(ENVIRONMENT, Some(&[id(1), id(3)])).await.unwrap(), [member(1, 10)]);
        assert_eq!(store.member_counts(&[id(10), id(12)]).await.unwrap(), [(id(10), 2, 1), (id(12), 0, 0)]);
        assert_eq!(store.nestings(ENVIRONMENT).await.unwrap(),
            [Nesting { child: id(11), parent: id(10) }, Nesting { child: id(12), parent: id(11) }]);

        world.commit(vec![Write::MemberGone(member(1, 10)), Write::UserGone(id(2)),
            Write::NestedGone(Nesting { child: id(12), parent: id(11) })]).await;
        assert_eq!(store.memberships(ENVIRONMENT, None).await.unwrap(), []);
        world.commit(vec![Write::Member(member(1, 11)), Write::GroupGone(id(11))]).await;
        assert_eq!(store.memberships(ENVIRONMENT, None).await.unwrap(), []);
        assert_eq!(store.nestings(ENVIRONMENT).await.unwrap(), []);
    }

    async fn listings_of_users_stay_in_order_while_rows_change(world) {
        let writes = (1..=9).map(|number| Write::User(user(number * 10, &format!("u{number}"))));
        world.commit(writes.collect()).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: 4 };
            let page = world.store.users(ENVIRONMENT, &UserQuery::default(), &page).await.unwrap();
            seen.extend(page.items.iter().map(|user| user.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
            if seen.len() == 4 {
                // The one to go on after is deleted, one before it added, one behind it deleted, one added.
                world.commit(vec![Write::UserGone(id(40)), Write::User(user(5, "early")),
                    Write::UserGone(id(60)), Write::User(user(65, "late"))]).await;
            }
        }
        assert_eq!(seen, [10, 20, 30, 40, 50, 65, 70, 80, 90].map(id::<UserId>));
    }

    async fn users_are_found_by_a_few_letters_of_what_they_are_called(world) {
        let mut ada = user(1, "ada_1");
        ada.name = Name { given: Some("Ada".into()), family: Some("ÖZDEMİR".into()), ..Name::default() };
        let mut other = user(2, "adab1");
        other.email = "somebody@example.com".into();
        world.commit(vec![Write::User(ada), Write::User(other)]).await;
        for (text, found) in [
            ("ADA", vec![1, 2]), ("da_1", vec![1]), ("ada öz", vec![1]), ("SOMEBODY@", vec![2]), ("%", vec![]),
            ("family", vec![]),
        ] {
            let query = UserQuery { text: Some(text.into()), ..UserQuery::default() };
            let page = world.store.users(ENVIRONMENT, &query, &page(None, 10)).await.unwrap();
            let ids: Vec<u128> = page.items.iter().map(|user| user.id.uuid().as_u128()).collect();
            assert_eq!(ids, found, "{text}");
        }
    }

    async fn users_are_found_by_every_condition_together(world) {
        world.commit(vec![Write::User(user(1, "ada")), Write::User(user(2, "bob")), Write::Group(group(10, "a")),
            Write::Member(member(2, 10))]).await;
        let find = |query: UserQuery| async move {
            let page = PageRequest { after: None, limit: 10 };
            let found = world.store.users(ENVIRONMENT, &query, &page).await.unwrap();
            assert_eq!(found.next, None);
            found.items.iter().map(|user| user.id.uuid().as_u128()).collect::<Vec<_>>()
        };
        let all = UserQuery::default;
        assert_eq!(find(all()).await, [1, 2]);
        assert_eq!(find(UserQuery { id: Some(id(1)), ..all() }).await, [1]);
        assert_eq!(find(UserQuery { email: Some("BOB@acme.EXAMPLE".into()), ..all() }).await, [2]);
        assert_eq!(find(UserQuery { external_id: Some("x-1".into()), ..all() }).await, [1]);
        assert_eq!(find(UserQuery { population: Some(POPULATION), ..all() }).await, [1, 2]);
        assert_eq!(find(UserQuery { direct_member_of: Some(vec![id(10), id(11)]), ..all() }).await, [2]);
        assert_eq!(find(UserQuery { direct_member_of: Some(vec![]), ..all() }).await, []);
        let both = UserQuery { username: Some("ada".into()), direct_member_of: Some(vec![id(10)]), ..all() };
        assert_eq!(find(both).await, []);
        assert_eq!(world.store.count_users(ENVIRONMENT, None).await.unwrap(), 2);
        assert_eq!(world.store.count_users(ENVIRONMENT, Some(id(5))).await.unwrap(), 0);
        let found = world.store.users_by_id(ENVIRONMENT, &[id(2), id(1), id(2), id(7)]).await.unwrap();
        assert_eq!(found, [user(1, "ada"), user(2, "bob")]);
    }
}
