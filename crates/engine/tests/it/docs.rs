//! The examples of the documentation compile and run.

use serde_json::{Value, json};

use crate::harness::Run;

/// The `json` blocks of a page.
fn examples(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1);
    let texts = blocks.map(|block| block.split("```").next().unwrap_or_default());
    texts
        .map(|text| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}:\n{text}")))
        .collect()
}

#[test]
fn every_example_of_the_documentation_runs() {
    let workflows = include_str!("../../../../docs/workflows.md");
    let functions = include_str!("../../../../docs/functions.md");
    let mut types = std::collections::BTreeSet::new();
    for document in examples(workflows).into_iter().chain(examples(functions)) {
        let mut run = Run::start(&document, json!({"who": "Ada"}));
        for node in document["nodes"].as_array().into_iter().flatten() {
            types.insert(node["type"].as_str().unwrap_or_default().to_owned());
        }
        for _ in 0..20 {
            run.tick(50);
            for (id, attempt, _) in run.state.outstanding() {
                let output = aob_engine::Blob::of(json!({"answer": 1}));
                run.result(
                    &id.to_string(),
                    attempt,
                    aob_engine::AttemptOutcome::Completed { output },
                );
            }
        }
        let waits = aob_engine::explain(&run.state, Some(&run.ir), &aob_engine::Around::default());
        assert!(run.state.is_terminal() || !waits.is_empty());
        assert!(run.state.error().is_none(), "{:?}\n{document:#}", run.state.error());
    }
    let all = [
        "agent",
        "aggregate",
        "composite",
        "conditional",
        "filter",
        "function",
        "hitl",
        "http",
        "join",
        "loop",
        "map",
        "parallel",
        "signal",
        "timer",
        "transform",
    ];
    for name in all {
        assert!(types.contains(name), "docs/workflows.md has no example of `{name}`");
    }
}

#[test]
fn every_patch_of_the_documentation_applies_or_asks() {
    let page = examples(include_str!("../../../../docs/patches.md"));
    let (document, patches) = page.split_first().expect("a workflow first");
    assert!(!patches.is_empty());
    for operations in patches {
        let mut run = Run::start(document, json!({}));
        run.patch("p", operations.clone()).unwrap_or_else(|why| panic!("{why:?}\n{operations:#}"));
        let grows = operations.to_string().contains("send_mail");
        assert_eq!(run.patch_status("p"), if grows { "waiting" } else { "applied" });
    }
}
