//! Rows and chains for the cases.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Subject;
use crate::{
    AppendBatch, AppendOutcome, DerivedRows, Head, IdempotencyKey, LeaseKey, LeaseRow, RunRow,
    Segment, StoreResult, StreamAppend, StreamId, TicketRow, TimeMs, WorkspaceId, segment_hash,
};

/// The time at which cases begin.
pub const T0: TimeMs = 1_700_000_000_000;

/// The workspace of most cases.
pub const HOME: WorkspaceId = WorkspaceId(Uuid::from_u128(0xa0));

/// Another workspace.
pub const AWAY: WorkspaceId = WorkspaceId(Uuid::from_u128(0xb0));

/// The n-th stream; later ones have greater ids.
pub fn stream(n: u64) -> StreamId {
    StreamId(Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0000 | u128::from(n)))
}

/// A stream as its writer knows it.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The stream.
    pub stream: StreamId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// What its writer believes the head to be.
    pub head: Head,
    /// Time of the next segment.
    pub at_ms: TimeMs,
}

impl Chain {
    /// The n-th stream, of [`HOME`], before its first segment.
    pub fn new(n: u64) -> Self {
        Self { stream: stream(n), workspace: HOME, head: Head::EMPTY, at_ms: T0 }
    }

    /// The same stream in another workspace.
    pub fn of(self, workspace: WorkspaceId) -> Self {
        Self { workspace, ..self }
    }

    /// The next segment, with these events; the head moves on.
    pub fn segment_of(&mut self, events: &str, count: u64) -> Segment {
        let Head { ordinal, seq, hash } = self.head;
        let hash_now = segment_hash(self.stream, ordinal + 1, self.at_ms, &hash, events);
        let segment = Segment {
            ordinal: ordinal + 1,
            first_seq: seq + 1,
            last_seq: seq + count,
            at_ms: self.at_ms,
            events: events.to_owned(),
            prev_hash: hash,
            hash: hash_now,
        };
        self.head = Head { ordinal: segment.ordinal, seq: segment.last_seq, hash: segment.hash };
        segment
    }

    /// The next segment, with `count` events.
    pub fn segment(&mut self, count: u64) -> Segment {
        let events: Vec<String> =
            (1..=count).map(|n| format!(r#"{{"seq":{}}}"#, self.head.seq + n)).collect();
        self.segment_of(&format!("[{}]", events.join(",")), count)
    }

    /// An append of these segments and nothing else.
    pub fn append_of(&self, segments: Vec<Segment>) -> StreamAppend {
        StreamAppend {
            stream: self.stream,
            workspace: self.workspace,
            segments,
            keys: Vec::new(),
            dedup: None,
            rows: DerivedRows { now_ms: self.at_ms, ..DerivedRows::default() },
        }
    }

    /// An append of the next segment, with two events.
    pub fn append(&mut self) -> StreamAppend {
        let segment = self.segment(2);
        self.append_of(vec![segment])
    }

    /// The run's row in this status, as it stands at the head. `completed`, `failed` and `cancelled`
    /// are over.
    pub fn run(&self, status: &str) -> RunRow {
        let over = ["completed", "failed", "cancelled"].contains(&status);
        RunRow {
            run: self.stream,
            status: status.to_owned(),
            name: String::from("onboarding"),
            tag: None,
            digest: format!("sha256:{}", "ab".repeat(32)),
            parent: None,
            labels: BTreeMap::new(),
            created_ms: T0,
            updated_ms: self.at_ms,
            finished_ms: over.then_some(self.at_ms),
            seq: self.head.seq,
            error: None,
            output: None,
        }
    }

    /// An append of the next segment that leaves the run in this status.
    pub fn append_run(&mut self, status: &str) -> StreamAppend {
        let mut append = self.append();
        append.rows.run = Some(self.run(status));
        append
    }

    /// A lease of this run.
    pub fn lease(&self, instance: &str, attempt: u32) -> LeaseRow {
        LeaseRow {
            key: LeaseKey { run: self.stream, instance: instance.to_owned(), attempt },
            pool: String::from("default"),
            name: String::from("score"),
            priority: 1,
            seq: self.head.seq,
            by_topic: false,
            scheduled_ms: self.at_ms,
        }
    }

    /// A ticket of this run.
    pub fn ticket(&self, ticket: &str, status: &str) -> TicketRow {
        TicketRow {
            ticket: ticket.to_owned(),
            run: self.stream,
            instance: String::from("approve"),
            status: status.to_owned(),
            message: String::from("Grant the credit line?"),
            subject_hash: format!("sha256:{}", "cd".repeat(32)),
            detail: String::from(r#"{"amount":5000}"#),
            created_ms: self.at_ms,
            expires_ms: Some(self.at_ms + 86_400_000),
            decided_ms: None,
        }
    }
}

/// An idempotency key of `POST /v1/runs`.
pub fn key(key: &str, body: u8) -> IdempotencyKey {
    IdempotencyKey {
        endpoint: String::from("POST /v1/runs"),
        key: key.to_owned(),
        body_hash: [body; 32],
        status: 201,
        response: format!(r#"{{"body":{body}}}"#),
        expires_ms: T0 + 86_400_000,
    }
}

/// A committed stream with nothing older in the outbox.
pub const COMMITTED: AppendOutcome = AppendOutcome::Committed { older_outbox: false };

impl Subject {
    /// Appends one stream.
    ///
    /// # Errors
    /// The store's.
    pub async fn append(&self, append: StreamAppend) -> StoreResult<AppendOutcome> {
        let mut outcomes = self.append_all(vec![append]).await?;
        assert_eq!(outcomes.len(), 1, "one outcome per stream");
        Ok(outcomes.remove(0))
    }

    /// Appends streams in one batch.
    ///
    /// # Errors
    /// The store's.
    pub async fn append_all(&self, streams: Vec<StreamAppend>) -> StoreResult<Vec<AppendOutcome>> {
        let batch = AppendBatch { streams, outbox_done: Vec::new() };
        self.store.append(batch.into()).await
    }

    /// Appends one stream, which must commit.
    ///
    /// # Errors
    /// The store's.
    pub async fn commit(&self, append: StreamAppend) -> StoreResult<()> {
        let outcome = self.append(append).await?;
        assert!(matches!(outcome, AppendOutcome::Committed { .. }), "{outcome:?}");
        Ok(())
    }

    /// The whole stream, as its workspace sees it.
    ///
    /// # Errors
    /// The store's.
    pub async fn segments(&self, chain: &Chain) -> StoreResult<Vec<Segment>> {
        self.store.segments_after(chain.workspace, chain.stream, 0, u32::MAX).await
    }

    /// The head of one stream.
    ///
    /// # Errors
    /// The store's.
    pub async fn head(&self, stream: StreamId) -> StoreResult<Head> {
        let heads = self.store.heads(&[stream]).await?;
        assert_eq!(heads.len(), 1, "one head per stream");
        Ok(heads[0])
    }
}
