//! Tenancy: no call shows or changes a row of another workspace.

use super::Subject;
use super::fixtures::{AWAY, COMMITTED, Chain, HOME, T0, key, stream};
use crate::{
    ApiKeyRow, AppendOutcome, ConflictKind, FeedCursor, PatchedDocument, PoolClaim, RunFilter,
    SnapshotRow, StoreError, StoreResult, StreamAppend, TagWritten, tagging::enter,
};

const HEAD: AppendOutcome = AppendOutcome::Conflict(ConflictKind::Head);

/// A run of [`AWAY`] with a row of every kind.
async fn away(t: &Subject) -> StoreResult<Chain> {
    let mut chain = Chain::new(1).of(AWAY);
    let mut append = chain.append_run("running");
    append.keys = vec![key("k", 1)];
    append.dedup = Some(String::from("daily"));
    append.rows.leases_put = vec![chain.lease("a", 1)];
    append.rows.tickets = vec![chain.ticket("t1", "pending")];
    t.commit(append).await?;
    Ok(chain)
}

/// Names of rows of another workspace lead to nothing.
pub async fn reads_stay_in_their_workspace(t: &Subject) -> StoreResult<()> {
    let chain = away(t).await?;
    t.commit(Chain::new(2).append()).await?;
    let store = &t.store;
    assert!(store.segments_after(HOME, chain.stream, 0, 10).await?.is_empty());
    assert!(store.segments_after_seq(HOME, chain.stream, 0, 10).await?.is_empty());
    assert_eq!(store.run(HOME, chain.stream).await?, None);
    assert_eq!(store.ticket(HOME, "t1").await?, None);
    assert_eq!(store.idempotency(HOME, "POST /v1/runs", "k").await?, None);
    assert_eq!(store.workspace_of(chain.stream).await?, Some(AWAY));
    assert_eq!(store.segments_after(AWAY, chain.stream, 0, 10).await?.len(), 1);
    assert!(store.run(AWAY, chain.stream).await?.is_some());
    Ok(())
}

/// Lists show one workspace.
pub async fn lists_stay_in_their_workspace(t: &Subject) -> StoreResult<()> {
    let chain = away(t).await?;
    let mut home = Chain::new(2);
    t.commit(home.append_run("completed")).await?;
    let store = &t.store;
    let filter = RunFilter { limit: 10, ..RunFilter::default() };
    for (workspace, expected) in [(HOME, &home), (AWAY, &chain)] {
        let runs = store.runs(workspace, &filter).await?;
        assert_eq!(runs.iter().map(|row| row.run).collect::<Vec<_>>(), [expected.stream]);
        let feed = store.feed_after(workspace, &FeedCursor::default(), 10).await?;
        assert_eq!(feed.iter().map(|entry| entry.stream).collect::<Vec<_>>(), [expected.stream]);
    }
    assert!(store.tickets(HOME, None, None, None, 10).await?.is_empty());
    let cursor = store.tickets(HOME, None, None, Some("t1"), 10).await;
    assert!(matches!(cursor, Err(StoreError::Cursor(_))), "{cursor:?}");
    assert!(store.runs_finished_before(AWAY, i64::MAX, 10).await?.is_empty());
    assert_eq!(store.runs_finished_before(HOME, i64::MAX, 10).await?, [home.stream]);
    Ok(())
}

/// A stream belongs to the workspace that started it, for all appends.
pub async fn a_stream_is_not_continued_from_elsewhere(t: &Subject) -> StoreResult<()> {
    let chain = away(t).await?;
    let mut intruder = chain.clone().of(HOME);
    assert_eq!(t.append(intruder.append_run("completed")).await?, HEAD);
    let mut takeover = Chain::new(1);
    takeover.at_ms += 1;
    assert_eq!(t.append(takeover.append_run("completed")).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    assert_eq!(t.store.run(HOME, chain.stream).await?, None);
    Ok(())
}

/// Bytes that were committed elsewhere are not ours, though they are the same.
pub async fn the_same_bytes_from_elsewhere_conflict(t: &Subject) -> StoreResult<()> {
    away(t).await?;
    assert_eq!(t.append(Chain::new(1).append()).await?, HEAD);
    Ok(())
}

/// Keys of one workspace do not stop another's requests.
pub async fn keys_and_dedup_are_per_workspace(t: &Subject) -> StoreResult<()> {
    away(t).await?;
    let append = StreamAppend {
        keys: vec![key("k", 2)],
        dedup: Some(String::from("daily")),
        ..Chain::new(2).append_run("running")
    };
    assert_eq!(t.append(append).await?, COMMITTED);
    let stored = t.store.idempotency(AWAY, "POST /v1/runs", "k").await?;
    assert_eq!(stored.map(|row| row.body_hash), Some([1; 32]));
    Ok(())
}

/// A tag is a name within its workspace; so is a digest.
pub async fn tags_and_documents_are_per_workspace(t: &Subject) -> StoreResult<()> {
    let store = &t.store;
    store.documents_put(AWAY, &[(String::from("d"), String::from("{}"))], T0).await?;
    let patched = PatchedDocument {
        digest: String::from("e"),
        parent: String::from("d"),
        operations: String::from("[]"),
    };
    store.documents_put_patched(AWAY, &[patched], T0).await?;
    let made = enter("kyc", None, vec![super::tags::new("d")], T0);
    store.tag_write(AWAY, &made.write).await?;
    store.patch_put(AWAY, &super::patches::patch("p", "kyc"), None).await?;
    assert_eq!(store.document(HOME, "d").await?, None);
    assert_eq!(store.document(HOME, "e").await?, None);
    assert_eq!(store.tag(HOME, "kyc").await?, None);
    assert_eq!(store.tag_version(HOME, "kyc", 1).await?, None);
    assert!(store.tags(HOME, None, 10).await?.is_empty());
    assert!(store.tag_versions(HOME, "kyc", None, 9).await?.is_empty());
    assert!(store.tag_moves(HOME, "kyc", None, 9).await?.is_empty());
    assert_eq!(store.patch(HOME, "p").await?, None);
    assert!(store.patches(HOME, "kyc", None, 9).await?.is_empty());
    assert!(store.patches_pending(HOME, "kyc", 9).await?.is_empty());
    assert_eq!(store.tag_write(HOME, &made.write).await?, TagWritten::Done);
    Ok(())
}

/// A ticket of the same name elsewhere is another ticket.
pub async fn tickets_are_per_workspace(t: &Subject) -> StoreResult<()> {
    away(t).await?;
    let mut chain = Chain::new(2);
    let mut append = chain.append();
    append.rows.tickets = vec![chain.ticket("t1", "approved")];
    t.commit(append).await?;
    let status = |row: Option<crate::TicketRow>| row.map(|row| row.status);
    assert_eq!(status(t.store.ticket(AWAY, "t1").await?), Some(String::from("pending")));
    assert_eq!(status(t.store.ticket(HOME, "t1").await?), Some(String::from("approved")));
    Ok(())
}

/// A snapshot is neither read nor replaced from elsewhere.
pub async fn snapshots_are_per_workspace(t: &Subject) -> StoreResult<()> {
    let chain = away(t).await?;
    let row = |ordinal| {
        let digest = format!("sha256:{ordinal}");
        SnapshotRow { stream: chain.stream, ordinal, format: 1, digest }
    };
    t.store.snapshot_put(AWAY, &row(1)).await?;
    t.store.snapshot_put(HOME, &row(2)).await?;
    assert_eq!(t.store.snapshot(HOME, chain.stream).await?, None);
    assert_eq!(t.store.snapshot(AWAY, chain.stream).await?, Some(row(1)));
    Ok(())
}

/// Retention of one workspace does not reach into another.
pub async fn a_run_is_not_deleted_from_elsewhere(t: &Subject) -> StoreResult<()> {
    let chain = away(t).await?;
    t.commit(Chain::new(2).append()).await?;
    assert!(!t.store.run_delete(HOME, chain.stream).await?);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    assert!(t.store.ticket(AWAY, "t1").await?.is_some());
    Ok(())
}

/// A runner of one workspace is not given another's attempts.
pub async fn pools_are_per_workspace(t: &Subject) -> StoreResult<()> {
    let chain = away(t).await?;
    let claim = |workspace| PoolClaim {
        workspace,
        pool: String::from("default"),
        names: vec![String::from("score")],
        holder: String::from("r1"),
        limit: 10,
        now_ms: T0,
        until_ms: T0 + 1,
    };
    assert!(t.store.lease_claim_pool(&claim(HOME)).await?.is_empty());
    let claimed = t.store.lease_claim_pool(&claim(AWAY)).await?;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].workspace, AWAY);
    assert_eq!(claimed[0].row.key.run, chain.stream);
    Ok(())
}

/// A key is revoked by its own workspace only.
pub async fn api_keys_are_revoked_at_home(t: &Subject) -> StoreResult<()> {
    let row = ApiKeyRow {
        key_id: String::from("k1"),
        secret_hash: [5; 32],
        workspace: AWAY,
        name: String::from("ci"),
        roles: Vec::new(),
        created_ms: T0,
        expires_ms: None,
        revoked_ms: None,
    };
    t.store.key_put(&row).await?;
    assert!(!t.store.key_revoke(HOME, "k1", T0).await?);
    assert!(t.store.keys(HOME).await?.is_empty());
    assert_eq!(t.store.keys(AWAY).await?, vec![row]);
    assert_eq!(t.store.run(HOME, stream(1)).await?, None);
    Ok(())
}
