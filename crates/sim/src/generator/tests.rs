//! What is generated compiles, is varied, and is a function of its seed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Node, Options, Scenario};

/// Seeds that the tests look at.
const SEEDS: u64 = 10_000;

#[test]
fn every_document_compiles() {
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let document = Scenario::generate(seed, Options::default()).document();
        if let Err(problems) = aob_ir::compile(&document) {
            refused.entry(problems.to_string()).or_insert(seed);
        }
    }
    let first: Vec<_> = refused.iter().take(5).collect();
    assert!(refused.is_empty(), "{} refused, such as {first:#?}", refused.len());
}

#[test]
fn the_same_seed_gives_the_same_scenario() {
    for seed in 0..50 {
        let options = Options::default();
        assert_eq!(Scenario::generate(seed, options), Scenario::generate(seed, options));
    }
}

#[test]
fn graphs_are_large_and_of_every_type() {
    let mut sizes = Vec::new();
    let mut with_type: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let scenario = Scenario::generate(seed, Options::default());
        sizes.push(scenario.flow.nodes.len());
        let mut types = BTreeSet::new();
        scenario.flow.each_node(&mut |node| {
            types.insert(type_of(node));
        });
        for name in types {
            *with_type.entry(name).or_default() += 1;
        }
    }
    sizes.sort_unstable();
    let (median, most) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    println!("median {median}, most {most}, {with_type:?}");
    assert!(median >= 15 && sizes[0] == 1 && most <= 60, "{} to {most}, {median}", sizes[0]);
    assert_eq!(with_type.len(), 18, "{with_type:?}");
    for (name, count) in with_type {
        assert!(count * 20 >= SEEDS, "only {count} of {SEEDS} graphs have a node of type {name}");
    }
}

/// The type of a node; all that no server knows are one.
fn type_of(node: &Node) -> String {
    let unknown = matches!(node.kind, Kind::Unknown { .. });
    if unknown { "unknown".to_owned() } else { node.type_name().to_owned() }
}
