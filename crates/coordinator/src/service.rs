//! Composing shards, timers, relay and results into one service.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aob_bus::Bus;
use aob_cache::Cache;
use aob_cas::Cas;
use aob_engine::{Effect, owed};
use aob_store::{Clock, RunFilter, Store};
use aob_validator::Rules;
use futures::{StreamExt, stream};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cached::CachedCas;
use crate::driver;
use crate::handle::{Handle, QUEUE_MAX, Shard};
use crate::offers::Offers;
use crate::performer::{Held, Performer};
use crate::reader::Reader;
use crate::relay::Relay;
use crate::results::Results;
use crate::sweeper::{Sweeper, TICKS_AT_ONCE, tick};
use crate::wake::WakeHint;
use crate::workflows::Workflows;
use crate::{Core, CoreConfig, Materializer, Performance, ResolvedDispatch, run_of};

/// Performances that wait between a shard and its performer.
const PERFORMANCES_MAX: usize = 1_024;
/// Runs looked at once while recovering.
const RECOVER_PAGE: u32 = 256;

/// Settings of a coordinator.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shards: runs are spread over them, each has one committer.
    pub shards: NonZeroUsize,
    /// Sizes of each shard's core.
    pub core: CoreConfig,
    /// Compiled workflows kept in memory.
    pub workflows_max: NonZeroUsize,
    /// What it does besides deciding and performing what is submitted to it.
    pub duties: Duties,
    /// Publish domain events on `workflow.events`.
    pub publish_events: bool,
    /// How often the relay looks for effects that nobody performs.
    pub relay_period: Duration,
    /// How often timers are looked for at least; those that this process sets are known to it.
    pub sweep_period: Duration,
    /// Names this process in the ids of its ticks: two that look at one run at the same time send
    /// it two commands, not one twice.
    pub process: Arc<str>,
    /// What patches of runs and of workflows are judged by.
    pub rules: Arc<Rules>,
    /// Which jobs of pools go to topics; `None`: none.
    pub offers: Option<Arc<dyn Offers>>,
}

/// What some process of a stack has to do, each on as many as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duties {
    /// Taking results in from the topic.
    pub results: bool,
    /// Performing what a crash left.
    pub relay: bool,
    /// Looking for timers that are due.
    pub timers: bool,
    /// Making versions of the patches of workflows.
    pub patches: bool,
}

impl Duties {
    /// All of them: a process that is a stack of its own.
    pub const ALL: Self = Self { results: true, relay: true, timers: true, patches: true };
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: NonZeroUsize::MIN,
            core: CoreConfig::default(),
            workflows_max: NonZeroUsize::new(512).unwrap_or(NonZeroUsize::MIN),
            duties: Duties::ALL,
            publish_events: true,
            relay_period: Duration::from_secs(1),
            sweep_period: Duration::from_secs(1),
            process: "0".into(),
            rules: Arc::new(Rules::default()),
            offers: None,
        }
    }
}

/// The ports of a coordinator.
#[derive(Clone)]
pub struct Deps {
    /// The log and what derives from it.
    pub store: Arc<dyn Store>,
    /// Payloads.
    pub cas: Arc<dyn Cas>,
    /// Blobs and documents that were read before. Nothing rests on it.
    pub cache: Arc<dyn Cache>,
    /// Jobs, results, events.
    pub bus: Arc<dyn Bus>,
    /// The database's clock.
    pub clock: Clock,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").field("store", &self.store).finish_non_exhaustive()
    }
}

/// What may be a duty.
struct Work {
    results: Results,
    sweeper: Sweeper,
    relay: Relay,
    materializer: Materializer,
    bus: Arc<dyn Bus>,
}

impl Work {
    fn new(config: &Config, performer: &Performer, clock: Clock, wake: Arc<WakeHint>) -> Self {
        let Performer { store, bus, reader, handle, workflows, .. } = performer.clone();
        let results = Results { bus: Arc::clone(&bus), reader, handle: handle.clone() };
        let (rules, decides) = (Arc::clone(&config.rules), Arc::clone(&clock));
        let materializer = Materializer::new(Arc::clone(&store), workflows, decides, rules);
        let sweeper = Sweeper {
            store: Arc::clone(&store),
            handle,
            clock: Arc::clone(&clock),
            wake,
            process: Arc::clone(&config.process),
            at_least: config.sweep_period,
        };
        let (period, swept) = (config.relay_period, CancellationToken::new());
        let relay = Relay { store, performer: performer.clone(), clock, period, swept };
        Self { results, sweeper, relay, materializer, bus }
    }

    fn start(self, duties: Duties, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let Self { results, sweeper, relay, materializer, bus } = self;
        if duties.results {
            tasks.spawn(results.run(shutdown.clone()));
        }
        if duties.timers {
            tasks.spawn(sweeper.run(shutdown.clone()));
        }
        if duties.patches {
            tasks.spawn(materializer.run(bus, shutdown.clone()));
        }
        if duties.relay {
            tasks.spawn(relay.run(shutdown.clone()));
        } else {
            // Who has the duty looks; nobody here waits for it.
            relay.swept.cancel();
        }
    }
}

/// A coordinator at work. Dropping it does not stop it: the shutdown token does.
#[derive(Debug, Clone)]
pub struct Coordinator {
    /// The way in.
    pub handle: Handle,
    /// Reading runs.
    pub reader: Reader,
    /// Compiled workflows.
    pub workflows: Arc<Workflows>,
    /// Taking results in that do not come from the topic.
    pub results: Results,
    /// Turning dispatches into jobs.
    pub performer: Performer,
    /// What patches are judged by.
    pub rules: Arc<Rules>,
    /// Decides patches of workflows.
    pub materializer: Materializer,
    /// Signalled when an attempt appears that runners find by long poll.
    pub pool_work: Arc<Notify>,
    /// Cancelled once the relay has looked at what an earlier process left.
    swept: CancellationToken,
    process: Arc<str>,
    tasks: TaskTracker,
}

impl Coordinator {
    /// Starts all tasks on the current runtime. They end after `shutdown`.
    pub fn start(config: &Config, deps: Deps, shutdown: &CancellationToken) -> Self {
        let Deps { store, cas, cache, bus, clock } = deps;
        let cas: Arc<dyn Cas> = Arc::new(CachedCas::new(cas, Arc::clone(&cache)));
        let reader = Reader::new(Arc::clone(&store), Arc::clone(&cas));
        let workflows = Workflows::new(Arc::clone(&store), cache, config.workflows_max);
        let workflows = Arc::new(workflows);
        let (shards, ends): (Vec<_>, Vec<_>) =
            (0..config.shards.get()).map(|_| shard_ends()).unzip();
        let handle = Handle::new(shards);
        let held = Arc::new(Held::default());
        let (wake, pool_work) = (Arc::new(WakeHint::new()), Arc::new(Notify::new()));
        let performer = Performer {
            store: Arc::clone(&store),
            bus,
            reader: reader.clone(),
            workflows: Arc::clone(&workflows),
            handle: handle.clone(),
            held: Arc::clone(&held),
            pool_work: Arc::clone(&pool_work),
            submissions: Performer::submissions(),
            publish_events: config.publish_events,
            offers: config.offers.clone(),
        };
        let tasks = TaskTracker::new();
        for (external, internal) in ends {
            let (sender, receiver) = mpsc::channel(PERFORMANCES_MAX);
            let shard = driver::Shard {
                core: Core::new(config.core).with_rules(Arc::clone(&config.rules)),
                store: Arc::clone(&store),
                reader: reader.clone(),
                cas: Arc::clone(&cas),
                workflows: Arc::clone(&workflows),
                clock: Arc::clone(&clock),
                external,
                internal,
                performances: sender,
                held: Arc::clone(&held),
                wake: Arc::clone(&wake),
            };
            tasks.spawn(shard.run(shutdown.clone()));
            tasks.spawn(performer.clone().run(receiver));
        }
        let work = Work::new(config, &performer, clock, wake);
        let (results, swept) = (work.results.clone(), work.relay.swept.clone());
        let materializer = work.materializer.clone();
        work.start(config.duties, &tasks, shutdown);
        tasks.close();
        let (process, rules) = (Arc::clone(&config.process), Arc::clone(&config.rules));
        Self {
            handle,
            reader,
            workflows,
            results,
            performer,
            rules,
            materializer,
            pool_work,
            swept,
            process,
            tasks,
        }
    }

    /// Hands out again what was out when the last process died: for stacks whose bus does not
    /// survive it. Duplicates are harmless.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn recover(&self) -> Result<u64, aob_store::StoreError> {
        // What was never performed comes first: a result of what is handed out here must not be
        // appended behind effects that are still owed, or its own would have to wait for them.
        self.swept.cancelled().await;
        let store = &self.performer.store;
        let mut handed_out = 0;
        for workspace in store.workspaces().await? {
            let mut before = None;
            loop {
                let statuses = ["running", "cancelling", "paused"].map(str::to_owned).to_vec();
                let filter =
                    RunFilter { statuses, before, limit: RECOVER_PAGE, ..RunFilter::default() };
                let page = store.runs(workspace.workspace, &filter).await?;
                for row in &page {
                    handed_out += self.hand_out_again(run_of(row.run)).await;
                }
                match page.last() {
                    Some(last) if page.len() == RECOVER_PAGE as usize => before = Some(last.run),
                    Some(_) | None => break,
                }
            }
        }
        Ok(handed_out)
    }

    /// Looks at runs whose leases were ended from outside, without waiting for their timers. What
    /// cannot be looked at now is when its timer is due.
    pub async fn look_at(&self, runs: &[aob_store::StreamId]) {
        let store = &self.performer.store;
        let Ok(now) = store.now_ms().await else { return };
        let ticks = stream::iter(runs).map(async |stream| {
            let workspace = store.workspace_of(*stream).await.ok().flatten()?;
            let place = (crate::engine_workspace(workspace), run_of(*stream));
            tick(&**store, &self.handle, place, format!("tick:lease:{now}:{}", self.process))
                .await
                .ok()
        });
        ticks.buffer_unordered(TICKS_AT_ONCE).for_each(async |_| {}).await;
    }

    async fn hand_out_again(&self, run: aob_engine::RunId) -> u64 {
        let Ok(Some(loaded)) = self.reader.load(run).await else { return 0 };
        let jobs = owed(&loaded.state).into_iter().filter_map(|effect| match effect {
            Effect::Dispatch(dispatch) => {
                Some(ResolvedDispatch { dispatch: *dispatch, config: None, input: None })
            }
            Effect::CancelAttempt(_)
            | Effect::StartChild(_)
            | Effect::CancelChild(_)
            | Effect::DeliverToParent(_)
            | Effect::Continue { .. }
            | Effect::Notify(_)
            | Effect::Publish(_) => None, // Their outbox rows are still there.
        });
        let performance = Performance::of_dispatches(loaded.workspace, run, jobs.collect());
        let count = performance.dispatches.len() as u64;
        let mut batch = Vec::new();
        if self.performer.messages(&performance, &mut batch).await.is_err() {
            return 0;
        }
        let published = batch.is_empty() || self.performer.send(batch).await.is_ok();
        if published { count } else { 0 }
    }

    /// Waits until every task has ended, or `limit` has passed; false in the latter case.
    pub async fn stopped(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }
}

type Ends = (
    mpsc::Receiver<Box<crate::Submission<crate::Token>>>,
    mpsc::Receiver<crate::Input<crate::Token>>,
);

fn shard_ends() -> (Shard, Ends) {
    let (external, external_end) = mpsc::channel(QUEUE_MAX);
    let (internal, internal_end) = mpsc::channel(QUEUE_MAX);
    (Shard { external, internal }, (external_end, internal_end))
}
