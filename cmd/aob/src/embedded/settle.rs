//! Waiting until a run is over, or until only somebody outside can end its waiting.

use std::time::Duration;

use aob_bus::{Bus, Consumer, Topic};
use aob_coordinator::{EVENTS_TOPIC, store_workspace, stream};
use aob_engine::{Around, RunId, Wait, explain};
use aob_store::Views;

use super::{Host, unavailable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Printer;

/// Messages taken at once.
const BATCH: usize = 256;
/// Events read at once.
const EVENTS: usize = 256;
/// After so long without news, it is asked whether there can be any.
const QUIET: Duration = Duration::from_millis(500);

/// Why a run waits for somebody outside of this process.
const OUTSIDE: [&str; 10] = [
    "approval",
    "signal",
    "paused",
    "not_served",
    "no_runner",
    "pool_busy",
    "outcome_unknown",
    "parked_on_error",
    "unknown_type",
    "compensation_failed",
];
/// Why it waits for something that leads somewhere else, where the reason is.
const BEYOND: [&str; 2] = ["join", "map_items"];

/// How a run is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Show its events.
    pub(crate) follow: bool,
    /// At most so long.
    pub(crate) limit: Option<Duration>,
}

impl Host<'_> {
    /// Waits until the run is over.
    pub(super) async fn settle(
        &self,
        run: RunId,
        over: bool,
        patience: Patience,
    ) -> Result<(), Failure> {
        if over && !patience.follow {
            return Ok(());
        }
        let limit = async {
            match patience.limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            settled = self.watch(run, patience.follow) => settled,
            () = limit => {
                let message = format!("run {run} is not over in time");
                Err(Failure::new(Exit::Timeout, "timeout", message, self.go_on()))
            }
            _ = tokio::signal::ctrl_c() => {
                let message = format!("interrupted; run {run} is kept as it is");
                Err(Failure::new(Exit::Interrupted, "interrupted", message, self.go_on()))
            }
        }
    }

    async fn watch(&self, run: RunId, follow: bool) -> Result<(), Failure> {
        let topic = Topic::new(EVENTS_TOPIC);
        let news = self.stack.adapters.bus.subscribe(&topic, "embedded").await;
        let news = news.map_err(|error| unavailable(&error))?;
        let mut printer = follow.then(|| Printer::new(self.context.out, &run.to_string()));
        let mut after = 0;
        loop {
            // Asked before its events are read: a run that is over has no more of them.
            let over = self.is_over(run).await?;
            if let Some(printer) = &mut printer {
                after = self.print(run, after, printer).await?;
            }
            if over {
                return Ok(());
            }
            if let Some(printer) = &mut printer {
                printer.draw();
            }
            if tokio::time::timeout(QUIET, hear(&*news, run)).await.is_err() {
                self.still_moves(run).await?;
            }
        }
    }

    async fn print(
        &self,
        run: RunId,
        mut after: u64,
        printer: &mut Printer,
    ) -> Result<u64, Failure> {
        loop {
            let reader = &self.stack.coordinator.reader;
            let texts = reader.event_texts(self.workspace, run, after, EVENTS).await;
            let texts = texts.map_err(|error| unavailable(&error))?;
            let Some((last, _)) = texts.last() else { return Ok(after) };
            after = *last;
            for (_, text) in &texts {
                printer.print(text.get())?;
            }
        }
    }

    async fn is_over(&self, run: RunId) -> Result<bool, Failure> {
        let row = self.stack.adapters.store.run(store_workspace(self.workspace), stream(run)).await;
        let row = row.map_err(|error| unavailable(&error))?;
        Ok(row.is_some_and(|row| row.is_terminal()))
    }

    /// Fails where nothing in this process can move the run any more.
    async fn still_moves(&self, run: RunId) -> Result<(), Failure> {
        let loaded = self.stack.coordinator.reader.load_in(self.workspace, run).await;
        let Some(loaded) = loaded.map_err(|error| unavailable(&error))? else { return Ok(()) };
        let waits = explain(&loaded.state, None, &Around::default());
        match stuck(&waits) {
            None => Ok(()),
            Some(wait) => {
                let who = wait.instance.as_ref().map_or("the run".to_owned(), ToString::to_string);
                let message =
                    format!("run {run} waits for somebody outside: {who}: {}", wait.message);
                let todo = format!("{}, then {}", self.go_on(), wait.remedy);
                Err(Failure::new(Exit::Timeout, "waits", message, todo))
            }
        }
    }

    /// How a run that is not over goes on.
    fn go_on(&self) -> String {
        format!("aob dev --data {}", self.dir.display())
    }
}

/// Waits for news of this run.
async fn hear(news: &dyn Consumer, run: RunId) {
    loop {
        // A bus that is gone has no news.
        let Ok(messages) = news.recv_batch(BATCH).await else {
            return std::future::pending().await;
        };
        let about = messages.iter().any(|message| message.key == *run.0.as_bytes());
        for message in &messages {
            // What is not committed is delivered again, which is harmless.
            let _ = news.commit(message.partition, message.offset).await;
        }
        if about {
            return;
        }
    }
}

/// The first reason outside of this process, where there is no other kind.
fn stuck(waits: &[Wait]) -> Option<&Wait> {
    let ends = |wait: &&Wait| OUTSIDE.contains(&wait.reason);
    let moves = |wait: &Wait| !OUTSIDE.contains(&wait.reason) && !BEYOND.contains(&wait.reason);
    if waits.iter().any(moves) {
        return None;
    }
    waits.iter().find(ends)
}

#[cfg(test)]
mod tests {
    use aob_engine::Timestamp;

    use super::*;

    fn wait(reason: &'static str) -> Wait {
        Wait {
            instance: None,
            reason,
            message: String::new(),
            since: Timestamp(0),
            until: None,
            owner: String::new(),
            remedy: String::new(),
            alternatives: Vec::new(),
        }
    }

    #[test]
    fn a_run_is_stuck_where_only_others_can_move_it() {
        let cases: [(&[&str], Option<&str>); 7] = [
            (&[], None),
            (&["approval"], Some("approval")),
            (&["join", "signal"], Some("signal")),
            (&["approval", "timer"], None),
            (&["no_runner", "running"], None),
            (&["child_run"], None),
            (&["map_items", "outcome_unknown"], Some("outcome_unknown")),
        ];
        for (reasons, expected) in cases {
            let waits: Vec<Wait> = reasons
                .iter()
                .map(|reason| {
                    let known = OUTSIDE.into_iter().chain(BEYOND);
                    let known = known.chain(["timer", "running", "child_run"]);
                    wait(known.into_iter().find(|known| known == reason).unwrap())
                })
                .collect();
            assert_eq!(stuck(&waits).map(|wait| wait.reason), expected, "{reasons:?}");
        }
    }
}
