//! Streams over memory: logs written by the test itself, asked through the router.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_edge::{Authenticator, RunWatch, Shell, mint_token, system_entropy};
use aob_engine::{RunId, WorkspaceId};
use aob_fanout::{Fanout, StreamLimits, router};
use aob_store::{
    ApiKeyRow, AppendBatch, AppendOutcome, DerivedRows, Head, ManualClock, MemStore, RunRow,
    Segment, Store, StreamAppend, StreamId, segment_hash,
};
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const OURS: WorkspaceId = WorkspaceId(Uuid::from_u128(0xa));
pub(crate) const THEIRS: WorkspaceId = WorkspaceId(Uuid::from_u128(0xb));

pub(crate) struct Stack {
    pub(crate) router: Router,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) watch: RunWatch,
    pub(crate) clock: ManualClock,
    pub(crate) shutdown: CancellationToken,
}

/// One event of a stream, as a client reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// An open stream.
pub(crate) struct Reading {
    body: Body,
    rest: String,
    /// The longest piece that came at once.
    pub(crate) longest: usize,
}

impl Stack {
    pub(crate) fn new(limits: StreamLimits) -> Self {
        let clock = ManualClock::at(1_000_000);
        let store: Arc<dyn Store> = Arc::new(MemStore::new(clock.clock()));
        let authenticator = Arc::new(Authenticator::new(Arc::clone(&store), clock.clock()));
        let (watch, shutdown) = (RunWatch::default(), CancellationToken::new());
        let shell = Shell::new(&system_entropy());
        let fanout = Fanout::new(
            Arc::clone(&store),
            authenticator,
            watch.clone(),
            shell,
            limits,
            shutdown.clone(),
        );
        Self { router: router(fanout), store, watch, clock, shutdown }
    }

    pub(crate) async fn key(&self, workspace: WorkspaceId) -> (String, String) {
        let minted = mint_token(&system_entropy());
        let row = ApiKeyRow {
            key_id: minted.key_id.clone(),
            secret_hash: minted.secret_hash,
            workspace: aob_store::WorkspaceId(workspace.0),
            name: "ada".to_owned(),
            roles: vec!["auditor".to_owned()],
            created_ms: 0,
            expires_ms: None,
            revoked_ms: None,
        };
        self.store.key_put(&row).await.expect("memory does not fail");
        (minted.token, minted.key_id)
    }

    pub(crate) async fn open(
        &self,
        token: &str,
        path: &str,
        last: Option<&str>,
    ) -> Result<Reading, (StatusCode, String)> {
        let mut request = Request::get(path).header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).expect("the request is well-formed");
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        if parts.status == StatusCode::OK {
            let header =
                |name: &str| parts.headers.get(name).map(|value| value.as_bytes().to_vec());
            assert_eq!(header("x-accel-buffering").as_deref(), Some(&b"no"[..]));
            assert_eq!(header("content-type").as_deref(), Some(&b"text/event-stream"[..]));
            return Ok(Reading { body, rest: String::new(), longest: 0 });
        }
        let bytes = body.collect().await.expect("the body ends").to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&bytes).expect("a problem");
        Err((parts.status, problem["code"].as_str().unwrap_or_default().to_owned()))
    }

    /// Appends one segment to the log of a run and says so.
    pub(crate) async fn append(&self, log: &mut Log, texts: &[(&str, &str)], status: &str) {
        let first_seq = log.head.seq + 1;
        let events = texts.iter().zip(first_seq..).map(|((kind, data), seq)| {
            format!(
                "{{\"seq\":{seq},\"at\":\"2026-01-01T00:00:00.000Z\",\"command\":\"c\",\
                 \"type\":\"{kind}\",\"data\":{data}}}"
            )
        });
        let events = format!("[{}]", events.collect::<Vec<_>>().join(","));
        let stream = StreamId(log.run.0);
        let (ordinal, prev_hash) = (log.head.ordinal + 1, log.head.hash);
        let hash = segment_hash(stream, ordinal, 1, &prev_hash, &events);
        let last_seq = log.head.seq + texts.len() as u64;
        log.head = Head { ordinal, seq: last_seq, hash };
        let segment = Segment { ordinal, first_seq, last_seq, at_ms: 1, events, prev_hash, hash };
        let terminal = matches!(status, "completed" | "failed" | "cancelled");
        let run = RunRow {
            run: stream,
            status: status.to_owned(),
            name: String::new(),
            tag: None,
            digest: "sha256:0".to_owned(),
            parent: None,
            labels: BTreeMap::new(),
            created_ms: 1,
            updated_ms: 1,
            finished_ms: terminal.then_some(1),
            seq: last_seq,
            error: None,
            output: None,
        };
        let append = StreamAppend {
            stream,
            workspace: aob_store::WorkspaceId(log.workspace.0),
            segments: vec![segment],
            keys: Vec::new(),
            dedup: None,
            rows: DerivedRows { run: Some(run), ..DerivedRows::default() },
        };
        let batch = AppendBatch { streams: vec![append], outbox_done: Vec::new() };
        let outcomes = self.store.append(batch.into()).await.expect("memory does not fail");
        assert!(matches!(outcomes[..], [AppendOutcome::Committed { .. }]), "{outcomes:?}");
        self.watch.notify_run(log.run);
        self.watch.notify_workspace(log.workspace);
    }
}

/// A log that a test writes.
pub(crate) struct Log {
    pub(crate) run: RunId,
    workspace: WorkspaceId,
    head: Head,
}

impl Log {
    pub(crate) fn new(number: u128) -> Self {
        Self { run: RunId(Uuid::from_u128(number)), workspace: OURS, head: Head::EMPTY }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.head.seq
    }
}

impl Reading {
    /// The next block that is not a comment; `None`: the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Block> {
        loop {
            while let Some((text, rest)) = self.rest.split_once("\n\n") {
                let block = block(text);
                self.rest = rest.to_owned();
                if block != Block::default() {
                    return Some(block);
                }
            }
            let piece = self.piece().await?;
            self.rest.push_str(&piece);
        }
    }

    /// The next piece as it came over the wire.
    pub(crate) async fn piece(&mut self) -> Option<String> {
        let frame = self.body.frame().await?.expect("streams do not fail");
        let data = frame.into_data().expect("streams have no trailers");
        self.longest = self.longest.max(data.len());
        Some(String::from_utf8(data.to_vec()).expect("streams are UTF-8"))
    }

    /// Everything to the end.
    pub(crate) async fn rest(mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        while let Some(block) = self.next().await {
            blocks.push(block);
        }
        blocks
    }
}

fn block(text: &str) -> Block {
    let mut block = Block::default();
    let mut data = Vec::new();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("id", value)) => block.id = Some(value.to_owned()),
            Some(("event", value)) => block.event = value.to_owned(),
            Some(("data", value)) => data.push(value),
            _ => {}
        }
    }
    block.data = data.join("\n");
    block
}
