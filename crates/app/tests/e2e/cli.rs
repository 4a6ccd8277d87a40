//! The command line, against a running server: what it prints, and how it ends.

use std::process::Output;

use dropbox_simulator::Team;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Home, World, bare_command, id, redacted};

const USERS: &str = "\
username,email,given,family,enabled,population,title
ada,ada@example.com,Ada,Lovelace,true,Staff,Countess
bob,bob@example.com,Bob,Example,true,Staff,
cleo,cleo@example.com,Cleo,Example,true,Staff,
dora,dora@example.com,Dora,Example,false,Staff,
";
const GROUPS: &str = "group,description,nested_groups,members\nEngineering,Makes things,,ada;bob\nEveryone,,Engineering,cleo\n";

/// How it ended, and what it printed, redacted.
fn said(output: Output) -> (i32, String) {
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), redacted(&format!("{out}{err}")).trim_end().to_owned())
}

async fn usher(world: &World, args: &[&str]) -> (i32, String) {
    said(world.usher.cli(args).await)
}

/// A server with a team, nobody in the directory yet, and a rule for everyone.
async fn set_up() -> (World, String) {
    let world =
        World::of(Home::sqlite(), Team::builder().name("Acme"), json!({ "DEPROVISION_USERS": true })).await;
    std::fs::write(world.usher.home().dir().join("users.csv"), USERS).unwrap();
    std::fs::write(world.usher.home().dir().join("groups.csv"), GROUPS).unwrap();
    let rule = json!({
        "name": "Staff", "sourceStore": { "id": world.directory }, "targetStore": { "id": world.store },
        "active": false,
    });
    let rule = id(&world.api.post(&format!("/propagation/plans/{}/rules", world.plan), rule).await.ok());
    (world, rule)
}

async fn activate(world: &World, rule: &str, more: Value) {
    let path = format!("/propagation/rules/{rule}");
    let mut body = world.api.get(&path).await.ok();
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body["active"] = json!(true);
    world.api.put(&path, body).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_imported_previewed_synced_and_explained() {
    let (world, rule) = set_up().await;
    let import = ["import", "users.csv", "--groups", "groups.csv", "--create-populations"];
    let (code, text) = usher(&world, &import).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"
    users: 4 created, 0 updated, 0 unchanged, 0 refused
    groups: 2 created, 0 updated, 0 unchanged, 0 refused
    ");
    let (code, text) = usher(&world, &import).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"
    users: 0 created, 0 updated, 4 unchanged, 0 refused
    groups: 0 created, 0 updated, 2 unchanged, 0 refused
    ");

    let groups = world.api.list("/groups", "groups").await;
    let groups: Vec<Value> = groups.iter().map(|group| json!({ "id": id(group) })).collect();
    let mut body = world.api.get(&format!("/propagation/rules/{rule}")).await.ok();
    body["groups"] = json!(groups);
    world.api.put(&format!("/propagation/rules/{rule}"), body).await.ok();

    // A preview of what activating would do.
    let (code, text) = usher(&world, &["preview", "Staff"]).await;
    assert_eq!(code, 2, "{text}");
    assert_snapshot!(text, @"
    Create accounts
      + create ada@example.com
          given_name: Ada
          surname: Lovelace
          external_id: <id>
      + create bob@example.com
          given_name: Bob
          surname: Example
          external_id: <id>
      + create cleo@example.com
          given_name: Cleo
          surname: Example
          external_id: <id>

    Create groups
      + create the group Engineering
      + create the group Everyone

    Add to groups
      + add ada@example.com to Engineering
      + add ada@example.com to Everyone
      + add bob@example.com to Engineering
      + add bob@example.com to Everyone
      + add cleo@example.com to Everyone

    In the way
      ! dora@example.com (Unsynced): dora@example.com is disabled in the directory and has no account in Dropbox. Nothing needs to be done; an account is made when the user is enabled.

    Plan: 3 to create, 2 groups to create, 5 memberships to add.
    Seats: 3 needed, 999999 of 1000000 left.
    Calls to Dropbox: at least 5. Digest <digest>.
    ");

    // An inactive rule is not synced, and the error says what to do.
    let (code, text) = usher(&world, &["sync", "Staff", "--wait"]).await;
    assert_eq!(code, 1, "{text}");
    assert_snapshot!(text, @r#"
    usher: The request could not be completed. One or more validation errors were in the request.
      active: the rule is not active: set "active": true first (INVALID_DATA, 400)
    "#);

    activate(&world, &rule, json!({})).await;
    world.settled(&rule).await;
    let (code, text) = usher(&world, &["sync", "Staff", "--wait"]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"run <id> of rule Staff: SUCCEEDED");
    let (code, text) = usher(&world, &["preview", &rule]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"
    In the way
      ! dora@example.com (Unsynced): dora@example.com is disabled in the directory and has no account in Dropbox. Nothing needs to be done; an account is made when the user is enabled.

    Nothing to do.
    Calls to Dropbox: at least 0. Digest <digest>.
    ");
    let (code, text) = usher(&world, &["status"]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"
    Staff
      Sync Status          ACTIVE
      User Sync Summary    Impacted 4  Success 3  Unsynced 1  Partial Synced 0  Failed 0
      Group Sync Summary   Impacted 2  Success 2  Unsynced 0  Partial Synced 0  Failed 0
      Last Sync            <time>
      Sync Direction       OUTBOUND
      Source → Target      PingOne Directory → Dropbox
    ");
    let (code, text) = usher(&world, &["explain", "ada"]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @r#"
    ada <ada@example.com>

    Rule Staff
      1. Directory: ada is enabled.
      2. Scope: the rule has no filter, so everyone is in scope.
      3. Link: account <dropbox id>, created by Usher.
      4. Mapping: email is "ada@example.com" from email; the account has the same.
      5. Mapping: given_name is "Ada" from name.given; the account has the same.
      6. Mapping: surname is "Lovelace" from name.family; the account has the same.
      7. Groups of this rule: Engineering, Everyone.
      8. Remote account: ada@example.com is invited, and has not accepted yet.
      9. Next: nothing; all is as it should be.
      10. Last sync: Success at <time>
    "#);
    let (code, text) = usher(&world, &["explain", "dora@example.com", "--rule", "Staff"]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @r#"
    dora <dora@example.com>

    Rule Staff
      1. Directory: dora is disabled.
      2. Scope: the rule has no filter, so everyone is in scope.
      3. Link: none; no account is known to belong to this user.
      4. Mapping: email is "dora@example.com" from email.
      5. Mapping: given_name is "Dora" from name.given.
      6. Mapping: surname is "Example" from name.family.
      7. Groups of this rule: none.
      8. Remote account: none.
      9. Next: nothing, for what stands in the way.
      10. In the way: dora@example.com is disabled in the directory and has no account in Dropbox. Nothing needs to be done; an account is made when the user is enabled.
      11. Last sync: Unsynced at <time>: dora@example.com is disabled in the directory and has no account in Dropbox. Nothing needs to be done; an account is made when the user is enabled.
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_lines_or_json() {
    let (world, _) = set_up().await;
    let import = ["import", "users.csv", "--groups", "groups.csv", "--create-populations"];
    assert_eq!(usher(&world, &import).await.0, 0);
    for (args, what) in [
        (&["users", "list"][..], "users"),
        (&["users", "list", "--filter", "enabled eq false"], "disabled users"),
        (&["groups", "list"], "groups"),
        (&["populations", "list"], "populations"),
        (&["connections", "list"], "connections"),
        (&["rules", "list"], "rules"),
    ] {
        let (code, text) = usher(&world, args).await;
        assert_eq!(code, 0, "{what}: {text}");
        insta::allow_duplicates! {
            match what {
                "users" => assert_snapshot!(text, @"
                ada	ada@example.com	true	Ada	Lovelace	<id>
                bob	bob@example.com	true	Bob	Example	<id>
                cleo	cleo@example.com	true	Cleo	Example	<id>
                dora	dora@example.com	false	Dora	Example	<id>
                "),
                "disabled users" => assert_snapshot!(text, @"dora	dora@example.com	false	Dora	Example	<id>"),
                "groups" => assert_snapshot!(text, @"
                Engineering	2	Makes things	<id>
                Everyone	1	-	<id>
                "),
                "populations" => assert_snapshot!(text, @"
                Default	0	true	<id>
                Staff	4	false	<id>
                "),
                "connections" => assert_snapshot!(text, @"
                PingOne Directory	directory	ACTIVE	-	<id>
                Dropbox	Dropbox	ACTIVE	VALID	<id>
                "),
                _ => assert_snapshot!(text, @"Staff	false	-	<id>"),
            }
        }
        let mut as_json = args.to_vec();
        as_json.push("--json");
        let output = world.usher.cli(&as_json).await;
        let listed: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(listed.len(), text.lines().count(), "{what}");
    }
    let (code, text) = usher(&world, &["users", "show", "ada"]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"
    account:
      canAuthenticate: true
      status: OK
    createdAt: <time>
    email: ada@example.com
    enabled: true
    environment:
      id: <id>
    id: <id>
    identityProvider:
      type: PING_ONE
    lifecycle:
      status: ACCOUNT_OK
    mfaEnabled: false
    name:
      family: Lovelace
      given: Ada
    population:
      id: <id>
    title: Countess
    updatedAt: <time>
    username: ada
    verifyStatus: NOT_INITIATED
    ");
    let (code, text) = usher(&world, &["users", "show", "nobody"]).await;
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: there is no user with the username or e-mail nobody");
    let (code, text) = usher(&world, &["rules", "show", "Nothing"]).await;
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: there is no rule Nothing; there are: Staff");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_told_by_line_and_good_rows_land() {
    let (world, _) = set_up().await;
    let rows = "username,email\neve,eve@example.com\nmallory,mallory\n,x@example.com\n";
    std::fs::write(world.usher.home().dir().join("bad.csv"), rows).unwrap();
    let (code, text) = usher(&world, &["import", "bad.csv"]).await;
    assert_eq!(code, 1, "{text}");
    assert_snapshot!(text, @"
    bad.csv:3: email: `email` is not an e-mail address: it has no `@`; write it as `ada@example.com`
    bad.csv:4: username is empty
    users: 1 created, 0 updated, 0 unchanged, 2 refused
    ");
    let (code, text) = usher(&world, &["import", "not-there.csv"]).await;
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: not-there.csv cannot be read: No such file or directory (os error 2)");
}

fn suspended(world: &World) -> usize {
    world.dropbox.people().iter().filter(|person| person.ends_with("suspended")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_removals_wait_for_a_person() {
    let (world, rule) = set_up().await;
    for number in 0..20 {
        let title = if number < 3 { "Contractor" } else { "Staff" };
        world.user_with(&format!("user{number:02}"), json!({ "title": title })).await;
    }
    activate(&world, &rule, json!({})).await;
    world.settled(&rule).await;
    world.dropbox.0.team().accept_all_invitations();

    // Three of twenty are more than a tenth.
    activate(&world, &rule, json!({ "populationExpression": "title eq \"Staff\"" })).await;
    let status = world.settled(&rule).await;
    assert_eq!(status["status"], "HELD", "{status:#}");
    assert_eq!(suspended(&world), 0);

    let (code, text) = usher(&world, &["preview", "Staff"]).await;
    assert_eq!(code, 3, "{text}");
    assert_snapshot!(text, @"
    This plan suspends 3 accounts.

    Suspend
      - suspend user00@example.com (deleted, or no longer matched by the rule's filter)
      - suspend user01@example.com (deleted, or no longer matched by the rule's filter)
      - suspend user02@example.com (deleted, or no longer matched by the rule's filter)

    Plan: 3 to suspend.
    Calls to Dropbox: at least 3. Digest <digest>.
    HELD: This run would remove 3 users of 20; GUARD_MAX_REMOVAL_PERCENT allows 2. Look at the plan, then approve or cancel the run.
    ");
    let (code, text) = usher(&world, &["status", "Staff"]).await;
    assert_eq!(code, 3, "{text}");
    assert_snapshot!(text, @"
    Staff
      Sync Status          HELD
      User Sync Summary    Impacted 20  Success 20  Unsynced 0  Partial Synced 0  Failed 0
      Group Sync Summary   Impacted 0  Success 0  Unsynced 0  Partial Synced 0  Failed 0
      Last Sync            <time>
      Sync Direction       OUTBOUND
      Source → Target      PingOne Directory → Dropbox
    ");
    let (code, text) = usher(&world, &["sync", "Staff", "--wait"]).await;
    assert_eq!(code, 3, "{text}");
    assert_snapshot!(text, @"
    run <id> of rule Staff: HELD
    HELD: This run would remove 3 users of 20; GUARD_MAX_REMOVAL_PERCENT allows 2. Look at the plan, then approve or cancel the run.
    Look at it with `usher preview Staff`, then `usher approve <id>`.
    ");

    // An approval is bound to what was seen.
    let held = world.settled(&rule).await["currentRun"].clone();
    let (code, text) = usher(&world, &["approve", &id(&held), "--digest", "something-else"]).await;
    assert_eq!(code, 1, "{text}");
    assert_snapshot!(text, @"usher: The digest is not that of the held plan: look at the run again, and approve what you see. (CONFLICT, 409)");
    let (code, text) = usher(&world, &["approve", &id(&held)]).await;
    assert_eq!(code, 0, "{text}");
    assert_snapshot!(text, @"Approved. A fresh plan goes on if it is the same as the one you saw; run <id> is HELD.");
    crate::support::until("the approved run is done", async || {
        let run = world.api.get(&format!("/propagation/runs/{}", id(&held))).await.ok();
        run["state"] == "SUCCEEDED"
    })
    .await;
    let status = world.settled(&rule).await;
    assert_eq!(status["status"], "ACTIVE", "{status:#}");
    assert_eq!(suspended(&world), 3);
    world.dropbox.assert_nothing_was_wiped();
    assert_eq!(usher(&world, &["preview", "Staff"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_reached_or_let_in_is_told_what_to_do() {
    let told = |variables: &[(&str, &str)]| {
        let mut command = bare_command(&["status"]);
        command.envs(variables.iter().copied());
        said(command.output().unwrap())
    };
    let nowhere = ("USHER_URL", "http://127.0.0.1:1");
    let client = ("USHER_CLIENT_ID", crate::support::CLIENT);
    let (code, text) = told(&[nowhere]);
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: say who is calling: --client-id or USHER_CLIENT_ID");
    let (code, text) = told(&[nowhere, client]);
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: give the client's secret: --client-secret-file or USHER_CLIENT_SECRET");
    let (code, text) = told(&[nowhere, client, ("USHER_CLIENT_SECRET", "wrong")]);
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: Usher does not answer at http://127.0.0.1:<port>; is `usher serve` running?: error sending request for url (http://127.0.0.1:<port>/healthz): client error (Connect): tcp connect error: Connection refused (os error 111)");
    let server = Home::sqlite().serve().await;
    let (code, text) = told(&[("USHER_URL", &server.url()), client, ("USHER_CLIENT_SECRET", "wrong")]);
    assert_eq!(code, 1);
    assert_snapshot!(text, @"usher: no access token for client <id> from http://127.0.0.1:<port>/<id>/as/token: No enabled client of this environment has this id and secret.");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_groups_and_populations_are_made_changed_and_deleted_by_their_names() {
    let world = World::start().await;
    let ok = async |args: &[&str]| {
        let (code, text) = usher(&world, args).await;
        assert_eq!(code, 0, "{args:?}: {text}");
        text
    };
    ok(&["populations", "create", "--name", "Staff", "--description", "Those who work here"]).await;
    let ada = ["--username", "ada", "--email", "ada@example.com", "--given", "Ada", "--population", "Staff"];
    ok(&[&["users", "create"], &ada[..], &["--set", "department=Engines"]].concat()).await;
    let update =
        ["users", "update", "ada", "--family", "Lovelace", "--enabled=false", "--set", "department=null"];
    let shown = ok(&[&update[..], &["--json"]].concat()).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["name"], json!({ "given": "Ada", "family": "Lovelace" }), "{shown:#}");
    assert!(shown["enabled"] == false && shown["department"].is_null(), "{shown:#}");
    ok(&["users", "update", "ada@example.com", "--population", "Default", "--enabled"]).await;
    assert_snapshot!(ok(&["users", "list"]).await, @"ada	ada@example.com	true	Ada	Lovelace	<id>");

    ok(&["groups", "create", "--name", "Engineering"]).await;
    ok(&["groups", "create", "--name", "Everyone"]).await;
    ok(&["groups", "update", "Engineering", "--name", "Engines", "--description", "Makes things"]).await;
    assert_snapshot!(ok(&["groups", "add-member", "Engines", "ada"]).await, @"ada is in Engines.");
    assert_snapshot!(ok(&["groups", "add-group", "Everyone", "Engines"]).await, @"Engines is nested in Everyone.");
    assert_snapshot!(ok(&["groups", "list"]).await, @"
    Engines	1	Makes things	<id>
    Everyone	0	-	<id>
    ");
    assert_snapshot!(ok(&["groups", "remove-member", "Engines", "ada"]).await, @"ada is no longer in Engines.");
    assert_snapshot!(ok(&["groups", "remove-group", "Everyone", "Engines"]).await, @"Engines is no longer nested in Everyone.");
    assert_snapshot!(ok(&["users", "delete", "ada"]).await, @"Deleted the user ada.");
    assert_snapshot!(ok(&["groups", "delete", "Everyone"]).await, @"Deleted the group Everyone.");
    let (code, text) = usher(&world, &["users", "create", "--email", "nowhere"]).await;
    assert_eq!(code, 1);
    assert_snapshot!(text, @"
    usher: The request could not be completed. One or more validation errors were in the request.
      username: `username` is required: a string of 1 to 128 characters
      email: `email` is not an e-mail address: it has no `@`; write it as `ada@example.com` (INVALID_DATA, 400)
    ");
    let (code, text) = usher(&world, &["populations", "delete", "Default"]).await;
    assert_eq!(code, 1);
    assert_snapshot!(text, @"
    usher: The request could not be completed. One or more validation errors were in the request.
      default: This is the default population; make another one the default, then delete it (INVALID_DATA, 400)
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_rules_clients_and_administrators_are_made_changed_and_deleted_by_their_names() {
    let world = World::start().await;
    let home = world.usher.home().clone();
    let ok = async |args: &[&str]| {
        let (code, text) = usher(&world, args).await;
        assert_eq!(code, 0, "{args:?}: {text}");
        text
    };
    std::fs::write(home.dir().join("secret"), world.dropbox.0.client_secret()).unwrap();
    std::fs::write(home.dir().join("token"), world.dropbox.0.refresh_token()).unwrap();
    let configuration = world.dropbox.configuration(json!({}));
    let mut args = vec!["connections".to_owned(), "create".into(), "--name".into(), "Second".into()];
    for (key, value) in configuration.as_object().unwrap() {
        match key.as_str() {
            "OAUTH_CLIENT_SECRET" => args.extend(["--secret".into(), format!("{key}=file:secret")]),
            "OAUTH_REFRESH_TOKEN" => args.extend(["--secret".into(), format!("{key}=file:token")]),
            _ => args.extend([
                "--set".into(),
                format!("{key}={}", value.as_str().map_or(value.to_string(), str::to_owned)),
            ]),
        }
    }
    let made = ok(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(!made.contains(&world.dropbox.0.client_secret()), "{made}");
    ok(&["connections", "update", "Second", "--active", "--set", "WIPE_DATA=false"]).await;
    ok(&["rules", "create", "--name", "R", "--connection", "Second", "--filter", "enabled eq true"]).await;
    ok(&["rules", "update", "R", "--set", "GUARD_MAX_REMOVALS=3", "--active"]).await;
    assert_snapshot!(ok(&["rules", "list"]).await, @"R	true	enabled eq true	<id>");
    assert_snapshot!(ok(&["rules", "delete", "R", "--deprovision"]).await, @"Deleted the rule R.");

    let made = ok(&["clients", "create", "--name", "CI", "--role", "Sync Approver", "--json"]).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    assert!(made["secret"].as_str().unwrap().len() > 30, "{made:#}");
    ok(&["clients", "update", "CI", "--enabled=false"]).await;
    assert_snapshot!(ok(&["clients", "list"]).await, @"
    Bootstrap client	Environment Admin, Identity Data Admin, Identity Data Read Only, Configuration Read Only, Sync Approver	true	<id>
    CI	Sync Approver	false	<id>
    ");
    assert!(ok(&["clients", "rotate-secret", "CI", "--overlap", "60"]).await.contains("oldSecretUntil"));
    ok(&["clients", "delete", "CI"]).await;
    ok(&["administrators", "create", "--username", "Bob", "--role", "Sync Approver"]).await;
    std::fs::write(home.dir().join("password"), "correct horse\n").unwrap();
    ok(&["administrators", "set-password", "bob", "--password-file", "password"]).await;
    assert_snapshot!(ok(&["administrators", "reset-totp", "bob"]).await, @"The second factor of bob is off, and their sessions ended.");
    assert_snapshot!(ok(&["administrators", "delete", "BOB"]).await, @"Deleted the administrator BOB.");
    assert_snapshot!(ok(&["signing-keys", "rotate"]).await, @"The key <id> signs from now on.");
    assert_eq!(ok(&["signing-keys", "list"]).await.lines().count(), 2);
    let (code, text) = usher(&world, &["clients", "create", "--name", "x", "--role", "Emperor"]).await;
    assert_eq!(code, 1);
    assert_snapshot!(text, @"
    usher: The request could not be completed. One or more validation errors were in the request.
      roles: `roles` is not one of Environment Admin, Identity Data Admin, Identity Data Read Only, Configuration Read Only, Sync Approver (INVALID_DATA, 400)
    ");
    let (code, text) =
        usher(&world, &["connections", "update", "Second", "--secret", "OAUTH_CLIENT_SECRET=hunter2"]).await;
    assert_eq!(code, 64);
    assert_snapshot!(text, @"usher: give a secret as env:NAME or file:PATH, so that it is not kept in the shell's history");
    assert!(ok(&["completions", "bash"]).await.contains("complete -F _usher"));
}
