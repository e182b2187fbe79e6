//! The stream of a run.

use std::time::Duration;

use aob_fanout::StreamLimits;
use aob_store::StreamId;
use http::StatusCode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::stack::{Log, OURS, Stack, THEIRS};

const SEGMENT: [(&str, &str); 3] =
    [("node_scheduled", "{}"), ("node_completed", "{\"a\":\n 1}"), ("edges_decided", "{}")];

fn path(log: &Log) -> String {
    format!("/v1/runs/{}/stream", log.run)
}

#[tokio::test]
async fn no_event_is_lost_or_told_twice_over_a_thousand_disconnects() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    let mut random = StdRng::seed_from_u64(7);
    stack.append(&mut log, &[("run_created", "{}")], "running").await;
    let (mut seen, mut disconnects, mut ended) = (Vec::new(), 0, false);
    while !ended {
        let last = seen.last().map(u64::to_string);
        let mut reading = stack.open(&token, &path(&log), last.as_deref()).await.unwrap();
        for _ in 0..random.random_range(1..6) {
            if disconnects < 1_000 {
                // Something is always to come, so that no read waits.
                let events = SEGMENT.repeat(random.random_range(1..4));
                stack.append(&mut log, &events, "running").await;
            } else if !ended && log.seq() % 3 == 1 {
                stack.append(&mut log, &[("run_completed", "{}")], "completed").await;
            }
            let Some(block) = reading.next().await else { break };
            match block.event.as_str() {
                "end" => ended = true,
                "" => {}
                _ => seen.push(block.id.unwrap().parse::<u64>().unwrap()),
            }
        }
        disconnects += 1;
    }
    assert!(disconnects >= 1_000);
    let all: Vec<u64> = (1..=log.seq()).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn events_are_those_of_the_log_and_the_end_is_told() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &SEGMENT, "running").await;
    stack
        .append(&mut log, &[("run_failed", "{}"), ("late_result_discarded", "{}")], "failed")
        .await;
    let blocks = stack.open(&token, &path(&log), None).await.unwrap().rest().await;
    let kinds: Vec<&str> = blocks.iter().map(|block| block.event.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "node_scheduled",
            "node_completed",
            "edges_decided",
            "run_failed",
            "late_result_discarded",
            "end"
        ]
    );
    let event: serde_json::Value = serde_json::from_str(&blocks[1].data).unwrap();
    assert_eq!((&event["seq"], &event["data"]["a"]), (&2.into(), &1.into()));
    assert!(blocks[1].data.contains("{\"a\":\n 1}"), "white space of payloads stays");
    let end: serde_json::Value = serde_json::from_str(&blocks[5].data).unwrap();
    assert_eq!((&end["status"], &end["seq"]), (&"failed".into(), &5.into()));
    let resumed = stack.open(&token, &format!("{}?after=4", path(&log)), None).await.unwrap();
    let kinds: Vec<String> = resumed.rest().await.into_iter().map(|block| block.event).collect();
    assert_eq!(kinds, ["late_result_discarded", "end"]);
    let seen = stack.open(&token, &path(&log), Some("5")).await.unwrap().rest().await;
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn filters_pass_over_events_and_remember_how_far() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &SEGMENT, "running").await;
    stack.append(&mut log, &[("run_completed", "{}")], "completed").await;
    let filtered = format!("{}?types=node_*", path(&log));
    let blocks = stack.open(&token, &filtered, None).await.unwrap().rest().await;
    let told: Vec<(Option<&str>, &str)> =
        blocks.iter().map(|block| (block.id.as_deref(), block.event.as_str())).collect();
    let expected = [
        (Some("1"), "node_scheduled"),
        (Some("2"), "node_completed"),
        (Some("4"), ""),
        (None, "end"),
    ];
    assert_eq!(told, expected);
    for query in ["types=node_complted", "after=x", "colour=red"] {
        let (status, _) =
            stack.open(&token, &format!("{}?{query}", path(&log)), None).await.err().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
    let refused = stack.open(&token, &path(&log), Some("abc")).await.err().unwrap();
    assert_eq!(refused, (StatusCode::BAD_REQUEST, "invalid_header".to_owned()));
}

#[tokio::test]
async fn who_has_seen_what_is_no_longer_there_is_told_to_begin_again() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &SEGMENT, "completed").await;
    let blocks = stack.open(&token, &path(&log), Some("9")).await.unwrap().rest().await;
    let kinds: Vec<&str> = blocks.iter().map(|block| block.event.as_str()).collect();
    assert_eq!(kinds, ["reset", "end"]);
    assert_eq!(blocks[0].id.as_deref(), Some("3"));
    let mut log = Log::new(2);
    stack.append(&mut log, &SEGMENT, "running").await;
    let mut reading = stack.open(&token, &path(&log), Some("3")).await.unwrap();
    assert_eq!(reading.piece().await.unwrap(), "retry: 2000\n\n");
    let workspace = aob_store::WorkspaceId(OURS.0);
    assert!(stack.store.run_delete(workspace, StreamId(log.run.0)).await.unwrap());
    let kinds: Vec<String> = reading.rest().await.into_iter().map(|block| block.event).collect();
    assert_eq!(kinds, ["reset", "end"]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats_and_news_come_at_once() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &SEGMENT, "waiting").await;
    let mut reading = stack.open(&token, &path(&log), Some("3")).await.unwrap();
    assert_eq!(reading.piece().await.unwrap(), "retry: 2000\n\n");
    let began = tokio::time::Instant::now();
    assert_eq!(reading.piece().await.unwrap(), ": \n\n");
    assert_eq!(began.elapsed().as_secs(), 15);
    let began = tokio::time::Instant::now();
    let (block, ()) =
        tokio::join!(reading.next(), stack.append(&mut log, &[("run_paused", "{}")], "paused"));
    assert_eq!((block.unwrap().event.as_str(), began.elapsed()), ("run_paused", Duration::ZERO));
    stack.shutdown.cancel();
    assert!(reading.piece().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_ends_its_streams() {
    let stack = Stack::new(StreamLimits::default());
    let (token, key_id) = stack.key(OURS).await;
    let mut log = Log::new(1);
    stack.append(&mut log, &SEGMENT, "waiting").await;
    let mut reading = stack.open(&token, &path(&log), Some("3")).await.unwrap();
    assert_eq!(reading.piece().await.unwrap(), "retry: 2000\n\n");
    let workspace = aob_store::WorkspaceId(OURS.0);
    assert!(stack.store.key_revoke(workspace, &key_id, 1).await.unwrap());
    stack.clock.advance(60_000);
    let began = tokio::time::Instant::now();
    let block = reading.next().await.unwrap();
    assert!(block.data.contains("unauthenticated"), "{block:?}");
    assert_eq!(block.event, "error");
    assert!(began.elapsed() <= Duration::from_secs(75));
    assert!(reading.next().await.is_none());
}

#[tokio::test]
async fn a_reader_costs_a_page_however_long_the_log() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    let mut log = Log::new(1);
    let data = format!("\"{}\"", "x".repeat(10_000));
    let segment: Vec<(&str, &str)> = (0..90).map(|_| ("node_completed", data.as_str())).collect();
    for _ in 0..20 {
        stack.append(&mut log, &segment, "running").await;
    }
    stack.append(&mut log, &[("run_completed", "{}")], "completed").await;
    let mut reading = stack.open(&token, &path(&log), None).await.unwrap();
    let mut count = 0;
    while let Some(block) = reading.next().await {
        count += u64::from(block.event != "end");
    }
    assert_eq!(count, log.seq());
    assert!(reading.longest < 600 * 1024, "{} bytes at once", reading.longest);
}

#[tokio::test]
async fn streams_need_a_key_a_run_and_a_place() {
    let stack = Stack::new(StreamLimits { per_key: 2, per_run: 1 });
    let ((ours, _), (theirs, _)) = (stack.key(OURS).await, stack.key(THEIRS).await);
    let mut log = Log::new(1);
    stack.append(&mut log, &SEGMENT, "waiting").await;
    let missing = |code: &str| (StatusCode::NOT_FOUND, code.to_owned());
    let refused = stack.open(&theirs, &path(&log), None).await.err().unwrap();
    assert_eq!(refused, missing("run_not_found"));
    let refused = stack.open(&ours, "/v1/runs/abc/stream", None).await.err().unwrap();
    assert_eq!(refused, missing("run_not_found"));
    let refused = stack.open("aob_x", &path(&log), None).await.err().unwrap();
    assert_eq!(refused, (StatusCode::UNAUTHORIZED, "unauthenticated".to_owned()));
    let first = stack.open(&ours, &path(&log), None).await.unwrap();
    let full = stack.open(&ours, &path(&log), None).await.err().unwrap();
    assert_eq!(full, (StatusCode::TOO_MANY_REQUESTS, "too_many_streams".to_owned()));
    drop(first);
    let short = format!("/runs/{}/events", log.run);
    assert!(stack.open(&ours, &short, None).await.is_ok());
}
