//! Turns steps into calls.

use std::fmt::Debug;

use super::steps::{
    Belief, CatalogStep, LeaseStep, LogStep, Step, StreamStep, TagWish, UpkeepStep,
};
use crate::conformance::Subject;
use crate::conformance::fixtures::{AWAY, Chain, HOME, T0, key, stream};
use crate::conformance::patches::patch;
use crate::conformance::tags::{new, redo, undo};
use crate::tagging::{TagChange, TagStep, enter, tag_change};
use crate::{
    ApiKeyRow, AppendBatch, Canary, Claim, Head, IdempotencyKey, LeaseKey, LeaseRow, LeaseState,
    OutboxKey, PatchRow, PatchSettled, PatchStatus, PatchedDocument, PoolClaim, Renewal,
    SnapshotRow, StoreResult, StreamAppend, TagRow, TimeMs, Wakeup, WakeupMove, WorkspaceId,
    WorkspaceRow,
};

/// Statuses of a run; the last three are terminal.
const STATUSES: [&str; 6] = ["queued", "running", "waiting", "completed", "failed", "cancelled"];

/// Names of functions.
const NAMES: [&str; 3] = ["score", "rank", "notify"];

/// Runs a program. It knows the time, what it appended, and what its last sweep read.
pub(super) struct Executor<'t> {
    subject: &'t Subject,
    now_ms: TimeMs,
    appended: Vec<StreamAppend>,
    swept: Vec<Wakeup>,
}

pub(super) fn workspace(home: bool) -> WorkspaceId {
    if home { HOME } else { AWAY }
}

fn lease_key(&(of, instance): &(u8, u8)) -> LeaseKey {
    let instance = format!("node{instance}");
    LeaseKey { run: stream(u64::from(of)), instance, attempt: 1 }
}

fn outbox_keys(keys: &[(u8, u8)]) -> Vec<OutboxKey> {
    let key = |&(of, ordinal): &(u8, u8)| OutboxKey {
        stream: stream(u64::from(of)),
        ordinal: u64::from(ordinal),
    };
    keys.iter().map(key).collect()
}

fn holder(who: u8) -> String {
    format!("process-{}/{who}", who % 2)
}

/// Who holds a lease; nobody has no name.
fn holder_of(leases: &[LeaseState], key: &LeaseKey) -> String {
    let lease = leases.iter().find(|lease| lease.row.key == *key);
    lease.and_then(|lease| lease.holder.clone()).unwrap_or_default()
}

fn told<T: Debug>(answer: &StoreResult<T>) -> String {
    format!("{answer:?}")
}

impl<'t> Executor<'t> {
    pub(super) fn new(subject: &'t Subject) -> Self {
        Self { subject, now_ms: T0, appended: Vec::new(), swept: Vec::new() }
    }

    /// Performs a step; the answer as text.
    pub(super) async fn step(&mut self, step: &Step) -> String {
        self.now_ms += 3;
        self.subject.clock.set(self.now_ms);
        match step {
            Step::Log(step) => self.log(step).await,
            Step::Lease(step) => self.lease(step).await,
            Step::Catalog(step) => self.catalog(step).await,
            Step::Upkeep(step) => self.upkeep(step).await,
        }
    }

    async fn log(&mut self, step: &LogStep) -> String {
        let store = &self.subject.store;
        match step {
            LogStep::Append(steps, done) => {
                let mut streams = Vec::new();
                for step in steps {
                    match store.heads(&[stream(u64::from(step.stream))]).await {
                        Ok(heads) => streams.push(self.stream_append(step, heads[0])),
                        Err(error) => return error.to_string(),
                    }
                }
                self.appended.extend(streams.iter().cloned());
                let batch = AppendBatch { streams, outbox_done: outbox_keys(done) };
                told(&store.append(batch.into()).await)
            }
            LogStep::Again(back) => {
                let again = self.appended.iter().rev().nth(*back).cloned();
                told(&self.subject.append_all(again.into_iter().collect()).await)
            }
            LogStep::OutboxDelete(keys) => told(&store.outbox_delete(&outbox_keys(keys)).await),
            LogStep::Sweep { by_ms, stale } => {
                if !stale {
                    match store.wakeups_due(self.now_ms, 3).await {
                        Ok(due) => self.swept = due,
                        Err(error) => return error.to_string(),
                    }
                }
                let to = by_ms.map(|by_ms| self.now_ms + by_ms);
                let at_seq = stale.then_some(2);
                let moves = self.swept.iter().map(|read| WakeupMove { read: *read, at_seq, to });
                let moves: Vec<_> = moves.collect();
                format!("{moves:?} {:?}", store.wakeups_move(&moves).await)
            }
        }
    }

    fn stream_append(&self, step: &StreamStep, head: Head) -> StreamAppend {
        let mut chain = Chain::new(u64::from(step.stream)).of(workspace(step.home));
        chain.at_ms = self.now_ms;
        chain.head = match step.belief {
            Belief::Head => head,
            Belief::Empty => Head::EMPTY,
            Belief::Forked => Head { hash: [9; 32], ..head },
            Belief::Ahead => Head { ordinal: head.ordinal + 1, seq: head.seq + 1, hash: head.hash },
        };
        let first = chain.head.ordinal + 1;
        let segments = (0..step.segments).map(|n| chain.segment(u64::from(n % 2) + 1)).collect();
        let mut append = chain.append_of(segments);
        append.keys = step.key.map(|n| self.idempotency_key(n)).into_iter().collect();
        append.dedup = step.dedup.map(|n| format!("dedup{n}"));
        let rows = &mut append.rows;
        rows.run = step.status.map(|n| chain.run(STATUSES[usize::from(n)]));
        rows.outbox =
            (0..4).filter(|bit| step.owes >> bit & 1 == 1).map(|bit| first + bit).collect();
        rows.wakeup_due = step.wakeup_ms.map(|by_ms| self.now_ms + by_ms);
        let (put, drop) = &step.leases;
        rows.leases_put = put.iter().map(|n| self.lease_row(step.stream, *n)).collect();
        rows.leases_drop = drop.iter().map(|n| lease_key(&(step.stream, *n))).collect();
        let ticket = |(n, status): (u8, u8)| {
            let name = format!("ticket{}-{n}", step.stream);
            chain.ticket(&name, ["pending", "approved"][usize::from(status)])
        };
        rows.tickets = step.ticket.map(ticket).into_iter().collect();
        append
    }

    fn idempotency_key(&self, n: u8) -> IdempotencyKey {
        IdempotencyKey { expires_ms: self.now_ms + 40, ..key(&format!("key{n}"), n) }
    }

    fn lease_row(&self, of: u8, instance: u8) -> LeaseRow {
        LeaseRow {
            key: lease_key(&(of, instance)),
            pool: String::from("default"),
            name: NAMES[usize::from((of + instance) % 3)].to_owned(),
            priority: instance % 2,
            seq: u64::from(of),
            by_topic: of == 1 && instance == 1,
            scheduled_ms: self.now_ms,
        }
    }

    async fn lease(&self, step: &LeaseStep) -> String {
        let (store, now_ms) = (&self.subject.store, self.now_ms);
        let until_ms = now_ms + 30;
        match step {
            LeaseStep::Claim(keys, who) => {
                let claim =
                    |key| Claim { key: lease_key(key), holder: holder(*who), now_ms, until_ms };
                let claims: Vec<Claim> = keys.iter().map(claim).collect();
                told(&store.lease_claim(&claims).await)
            }
            LeaseStep::ClaimPool { home, holder: who, names, limit } => {
                let served = (0..3).filter(|bit| names >> bit & 1 == 1);
                let claim = PoolClaim {
                    workspace: workspace(*home),
                    pool: String::from("default"),
                    names: served.map(|n: usize| NAMES[n].to_owned()).collect(),
                    holder: holder(*who),
                    limit: u32::from(*limit),
                    now_ms,
                    until_ms,
                };
                told(&store.lease_claim_pool(&claim).await)
            }
            LeaseStep::Renew(key, who, report) => {
                let progress = report.then(|| format!("{{\"at\":{now_ms}}}"));
                let key = lease_key(key);
                let holder = match (who, store.leases_of(key.run).await) {
                    (Some(who), _) => holder(*who),
                    (None, Ok(leases)) => holder_of(&leases, &key),
                    (None, Err(error)) => return error.to_string(),
                };
                let renewal = Renewal { key, holder, now_ms, until_ms, progress };
                told(&store.lease_renew(&[renewal]).await)
            }
            LeaseStep::Cancel(keys) => {
                let keys: Vec<LeaseKey> = keys.iter().map(lease_key).collect();
                told(&store.lease_cancel(&keys).await)
            }
            LeaseStep::Expire(process) => {
                told(&store.lease_expire(&format!("process-{process}/"), now_ms).await)
            }
        }
    }

    async fn catalog(&self, step: &CatalogStep) -> String {
        let (store, now_ms) = (&self.subject.store, self.now_ms);
        match step {
            CatalogStep::Tag(home, tag, change, expected) => {
                self.tag(workspace(*home), *tag, change, expected.map(u64::from)).await
            }
            CatalogStep::Patch(home, id, tag) => {
                let row = PatchRow {
                    created_ms: now_ms,
                    ..patch(&format!("patch{id}"), &format!("tag{tag}"))
                };
                let key = (*id == 3).then(|| self.idempotency_key(1));
                told(&store.patch_put(workspace(*home), &row, key.as_ref()).await)
            }
            CatalogStep::Settle(home, tag, id, entered) => {
                self.settle(workspace(*home), *tag, *id, *entered).await
            }
            CatalogStep::Patched(home, digest, parent) => {
                let document = PatchedDocument {
                    digest: format!("digest{digest}"),
                    parent: format!("digest{parent}"),
                    operations: format!("{now_ms}"),
                };
                told(&store.documents_put_patched(workspace(*home), &[document], now_ms).await)
            }
            CatalogStep::Document(home, digest, text) => {
                let document = (format!("digest{digest}"), format!("{text}"));
                told(&store.documents_put(workspace(*home), &[document], now_ms).await)
            }
            CatalogStep::Workspace(id, name) => {
                let name = format!("name{name}");
                let row = WorkspaceRow { workspace: workspace(*id), name, created_ms: now_ms };
                told(&store.workspace_put(&row).await)
            }
            CatalogStep::Key(id, home) => {
                let row = ApiKeyRow {
                    key_id: format!("key{id}"),
                    secret_hash: [*id; 32],
                    workspace: workspace(*home),
                    name: String::from("ci"),
                    roles: vec![String::from("operator")],
                    created_ms: now_ms,
                    expires_ms: None,
                    revoked_ms: None,
                };
                told(&store.key_put(&row).await)
            }
            CatalogStep::Revoke(id, home) => {
                told(&store.key_revoke(workspace(*home), &format!("key{id}"), now_ms).await)
            }
        }
    }

    /// Decides a patch, with so many versions.
    async fn settle(&self, workspace: WorkspaceId, tag: u8, id: u8, entered: u8) -> String {
        let (store, now_ms) = (&self.subject.store, self.now_ms);
        let tag = format!("tag{tag}");
        let Ok(Some(row)) = store.tag(workspace, &tag).await else {
            return String::from("no tag");
        };
        let new = (0..entered).map(|n| new(&format!("made{n}"))).collect();
        let mut planned = enter(&tag, Some(&row), new, now_ms);
        let status = match entered {
            0 => PatchStatus::Rejected { problem: String::from("no") },
            _ => PatchStatus::Applied { version: 1, digest: String::from("made") },
        };
        let id = format!("patch{id}");
        planned.write.settled = vec![PatchSettled { id, status, decided_ms: now_ms }];
        told(&store.tag_write(workspace, &planned.write).await)
    }

    async fn tag(
        &self,
        workspace: WorkspaceId,
        tag: u8,
        wanted: &TagWish,
        expected: Option<u64>,
    ) -> String {
        let step = match wanted {
            TagWish::Enter(digest) => TagStep::Enter(new(&format!("digest{digest}"))),
            TagWish::Undo => undo(),
            TagWish::Redo => redo(),
            TagWish::Canary(version) => {
                let canary = Canary { version: u64::from(*version), percent: 10 };
                TagStep::Canary((*version > 0).then_some(canary), String::from("user:cy"))
            }
        };
        let change = TagChange { tag: format!("tag{tag}"), step, expected, now_ms: self.now_ms };
        let answer = (expected == Some(3)).then(|| self.idempotency_key(2));
        let key = |_: &TagRow| answer.clone();
        told(&tag_change(&*self.subject.store, workspace, &change, &key).await)
    }

    async fn upkeep(&self, step: &UpkeepStep) -> String {
        let store = &self.subject.store;
        match step {
            UpkeepStep::Snapshot(home, of, ordinal, format) => {
                let row = SnapshotRow {
                    stream: stream(u64::from(*of)),
                    ordinal: u64::from(*ordinal),
                    format: u32::from(*format),
                    digest: format!("sha256:{ordinal}-{format}"),
                };
                told(&store.snapshot_put(workspace(*home), &row).await)
            }
            UpkeepStep::Delete(home, of) => {
                told(&store.run_delete(workspace(*home), stream(u64::from(*of))).await)
            }
            UpkeepStep::ExpireKeys => told(&store.idempotency_expire(self.now_ms).await),
        }
    }
}
