//! Files: CSV that is imported, and the configuration.

use insta::assert_snapshot;
use serde_json::json;

use super::Refusals;
use crate::support::{Home, bare_command, redacted, shown};

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_import() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let rows = "\
username,email,given,family,enabled,population,title,shoe_size
ada,ada@example.com,Ada,Lovelace,true,,Countess,38
,nobody@example.com,No,Name,true,,,
bob,bob at example,Bob,Example,true,,,
cleo,cleo@example.com,Cleo,Example,perhaps,,,
dora,dora@example.com,Dora,Example,true,Nowhere,,
ADA,other@example.com,Ada,Twice,true,,,
eve,eve@example.com,<b>,Example,true,,,
frank,frank@example.com,Frank
gina,gina@example.com,Gina,Example,false,,Boss,40
";
    let answer = api.post_text("/imports/users", "text/csv", rows).await.ok();
    assert_snapshot!(shown(&answer), @r#"
    {
      "created": 2,
      "failed": [
        {
          "line": 3,
          "message": "username is empty"
        },
        {
          "line": 4,
          "message": "email: `email` is not an e-mail address: it has no `@`; write it as `ada@example.com`"
        },
        {
          "line": 5,
          "message": "enabled is \"perhaps\"; it must be true or false"
        },
        {
          "line": 6,
          "message": "population: There is no population `Nowhere`; make it first, or let the import make populations"
        },
        {
          "line": 7,
          "message": "username ADA is in line 2 already"
        },
        {
          "line": 8,
          "message": "name.given: `name.given` has the character `<`; letters, marks, numbers, spaces, apostrophes, dots and hyphens are allowed"
        },
        {
          "line": 9,
          "message": "the row has 3 cells, the first line 8"
        }
      ],
      "unchanged": 0,
      "updated": 0
    }
    "#);
    let mut landed: Vec<String> =
        api.list("/users", "users").await.iter().map(|user| user["username"].to_string()).collect();
    landed.sort();
    assert_snapshot!(landed.join(" "), @r#""ada" "gina""#);
    let again = api.post_text("/imports/users", "text/csv", rows).await.ok();
    assert_eq!((&again["created"], &again["updated"]), (&json!(0), &json!(0)), "an import may be repeated");

    let groups = "\
group,description,nested_groups,members
Crew,Everyone,,ada;gina
Empty,,,
,No name,,ada
Lost,,Nowhere,nobody
";
    let answer = api.post_text("/imports/groups", "text/csv", groups).await.ok();
    assert_snapshot!(shown(&answer), @r#"
    {
      "created": 3,
      "failed": [
        {
          "line": 4,
          "message": "group is empty"
        },
        {
          "line": 5,
          "message": "members: There is no user `nobody`; import users before groups; nested_groups: There is no group `Nowhere`, and no row that makes it"
        }
      ],
      "unchanged": 0,
      "updated": 0
    }
    "#);

    let mut told = Refusals::of(&api);
    for (case, media_type, text) in [
        ("nothing", "text/csv", ""),
        ("no header of ours", "text/csv", "name,mail\nada,ada@example.com\n"),
        ("a column twice", "text/csv", "username,email,email\nada,a@example.com,b@example.com\n"),
        ("JSON", "application/json", "{}"),
    ] {
        let answer = api.post_text("/imports/users", media_type, text).await;
        told.add(case, answer);
    }
    let answer = api
        .post_text("/imports/users", "text/csv", b"username,email\nad\xffa,a@example.com\n".to_vec())
        .await;
    told.add("bytes that are no text", answer);
    assert_snapshot!(told, @"
    nothing
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username REQUIRED_VALUE: the first line must name the column username; it names 
    no header of ours
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - username REQUIRED_VALUE: the first line must name the column username; it names name, mail
    a column twice
      400 INVALID_DATA: The request could not be completed. One or more validation errors were in the request.
      - email INVALID_VALUE: the first line names the column email twice
    JSON
      400 INVALID_REQUEST: Send the file as text/csv.
    bytes that are no text
      400 INVALID_REQUEST: The file is not in UTF-8; save it as UTF-8.
    ");
}

#[test]
fn a_configuration_is_checked_whole_and_tells_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let output =
            bare_command(&["check", "--config"]).arg(&file).current_dir(dir.path()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        let said = said.replace(&dir.path().display().to_string(), "<dir>");
        (output.status.code(), redacted(&said))
    };
    let (code, said) = check(
        "faults.toml",
        r#"
            listen = "nowhere"
            database_url = "mysql://root:canary-password@db/usher"
            log = "loud,=="
            log_format = "xml"
            quiet_time_ms = 90000
            allow_http_targets = "perhaps"
            colour = "red"
            [bootstrap]
            environment_id = "one"
            client_secret = { file = "not-there" }
            admin_password = "canary"
        "#,
    );
    assert_eq!(code, Some(1));
    assert!(!said.contains("canary"), "{said}");
    assert_snapshot!(said, @r#"
    the configuration has 10 faults:
      bootstrap.client_secret (or USHER_BOOTSTRAP_CLIENT_SECRET) names the file not-there, which cannot be read: No such file or directory (os error 2)
      colour is not a key; the keys are listen, public_url, tls_certificate_file, tls_key_file, trusted_proxies, connections_per_address, max_requests_per_second, database_url, seal_key_file, log, log_format, quiet_time_ms, lease_ms, rules_at_once, allow_http_targets, allow_private_targets, oidc_issuer, oidc_client_id, oidc_client_secret, oidc_name, bootstrap.environment_id, bootstrap.client_id, bootstrap.client_secret, bootstrap.admin_username, bootstrap.admin_password
      listen (or USHER_LISTEN) must be an address and port such as 127.0.0.1:<port>
      quiet_time_ms (or USHER_QUIET_TIME_MS) must be a number of milliseconds, 0 to 60000
      allow_http_targets (or USHER_ALLOW_HTTP_TARGETS) must be true or false
      log_format (or USHER_LOG_FORMAT) must be "pretty" or "json"
      log (or USHER_LOG) must be a log filter such as info or usher=debug: invalid filter directive
      database_url (or USHER_DATABASE_URL) must be an address that begins with sqlite:// or postgres://
      bootstrap.environment_id (or USHER_BOOTSTRAP_ENVIRONMENT_ID) must be a UUID
      bootstrap.admin_password (or USHER_BOOTSTRAP_ADMIN_PASSWORD) must be at least 8 characters
    "#);

    let (code, said) = check("broken.toml", "listen = \"127.0.0.1:1\nlog =");
    assert_eq!(code, Some(1));
    assert_snapshot!(said, @r#"
    the configuration has 1 fault:
      the file is not TOML: line 1: invalid basic string, expected `"`
    "#);

    // A key file that others may read is refused, with what to do.
    let key = dir.path().join("loose.key");
    std::fs::write(&key, "not a key").unwrap();
    let mut permissions = std::fs::metadata(&key).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    std::fs::set_permissions(&key, permissions).unwrap();
    let (code, said) =
        check("loose.toml", "seal_key_file = \"loose.key\"\ndatabase_url = \"sqlite://usher.db\"");
    assert_eq!(code, Some(1), "{said}");
    assert_snapshot!(said, @"
    configuration: ok
    database: the key file <dir>/loose.key may be read by others (mode 0644). Run `chmod 600 <dir>/loose.key`; if others could have read it, change the secrets it protects.
    ");

    let (code, said) = check("good.toml", "database_url = \"sqlite://good.db\"");
    assert_eq!(code, Some(0), "{said}");
}
