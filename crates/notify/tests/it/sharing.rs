//! Several notifiers, some of which die; many endpoints, some of which are dead.

use std::time::Duration;

use aob_store::Notifications;

use crate::receiver::Step;
use crate::world::{HOME, World};

#[tokio::test(start_paused = true)]
async fn two_processes_send_each_message_once() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.webhook(HOME, "ep_b", 8_002).await;
    let ids: Vec<String> = (0..30).map(|n| format!("msg_{n:02}")).collect();
    for (n, id) in ids.iter().enumerate() {
        world.ask(HOME, id, if n % 2 == 0 { "ep_a" } else { "ep_b" }).await;
    }
    let _both = (world.notifier(), world.notifier());
    for id in &ids {
        assert_eq!(world.settled(HOME, id).await.attempts, 1);
    }
    let got = [world.receivers.got(8_001), world.receivers.got(8_002)].concat();
    let mut seen: Vec<_> = got.iter().map(|got| got.headers["webhook-id"].clone()).collect();
    seen.sort();
    assert_eq!(seen, ids);
}

#[tokio::test(start_paused = true)]
async fn a_dead_receiver_holds_nobody_up() {
    let world = World::new().await;
    world.webhook(HOME, "ep_dead", 8_001).await;
    world.webhook(HOME, "ep_good", 8_002).await;
    world.receivers.always(8_001, Step::Silence);
    for n in 0..200 {
        world.ask(HOME, &format!("msg_{n:03}"), "ep_dead").await;
    }
    let _notifier = world.notifier();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.receivers.got(8_001).len(), 4, "so many at once");
    world.ask(HOME, "msg_x", "ep_good").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.one(HOME, "msg_x").await.status, "delivered");
    assert_eq!(world.receivers.got(8_001).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_exactly_what_was_not_settled_goes_on() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.webhook(HOME, "ep_b", 8_002).await;
    world.receivers.script(8_002, [Step::Silence]);
    world.ask(HOME, "msg_sent", "ep_a").await;
    world.ask(HOME, "msg_under_way", "ep_b").await;
    let (first, _) = world.notifier();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.one(HOME, "msg_sent").await.status, "delivered");
    first.abort();
    world.ask(HOME, "msg_due", "ep_a").await;
    // The one under way hangs on the silent receiver with the process that is gone.
    let row = world.one(HOME, "msg_under_way").await;
    assert_eq!((&*row.status, row.attempts), ("pending", 1));

    let _second = world.notifier();
    assert_eq!(world.settled(HOME, "msg_due").await.attempts, 1);
    assert_eq!(world.settled(HOME, "msg_under_way").await.status, "delivered");
    let ids = |port| -> Vec<String> {
        let got = world.receivers.got(port);
        got.iter().map(|got| got.headers["webhook-id"].clone()).collect()
    };
    assert_eq!(ids(8_001), ["msg_sent", "msg_due"]);
    assert_eq!(ids(8_002), ["msg_under_way", "msg_under_way"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_lets_tries_end() {
    let world = World::new().await;
    world.webhook(HOME, "ep_a", 8_001).await;
    world.ask(HOME, "msg_1", "ep_a").await;
    let (notifier, stop) = world.notifier();
    world.settled(HOME, "msg_1").await;
    stop.cancel();
    notifier.await.unwrap();
    world.ask(HOME, "msg_2", "ep_a").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.one(HOME, "msg_2").await.attempts, 0);
    assert_eq!(world.store.deliveries_expire(i64::MAX).await.unwrap(), 1);
}
