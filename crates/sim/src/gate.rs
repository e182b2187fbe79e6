//! How one process reaches the world: every call of its ports goes through its gate.
//!
//! A process that dies answers nothing any more: from then on each of its calls waits for ever, so
//! whatever its tasks held in memory has no more consequences. That is a crash at any await.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use aob_store::Clock;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::counts::Count;
use crate::world::World;

/// How wrong a process's clock may be.
pub(crate) const SKEW_MS_MAX: i64 = 300_000;

/// The other side of a call cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Down;

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) world: Arc<World>,
    /// Unique per incarnation: `c0.3` is the third one of the first coordinator.
    pub(crate) name: String,
    /// True for processes that may die at a call.
    mortal: bool,
    pub(crate) dead: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the process's clock shows beyond the true time.
    skew_ms: i64,
    /// It stands still until then.
    stalled: Option<Instant>,
    /// Its storage is out of reach until then.
    cut: Option<Instant>,
}

impl Gate {
    /// The gate of a new process.
    pub(crate) fn new(world: &Arc<World>, name: String, mortal: bool) -> Arc<Self> {
        world.tell(|| format!("{name} starts"));
        let gate = Self {
            world: Arc::clone(world),
            name,
            mortal,
            dead: CancellationToken::new(),
            state: Mutex::default(),
        };
        Arc::new(gate)
    }

    /// What the process's clock shows.
    pub(crate) fn now_ms(&self) -> i64 {
        self.world.now_ms() + self.state.lock().skew_ms
    }

    /// The process's clock.
    pub(crate) fn clock(self: &Arc<Self>) -> Clock {
        let gate = Arc::clone(self);
        Arc::new(move || gate.now_ms())
    }

    /// Sets how wrong the clock is.
    pub(crate) fn skew(&self, ms: i64) {
        self.state.lock().skew_ms = ms;
        self.world.tell(|| format!("{}: clock off by {ms} ms", self.name));
    }

    /// The process stands still for a while.
    pub(crate) fn stall(&self, time: Duration) {
        self.state.lock().stalled = Some(Instant::now() + time);
    }

    /// The process's storage is out of reach for a while.
    pub(crate) fn cut(&self, time: Duration) {
        self.state.lock().cut = Some(Instant::now() + time);
    }

    /// Ends whatever is wrong with the process, but not its death.
    pub(crate) fn heal(&self) {
        *self.state.lock() = State::default();
    }

    /// The process dies.
    pub(crate) fn kill(&self) {
        self.world.tell(|| format!("{} dies", self.name));
        self.dead.cancel();
    }

    /// True after its death.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    /// Returns as long as the process lives, once it does not stand still.
    pub(crate) async fn alive(&self) {
        loop {
            if self.is_dead() {
                pending::<()>().await;
            }
            let stalled = self.state.lock().stalled;
            match stalled.filter(|until| *until > Instant::now()) {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }

    /// The way out of a call to storage or blobs, before it is made.
    pub(crate) async fn enter(&self) -> Result<(), Down> {
        self.world.call();
        self.alive().await;
        self.crash(Count::CrashBefore).await;
        self.wait().await;
        if self.world.hits(Count::StoreSlow) {
            let ms = self.world.draw(|dice| dice.within(200..=9_000));
            sleep(Duration::from_millis(ms)).await;
        }
        self.alive().await;
        let cut = self.state.lock().cut.is_some_and(|until| until > Instant::now());
        if cut { Err(Down) } else { Ok(()) }
    }

    /// The way back from a call that was made.
    pub(crate) async fn leave(&self) {
        self.crash(Count::CrashAfter).await;
        self.alive().await;
    }

    /// The usual wait of a call.
    pub(crate) async fn wait(&self) {
        let most = self.world.weather.latency_ms;
        if most > 0 {
            let ms = self.world.draw(|dice| dice.within(0..=most));
            if ms > 0 {
                sleep(Duration::from_millis(ms)).await;
            }
        }
    }

    async fn crash(&self, how: Count) {
        if self.mortal && self.world.hits(how) {
            self.kill();
            pending::<()>().await;
        }
    }

    /// `work`, as long as the process lives.
    pub(crate) async fn living<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.dead.cancelled() => {}
            value = work => return value,
        }
        pending().await
    }
}
