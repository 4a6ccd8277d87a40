//! Keeps the walls between the floors where ARCHITECTURE.md draws them: which crate depends on which, and
//! which paths the code of a directory never names.

mod paths;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use table::{Floors, Wall};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn floors() -> Result<Floors> {
    let page =
        fs::read_to_string(root().join("ARCHITECTURE.md")).context("ARCHITECTURE.md cannot be read")?;
    Floors::read(&page)
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let floors = floors().unwrap();
    let members = members().unwrap();
    let mut faults = Vec::new();
    let names: BTreeSet<_> = members.iter().map(|member| member.name.as_str()).collect();
    for member in &members {
        let Some(place) = floors.crates.get(&member.name) else {
            faults.push(format!("crate {} has no place in ARCHITECTURE.md: give it a floor", member.name));
            continue;
        };
        for (dependency, for_tests) in &member.dependencies {
            let ours = names.contains(dependency.as_str());
            let allowed =
                place.may.contains(dependency) || (*for_tests && place.tests_may.contains(dependency));
            if ours && !allowed {
                let what = if *for_tests { "tests of" } else { "crate" };
                faults.push(format!("{what} {} must not depend on {dependency}", member.name));
            }
        }
    }
    let gone = floors.crates.keys().filter(|name| !names.contains(name.as_str()));
    faults.extend(
        gone.map(|name| format!("ARCHITECTURE.md gives a floor to {name}, which is no crate of ours")),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn code_names_only_what_its_place_allows() {
    let mut faults = Vec::new();
    for wall in &floors().unwrap().walls {
        for file in files_behind(wall).unwrap() {
            faults.extend(faults_in(wall, &file).unwrap());
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_wall_stands_around_something() {
    let floors = floors().unwrap();
    let empty: Vec<_> = floors
        .walls
        .iter()
        .filter(|wall| !wall.to_come && files_behind(wall).unwrap().is_empty())
        .map(|wall| format!("ARCHITECTURE.md speaks of {}, where there is no code", wall.place))
        .collect();
    assert!(empty.is_empty(), "{}", empty.join("\n"));
}

#[test]
fn a_wall_that_is_crossed_is_told_with_file_line_and_reason() {
    let wall = |never: &[&[&str]]| Wall {
        place: "crates/engine/src".into(),
        to_come: false,
        except: Vec::new(),
        never: never.iter().map(|names| names.iter().map(|name| (*name).to_owned()).collect()).collect(),
        because: "the engine knows ports".into(),
    };
    let source = "use usher_domain::ports;\nfn f() { sqlx::query!(\"…\"); }\nuse usher_connectors::{dropbox::Client};\n";
    let told =
        |never: &[&[&str]]| faults_of(&wall(never), "crates/engine/src/lib.rs", source).unwrap().join("\n");
    insta::assert_snapshot!(told(&[&["sqlx"], &["dropbox"]]), @"
    crates/engine/src/lib.rs:2 names sqlx::query, but the engine knows ports
    crates/engine/src/lib.rs:3 names usher_connectors::dropbox::Client, but the engine knows ports
    ");
    insta::assert_snapshot!(told(&[&["usher_domain", "usher_connectors"]]), @"crates/engine/src/lib.rs:3 names usher_connectors::dropbox::Client together with usher_domain, but the engine knows ports");
    assert_eq!(told(&[&["usher_domain", "usher_store"], &["reqwest"]]), "");
}

struct Member {
    name: String,
    /// Name, and whether only tests depend on it.
    dependencies: Vec<(String, bool)>,
}

fn members() -> Result<Vec<Member>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list =
        |value: &Value| value.as_array().cloned().context("cargo metadata has another shape than expected");
    let text = |value: &Value| value.as_str().map(str::to_owned).context("cargo metadata has another shape");
    list(&metadata["packages"])?
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"])?
                .iter()
                .map(|dependency| Ok((text(&dependency["name"])?, dependency["kind"] == "dev")))
                .collect::<Result<_>>()?;
            Ok(Member { name: text(&package["name"])?, dependencies })
        })
        .collect()
}

/// The Rust files that a wall is about. A place is a directory, or a module's file without its ending.
/// Modules that are only tests are not held.
fn files_behind(wall: &Wall) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let place = root().join(&wall.place);
    if place.is_dir() {
        collect(&place, &mut files)?;
    }
    let file = place.with_extension("rs");
    if file.is_file() {
        files.push(file);
    }
    let spared: Vec<_> = wall.except.iter().map(|path| root().join(path)).collect();
    files.retain(|file| {
        !spared.iter().any(|spared| file.starts_with(spared) || file.with_extension("") == *spared)
    });
    files.sort();
    Ok(files)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn faults_in(wall: &Wall, file: &Path) -> Result<Vec<String>> {
    let source = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let shown = file.strip_prefix(root()).unwrap_or(file).display().to_string();
    faults_of(wall, &shown, &source)
}

fn faults_of(wall: &Wall, file: &str, source: &str) -> Result<Vec<String>> {
    let named = paths::named(source, &paths::module_of(file))
        .map_err(|error| anyhow!("{file} is no Rust: {error}"))?;
    let find = |name: &str| named.iter().filter(|path| path.contains(name)).collect::<Vec<_>>();
    let mut faults = Vec::new();
    for together in &wall.never {
        let Some((last, others)) = together.split_last() else { continue };
        if others.iter().any(|other| find(other).is_empty()) {
            continue;
        }
        let with = if others.is_empty() {
            String::new()
        } else {
            format!(" together with {}", others.join(" and "))
        };
        for path in find(last) {
            faults.push(format!("{file}:{} names {}{with}, but {}", path.line, path.name, wall.because));
        }
    }
    Ok(faults)
}
