//! Renewal on the runtime's paused clock, against a scripted server.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{HeartbeatItem, LeaseStanding, RawText};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Beat, Heartbeats, LeaseKeeper, LeaseTimes, LeasesUnavailable};
use crate::attempt::{Attempt, StopCause};
use crate::testing::key;

use LeaseStanding::{Cancelling, Held, Lost};

/// How the server treats one heartbeat.
#[derive(Clone)]
enum Answer {
    States(Vec<LeaseStanding>),
    Down,
    Hang,
}

#[derive(Debug)]
struct Server {
    started: Instant,
    script: Mutex<Vec<Answer>>,
    /// Milliseconds since the start, and what was asked.
    asked: Mutex<Vec<(u128, Vec<HeartbeatItem>)>>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

#[async_trait]
impl Heartbeats for Server {
    async fn heartbeat(&self, beats: Vec<Beat>) -> Result<Vec<LeaseStanding>, LeasesUnavailable> {
        assert!(beats.iter().all(|beat| &*beat.holder == "r1"));
        let items: Vec<_> = beats.into_iter().map(|beat| beat.item).collect();
        self.asked.lock().push((self.started.elapsed().as_millis(), items.clone()));
        let answer = {
            let mut script = self.script.lock();
            if script.len() > 1 { script.remove(0) } else { script[0].clone() }
        };
        match answer {
            Answer::States(states) => Ok(states.into_iter().cycle().take(items.len()).collect()),
            Answer::Down => Err(LeasesUnavailable("down".to_owned())),
            Answer::Hang => std::future::pending().await,
        }
    }
}

struct World {
    keeper: Arc<LeaseKeeper>,
    server: Arc<Server>,
    stop: CancellationToken,
}

/// A keeper that runs against a server which answers so, the last answer for ever.
fn world(script: impl IntoIterator<Item = Answer>) -> World {
    let keeper = Arc::new(LeaseKeeper::default());
    let server = Arc::new(Server {
        started: Instant::now(),
        script: Mutex::new(script.into_iter().collect()),
        asked: Mutex::default(),
    });
    let stop = CancellationToken::new();
    let (k, s, t) = (keeper.clone(), server.clone(), stop.clone());
    tokio::spawn(async move { k.run(&*s, LeaseTimes::default(), &t).await });
    World { keeper, server, stop }
}

fn lease_from_now() -> Option<Instant> {
    Some(Instant::now() + LeaseTimes::default().lease)
}

async fn lost_after(attempt: &Attempt, since: Instant) -> u128 {
    attempt.lost().await;
    since.elapsed().as_millis()
}

#[tokio::test(start_paused = true)]
async fn many_leases_are_renewed_with_one_request() {
    let world = world([Answer::States(vec![Held])]);
    let holds: Vec<_> = (0..40)
        .map(|n| world.keeper.hold(Attempt::granted_now(key(n), "r1".into()), lease_from_now()))
        .collect();
    let unleased = world.keeper.hold(Attempt::granted_now(key(99), "r1".into()), None);
    sleep(Duration::from_secs(61)).await;
    let asked = world.server.asked.lock().clone();
    let times: Vec<u128> = asked.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, (1..=12).map(|n| n * 5_000).collect::<Vec<_>>());
    assert!(asked.iter().all(|(_, items)| items.len() == 40));
    assert_eq!(world.keeper.len(), 41);
    drop((holds, unleased));
    assert!(world.keeper.is_empty());
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.server.asked.lock().len(), 12, "nothing is left to renew");
    world.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn answers_reach_their_attempts() {
    let world = world([Answer::States(vec![Held, Cancelling, Lost])]);
    let attempts: Vec<_> = (0..3).map(|n| Attempt::granted_now(key(n), "r1".into())).collect();
    let _holds: Vec<_> =
        attempts.iter().map(|a| world.keeper.hold(a.clone(), lease_from_now())).collect();
    sleep(Duration::from_secs(6)).await;
    let causes: Vec<_> = attempts.iter().map(|attempt| attempt.stop_cause()).collect();
    assert_eq!(causes, [None, Some(StopCause::Cancelling), Some(StopCause::Lost)]);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.server.asked.lock()[1].1.len(), 2, "a lost lease is not renewed");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_outlives_neither_a_dead_nor_a_hanging_server() {
    for (script, lost_ms) in [
        (vec![Answer::Down], 15_000),
        (vec![Answer::Hang], 15_000),
        (vec![Answer::States(vec![Held]), Answer::Hang], 20_000),
        (vec![Answer::States(vec![Held]), Answer::States(vec![Held]), Answer::Down], 25_000),
    ] {
        let world = world(script);
        let since = Instant::now();
        let attempt = Attempt::granted_now(key(1), "r1".into());
        let _hold = world.keeper.hold(attempt.clone(), lease_from_now());
        assert_eq!(lost_after(&attempt, since).await, lost_ms);
        world.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_survived_and_progress_is_not_forgotten() {
    let held = || Answer::States(vec![Held]);
    let world = world([held(), Answer::Down, Answer::Hang, held()]);
    let attempt = Attempt::granted_now(key(1), "r1".into());
    let _hold = world.keeper.hold(attempt.clone(), lease_from_now());
    sleep(Duration::from_secs(6)).await;
    attempt.progress(RawText::of(&json!("half")));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(attempt.stop_cause(), None);
    let asked = world.server.asked.lock();
    let progress: Vec<_> =
        asked.iter().map(|(_, items)| items[0].progress.clone().map(|p| p.0.to_string())).collect();
    let half = Some("\"half\"".to_owned());
    assert_eq!(progress[..5], [None, half.clone(), half.clone(), half, None]);
}

#[tokio::test(start_paused = true)]
async fn more_leases_than_fit_one_request_take_several() {
    let world = world([Answer::States(vec![Held])]);
    let attempts: Vec<_> = (0..1_200).map(|n| Attempt::granted_now(key(n), "r1".into())).collect();
    let _holds: Vec<_> =
        attempts.iter().map(|a| world.keeper.hold(a.clone(), lease_from_now())).collect();
    sleep(Duration::from_secs(46)).await;
    assert!(attempts.iter().all(|attempt| attempt.stop_cause().is_none()));
    let sizes: Vec<usize> = world.server.asked.lock().iter().map(|(_, i)| i.len()).collect();
    assert_eq!(sizes, [500, 500, 200].repeat(9));
}

#[tokio::test(start_paused = true)]
async fn log_lines_share_the_room_of_a_heartbeat() {
    let world = world([Answer::States(vec![Held])]);
    sleep(Duration::from_secs(1)).await;
    let attempts: Vec<_> = (0..3).map(|n| Attempt::granted_now(key(n), "r1".into())).collect();
    let _holds: Vec<_> =
        attempts.iter().map(|a| world.keeper.hold(a.clone(), lease_from_now())).collect();
    for attempt in &attempts {
        (0..20).for_each(|_| attempt.log(&"x".repeat(8 * 1024)));
    }
    sleep(Duration::from_secs(30)).await;
    let asked = world.server.asked.lock();
    let bytes_of = |items: &[HeartbeatItem]| -> usize {
        items
            .iter()
            .filter_map(|item| item.logs.as_ref())
            .flat_map(|l| &l.lines)
            .map(String::len)
            .sum()
    };
    assert!(asked.iter().all(|(_, items)| bytes_of(items) <= super::LOG_BYTES_MAX));
    let all: usize = asked.iter().map(|(_, items)| bytes_of(items)).sum();
    assert_eq!(all, 3 * 20 * 8 * 1024, "all lines arrive in the end");
}
