//! The layer rule: an arrow between our crates only ever points down, and the pure crates reach no
//! runtime, no database and no clock, not even through somebody else.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What each crate may use of ours. A crate that is not named here has not been given its place.
const MAY_USE: &[(&str, &[&str])] = &[
    ("aob-points", &[]),
    ("aob-store", &["aob-points"]),
    ("aob-bus", &[]),
    ("aob-cache", &[]),
    ("aob-cas", &[]),
    ("aob-address", &[]),
    ("aob-egress", &["aob-address"]),
    // What people are told of approvals, and who sends it.
    ("aob-notify", &["aob-engine", "aob-api", "aob-store", "aob-egress"]),
    // Settings and ports of service programs; only their mains use it.
    ("aob-production", &["aob-store", "aob-bus", "aob-cache", "aob-cas"]),
    ("aob-ir", &[]),
    ("aob-materializer", &["aob-ir"]),
    ("aob-validator", &["aob-address", "aob-ir", "aob-materializer"]),
    ("aob-bugs", &[]),
    // It judges the product, and uses nothing of it but the names of points.
    ("aob-chaos", &["aob-points"]),
    ("aob-optimizer", &["aob-ir", "aob-engine", "aob-materializer"]),
    ("aob-engine", &["aob-bugs", "aob-ir", "aob-materializer", "aob-validator"]),
    ("aob-checker", &["aob-ir", "aob-materializer", "aob-engine"]),
    ("aob-fuzz", &["aob-ir", "aob-materializer", "aob-validator", "aob-engine", "aob-checker"]),
    ("aob-api", &["aob-ir", "aob-validator", "aob-engine"]),
    ("aob-edge", &["aob-engine", "aob-api", "aob-points", "aob-store", "aob-bus"]),
    (
        "aob-coordinator",
        &[
            "aob-bugs",
            "aob-ir",
            "aob-materializer",
            "aob-validator",
            "aob-engine",
            "aob-api",
            "aob-points",
            "aob-store",
            "aob-bus",
            "aob-cache",
            "aob-cas",
        ],
    ),
    // Jobs of pools over topics.
    (
        "aob-agents",
        &["aob-ir", "aob-engine", "aob-coordinator", "aob-store", "aob-bus", "aob-api", "aob-edge"],
    ),
    // What API and pages say the same way.
    (
        "aob-answers",
        &[
            "aob-ir",
            "aob-materializer",
            "aob-engine",
            "aob-coordinator",
            "aob-store",
            "aob-api",
            "aob-edge",
        ],
    ),
    (
        "aob-orchestrator",
        &[
            "aob-ir",
            "aob-materializer",
            "aob-validator",
            "aob-engine",
            "aob-checker",
            "aob-coordinator",
            "aob-optimizer",
            "aob-api",
            "aob-edge",
            "aob-egress",
            "aob-notify",
            "aob-agents",
            "aob-answers",
            "aob-points",
            "aob-store",
            "aob-bus",
            "aob-cache",
            "aob-cas",
            "aob-production",
        ],
    ),
    (
        "aob-fanout",
        &[
            "aob-engine",
            "aob-api",
            "aob-edge",
            "aob-points",
            "aob-store",
            "aob-bus",
            "aob-production",
        ],
    ),
    (
        "aob-hitl",
        &[
            "aob-ir",
            "aob-engine",
            "aob-coordinator",
            "aob-api",
            "aob-edge",
            "aob-egress",
            "aob-notify",
            "aob-agents",
            "aob-answers",
            "aob-points",
            "aob-store",
            "aob-bus",
            "aob-cache",
            "aob-cas",
            "aob-production",
        ],
    ),
    (
        "aob-runner",
        &[
            "aob-ir",
            "aob-engine",
            "aob-api",
            "aob-points",
            "aob-store",
            "aob-bus",
            "aob-cas",
            "aob-egress",
            "aob-production",
        ],
    ),
];

/// Crates that compose or test, and may name everything.
const COMPOSERS: &[&str] = &["aob", "aob-sim", "aob-bench", "xtask"];

/// Crates without I/O, clock, runtime and randomness.
const PURE: &[&str] =
    &["aob-address", "aob-ir", "aob-materializer", "aob-validator", "aob-engine", "aob-checker"];

/// What no pure crate may reach.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "futures-executor",
    "hyper",
    "reqwest",
    "axum",
    "rusqlite",
    "sqlx",
    "rdkafka",
    "redis",
    "rand",
    "tracing",
    "mio",
    "socket2",
];

/// Checks the rule.
///
/// # Errors
/// If an arrow points up, with every such arrow.
pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new().exec().context("cargo metadata")?;
    let mut problems = own_arrows(&metadata);
    problems.extend(impure_reach()?);
    if problems.is_empty() {
        return Ok(());
    }
    bail!("the layer rule is broken:\n  {}", problems.join("\n  "));
}

fn own_arrows(metadata: &Metadata) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let members: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if COMPOSERS.contains(&name) {
            continue;
        }
        let Some(allowed) = table.get(name) else {
            problems.push(format!("{name} has no place in the table of xtask/src/layers.rs"));
            continue;
        };
        let used = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        for dependency in used {
            let to = dependency.name.as_str();
            if members.contains(to) && !allowed.contains(&to) {
                problems.push(format!("{name} -> {to}"));
            }
        }
    }
    problems
}

/// Impure crates that a pure crate reaches through normal dependencies, with the features that
/// are on. (The graph of `cargo metadata` has optional dependencies that nothing turns on.)
fn impure_reach() -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for pure in PURE {
        let tree = Command::new("cargo")
            .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p}", "--package", pure])
            .output()
            .context("cargo tree")?;
        let text = String::from_utf8_lossy(&tree.stdout);
        ensure!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
        let reached: BTreeSet<&str> =
            text.lines().filter_map(|line| line.split(' ').next()).collect();
        let impure = IMPURE.iter().filter(|name| reached.contains(*name));
        problems.extend(impure.map(|name| format!("{pure} (pure) reaches {name}")));
    }
    Ok(problems)
}
