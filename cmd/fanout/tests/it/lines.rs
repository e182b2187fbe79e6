//! Log lines between the events of a run.

use aob_fanout::StreamLimits;
use aob_store::{NewLogChunk, StreamId};
use serde_json::{Value, json};

use crate::stack::{Log, OURS, Stack, THEIRS};

/// The time of every event that these tests append.
const EVENTS_AT: i64 = 1_767_225_600_000;

fn chunk(log: &Log, first: u64, lines: &[&str], at_ms: i64) -> NewLogChunk {
    NewLogChunk {
        run: StreamId(log.run.0),
        instance: "f".to_owned(),
        attempt: 1,
        first,
        lines: u32::try_from(lines.len()).unwrap_or(0),
        text: json!(lines).to_string(),
        at_ms,
    }
}

/// What a client reads to the end: types of events, and lines.
async fn told(stack: &Stack, token: &str, log: &Log, query: &str) -> Vec<String> {
    let path = format!("/v1/runs/{}/stream{query}", log.run);
    let reading = stack.open(token, &path, None).await.expect("it opens");
    let blocks = reading.rest().await.into_iter().filter(|block| !block.event.is_empty());
    let shown = blocks.map(|block| {
        let data: Value = serde_json::from_str(&block.data).unwrap_or_default();
        match block.event.as_str() {
            "log" => {
                assert_eq!(block.id, None, "a line is not an event");
                let missing = data["missing_lines"].as_u64().unwrap_or(0);
                format!("{} {} -{missing}", data["n"], data["lines"])
            }
            other => other.to_owned(),
        }
    });
    shown.collect()
}

#[tokio::test]
async fn lines_come_between_the_events_in_the_order_of_their_times() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &[("run_created", "{}"), ("node_scheduled", "{}")], "running").await;
    let workspace = aob_store::WorkspaceId(OURS.0);
    let chunks = [
        chunk(&log, 0, &["before"], EVENTS_AT - 1),
        chunk(&log, 1, &["after", "all"], EVENTS_AT + 1),
        chunk(&log, 5, &["and later"], EVENTS_AT + 2),
    ];
    stack.store.logs_put(workspace, &chunks).await.expect("memory does not fail");
    stack.append(&mut log, &[("run_completed", "{}")], "completed").await;
    let all = told(&stack, &token, &log, "").await;
    let expected = [
        "1 [\"before\"] -0",
        "run_created",
        "node_scheduled",
        "run_completed",
        "2 [\"after\",\"all\"] -0",
        "3 [\"and later\"] -2",
        "end",
    ];
    assert_eq!(all, expected);
    let lines = told(&stack, &token, &log, "?types=log&logs_after=2").await;
    assert_eq!(lines, ["3 [\"and later\"] -2", "end"]);
    let events = told(&stack, &token, &log, "?types=run_*").await;
    assert_eq!(events, ["run_created", "run_completed", "end"]);
    let (foreign, _) = stack.key(THEIRS).await;
    let path = format!("/v1/runs/{}/stream?types=log", log.run);
    assert!(stack.open(&foreign, &path, None).await.is_err());
}

#[tokio::test]
async fn an_open_stream_hears_of_lines_as_they_come() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &[("run_created", "{}")], "running").await;
    let path = format!("/v1/runs/{}/stream", log.run);
    let mut reading = stack.open(&token, &path, None).await.expect("it opens");
    assert_eq!(reading.next().await.expect("an event").event, "run_created");
    let line = chunk(&log, 0, &["half way"], EVENTS_AT);
    let workspace = aob_store::WorkspaceId(OURS.0);
    stack.store.logs_put(workspace, &[line]).await.expect("memory does not fail");
    stack.watch.notify_run(log.run);
    let block = reading.next().await.expect("lines");
    assert!(block.event == "log" && block.data.contains("half way"), "{block:?}");
}
