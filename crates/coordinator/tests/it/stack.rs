//! A whole embedded stack in a test, with a runner that echoes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{JobMessage, OutcomeMessage, PayloadMessage, ResultPatchMessage};
use aob_bus::{Bus, MemBus, Outgoing, Topic, TopicConfig};
use aob_cache::{Cache, NullCache};
use aob_cas::{Cas, MemCas};
use aob_coordinator::{
    Config, Coordinator, CoreConfig, Deps, RESULTS_TOPIC, Reply, Submission, SubmitError,
    WorkflowRef, job_topic, parse, store_workspace, stream,
};
use aob_engine::{
    Actor, Blob, CastVote, Command, CommandId, Event, Request, RunId, RunStatus, StartRun,
    TicketId, Timestamp, Vote, WorkspaceId,
};
use aob_ir::Priority;
use aob_store::{Clock, IdempotencyKey, MemStore, RunFilter, RunRow, Segment, Store};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(0xa));

/// Snapshots are taken often, so that processes meet them.
const SNAPSHOT_EVENTS: u64 = 20;

/// What processes share.
#[derive(Clone)]
struct Storage {
    store: Arc<dyn Store>,
    cas: Arc<dyn Cas>,
    cache: Arc<dyn Cache>,
    bus: Arc<dyn Bus>,
}

impl Storage {
    fn memory(cache: Arc<dyn Cache>) -> Self {
        let store = Arc::new(MemStore::new(clock()));
        Self { store, cas: Arc::new(MemCas::default()), cache, bus: bus() }
    }
}

/// One process over shared ports.
pub(crate) struct Stack {
    pub(crate) coordinator: Coordinator,
    storage: Storage,
    clock: Clock,
    shutdown: CancellationToken,
    _stop: DropGuard,
    _folder: Option<tempfile::TempDir>,
}

/// Emits each test twice: over the memory model and over SQLite.
macro_rules! over_both {
    ($(async fn $name:ident($stack:ident: Stack) $body:block)+) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $name() { let $stack = Stack::memory(); $body })+
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $name() { let $stack = Stack::sqlite(); $body })+
        }
    };
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the test's process")]
fn clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(since.map_or(0, |d| d.as_millis())).unwrap_or(i64::MAX)
    })
}

fn bus() -> Arc<dyn Bus> {
    let config = TopicConfig::with_partitions(NonZeroU32::new(4).expect("not zero"));
    let names = [
        "node.jobs.high",
        "node.jobs.medium",
        "node.jobs.low",
        "node.results",
        "node.results.dead",
        "workflow.events",
    ];
    Arc::new(MemBus::new(names.map(|name| (Topic::new(name), config))))
}

/// A chain of functions that each return their name.
pub(crate) fn echo_document(length: usize) -> Value {
    let node = |n| json!({"id": format!("n{n}"), "type": "function", "config": {"name": "echo", "args": format!("n{n}")}});
    let edge = |n| json!({"from": format!("n{n}"), "to": format!("n{}", n + 1)});
    json!({
        "nodes": (0..length).map(node).collect::<Vec<_>>(),
        "edges": (0..length - 1).map(edge).collect::<Vec<_>>(),
    })
}

impl Stack {
    pub(crate) fn memory() -> Self {
        Self::over(Storage::memory(Arc::new(NullCache)), clock())
    }

    /// As [`Stack::memory`], with processes that share a cache.
    pub(crate) fn with_cache(cache: Arc<dyn Cache>) -> Self {
        Self::over(Storage::memory(cache), clock())
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let config = aob_store::SqliteConfig::new(folder.path().join("aob.db"));
        let store = aob_store::SqliteStore::open(&config, clock()).expect("the database opens");
        let memory = Storage::memory(Arc::new(NullCache));
        let mut stack = Self::over(Storage { store: Arc::new(store), ..memory }, clock());
        stack._folder = Some(folder);
        stack
    }

    fn over(storage: Storage, clock: Clock) -> Self {
        let shutdown = CancellationToken::new();
        let Storage { store, cas, cache, bus } = storage.clone();
        let deps = Deps { store, cas, cache, bus: Arc::clone(&bus), clock: Arc::clone(&clock) };
        let core = CoreConfig { snapshot_events: SNAPSHOT_EVENTS, ..CoreConfig::default() };
        let config = Config { core, ..Config::default() };
        let coordinator = Coordinator::start(&config, deps, &shutdown);
        tokio::spawn(echo_runner(bus, shutdown.clone()));
        let stop = shutdown.clone().drop_guard();
        Self { coordinator, storage, clock, shutdown, _stop: stop, _folder: None }
    }

    /// Another process on the same storage.
    pub(crate) fn second_coordinator(&self) -> Self {
        self.second_at(clock())
    }

    /// This process ends; its storage stays.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Another process, for which no time passes: no row ever gets old enough for its relay.
    pub(crate) fn second_coordinator_without_time(&self) -> Self {
        let now = (self.clock)();
        self.second_at(Arc::new(move || now))
    }

    fn second_at(&self, clock: Clock) -> Self {
        Self::over(self.storage.clone(), clock)
    }

    /// Publishes a result that is none, and returns the dead letter that it becomes.
    pub(crate) async fn publish_nonsense(&self) -> aob_bus::Message {
        let dead = Topic::new("node.results.dead");
        let letters = self.storage.bus.subscribe(&dead, "test").await.expect("there is a topic");
        let topic = Topic::new(RESULTS_TOPIC);
        let payload = bytes::Bytes::from_static(b"{\"run\": 7");
        let nonsense = Outgoing { topic, key: [7; 16], headers: Vec::new(), payload };
        self.storage.bus.publish(vec![nonsense]).await.expect("it is published");
        let letter = tokio::time::timeout(PATIENCE, letters.recv_batch(1)).await;
        letter.expect("a dead letter").expect("it is received").remove(0)
    }

    fn new_run(&self) -> RunId {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let millis = u64::try_from((self.clock)()).expect("after 1970");
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        RunId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    async fn submission(&self, document: &Value, inputs: Value) -> Submission<()> {
        let reference = WorkflowRef::Document(Box::new(document.clone()));
        let now = (self.clock)();
        let resolved = self.coordinator.workflows.resolve(WORKSPACE, &reference, now).await;
        let resolved = resolved.expect("the document is valid");
        let run = self.new_run();
        let start = StartRun {
            run,
            workspace: WORKSPACE,
            tag: None,
            inputs: Blob::of(inputs),
            parent: None,
            depth: 0,
            labels: std::collections::BTreeMap::new(),
            priority: None,
            fidelity: aob_engine::Fidelity::Fast,
            limits: None,
            budget: None,
            cancel_grace_ms: 30_000,
            children: resolved.children,
            cancelled: false,
        };
        Submission {
            workspace: WORKSPACE,
            run,
            request: request(Command::Start(Box::new(start))),
            key: None,
            dedup: None,
            ir: Some(resolved.ir),
            token: (),
        }
    }

    pub(crate) async fn start(&self, document: &Value, inputs: Value) -> RunId {
        let submission = self.submission(document, inputs).await;
        let run = submission.run;
        self.coordinator.handle.submit(submission).await.expect("the start is accepted");
        run
    }

    pub(crate) async fn start_with_key(&self, document: &Value, key: &str) -> Reply {
        let mut submission = self.submission(document, json!({})).await;
        submission.key = Some(IdempotencyKey {
            endpoint: "POST /runs".to_owned(),
            key: key.to_owned(),
            body_hash: [7; 32],
            status: 201,
            response: "{}".to_owned(),
            expires_ms: i64::MAX,
        });
        self.coordinator.handle.submit(submission).await
    }

    /// Appends a run as a process would that dies right after the commit.
    pub(crate) async fn start_without_performing(&self, document: &Value) -> RunId {
        use aob_coordinator::{Core, CoreConfig, Input, Output};
        let submission = self.submission(document, json!({})).await;
        let run = submission.run;
        let now = Timestamp((self.clock)());
        let mut core: Core<()> = Core::new(CoreConfig::default());
        core.handle(now, Input::Submit(Box::new(submission)));
        assert!(core.next_output().is_none(), "nothing leaves before it is durable");
        let batch = core.next_batch(now).expect("there is something to append");
        let outcomes =
            self.storage.store.append(Arc::clone(&batch.append)).await.expect("it is appended");
        core.handle(now, Input::Appended(Some(outcomes)));
        let mut outputs = std::iter::from_fn(|| core.next_output());
        assert!(outputs.any(|output| matches!(output, Output::Perform(_))));
        run
    }

    pub(crate) async fn submit(&self, run: RunId, command: Command) -> Reply {
        let submission = Submission {
            workspace: WORKSPACE,
            run,
            request: request(command),
            key: None,
            dedup: None,
            ir: None,
            token: (),
        };
        self.coordinator.handle.submit(submission).await
    }

    pub(crate) async fn vote(
        &self,
        run: RunId,
        ticket: &str,
        vote: Vote,
    ) -> Result<(), SubmitError> {
        let cast = CastVote {
            ticket: TicketId(ticket.into()),
            vote,
            reason: None,
            data: None,
            edits: Default::default(),
            subject_hash: None,
            roles: Vec::new(),
        };
        self.submit(run, Command::Vote(cast)).await.map(|_| ())
    }

    /// Sends signals one after the other; how many were acknowledged.
    pub(crate) async fn signals(
        &self,
        run: RunId,
        who: &str,
        numbers: std::ops::Range<usize>,
    ) -> usize {
        let mut acknowledged = 0;
        for number in numbers {
            let signal = format!("{who}{number}").into();
            let payload = Blob::of(json!(number));
            let command = Command::Signal { name: "other".into(), signal, payload };
            acknowledged += usize::from(self.submit(run, command).await.is_ok());
        }
        acknowledged
    }

    /// Polls until `ready` gives something. The condition is what is waited for, not a guess.
    async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        ready: impl Fn() -> F,
    ) -> T {
        let waiting = async {
            loop {
                if let Some(found) = ready().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("{what} did not happen"))
    }

    pub(crate) async fn wait(&self, run: RunId) -> RunStatus {
        self.until("the end of the run", || async {
            let loaded = self.coordinator.reader.load(run).await.expect("readable")?;
            loaded.state.is_terminal().then(|| loaded.state.status())
        })
        .await
    }

    pub(crate) async fn ticket(&self) -> String {
        self.until("a ticket", || async {
            let tickets =
                self.storage.store.tickets(store_workspace(WORKSPACE), None, None, None, 1).await;
            tickets.expect("readable").pop().map(|row| row.ticket)
        })
        .await
    }

    /// Waits until nothing is owed any more.
    pub(crate) async fn quiet(&self) {
        self.until("an empty outbox", || async { self.outbox().await.is_empty().then_some(()) })
            .await;
    }

    pub(crate) async fn outbox(&self) -> Vec<aob_store::OutboxKey> {
        let rows = self.storage.store.outbox_due(i64::MAX, 100).await.expect("readable");
        rows.into_iter().map(|(_, key)| key).collect()
    }

    pub(crate) async fn output(&self, run: RunId) -> Value {
        let loaded = self.coordinator.reader.load(run).await.expect("readable").expect("exists");
        let output = loaded.state.output().expect("a completed run has an output");
        let blob = self.coordinator.reader.value(WORKSPACE, run, output).await.expect("readable");
        Value::clone(blob.value())
    }

    pub(crate) async fn segments(&self, run: RunId) -> Vec<Segment> {
        let found =
            self.storage.store.segments_after(store_workspace(WORKSPACE), stream(run), 0, 100_000);
        found.await.expect("readable")
    }

    pub(crate) async fn events(&self, run: RunId) -> Vec<Event> {
        let segments = self.segments(run).await;
        segments.iter().flat_map(|segment| parse(run, segment).expect("readable")).collect()
    }

    pub(crate) async fn count(&self, run: RunId, kind: &str) -> usize {
        self.events(run).await.iter().filter(|event| event.kind.name() == kind).count()
    }

    pub(crate) async fn runs(&self) -> Vec<RunRow> {
        let filter = RunFilter { limit: 100, ..RunFilter::default() };
        self.storage.store.runs(store_workspace(WORKSPACE), &filter).await.expect("readable")
    }

    /// The log checks out: its chain, its invariants, and the row that lists show.
    pub(crate) async fn verify(&self, run: RunId) {
        let events = self.events(run).await;
        let loaded = self.coordinator.reader.load(run).await.expect("readable").expect("exists");
        let digest = loaded.state.digest().expect("a run has a workflow");
        let ir = self.coordinator.workflows.ir(WORKSPACE, digest).await.expect("readable");
        let report = aob_checker::check(&events, &|wanted: &aob_ir::Digest| {
            (*wanted == digest).then(|| Arc::clone(&ir))
        });
        assert!(report.violations.is_empty(), "{:?}", report.violations);
        let segments = self.segments(run).await;
        aob_store::verify_chain(stream(run), aob_store::Head::EMPTY, &segments)
            .expect("the chain holds");
        let row = self
            .storage
            .store
            .run(store_workspace(WORKSPACE), stream(run))
            .await
            .expect("readable");
        assert_eq!(row.expect("listed").status, loaded.state.status().as_str());
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn request(command: Command) -> Request {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    Request { id: CommandId(format!("c{number}").into()), actor: Actor("user:ada".into()), command }
}

/// Answers every job with its `args`.
async fn echo_runner(bus: Arc<dyn Bus>, shutdown: CancellationToken) {
    let consumer =
        bus.subscribe(&job_topic(Priority::Medium), "runners").await.expect("subscribed");
    loop {
        let messages = tokio::select! {
            messages = consumer.recv_batch(64) => messages.expect("the bus is up"),
            () = shutdown.cancelled() => return,
        };
        for message in messages {
            let job: JobMessage = serde_json::from_slice(&message.payload).expect("a job");
            let args = match job.config.text() {
                Some(text) => {
                    let mut config: Value = serde_json::from_str(text).expect("a config");
                    config["args"].take()
                }
                None => json!("long"),
            };
            let output = PayloadMessage::of(&Blob::of(args.clone()));
            let mut answer = job.answer("echo".into(), OutcomeMessage::Completed { output });
            if let Some(operations) = args.get("patch") {
                answer.patches.push(ResultPatchMessage {
                    operations: PayloadMessage::of(&Blob::of(operations.clone())),
                    base: None,
                    description: "as asked".into(),
                });
            }
            let payload = serde_json::to_vec(&answer).expect("a result").into();
            let topic = Topic::new(RESULTS_TOPIC);
            let result = Outgoing { topic, key: message.key, headers: Vec::new(), payload };
            bus.publish(vec![result]).await.expect("the bus is up");
            let _ = consumer.commit(message.partition, message.offset).await;
        }
    }
}
