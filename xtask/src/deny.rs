//! `cargo xtask deny`: what may come in from outside, judged by the rules in `deny.toml`.
//!
//! The file is a subset of cargo-deny's own format, so that cargo-deny reads it too. A key that is not
//! understood here is an error: a rule that is silently not kept is worse than none. Security advisories
//! are not looked up: that needs cargo-deny or cargo-audit and their database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::cargo::{cargo, metadata, root};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

/// The platforms whose dependencies count.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    targets: Vec<String>,
}

/// The licences that a dependency may be had under.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Bans {
    multiple_versions: Deny,
    deny: Vec<Named>,
    /// `name@version` of the copies that we know of and cannot yet be rid of.
    skip: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sources {
    #[expect(dead_code, reason = "there is no other value, and the parser insists on it")]
    unknown_registry: Deny,
    #[expect(dead_code, reason = "there is no other value, and the parser insists on it")]
    unknown_git: Deny,
    allow_registry: Vec<String>,
}

/// The only severity that this check knows.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Deny {
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(rename = "crate")]
    krate: String,
    reason: String,
}

/// One crate of the dependency graph.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for the crates of this repository.
    source: Option<String>,
}

/// Judges the dependency graph by `deny.toml`.
///
/// # Errors
/// With every fault found, each with what to do.
pub(crate) fn run() -> Result<()> {
    let path = root().join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rules: Rules = toml::from_str(&text).context("deny.toml is not understood")?;
    let built = built(&rules.graph.targets)?;
    let mut graph = metadata(&rules.graph.targets)?;
    let mut packages: Vec<Package> = serde_json::from_value(graph["packages"].take())
        .context("cargo metadata's packages are not understood")?;
    packages.retain(|package| built.contains(&format!("{} v{}", package.name, package.version)));
    let faults = judge(&rules, &packages);
    if faults.is_empty() {
        println!("dependencies: {} crates, all as deny.toml allows", packages.len());
        return Ok(());
    }
    let mut message = format!("{} faults against deny.toml:", faults.len());
    for fault in &faults {
        write!(message, "\n  {fault}")?;
    }
    bail!(message)
}

/// Every crate that is really built for the targets, tests included, as `name vVERSION`. `cargo metadata`
/// also lists optional dependencies that no feature turns on; `cargo tree` does not.
fn built(targets: &[String]) -> Result<BTreeSet<String>> {
    let mut built = BTreeSet::new();
    for target in targets {
        let output = cargo([
            "tree",
            "--workspace",
            "--locked",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--target",
            target,
        ])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo tree")?;
        ensure!(output.status.success(), "cargo tree failed (its message is above)");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let mut words = line.split(' ');
            if let (Some(name), Some(version)) = (words.next(), words.next()) {
                built.insert(format!("{name} {version}"));
            }
        }
    }
    Ok(built)
}

fn judge(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut faults = licences(rules, packages);
    faults.extend(banned(rules, packages));
    faults.extend(sources(rules, packages));
    faults.extend(duplicates(rules, packages));
    faults.extend(reasons(rules));
    faults
}

fn licences(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for Package { name, version, license, .. } in packages {
        let Some(license) = license else {
            faults.push(format!("{name} {version} names no licence: ask its author, or do without it"));
            continue;
        };
        // Lax: some crates still write "MIT/Apache-2.0".
        let Ok(expression) = spdx::Expression::parse_mode(license, spdx::ParseMode::LAX) else {
            faults.push(format!("{name} {version}: \"{license}\" is no SPDX licence expression"));
            continue;
        };
        let fits = expression.evaluate(|wanted| {
            let allowed = rules.licenses.allow.iter().find(|allowed| **allowed == wanted.to_string());
            used.extend(allowed);
            allowed.is_some()
        });
        if !fits {
            faults.push(format!(
                "{name} {version} is under \"{license}\", and no choice of it is in licenses.allow: do without it, or \
                 allow that licence for a stated reason"
            ));
        }
    }
    let unused = rules.licenses.allow.iter().filter(|allowed| !used.contains(allowed));
    faults
        .extend(unused.map(|name| format!("licenses.allow lists {name}, which no crate needs: take it out")));
    faults
}

fn banned(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for Named { krate, reason } in &rules.bans.deny {
        for package in packages.iter().filter(|package| package.name == *krate) {
            faults.push(format!("{} {} is banned: {reason}", package.name, package.version));
        }
    }
    faults
}

fn sources(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for Package { name, version, source, .. } in packages {
        let Some(source) = source else { continue };
        let registry = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
        if !registry
            .is_some_and(|registry| rules.sources.allow_registry.iter().any(|allowed| allowed == registry))
        {
            faults.push(format!(
                "{name} {version} comes from {source}, which is not in sources.allow-registry"
            ));
        }
    }
    faults
}

fn duplicates(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let Deny::Deny = rules.bans.multiple_versions;
    let skipped: BTreeSet<&str> = rules.bans.skip.iter().map(|skip| skip.krate.as_str()).collect();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for (name, versions) in &versions {
        let (known, counted): (Vec<_>, Vec<_>) = versions
            .iter()
            .map(|version| format!("{name}@{version}"))
            .partition(|copy| skipped.contains(copy.as_str()));
        if versions.len() > 1 {
            needed.extend(known);
        }
        if counted.len() > 1 {
            faults.push(format!(
                "{} are both built in: bring them to one version (cargo tree -i {} says who wants it), or list one \
                 under bans.skip with the reason",
                counted.join(" and "),
                counted[0]
            ));
        }
    }
    let stale = skipped.into_iter().filter(|skip| !needed.contains(*skip));
    faults
        .extend(stale.map(|skip| format!("bans.skip lists {skip}, which is no second version: take it out")));
    faults
}

fn reasons(rules: &Rules) -> Vec<String> {
    let bare = rules.bans.deny.iter().chain(&rules.bans.skip).filter(|named| named.reason.trim().is_empty());
    bare.map(|named| format!("{} is listed without a reason: say why", named.krate)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Package, Rules, judge};

    const RULES: &str = r#"
        [graph]
        targets = []
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        [bans]
        multiple-versions = "deny"
        deny = [{ crate = "openssl", reason = "TLS is rustls" }]
        skip = [{ crate = "base64@0.22.1", reason = "wanted by an old friend" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        allow-registry = ["https://github.com/rust-lang/crates.io-index"]
    "#;

    fn package(name: &str, version: &str, license: &str) -> Package {
        let source = "registry+https://github.com/rust-lang/crates.io-index";
        Package {
            name: name.into(),
            version: version.into(),
            license: (!license.is_empty()).then(|| license.into()),
            source: Some(source.into()),
        }
    }

    /// A graph that has no fault, and uses every rule.
    fn blameless() -> Vec<Package> {
        vec![
            package("base64", "0.22.1", "MIT OR Apache-2.0"),
            package("base64", "0.23.1", "MIT/Apache-2.0"),
            package("spdx", "0.13.6", "Apache-2.0"),
        ]
    }

    fn faults(change: impl FnOnce(&mut Vec<Package>)) -> String {
        let mut packages = blameless();
        change(&mut packages);
        judge(&toml::from_str::<Rules>(RULES).unwrap(), &packages).join("\n")
    }

    #[test]
    fn a_graph_within_the_rules_has_no_fault() {
        assert_eq!(faults(|_| ()), "");
    }

    #[test]
    fn a_licence_must_be_allowed_in_one_of_its_choices_and_in_all_of_its_parts() {
        assert_eq!(faults(|graph| graph.push(package("any", "1.0.0", "GPL-3.0-only OR MIT"))), "");
        insta::assert_snapshot!(
            faults(|graph| {
                graph.push(package("both", "1.0.0", "MIT AND Zlib"));
                graph.push(package("free", "1.0.0", "free as in beer"));
                graph.push(package("mute", "1.0.0", ""));
            }),
            @r#"
        both 1.0.0 is under "MIT AND Zlib", and no choice of it is in licenses.allow: do without it, or allow that licence for a stated reason
        free 1.0.0: "free as in beer" is no SPDX licence expression
        mute 1.0.0 names no licence: ask its author, or do without it
        "#
        );
    }

    #[test]
    fn a_banned_crate_is_a_fault_with_the_reason() {
        insta::assert_snapshot!(faults(|graph| graph.push(package("openssl", "0.10.1", "MIT"))), @"openssl 0.10.1 is banned: TLS is rustls");
    }

    #[test]
    fn only_the_listed_registry_may_be_a_source() {
        insta::assert_snapshot!(
            faults(|graph| graph[2].source = Some("git+https://example.com/spdx#abc".into())),
            @"spdx 0.13.6 comes from git+https://example.com/spdx#abc, which is not in sources.allow-registry"
        );
    }

    #[test]
    fn a_second_version_is_a_fault_unless_it_is_listed_and_a_listed_one_must_be_there() {
        insta::assert_snapshot!(faults(|graph| graph.push(package("spdx", "0.12.0", "MIT"))), @"spdx@0.12.0 and spdx@0.13.6 are both built in: bring them to one version (cargo tree -i spdx@0.12.0 says who wants it), or list one under bans.skip with the reason");
        insta::assert_snapshot!(faults(|graph| drop(graph.remove(1))), @"bans.skip lists base64@0.22.1, which is no second version: take it out");
    }

    #[test]
    fn a_rule_that_is_not_understood_is_an_error() {
        assert!(toml::from_str::<Rules>(&RULES.replace("[sources]", "[sources]\nprivate = []")).is_err());
        assert!(
            toml::from_str::<Rules>(
                &RULES.replace("multiple-versions = \"deny\"", "multiple-versions = \"warn\"")
            )
            .is_err()
        );
    }
}
