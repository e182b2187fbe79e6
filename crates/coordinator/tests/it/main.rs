//! The coordinator with all its tasks, over the memory model and over SQLite.

mod caches;
#[macro_use]
mod stack;

use aob_engine::{Command, RunStatus, Vote};
use serde_json::json;
use stack::{Stack, echo_document};

over_both! {
    async fn an_inline_chain_completes_in_one_append(stack: Stack) {
        let document = json!({
            "nodes": [
                {"id": "a", "type": "transform", "config": {"template": 1}},
                {"id": "b", "type": "transform", "config": {"expression": "input + 1"}},
            ],
            "edges": [{"from": "a", "to": "b"}],
        });
        let run = stack.start(&document, json!({})).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!(2));
        assert_eq!(stack.segments(run).await.len(), 1);
        stack.verify(run).await;
    }

    async fn jobs_go_out_and_results_come_in(stack: Stack) {
        let run = stack.start(&echo_document(3), json!({})).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!("n2"));
        stack.verify(run).await;
        stack.quiet().await;
    }

    async fn a_result_changes_the_graph_before_it_is_recorded(stack: Stack) {
        let patch = json!([
            {"op": "add", "path": "/nodes/-", "value": {"id": "more", "type": "transform", "config": {"template": 7}}},
            {"op": "add", "path": "/edges/-", "value": {"from": "fetch", "to": "more"}},
        ]);
        let fetch = json!({
            "id": "fetch", "type": "function", "config": {"name": "echo", "args": {"patch": patch}},
        });
        let run = stack.start(&json!({"nodes": [fetch], "edges": []}), json!({})).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!(7));
        assert_eq!(stack.count(run, "patch_applied").await, 1);
        stack.verify(run).await;
    }

    async fn what_is_no_result_goes_to_the_dead_letters(stack: Stack) {
        let letter = stack.publish_nonsense().await;
        assert_eq!(&letter.payload[..], b"{\"run\": 7");
        let names: Vec<&str> = letter.headers.iter().map(|header| &*header.name).collect();
        assert!(names.contains(&"aob-dead-reason") && names.contains(&"aob-dead-offset"));
        let run = stack.start(&echo_document(2), json!({})).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
    }

    async fn children_report_to_their_parents(stack: Stack) {
        let leaf = json!({"nodes": [{"id": "x", "type": "function", "config": {"name": "echo", "args": "$inputs"}}], "edges": []});
        let document = json!({
            "nodes": [{"id": "each", "type": "map", "config": {"items": [1, 2, 3], "workflow": leaf}}],
            "edges": [],
        });
        let run = stack.start(&document, json!({})).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!([1, 2, 3]));
        stack.verify(run).await;
        stack.quiet().await;
    }

    async fn a_cancelled_parent_takes_its_children_along(stack: Stack) {
        let leaf = json!({"nodes": [{"id": "t", "type": "signal", "config": {"name": "never"}}], "edges": []});
        let document = json!({
            "nodes": [{"id": "sub", "type": "composite", "config": {"workflow": leaf}}],
            "edges": [],
        });
        let run = stack.start(&document, json!({})).await;
        stack.submit(run, Command::Cancel { reason: None }).await.expect("cancel is accepted");
        assert_eq!(stack.wait(run).await, RunStatus::Cancelled);
        let runs = stack.runs().await;
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().all(|row| row.status == "cancelled"), "{runs:?}");
        stack.quiet().await;
    }

    async fn timers_fire_by_themselves(stack: Stack) {
        let document = json!({"nodes": [{"id": "t", "type": "timer", "config": {"for_ms": 30}}], "edges": []});
        let run = stack.start(&document, json!("v")).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!("v"));
        stack.verify(run).await;
    }

    async fn a_wide_map_goes_on_over_many_segments(stack: Stack) {
        let items: Vec<u32> = (0..3_000).collect();
        let document = json!({
            "nodes": [
                {"id": "each", "type": "map", "config": {"items": "$inputs", "node": {"id": "b", "type": "transform", "config": {"template": "$item"}}}},
                {"id": "n", "type": "aggregate", "config": {"items": "$nodes.each", "operation": "count"}},
            ],
            "edges": [{"from": "each", "to": "n"}],
        });
        let run = stack.start(&document, json!(items)).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!(3_000));
        stack.verify(run).await;
    }

    async fn a_no_op_is_answered_only_at_the_head(stack: Stack) {
        let document = json!({"nodes": [{"id": "ok", "type": "hitl", "config": {"message": "?"}}], "edges": []});
        let run = stack.start(&document, json!({})).await;
        // Another process decides the ticket; this one still has the state from before.
        let other = stack.second_coordinator();
        let ticket = stack.ticket().await;
        other.vote(run, &ticket, Vote::Approve).await.expect("the vote is accepted");
        let late = stack.vote(run, &ticket, Vote::Reject).await.expect_err("it is decided");
        assert!(late.to_string().contains("decided already"), "{late}");
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        stack.verify(run).await;
    }

    async fn two_coordinators_never_fork_a_run(stack: Stack) {
        let document = json!({
            "nodes": [{"id": "w", "type": "signal", "config": {"name": "go"}}],
            "edges": [],
        });
        let run = stack.start(&document, json!({})).await;
        let other = stack.second_coordinator();
        let signals = 40;
        let (mine, theirs) = tokio::join!(
            stack.signals(run, "x", 0..signals),
            other.signals(run, "y", 0..signals),
        );
        assert_eq!(mine + theirs, signals * 2, "every signal was acknowledged");
        let received = stack.count(run, "signal_received").await;
        assert_eq!(received, signals * 2);
        stack.verify(run).await;
    }

    async fn what_a_crash_left_is_performed_by_the_next_process(stack: Stack) {
        let run = stack.start_without_performing(&echo_document(2)).await;
        assert!(!stack.outbox().await.is_empty(), "the effects are still owed");
        let next = stack.second_coordinator();
        assert_eq!(next.wait(run).await, RunStatus::Completed);
        next.quiet().await;
        next.verify(run).await;
    }

    async fn what_a_crash_left_holds_up_nothing_that_follows(stack: Stack) {
        let mut runs = Vec::new();
        for _ in 0..40 {
            runs.push(stack.start_without_performing(&echo_document(3)).await);
        }
        stack.stop();
        let next = stack.second_coordinator_without_time();
        for run in runs {
            assert_eq!(next.wait(run).await, RunStatus::Completed);
            next.verify(run).await;
        }
    }

    async fn an_idempotency_key_answers_with_the_first_answer(stack: Stack) {
        let first = stack.start_with_key(&echo_document(1), "k1").await;
        let again = stack.start_with_key(&echo_document(1), "k1").await;
        assert!(first.is_ok());
        assert!(matches!(again, Err(aob_coordinator::SubmitError::Key(_))), "{again:?}");
        assert_eq!(stack.runs().await.len(), 1);
    }

    async fn values_beyond_the_inline_limit_live_in_the_cas(stack: Stack) {
        let long = "x".repeat(40_000);
        let document = json!({
            "nodes": [
                {"id": "a", "type": "transform", "config": {"template": "$inputs.long"}},
                {"id": "b", "type": "transform", "config": {"expression": "size(input)"}},
            ],
            "edges": [{"from": "a", "to": "b"}],
        });
        let run = stack.start(&document, json!({"long": long})).await;
        assert_eq!(stack.wait(run).await, RunStatus::Completed);
        assert_eq!(stack.output(run).await, json!(40_000));
        stack.verify(run).await;
    }
}
