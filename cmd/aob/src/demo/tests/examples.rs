//! The documents under `examples/` compile without a warning and do what they say.

use std::path::{Path, PathBuf};

use aob_engine::{EventKind, Vote};
use serde_json::{Value, json};

use super::Demo;
use super::play::Play;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// Runs an example with one of its input files against a demo service of its own.
async fn play(demo: &Demo, document: &str, inputs: &str, votes: &[Vote]) -> Play {
    let compiled = aob_ir::compile_text(&read(&format!("{document}.json"))).unwrap();
    let mut inputs: Value = serde_json::from_str(&read(&format!("{inputs}.inputs.json"))).unwrap();
    inputs["base_url"] = json!(demo.base);
    Play::run(compiled.ir, &demo.base, inputs, votes.to_vec()).await
}

#[test]
fn every_example_compiles_without_a_warning_and_accepts_its_inputs() {
    let files = std::fs::read_dir(folder()).unwrap();
    let mut names: Vec<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    let (mut documents, mut inputs) = (0, 0);
    for name in names {
        let document = name.split('.').next().unwrap();
        let text = read(&format!("{document}.json"));
        let compiled = aob_ir::compile_text(&text).unwrap_or_else(|problems| {
            panic!("{}", aob_ir::render_diagnostics(&name, &text, &problems.0))
        });
        if name.ends_with(".inputs.json") {
            inputs += 1;
            let schema = compiled.ir.inputs_schema.as_ref().expect("inputs are described");
            let value: Value = serde_json::from_str(&read(&name)).unwrap();
            assert_eq!(schema.validate(&value), [], "{name}");
        } else {
            documents += 1;
            assert!(compiled.warnings.is_empty(), "{name}: {:?}", compiled.warnings);
        }
    }
    assert_eq!((documents, inputs), (6, 10));
}

#[tokio::test]
async fn onboarding_ends_with_an_account_or_says_why_not() {
    use Vote::{Approve, Reject};
    let demo = Demo::start().await;
    for (inputs, votes, decision, asked) in [
        ("onboarding", &[Approve][..], "accepted", 1),
        ("onboarding", &[Reject], "declined", 1),
        ("onboarding.review", &[Approve, Approve], "accepted", 2),
        ("onboarding.review", &[Reject], "declined", 1),
        ("onboarding.declined", &[], "declined", 0),
    ] {
        let play = play(&demo, "onboarding", inputs, votes).await;
        assert_eq!(play.status(), "completed", "{inputs} {votes:?}");
        let output = play.output();
        assert_eq!(output["decision"], decision, "{inputs} {votes:?}");
        assert_eq!(output["account"].is_string(), decision == "accepted");
        let requested =
            |event: &&aob_engine::Event| matches!(event.kind, EventKind::ApprovalRequested(_));
        assert_eq!(play.events.iter().filter(requested).count(), asked, "{inputs} {votes:?}");
    }
}

#[tokio::test]
async fn support_triage_opens_one_ticket_in_the_right_queue() {
    let demo = Demo::start().await;
    let play = play(&demo, "support-triage", "support-triage", &[]).await;
    assert_eq!(play.status(), "completed");
    let output = play.output();
    assert_eq!((&output["queue"], &output["urgency"]), (&json!("billing"), &json!("normal")));
    assert_eq!(play.completed(), ["classify", "route", "billing", "reply"]);
}

#[tokio::test]
async fn the_data_pipeline_reports_on_five_hundred_items() {
    let demo = Demo::start().await;
    let play = play(&demo, "data-pipeline", "data-pipeline", &[]).await;
    assert_eq!(play.status(), "completed");
    let report = play.output();
    assert_eq!((&report["fetched"], &report["withdrawn"]), (&json!(500), &json!(2)));
    let in_stock = report["in_stock"].as_u64().unwrap();
    let categories = report["by_category"].as_array().unwrap();
    let sum: u64 = categories.iter().map(|c| c["items"].as_u64().unwrap()).sum();
    assert_eq!((categories.len(), sum), (5, in_stock));
    let total = report["total_cents"].as_f64().unwrap();
    let mean = report["mean_cents"].as_f64().unwrap();
    assert!((total / in_stock as f64 - mean).abs() < 1e-6, "{report}");
}

#[tokio::test]
async fn the_polling_loop_delivers_or_gives_up() {
    for (inputs, status, polls) in
        [("polling-loop", "delivered", 3), ("polling-loop.timeout", "gave up", 10)]
    {
        let demo = Demo::start().await;
        let play = play(&demo, "polling-loop", inputs, &[]).await;
        assert_eq!(play.status(), "completed");
        let output = play.output();
        assert_eq!((&output["status"], &output["polls"]), (&json!(status), &json!(polls)));
        let polled = play.completed().iter().filter(|id| id.ends_with("poll")).count();
        assert_eq!(polled, polls, "{inputs}");
    }
}

#[tokio::test]
async fn the_order_saga_ships_or_undoes_everything_last_first() {
    let demo = Demo::start().await;
    let shipped = play(&demo, "order-saga", "order-saga.shipped", &[]).await;
    assert_eq!(shipped.status(), "completed");
    let output = shipped.output();
    for part in ["order", "payment", "shipment"] {
        assert!(output[part].as_str().unwrap().starts_with(part), "{output}");
    }

    let demo = Demo::start().await;
    let failed = play(&demo, "order-saga", "order-saga", &[]).await;
    assert_eq!(failed.status(), "failed");
    assert_eq!(failed.completed(), ["order", "payment", "payment.compensate", "order.compensate"]);
    let (_, order) = demo.get(&format!("/orders/{}", id_in(&failed, "order"))).await;
    let (_, payment) = demo.get(&format!("/payments/{}", id_in(&failed, "payment"))).await;
    assert_eq!((&order["status"], &payment["status"]), (&json!("cancelled"), &json!("refunded")));
}

/// The id that a node's answer holds.
fn id_in(play: &Play, node: &str) -> String {
    let output = play.events.iter().find_map(|event| {
        let EventKind::NodeCompleted(data) = &event.kind else { return None };
        data.output.inline().filter(|_| &*data.instance.node == node)
    });
    output.unwrap().value()["body"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_diamond_joins_once_and_does_not_wait_for_the_slowest() {
    let demo = Demo::start().await;
    let play = play(&demo, "diamond", "diamond", &[]).await;
    assert_eq!(play.status(), "completed");
    assert_eq!(play.output(), json!({"carrier": "steady", "price_cents": 2_050}));
    let completed = play.completed();
    assert_eq!(completed.iter().filter(|id| *id == "first_two").count(), 1);
    assert!(!completed.contains(&"tortoise".to_owned()), "{completed:?}");
    let cancelled = play.events.iter().any(|event| {
        matches!(&event.kind, EventKind::NodeCancelled(data) if &*data.instance.node == "tortoise")
    });
    assert!(cancelled, "the loser is cancelled");
}
