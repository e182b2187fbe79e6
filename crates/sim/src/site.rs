//! An installation: processes that start, die and start again, around one store and one bus.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{OutcomeMessage, PayloadMessage, ResultMessage};
use aob_bus::{MemBus, Topic, TopicConfig};
use aob_cache::NullCache;
use aob_coordinator::{
    Config, Coordinator, CoreConfig, Deps, Duties, EVENTS_TOPIC, RESULTS_TOPIC, job_topic,
    namespace,
};
use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, Command, CommandId, Request, WorkspaceId,
};
use aob_ir::{Digest, Priority};
use aob_store::Leases as _;
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::bus::{Settled, SimBus};
use crate::cas::SimCas;
use crate::counts::Count;
use crate::gate::{Gate, SKEW_MS_MAX};
use crate::generator::Scenario;
use crate::runner;
use crate::store::SimStore;
use crate::world::World;

/// Longest time until the group notices that a member is gone.
const SESSION_MS_MAX: u64 = 10_000;
/// Longest time until a process that died starts again.
const DOWN_MS_MAX: u64 = 20_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) world: Arc<World>,
    pub(crate) workspace: WorkspaceId,
    /// By root.
    pub(crate) scenarios: Vec<Scenario>,
    bus: Mutex<MemBus>,
    live: Vec<Mutex<Option<Arc<Live>>>>,
    runners: Vec<Mutex<Option<Arc<Gate>>>>,
    /// Tells a coordinator to restart in good order.
    pub(crate) restarts: Vec<Notify>,
}

/// A coordinator process that lives.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) gate: Arc<Gate>,
    pub(crate) store: SimStore,
    pub(crate) bus: SimBus,
    pub(crate) coordinator: Coordinator,
    shutdown: CancellationToken,
}

fn new_bus(partitions: u32) -> MemBus {
    let config =
        TopicConfig::with_partitions(NonZeroU32::new(partitions).unwrap_or(NonZeroU32::MIN));
    let jobs = [Priority::High, Priority::Medium, Priority::Low].map(job_topic);
    let others = [EVENTS_TOPIC, RESULTS_TOPIC].map(Topic::new);
    MemBus::new(jobs.into_iter().chain(others).map(|topic| (topic, config)))
}

impl Site {
    /// An installation that has not started.
    pub(crate) fn new(world: &Arc<World>, scenarios: Vec<Scenario>) -> Arc<Self> {
        let weather = &world.weather;
        Arc::new(Self {
            world: Arc::clone(world),
            workspace: WorkspaceId(uuid::Uuid::from_u128(0x5151)),
            scenarios,
            bus: Mutex::new(new_bus(weather.partitions)),
            live: (0..weather.coordinators).map(|_| Mutex::default()).collect(),
            runners: (0..weather.runners).map(|_| Mutex::default()).collect(),
            restarts: (0..weather.coordinators).map(|_| Notify::new()).collect(),
        })
    }

    /// The bus behind all gates.
    pub(crate) fn bus(&self) -> MemBus {
        self.bus.lock().clone()
    }

    /// Starts all processes, and starts them again for as long as the simulation lasts.
    pub(crate) fn start(self: &Arc<Self>) {
        for index in 0..self.live.len() {
            tokio::spawn(Arc::clone(self).coordinator(index));
        }
        if !self.world.weather.embedded {
            for index in 0..self.runners.len() {
                tokio::spawn(Arc::clone(self).runner(index));
            }
        }
    }

    /// Forgets all processes, which know the installation: otherwise nothing of it would ever go.
    pub(crate) fn close(&self) {
        self.live.iter().for_each(|slot| *slot.lock() = None);
        self.runners.iter().for_each(|slot| *slot.lock() = None);
    }

    /// Any coordinator that lives.
    pub(crate) fn any(&self) -> Option<Arc<Live>> {
        let live: Vec<Arc<Live>> =
            self.live.iter().filter_map(|slot| slot.lock().clone()).collect();
        if live.is_empty() {
            return None;
        }
        let index = self.world.draw(|dice| dice.count(0..=live.len() - 1));
        live.get(index).cloned()
    }

    /// The gates of all processes that live.
    pub(crate) fn gates(&self) -> Vec<Arc<Gate>> {
        let coordinators = self.live.iter().filter_map(|slot| slot.lock().clone());
        let gates = coordinators.map(|live| Arc::clone(&live.gate));
        gates.chain(self.runners.iter().filter_map(|slot| slot.lock().clone())).collect()
    }

    /// One coordinator, if it lives.
    pub(crate) fn coordinator_at(&self, index: usize) -> Option<Arc<Live>> {
        self.live.get(index)?.lock().clone()
    }

    /// One runner, if it lives.
    pub(crate) fn runner_at(&self, index: usize) -> Option<Arc<Gate>> {
        self.runners.get(index)?.lock().clone()
    }

    async fn coordinator(self: Arc<Self>, index: usize) {
        let world = &self.world;
        for life in 0.. {
            let gate = Gate::new(world, format!("c{index}.{life}"), true);
            self.set_clock(&gate);
            let live = self.start_coordinator(&gate);
            *self.live[index].lock() = Some(Arc::clone(&live));
            if world.weather.embedded {
                self.start_embedded(&live, life).await;
            }
            tokio::select! {
                biased;
                () = gate.dead.cancelled() => live.shutdown.cancel(),
                () = self.restarts[index].notified() => {
                    live.shutdown.cancel();
                    let stopped = live.coordinator.stopped(Duration::from_secs(60)).await;
                    world.tell(|| format!("{} stops (in time: {stopped})", gate.name));
                    gate.kill();
                }
            }
            *self.live[index].lock() = None;
            if world.weather.embedded {
                // What was on its way dies with the process that carried it.
                *self.bus.lock() = new_bus(world.weather.partitions);
            }
            let down = world.draw(|dice| dice.within(0..=DOWN_MS_MAX));
            let session = world.draw(|dice| dice.within(0..=SESSION_MS_MAX)).min(down);
            sleep(Duration::from_millis(session)).await;
            live.bus.evict();
            drop(live);
            sleep(Duration::from_millis(down - session)).await;
        }
    }

    fn set_clock(&self, gate: &Gate) {
        // The clock of the database is what each process estimates; it may be wrong by minutes.
        let skewed = self.world.is_stormy() && self.world.draw(|dice| dice.percent(15));
        if skewed && !self.world.weather.strikes.is_empty() {
            self.world.fault(Count::ClockSkew);
            gate.skew(self.world.draw(|dice| dice.number(-SKEW_MS_MAX..=SKEW_MS_MAX)));
        }
    }

    fn start_coordinator(self: &Arc<Self>, gate: &Arc<Gate>) -> Arc<Live> {
        let weather = &self.world.weather;
        let tiny = weather.tiny_caches;
        if tiny {
            self.world.fault(Count::TinyCaches);
        }
        let core = CoreConfig {
            idle_runs_max: if tiny { 1 } else { 4_096 },
            irs_max: if tiny { 1 } else { 256 },
            snapshot_events: weather.snapshot_events,
            ..CoreConfig::default()
        };
        let config = Config {
            core,
            workflows_max: NonZeroUsize::new(if tiny { 1 } else { 64 })
                .unwrap_or(NonZeroUsize::MIN),
            // Nobody patches workflows here; patches of runs are the coordinators' own.
            duties: Duties { patches: false, ..Duties::ALL },
            relay_period: weather.period,
            sweep_period: weather.period,
            process: gate.name.as_str().into(),
            ..Config::default()
        };
        let store = SimStore::new(gate);
        let bus = SimBus::new(gate, &self.bus(), Some(self.settled()));
        let deps = Deps {
            store: Arc::new(store.clone()),
            cas: Arc::new(SimCas::new(gate)),
            cache: Arc::new(NullCache),
            bus: Arc::new(bus.clone()),
            clock: gate.clock(),
        };
        let shutdown = CancellationToken::new();
        let coordinator = Coordinator::start(&config, deps, &shutdown);
        Arc::new(Live { gate: Arc::clone(gate), store, bus, coordinator, shutdown })
    }

    /// What `aob dev` does when it starts: its own runners are gone, and so is its bus.
    async fn start_embedded(self: &Arc<Self>, live: &Arc<Live>, life: u64) {
        let gate = &live.gate;
        let site = Arc::clone(self);
        let (recovered, bus) = (Arc::clone(live), live.bus.clone());
        tokio::spawn(async move {
            while recovered.store.lease_expire("r", recovered.gate.now_ms()).await.is_err() {
                sleep(Duration::from_millis(500)).await;
            }
            while let Err(error) = recovered.coordinator.recover().await {
                site.world.tell(|| format!("recovery waits: {error}"));
                sleep(Duration::from_millis(500)).await;
            }
            let gate = Arc::clone(&recovered.gate);
            *site.runners[0].lock() = Some(Arc::clone(&gate));
            gate.living(runner::run(&site, &gate, bus, &format!("r0.{life}"))).await;
        });
        gate.wait().await;
    }

    async fn runner(self: Arc<Self>, index: usize) {
        let world = &self.world;
        for life in 0.. {
            let gate = Gate::new(world, format!("r{index}.{life}"), false);
            self.set_clock(&gate);
            let bus = SimBus::new(&gate, &self.bus(), None);
            *self.runners[index].lock() = Some(Arc::clone(&gate));
            let name = gate.name.clone();
            tokio::select! {
                biased;
                () = gate.dead.cancelled() => {}
                () = runner::run(&self, &gate, bus.clone(), &name) => {}
            }
            *self.runners[index].lock() = None;
            let down = world.draw(|dice| dice.within(0..=DOWN_MS_MAX));
            sleep(Duration::from_millis(down)).await;
            bus.evict();
        }
    }

    /// Judges results whose offsets are committed: dealt with means that they change nothing more.
    fn settled(self: &Arc<Self>) -> Settled {
        let site = Arc::clone(self);
        Arc::new(move |result| site.is_settled(result, "its offset is committed"))
    }

    /// Records a violation if a result that somebody says is dealt with would change its run.
    pub(crate) fn is_settled(&self, result: &ResultMessage, why: &str) {
        let Some(request) = self.result_request(result) else { return };
        let now_ms = self.world.now_ms();
        let stored = |digest: &Digest| self.stored(digest);
        let changes = self.world.ledger.lock().would_change(result.run, &request, now_ms, &stored);
        if changes == Some(true) {
            self.world.violation(format!("result {} is lost: {why}", result.key()));
        }
    }

    fn result_request(&self, result: &ResultMessage) -> Option<Request> {
        let outcome = match &result.outcome {
            OutcomeMessage::Completed { output: PayloadMessage::Inline(text) } => {
                AttemptOutcome::Completed { output: Blob::new(text.clone()) }
            }
            OutcomeMessage::Completed { output: PayloadMessage::Stored { digest, .. } } => {
                AttemptOutcome::Completed { output: self.stored(digest)? }
            }
            OutcomeMessage::Failed { failure } => AttemptOutcome::Failed(failure.clone().into()),
            OutcomeMessage::Cancelled {} => AttemptOutcome::Cancelled,
        };
        let result = AttemptResult {
            instance: result.instance.clone(),
            attempt: result.attempt,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        };
        Some(Request {
            id: CommandId("check".into()),
            actor: Actor::system(),
            command: Command::Result(result),
        })
    }

    /// A payload of the blob store.
    pub(crate) fn stored(&self, digest: &Digest) -> Option<Arc<Blob>> {
        use aob_cas::Cas as _;
        let digest = aob_coordinator::blob_digest(*digest);
        // In memory, it is ready at once.
        let bytes = self.world.cas.get(namespace(self.workspace), digest).now_or_never()?.ok()?;
        Blob::parse(String::from_utf8(bytes.to_vec()).ok()?).ok()
    }
}
