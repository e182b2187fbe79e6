//! One notifier: what is sent, how it is signed, when it is tried again, and when it is given up.

use std::time::Duration;

use aob_notify::{Secret, TRIES_MAX, signature};
use aob_store::{Notifications, SigningKey};

use crate::receiver::{Got, Step};
use crate::world::{AWAY, HOME, World};

fn header<'a>(got: &'a Got, name: &str) -> &'a str {
    got.headers.get(name).map_or("", String::as_str)
}

/// What receivers do, as the specification says.
fn verified(got: &Got, key: u8, endpoint: &str) -> bool {
    let secret = Secret::of_endpoint(&SigningKey([key; 32]), endpoint);
    let at: i64 = header(got, "webhook-timestamp").parse().expect("seconds");
    signature(&secret, header(got, "webhook-id"), at, &got.body) == header(got, "webhook-signature")
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_signed_for_its_endpoint_alone() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.webhook(AWAY, "ep_b", 8_002).await;
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    world.ask(AWAY, "msg_2", "ep_b").await;
    for (workspace, id) in [(HOME, "msg_1"), (AWAY, "msg_2")] {
        let row = world.settled(workspace, id).await;
        assert_eq!((&*row.status, row.attempts, row.error), ("delivered", 1, None));
    }
    let (ours, theirs) = (world.receivers.got(8_001), world.receivers.got(8_002));
    assert!(verified(&ours[0], 1, "ep_a") && verified(&theirs[0], 2, "ep_b"));
    assert!(!verified(&ours[0], 2, "ep_a") && !verified(&ours[0], 1, "ep_b"));
    assert_eq!(header(&ours[0], "webhook-id"), "msg_1");
    assert_eq!(header(&ours[0], "content-type"), "application/json");
    let body = String::from_utf8_lossy(&ours[0].body);
    assert!(body.contains("\"ticket\":\"tk_msg_1\"") && body.contains("/l/x"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn what_did_not_arrive_is_tried_again_with_the_same_id() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    let asks = Step::Answer(429, "retry-after: 600\r\n");
    let steps = [Step::Answer(500, ""), asks, Step::Silence, Step::HangUp, Step::Answer(302, "")];
    world.receivers.script(8_001, steps);
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    let row = world.settled(HOME, "msg_1").await;
    assert_eq!((&*row.status, row.attempts), ("delivered", 6));
    let got = world.receivers.got(8_001);
    assert_eq!(got.len(), 6);
    assert!(got.iter().all(|got| header(got, "webhook-id") == "msg_1"));
    assert!(got.iter().all(|got| verified(got, 1, "ep_a")));
    let waits: Vec<_> = got.windows(2).map(|two| (two[1].at - two[0].at).as_secs()).collect();
    // 5 s; 10 min, as asked; 15 s of silence and 2 min; 5 min; 15 min: each by a tenth.
    let expected = [4..=7, 600..=602, 108..=150, 270..=332, 810..=992];
    for (wait, expected) in waits.iter().zip(expected) {
        assert!(expected.contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_arrives_is_given_up_and_says_why() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.receivers.always(8_001, Step::Answer(503, ""));
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    let row = world.settled(HOME, "msg_1").await;
    assert_eq!((&*row.status, row.attempts), ("failed", TRIES_MAX));
    assert_eq!(row.error.as_deref(), Some("the receiver answered 503; tried 12 times"));
    assert_eq!(world.receivers.got(8_001).len(), TRIES_MAX as usize);
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_is_told_nothing_any_more() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.receivers.always(8_001, Step::Answer(410, ""));
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    assert_eq!(world.settled(HOME, "msg_1").await.status, "failed");
    let endpoint = world.store.endpoint(HOME, "ep_a").await.unwrap().unwrap();
    assert_eq!(endpoint.disabled.as_deref(), Some("the receiver answered 410: it is gone"));
    world.ask(HOME, "msg_2", "ep_a").await;
    let row = world.settled(HOME, "msg_2").await;
    assert!(row.error.unwrap().starts_with("the endpoint is disabled"));
    assert_eq!(world.receivers.got(8_001).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_reason_for_is_dropped() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.webhook(AWAY, "ep_b", 8_002).await;
    {
        let mut statuses = world.statuses.0.lock();
        statuses.insert("tk_late".to_owned(), "approved");
        statuses.insert("tk_old".to_owned(), "deleted");
    }
    let _notifier = world.notifier();
    world.put(HOME, "late", "ep_a", "approval.expiring").await;
    world.put(HOME, "old", "ep_a", "approval.decided").await;
    world.ask(HOME, "removed", "ep_x").await;
    // Another workspace's endpoint is none of this one's.
    world.ask(HOME, "foreign", "ep_b").await;
    let cases = [
        ("late", "the ticket was decided before"),
        ("old", "the ticket was deleted"),
        ("removed", "the endpoint was removed"),
        ("foreign", "the endpoint was removed"),
    ];
    for (id, why) in cases {
        let row = world.settled(HOME, id).await;
        assert_eq!((&*row.status, row.error.as_deref()), ("dropped", Some(why)), "{id}");
    }
    assert!(world.receivers.got(8_001).is_empty() && world.receivers.got(8_002).is_empty());
    // Of what happened people are told, be it late.
    world.statuses.0.lock().insert("tk_asked".to_owned(), "approved");
    world.ask(HOME, "asked", "ep_a").await;
    assert_eq!(world.settled(HOME, "asked").await.status, "delivered");
}

#[tokio::test(start_paused = true)]
async fn an_address_is_judged_whenever_something_is_sent() {
    let world = World::new().await;
    world.endpoint(HOME, "ep_a", "webhook", "https://rebound.example/in").await;
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let row = world.one(HOME, "msg_1").await;
    assert_eq!(row.status, "pending");
    let why = row.error.unwrap();
    assert!(why.starts_with("egress_refused: the host rebound.example is at an address"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_cannot_be_read_now_is_told_of_later() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.statuses.0.lock().insert("tk_msg_1".to_owned(), "unknown");
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.statuses.0.lock().clear();
    let row = world.settled(HOME, "msg_1").await;
    assert_eq!((&*row.status, row.attempts), ("delivered", 2));
}

#[tokio::test(start_paused = true)]
async fn slack_gets_blocks() {
    let world = World::new().await;
    world.endpoint(HOME, "ep_a", "slack", "http://hooks.example:8001/services/T/B/x").await;
    let _notifier = world.notifier();
    world.ask(HOME, "msg_1", "ep_a").await;
    world.settled(HOME, "msg_1").await;
    let got = &world.receivers.got(8_001)[0];
    let body = String::from_utf8_lossy(&got.body);
    assert!(body.contains("\"blocks\"") && body.contains("&lt;!channel&gt;"), "{body}");
    assert!(!got.headers.contains_key("webhook-signature"));
}
