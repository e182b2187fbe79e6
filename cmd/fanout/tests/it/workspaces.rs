//! The stream of a workspace.

use aob_fanout::StreamLimits;
use serde_json::Value;

use crate::stack::{Log, OURS, Stack, THEIRS};

const EVENT: [(&str, &str); 2] = [("node_scheduled", "{}"), ("node_completed", "{}")];

#[tokio::test]
async fn all_runs_are_followed_and_resumed_from_a_cursor() {
    let stack = Stack::new(StreamLimits::default());
    let ((token, _), (foreign, _)) = (stack.key(OURS).await, stack.key(THEIRS).await);
    let (mut one, mut two) = (Log::new(1), Log::new(2));
    stack.append(&mut one, &EVENT, "running").await;
    let mut live = stack.open(&token, "/v1/stream", None).await.unwrap();
    let here = live.next().await.unwrap();
    assert_eq!(here.event, "");
    stack.append(&mut two, &EVENT, "running").await;
    let first = live.next().await.unwrap();
    let data: Value = serde_json::from_str(&first.data).unwrap();
    assert_eq!(
        (data["run"].as_str(), &data["event"]["seq"]),
        (Some(two.run.to_string().as_str()), &1.into())
    );
    assert_eq!(first.id, None, "one resumes between segments only");
    let second = live.next().await.unwrap();
    let cursor = second.id.unwrap();
    stack.append(&mut one, &EVENT, "running").await;
    drop(live);
    for last in [here.id.as_deref(), Some(cursor.as_str())] {
        let mut resumed = stack.open(&token, "/v1/stream", last).await.unwrap();
        resumed.next().await.unwrap();
        let data: Value = serde_json::from_str(&resumed.next().await.unwrap().data).unwrap();
        let expected = if last == Some(cursor.as_str()) { one.run } else { two.run };
        assert_eq!(data["run"], expected.to_string());
    }
    let mut whole = stack.open(&token, "/v1/stream?from=start", None).await.unwrap();
    whole.next().await.unwrap();
    for expected in [1, 2, 1, 2, 3, 4] {
        let data: Value = serde_json::from_str(&whole.next().await.unwrap().data).unwrap();
        assert_eq!(data["event"]["seq"], expected);
    }
    stack.shutdown.cancel();
    let mut theirs = stack.open(&foreign, "/v1/stream?from=start", None).await.unwrap();
    theirs.next().await.unwrap();
    assert!(theirs.next().await.is_none(), "nothing of another workspace is told");
}

#[tokio::test]
async fn an_unknown_cursor_is_reset_and_filters_pass_over() {
    let stack = Stack::new(StreamLimits::default());
    let (token, _) = stack.key(OURS).await;
    for last in ["nonsense", "w%%%", "wX19fXw"] {
        let mut reading = stack.open(&token, "/v1/stream", Some(last)).await.unwrap();
        let mut block = reading.next().await.unwrap();
        if block.event.is_empty() {
            block = reading.next().await.unwrap();
        }
        assert_eq!(block.event, "reset", "{last}");
        assert!(block.id.is_some());
    }
    let mut log = Log::new(1);
    let path = "/v1/stream?types=node_scheduled&from=start";
    stack.append(&mut log, &EVENT, "running").await;
    let mut reading = stack.open(&token, path, None).await.unwrap();
    reading.next().await.unwrap();
    let (told, passed) = (reading.next().await.unwrap(), reading.next().await.unwrap());
    assert_eq!((told.event.as_str(), told.id), ("node_scheduled", None));
    assert_eq!((passed.event.as_str(), passed.id.is_some()), ("", true));
    let refused = stack.open(&token, "/v1/stream?from=end", None).await.err().unwrap();
    assert_eq!(refused.1, "invalid_parameter");
}
