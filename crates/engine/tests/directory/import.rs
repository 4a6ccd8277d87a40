use serde_json::json;
use usher_domain::directory::change::DueSubject;
use usher_engine::directory::{GroupRow, Imported, ImportedAs, UserRow};

use crate::world::{World, body};

fn row(line: u64, username: &str, population: Option<&str>) -> UserRow {
    let email = format!("{username}@example.com");
    UserRow {
        line,
        user: body(json!({"username": username, "email": email, "office": "London"})),
        population: population.map(str::to_owned),
    }
}

fn counted(results: &[Imported]) -> Vec<(ImportedAs, usize)> {
    use ImportedAs::{Created, Refused, Unchanged, Updated};
    [Created, Updated, Unchanged, Refused]
        .into_iter()
        .map(|what| (what, results.iter().filter(|it| it.as_what == what).count()))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[tokio::test]
async fn good_rows_land_and_bad_ones_are_told_by_line() {
    let world = World::new().await;
    let mut rows: Vec<UserRow> = (0..1200).map(|n| row(n + 2, &format!("user{n}"), None)).collect();
    rows[700].user.insert("email".into(), json!("nonsense"));
    rows[701].population = Some("Nowhere".into());
    let results = world.directory.import_users(&world.by, world.env, &rows, false).await.unwrap();
    assert_eq!(counted(&results), [(ImportedAs::Created, 1198), (ImportedAs::Refused, 2)]);
    let refused: Vec<_> = results.iter().filter(|it| it.as_what == ImportedAs::Refused).collect();
    assert_eq!(refused.iter().map(|it| it.line).collect::<Vec<_>>(), [702, 703]);
    insta::assert_snapshot!(refused[0].faults[0].message, @"`email` is not an e-mail address: it has no `@`; write it as `ada@example.com`");
    insta::assert_snapshot!(refused[1].faults[0].message, @"There is no population `Nowhere`; make it first, or let the import make populations");

    let again = world.directory.import_users(&world.by, world.env, &rows, false).await.unwrap();
    assert_eq!(counted(&again), [(ImportedAs::Unchanged, 1198), (ImportedAs::Refused, 2)]);
    assert_eq!(world.store.count_users(world.env, None).await.unwrap(), 1198);
}

#[tokio::test]
async fn a_row_that_differs_updates_enables_and_moves() {
    let world = World::new().await;
    let rule = world.rule(json!({})).await;
    let ada = world.user("Ada").await;
    world.due(rule.id).await;
    let mut changed = row(2, "ada", Some("Interns"));
    changed.user.insert("enabled".into(), json!(false));
    changed.user.insert("username".into(), json!("Ada"));
    let results = world.directory.import_users(&world.by, world.env, &[changed], true).await.unwrap();
    assert_eq!(counted(&results), [(ImportedAs::Updated, 1)]);
    let after = world.store.user(world.env, ada.id).await.unwrap().unwrap();
    assert!(!after.enabled);
    assert_eq!(after.attributes["office"], "London");
    let home = world.store.population(world.env, after.population).await.unwrap().unwrap();
    assert_eq!((home.name.as_str(), home.default), ("Interns", false));
    assert_eq!(world.due(rule.id).await, [DueSubject::User(ada.id)]);
}

#[tokio::test]
async fn groups_come_with_members_and_nesting_in_any_order() {
    let world = World::new().await;
    world.user("ada").await;
    world.user("bob").await;
    let group = |line, name: &str, nested: &[&str], members: &[&str]| GroupRow {
        line,
        name: name.into(),
        description: Some(format!("About {name}")),
        nested: nested.iter().map(|it| (*it).to_owned()).collect(),
        members: members.iter().map(|it| (*it).to_owned()).collect(),
    };
    let rows = [
        group(2, "Everyone", &["Engineering"], &["bob"]),
        group(3, "Engineering", &["Everyone"], &["ADA", "nobody"]),
        group(4, "", &[], &[]),
    ];
    let results = world.directory.import_groups(&world.by, world.env, &rows).await.unwrap();
    insta::assert_debug_snapshot!(
        results.iter().map(|it| (it.line, it.as_what, it.faults.iter().map(|f| f.message.as_str()).collect::<Vec<_>>())).collect::<Vec<_>>(),
        @r#"
    [
        (
            2,
            Created,
            [],
        ),
        (
            3,
            Created,
            [
                "There is no user `nobody`; import users before groups",
                "Group `Engineering` is itself nested, directly or indirectly, in `Everyone`: nesting must not go round in a circle",
            ],
        ),
        (
            4,
            Refused,
            [
                "`name` is empty; give it 1 to 256 characters, or leave it out",
            ],
        ),
    ]
    "#);
    assert_eq!(world.store.memberships(world.env, None).await.unwrap().len(), 2);
    assert_eq!(world.store.nestings(world.env).await.unwrap().len(), 1);
    let again = world.directory.import_groups(&world.by, world.env, &rows[..2]).await.unwrap();
    assert_eq!(counted(&again), [(ImportedAs::Unchanged, 2)]);
}
