//! The backstop in time: a thread that advances the engine's epoch while modules run.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use wasmtime::{Engine, Store};

/// How often the epoch advances.
const TICK: Duration = Duration::from_millis(20);

/// Advances the epoch while somebody holds a [`Ticking`].
pub(crate) struct Clock {
    engine: Engine,
    running: Mutex<Weak<Ticking>>,
}

/// The epoch advances until the last of these is dropped.
pub(crate) struct Ticking {
    /// Dropped with this; nothing is ever sent.
    _stop: Sender<()>,
}

impl Clock {
    pub(crate) fn of(engine: &Engine) -> Self {
        Self { engine: engine.clone(), running: Mutex::default() }
    }

    /// Lets what runs in `store` be interrupted after about `time`.
    pub(crate) fn tick_for<T>(&self, store: &mut Store<T>, time: Duration) -> Arc<Ticking> {
        let ticks = time.as_millis() / TICK.as_millis();
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2).saturating_add(1));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticking) = running.upgrade() {
            return ticking;
        }
        let (stop, stopped) = channel();
        let engine = self.engine.clone();
        // Without a thread, fuel is what stops it.
        let _thread = thread::Builder::new()
            .name("optimizer-clock".to_owned())
            .spawn(move || tick(&engine, &stopped));
        let ticking = Arc::new(Ticking { _stop: stop });
        *running = Arc::downgrade(&ticking);
        ticking
    }
}

fn tick(engine: &Engine, stopped: &Receiver<()>) {
    while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        engine.increment_epoch();
    }
}
