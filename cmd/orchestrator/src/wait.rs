//! `Prefer: wait=N`: the answer comes when the run is over, or after N seconds.

use std::time::Duration;

use aob_api::{ErrorCode, Problem};
use aob_edge::{Caller, Refusal};
use aob_engine::RunId;
use axum::extract::FromRequestParts;
use http::request::Parts as RequestParts;
use tokio::time::Instant;

use crate::api::Parts;

/// Seconds that a request may wait; a longer wish is shortened.
const WAIT_MAX: u64 = 60;
/// How often the run is looked at where no news come.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a client is willing to wait; `None`: it did not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait(pub(crate) Option<Duration>);

impl<S: Sync> FromRequestParts<S> for Wait {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut RequestParts, _: &S) -> Result<Self, Refusal> {
        let values = parts.headers.get_all("prefer").iter();
        let values = values.filter_map(|value| value.to_str().ok());
        let preferences = values.flat_map(|value| value.split(',')).map(str::trim);
        let wait = preferences
            .filter_map(|preference| preference.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"));
        let Some((_, seconds)) = wait else { return Ok(Self(None)) };
        match seconds.trim().trim_matches('"').parse::<u64>() {
            Ok(seconds) => Ok(Self(Some(Duration::from_secs(seconds.min(WAIT_MAX))))),
            Err(_) => {
                let detail = format!("`Prefer: wait={seconds}` is not a number of seconds");
                Err(Problem::new(ErrorCode::InvalidHeader, detail)
                    .with_hint("send `Prefer: wait=30`")
                    .into())
            }
        }
    }
}

impl Parts {
    /// Waits until the run is over, `limit` at most. A run that waits for somebody is not over.
    pub(crate) async fn wait_until_over(
        &self,
        caller: &Caller,
        run: RunId,
        limit: Duration,
    ) -> Result<(), Refusal> {
        let deadline = Instant::now() + limit;
        let mut news = self.watch.run(run);
        loop {
            let row = self.reads.run_row(caller, run).await?;
            let now = Instant::now();
            if row.is_terminal() || now >= deadline {
                return Ok(());
            }
            let look_again = deadline.min(now + LOOK_AGAIN);
            tokio::select! {
                () = news.changed() => {}
                () = tokio::time::sleep_until(look_again) => {}
                () = self.shutdown.cancelled() => return Ok(()),
            }
        }
    }
}
