//! An attempt while it runs: who may stop it, and what it reports meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use aob_api::jobs::{
    AttemptKey, LOG_LINE_BYTES_MAX, LOG_LINES_MAX, LogChunk, RawText, ResultPatchMessage,
};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Log lines that wait for a heartbeat; the oldest go first when there are more.
const PENDING_LINES_MAX: usize = 1_000;
/// Patches that a result carries.
const PATCHES_MAX: usize = 16;

/// Why an attempt was told to stop. The last one in this order wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopCause {
    /// The run does not want it any more.
    Cancelling,
    /// The runner is shutting down.
    Shutdown,
    /// Its lease is gone: nobody listens to its answer.
    Lost,
}

/// The handle of one running attempt, shared by whoever executes, renews and stops it.
#[derive(Debug)]
pub struct Attempt {
    key: AttemptKey,
    holder: Arc<str>,
    /// The token of its job, where it came with one.
    token: Option<Arc<str>>,
    granted: Instant,
    stop: watch::Sender<Option<StopCause>>,
    cancel: CancellationToken,
    feed: Mutex<Feed>,
    patches: Mutex<Vec<ResultPatchMessage>>,
}

/// A result carries no more patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a result carries at most {PATCHES_MAX} patches")]
pub struct TooManyPatches;

/// What waits for the next heartbeat.
#[derive(Debug)]
struct Feed {
    last_progress: Instant,
    progress: Option<RawText>,
    /// Number of the first line in `lines`.
    first: u64,
    lines: VecDeque<String>,
}

impl Attempt {
    /// An attempt that was granted now, to this holder.
    pub fn granted_now(key: AttemptKey, holder: Arc<str>) -> Arc<Self> {
        Self::leased_now(key, holder, None)
    }

    /// An attempt that was granted now, to this holder, with the token that shows it.
    pub fn leased_now(key: AttemptKey, holder: Arc<str>, token: Option<Arc<str>>) -> Arc<Self> {
        let granted = Instant::now();
        Arc::new(Self {
            key,
            holder,
            token,
            granted,
            stop: watch::Sender::new(None),
            cancel: CancellationToken::new(),
            feed: Mutex::new(Feed {
                last_progress: granted,
                progress: None,
                first: 0,
                lines: VecDeque::new(),
            }),
            patches: Mutex::default(),
        })
    }

    /// Which attempt.
    pub fn key(&self) -> &AttemptKey {
        &self.key
    }

    /// In whose name its lease is held, if it needs one.
    pub fn holder(&self) -> &Arc<str> {
        &self.holder
    }

    /// What shows that it was granted, where the server gave it.
    pub fn token(&self) -> Option<&Arc<str>> {
        self.token.as_ref()
    }

    /// When it was granted; its timeout counts from here.
    pub fn granted(&self) -> Instant {
        self.granted
    }

    /// Is cancelled as soon as the attempt should stop, for whatever reason.
    pub fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Tells it to stop.
    pub fn stop(&self, cause: StopCause) {
        self.stop.send_if_modified(|current| {
            let stronger = current.is_none_or(|current| current < cause);
            if stronger {
                *current = Some(cause);
            }
            stronger
        });
        self.cancel.cancel();
    }

    /// Why it was told to stop, if it was.
    pub fn stop_cause(&self) -> Option<StopCause> {
        *self.stop.borrow()
    }

    pub(crate) fn stops(&self) -> watch::Receiver<Option<StopCause>> {
        self.stop.subscribe()
    }

    /// Returns once nobody listens to an answer any more.
    pub(crate) async fn lost(&self) {
        let mut stops = self.stops();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = stops.wait_for(|cause| *cause == Some(StopCause::Lost)).await;
    }

    /// Reports progress, which restarts the idle timeout.
    pub fn progress(&self, progress: RawText) {
        let mut feed = self.feed.lock();
        feed.progress = Some(progress);
        feed.last_progress = Instant::now();
    }

    /// Reports a log line, which counts as progress too.
    pub fn log(&self, line: &str) {
        let mut feed = self.feed.lock();
        feed.last_progress = Instant::now();
        if feed.lines.len() == PENDING_LINES_MAX {
            feed.lines.pop_front();
            feed.first += 1;
        }
        feed.lines.push_back(cut(line, LOG_LINE_BYTES_MAX).to_owned());
    }

    /// Adds a change of the run's graph to its result, should that be a success.
    ///
    /// # Errors
    /// If there are 16 already.
    pub fn propose(&self, patch: ResultPatchMessage) -> Result<(), TooManyPatches> {
        let mut patches = self.patches.lock();
        if patches.len() == PATCHES_MAX {
            return Err(TooManyPatches);
        }
        patches.push(patch);
        Ok(())
    }

    /// Takes what was proposed.
    pub(crate) fn take_patches(&self) -> Vec<ResultPatchMessage> {
        std::mem::take(&mut self.patches.lock())
    }

    /// When it last reported something.
    pub fn last_progress(&self) -> Instant {
        self.feed.lock().last_progress
    }

    /// Takes what the next heartbeat reports: progress (null where there were only log lines) and
    /// log lines, at most one chunk of about `log_bytes_max`.
    pub fn take_report(&self, log_bytes_max: usize) -> (Option<RawText>, Option<LogChunk>) {
        let mut feed = self.feed.lock();
        let first = feed.first;
        let mut bytes = 0;
        let mut lines = Vec::new();
        while lines.len() < LOG_LINES_MAX
            && let Some(line) = feed.lines.front()
            && bytes + line.len() <= log_bytes_max
        {
            bytes += line.len();
            lines.extend(feed.lines.pop_front());
        }
        feed.first += lines.len() as u64;
        let progress = feed.progress.take();
        let progress = progress.or_else(|| (!lines.is_empty()).then(RawText::null));
        (progress, (!lines.is_empty()).then_some(LogChunk { first, lines }))
    }

    /// Gives progress back that no heartbeat could deliver; newer progress stands.
    pub(crate) fn restore_progress(&self, progress: RawText) {
        self.feed.lock().progress.get_or_insert(progress);
    }
}

/// The longest prefix of `text` that has at most `bytes_max` bytes and ends between characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use aob_engine::{InstanceId, RunId};

    use super::*;

    fn attempt() -> Arc<Attempt> {
        let run = RunId(uuid::Uuid::from_u128(1));
        let key = AttemptKey { run, instance: InstanceId::top("a"), attempt: 1 };
        Attempt::granted_now(key, "r1".into())
    }

    #[tokio::test]
    async fn the_strongest_cause_wins() {
        use StopCause::{Cancelling, Lost, Shutdown};
        for (causes, winner) in [
            (&[Cancelling][..], Cancelling),
            (&[Cancelling, Lost], Lost),
            (&[Lost, Cancelling, Shutdown], Lost),
            (&[Shutdown, Cancelling], Shutdown),
        ] {
            let attempt = attempt();
            assert!(!attempt.cancel_token().is_cancelled());
            causes.iter().for_each(|cause| attempt.stop(*cause));
            assert_eq!(attempt.stop_cause(), Some(winner), "{causes:?}");
            assert!(attempt.cancel_token().is_cancelled());
        }
    }

    #[tokio::test]
    async fn dropped_log_lines_show_as_a_gap() {
        let attempt = attempt();
        (0..PENDING_LINES_MAX + 7).for_each(|n| attempt.log(&format!("line {n}")));
        let (progress, logs) = attempt.take_report(1 << 20);
        let logs = logs.unwrap();
        assert_eq!(progress, Some(RawText::null()));
        assert_eq!((logs.first, logs.lines.len()), (7, LOG_LINES_MAX));
        assert_eq!(logs.lines[0], "line 7");
        let (_, logs) = attempt.take_report(1 << 20);
        assert_eq!(logs.unwrap().first, 7 + LOG_LINES_MAX as u64);
    }

    #[tokio::test]
    async fn a_report_is_taken_once() {
        let attempt = attempt();
        attempt.progress(RawText::of(&serde_json::json!({"done": 3})));
        attempt.log("é".repeat(LOG_LINE_BYTES_MAX).as_str());
        let (progress, logs) = attempt.take_report(1 << 20);
        assert_eq!(progress.unwrap().0.get(), r#"{"done":3}"#);
        assert_eq!(logs.unwrap().lines[0].len(), LOG_LINE_BYTES_MAX);
        assert_eq!(attempt.take_report(1 << 20), (None, None));
    }
}
