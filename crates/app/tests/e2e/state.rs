//! `usher export` and `usher apply`: what a server has as a file, and a server as a file says.

use dropbox_simulator::Team;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Home, Usher, World, redacted};

/// How it ended, and what it printed, redacted.
async fn usher(usher: &Usher, args: &[&str]) -> (i32, String) {
    let output = usher.cli(args).await;
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), redacted(&format!("{out}{err}")).trim_end().to_owned())
}

/// The file that `usher export` prints, with its secrets in files; written beside the server.
async fn exported(from: &Usher) -> String {
    let output = from.cli(&["export"]).await;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace("{ env = \"USHER_DROPBOX_OAUTH_CLIENT_SECRET\" }", "{ file = \"client-secret\" }")
        .replace("{ env = \"USHER_DROPBOX_OAUTH_REFRESH_TOKEN\" }", "{ file = \"refresh-token\" }")
}

fn write(home: &Home, name: &str, text: &str) {
    std::fs::write(home.dir().join(name), text).unwrap();
}

/// A server with a population, a connection that is active, and a rule with mappings.
async fn world() -> World {
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "REMOVE_ACTION": "Disable" })).await;
    world.population("Staff").await;
    let group = world.group("Engineering").await;
    let rule = world
        .outbound_rule(json!({
            "name": "Everyone", "populationExpression": "enabled eq true", "groups": [{ "id": group }],
            "configuration": { "GUARD_MAX_REMOVALS": 5 },
        }))
        .await;
    let mapping =
        |target: &str, source: &str| json!({ "targetAttribute": target, "sourceAttribute": source });
    let path = format!("/propagation/rules/{rule}/mappings");
    world.api.post(&path, mapping("email", "email")).await.ok();
    world.api.post(&path, mapping("given_name", "name.given")).await.ok();
    world
        .api
        .post(&path, json!({ "targetAttribute": "surname", "expression": "user.name.family" }))
        .await
        .ok();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_exported_is_what_is_there_also_on_a_fresh_server() {
    let world = world().await;
    let home = world.usher.home().clone();
    let text = exported(&world.usher).await;
    assert_snapshot!(redacted(&text), @r#"
    # What `usher export` found. `usher apply` shows what a server lacks of it, and then makes it so.
    # Names are the identity: a new name is a new thing. Secrets are not here; their places are.

    [[population]]
    name = "Default"
    default = true # users without a population live here

    [[population]]
    name = "Staff"

    [[connection]]
    name = "Dropbox"
    type = "Dropbox"
    active = true
    managed = false

    [connection.configuration]
    AUTHENTICATION_METHOD = "OAUTH"
    BASE_URL = "http://127.0.0.1:<port>/2"
    GRANT_TYPE = "refresh_token"
    MAX_CALLS_PER_SECOND = 0
    OAUTH_CLIENT_ID = "simulated-app-key"
    OAUTH_TOKEN_URL = "http://127.0.0.1:<port>/oauth2/token"
    REMOVE_ACTION = "Disable"

    [connection.secrets] # set these variables, or name files: { file = "…" }
    OAUTH_CLIENT_SECRET = { file = "client-secret" }
    OAUTH_REFRESH_TOKEN = { file = "refresh-token" }

    [[rule]]
    name = "Everyone"
    connection = "Dropbox"
    direction = "outbound"
    active = true
    filter = "enabled eq true"
    groups = ["Engineering"]

    [rule.configuration]
    GUARD_MAX_REMOVALS = 5

    [[rule.mapping]]
    target = "email"
    source = "email"

    [[rule.mapping]]
    target = "given_name"
    source = "name.given"

    [[rule.mapping]]
    target = "surname"
    expression = "user.name.family"
    "#);
    write(&home, "state.toml", &text);
    let (code, said) = usher(&world.usher, &["apply", "state.toml", "--plan"]).await;
    assert_eq!(code, 0, "{said}");
    assert_snapshot!(said, @"Nothing to do.");

    let fresh_home = Home::sqlite();
    let fresh = fresh_home.serve().await;
    write(&fresh_home, "state.toml", &text);
    let (code, said) = usher(&fresh, &["apply", "state.toml", "--plan"]).await;
    assert_eq!(code, 1, "{said}");
    assert_snapshot!(said, @"
    usher: state.toml:11: the connection Dropbox: secrets.OAUTH_CLIENT_SECRET: client-secret cannot be read: No such file or directory (os error 2)
    state.toml:11: the connection Dropbox: secrets.OAUTH_REFRESH_TOKEN: refresh-token cannot be read: No such file or directory (os error 2)
    state.toml:30: the rule Everyone: there is no group Engineering on the server; make it, or import it, first
    ");
    // What the file does not hold is brought first.
    let api = fresh.api().await;
    api.post("/groups", json!({ "name": "Engineering" })).await.ok();
    write(&fresh_home, "client-secret", &world.dropbox.0.client_secret());
    write(&fresh_home, "refresh-token", &format!("{}\n", world.dropbox.0.refresh_token()));
    let (code, said) = usher(&fresh, &["apply", "state.toml", "--plan"]).await;
    assert_eq!(code, 2, "{said}");
    assert_snapshot!(said, @"
    + create the population Staff
    + create the connection Dropbox
        active: true
        AUTHENTICATION_METHOD: OAUTH
        BASE_URL: http://127.0.0.1:<port>/2
        GRANT_TYPE: refresh_token
        MAX_CALLS_PER_SECOND: 0
        OAUTH_CLIENT_ID: simulated-app-key
        OAUTH_TOKEN_URL: http://127.0.0.1:<port>/oauth2/token
        REMOVE_ACTION: Disable
        OAUTH_CLIENT_SECRET: a secret
        OAUTH_REFRESH_TOKEN: a secret
    + create the rule Everyone
        connection: Dropbox
        direction: outbound
        active: true
        filter: enabled eq true
        groups: Engineering
        GUARD_MAX_REMOVALS: 5
        mapping of email: email
        mapping of given_name: name.given
        mapping of surname: user.name.family
    Plan: 3 to create, 0 to update, 0 to remove.
    ");
    let (code, said) = usher(&fresh, &["apply", "state.toml"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.ends_with("usher: nobody is there to be asked; look at the plan, then say --yes"), "{said}");
    let (code, said) = usher(&fresh, &["apply", "state.toml", "--yes"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with("Applied."), "{said}");
    assert!(!said.contains(&world.dropbox.0.client_secret()), "{said}");
    let (code, said) = usher(&fresh, &["apply", "state.toml", "--yes"]).await;
    assert_eq!((code, said.as_str()), (0, "Nothing to do."));
    assert_eq!(exported(&fresh).await, text);
    // The secrets work: the connection was tested when it was made active.
    let rule = api.list("/propagation/rules", "rules").await.remove(0);
    assert_eq!(rule["active"], true, "{rule:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_a_plan_and_then_the_truth_and_what_it_lacks_goes_only_when_asked() {
    let world = world().await;
    let home = world.usher.home().clone();
    let text = exported(&world.usher).await;
    let changed = text
        .replace("filter = 'enabled eq true'", "filter = 'title eq \"Engineer\"'")
        .replace("filter = \"enabled eq true\"", "filter = 'title eq \"Engineer\"'")
        .replace("GUARD_MAX_REMOVALS = 5", "GUARD_MAX_REMOVALS = 7")
        .replace("source = \"name.given\"", "source = \"nickname\"")
        .replace("name = \"Staff\"", "name = \"Staff\"\ndescription = \"All who work here\"");
    write(&home, "state.toml", &changed);
    let (code, said) = usher(&world.usher, &["apply", "state.toml", "--plan"]).await;
    assert_eq!(code, 2, "{said}");
    assert_snapshot!(said, @r#"
    ~ update the population Staff
        description: All who work here
    ~ update the rule Everyone
        filter: enabled eq true → title eq "Engineer"
        GUARD_MAX_REMOVALS: 5 → 7
        mapping of given_name: name.given → nickname
    Plan: 0 to create, 2 to update, 0 to remove.
    "#);
    let (code, said) = usher(&world.usher, &["apply", "state.toml", "--yes", "--json"]).await;
    assert_eq!(code, 0, "{said}");
    let shown: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(shown["steps"].as_array().unwrap().len(), 2, "{shown:#}");
    let (code, said) = usher(&world.usher, &["apply", "state.toml", "--yes"]).await;
    assert_eq!((code, said.as_str()), (0, "Nothing to do."));

    // Only the populations are left in the file.
    let populations = &changed[..changed.find("[[connection]]").unwrap()];
    write(&home, "state.toml", populations);
    let (code, said) = usher(&world.usher, &["apply", "state.toml"]).await;
    assert_eq!(code, 0, "{said}");
    assert_snapshot!(said, @"
      keep the rule Everyone, which is not in the file (--prune removes it)
      keep the connection Dropbox, which is not in the file (--prune removes it)
    Nothing to do.
    ");
    let (code, said) = usher(&world.usher, &["apply", "state.toml", "--prune", "--yes"]).await;
    assert_eq!(code, 0, "{said}");
    assert_snapshot!(said, @"
    - remove the rule Everyone
    - remove the connection Dropbox
    Plan: 0 to create, 0 to update, 2 to remove.
    Applied.
    ");
    let (code, said) = usher(&world.usher, &["apply", "state.toml", "--prune", "--plan"]).await;
    assert_eq!((code, said.as_str()), (0, "Nothing to do."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_is_told_by_its_lines() {
    let world = world().await;
    let home = world.usher.home().clone();
    let before = exported(&world.usher).await;
    let mut told = Vec::new();
    for (name, text) in [
        ("not toml", "[[population]\nname = \"x\"\n"),
        ("unknown word", "[[population]]\nname = \"x\"\ncolour = \"red\"\n"),
        (
            "a secret in the file",
            "[[connection]]\nname = \"x\"\n[connection.secrets]\nOAUTH_CLIENT_SECRET = \"hunter2\"\n",
        ),
        (
            "a secret that is nowhere",
            "[[connection]]\nname = \"x\"\n[connection.secrets]\nOAUTH_CLIENT_SECRET = { env = \"NOT_SET\" }\n",
        ),
        (
            "nowhere",
            "[[rule]]\nname = \"x\"\nconnection = \"Nothing\"\ngroups = [\"Nobody\"]\npopulation = \"Nowhere\"\n",
        ),
        (
            "another direction",
            "[[rule]]\nname = \"Everyone\"\nconnection = \"Dropbox\"\ndirection = \"inbound\"\n",
        ),
        // What only the server can judge is told at its line too.
        ("refused", "\n\n[[rule]]\nname = \"x\"\nconnection = \"Dropbox\"\nfilter = \"title eq\"\n"),
    ] {
        write(&home, "bad.toml", text);
        let (code, said) = usher(&world.usher, &["apply", "bad.toml", "--yes"]).await;
        assert_eq!(code, 1, "{name}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
        told.push(format!("{name}:\n{said}"));
    }
    let (code, said) = usher(&world.usher, &["apply", "not-there.toml"]).await;
    assert_eq!(code, 1);
    told.push(said);
    assert_snapshot!(told.join("\n\n"), @r#"
    not toml:
    usher: bad.toml:1: unclosed array table, expected `]`

    unknown word:
    usher: bad.toml:3: unknown field `colour`, expected one of `name`, `description`, `default`

    a secret in the file:
    usher: bad.toml:1: the connection x: secrets.OAUTH_CLIENT_SECRET must be { env = "…" } or { file = "…" }, and not the secret itself

    a secret that is nowhere:
    usher: bad.toml:1: the connection x: secrets.OAUTH_CLIENT_SECRET: the variable NOT_SET is not set: environment variable not found

    nowhere:
    usher: bad.toml:1: the rule x: there is no connection Nothing in the file or on the server
    bad.toml:1: the rule x: there is no group Nobody on the server; make it, or import it, first
    bad.toml:1: the rule x: there is no population Nowhere in the file or on the server

    another direction:
    usher: bad.toml:1: the rule Everyone: its connection and direction never change; use another name for another rule

    refused:
    + create the rule x
        connection: Dropbox
        direction: outbound
        filter: title eq
      keep the rule Everyone, which is not in the file (--prune removes it)
      keep the connection Dropbox, which is not in the file (--prune removes it)
      keep the population Staff, which is not in the file (--prune removes it)
    Plan: 1 to create, 0 to update, 0 to remove.
    usher: bad.toml:3: the rule x was refused; what came before it is done. Correct it and apply again: The request could not be completed. One or more validation errors were in the request.
      populationExpression: filter, column 9: expected a value (text in double quotes, a number, true, false or null), found the end
        title eq
                ^
    Put text in double quotes: `userName eq "ada"`. (INVALID_DATA, 400)

    usher: not-there.toml cannot be read: No such file or directory (os error 2)
    "#);
    assert_eq!(exported(&world.usher).await, before);
}
