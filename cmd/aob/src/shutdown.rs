//! Being asked to stop: once politely, then at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::failure::Failure;

/// SIGINT and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from here on: the signals no longer end the process by themselves.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            let message = format!("signals cannot be listened to: {error}");
            Failure::new(
                Exit::Failed,
                "signals",
                message,
                "free some file descriptors and try again",
            )
        };
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Cancels the token at the first, and returns at the second.
    pub(crate) async fn cancel_then_wait(mut self, token: &CancellationToken) {
        self.next().await;
        token.cancel();
        self.next().await;
    }
}
