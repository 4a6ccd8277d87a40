//! How the program behaves at a terminal, in pipes and scripts: exit codes, what ends it quietly, what it says before it
//! begins.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    process::{Command, Output, Stdio},
};

use crate::support::{Home, World, bare_command};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it with nobody to read what it prints.
fn into_a_closed_pipe(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_ends_it_quietly() {
    assert_eq!(into_a_closed_pipe(bare_command(&["completions", "bash"])), (Some(141), String::new()));
    assert_eq!(into_a_closed_pipe(Home::sqlite().command(&["check"])), (Some(141), String::new()));
    let world = World::start().await;
    let list = world.usher.cli_command(&["connections", "list"]);
    let ended = tokio::task::spawn_blocking(move || into_a_closed_pipe(list)).await.unwrap();
    assert_eq!(ended, (Some(141), String::new()));
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = bare_command(&["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("standard output cannot be written"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_of_any_verb_exit_64() {
    let wrong: [&[&str]; 5] =
        [&[], &["preview"], &["users", "list", "--colour"], &["serve", "--role", "judge"], &["no-such-verb"]];
    for arguments in wrong {
        let output = bare_command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty());
    }
    for arguments in [&["--help"][..], &["--version"], &["users", "--help"]] {
        assert_eq!(bare_command(arguments).output().unwrap().status.code(), Some(0), "{arguments:?}");
    }
    let world = World::start().await;
    let output = world.usher.cli(&["users", "create", "--username", "ada", "--set", "title"]).await;
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
}

#[test]
fn a_taken_port_is_found_before_secrets_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = bare_command(&["serve"]);
    let listen = taken.local_addr().unwrap().to_string();
    let output = command.current_dir(dir.path()).env("USHER_LISTEN", &listen).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&format!("listening at {listen}; is another Usher running there?")), "{said}");
    assert!(!said.contains("shown this once"), "{said}");
    assert!(!dir.path().join("usher.db").exists(), "a database was made");
}

#[test]
fn a_variable_that_nothing_reads_is_refused() {
    let home = Home::sqlite();
    for verb in ["check", "serve"] {
        let output = home.command(&[verb]).env("USHER_LISTN", "127.0.0.1:1").output().unwrap();
        let said = format!("{}{}", stderr(&output), String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the variable USHER_LISTN is not known; did you mean USHER_LISTEN?"), "{said}");
    }
}

#[test]
fn the_commands_that_the_demo_prints_work_as_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = bare_command(&["demo", "--dir", "a demo"]);
    command.current_dir(dir.path()).env("USHER_LISTEN", format!("127.0.0.1:{port}"));
    let mut demo = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut printed = lines.skip_while(|line| !line.contains("In another terminal"));
    assert!(
        printed.next().unwrap().contains(&format!("http://127.0.0.1:{port}")),
        "USHER_LISTEN was ignored"
    );
    let commands: Vec<String> =
        printed.map_while(|line| (!line.starts_with("Ctrl-C")).then(|| line.trim().to_owned())).collect();
    let (exports, verbs): (Vec<&String>, Vec<&String>) =
        commands.iter().filter(|line| !line.is_empty()).partition(|line| line.starts_with("export "));
    assert_eq!(verbs.len(), 3, "{commands:?}");
    for verb in verbs {
        let script = exports.iter().map(|line| format!("{line}\n")).collect::<String>() + verb;
        let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
        // 2: changes are pending; 4: somebody needs a person.
        let code = output.status.code().unwrap();
        assert!([0, 2, 4].contains(&code), "{verb} ended with {code}: {}", stderr(&output));
    }
    // A second demo in the same directory is refused, and takes nothing from the first.
    let second = bare_command(&["demo", "--dir", "a demo"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another Usher process"), "{}", stderr(&second));
    for file in ["usher.db", "usher.key"] {
        assert!(dir.path().join("a demo").join(file).exists(), "the second demo removed {file}");
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
}
