//! Everything that a store shows of the universe of programs.

use std::fmt::Debug;

use super::execute::workspace;
use super::steps::STREAMS;
use crate::conformance::Subject;
use crate::conformance::fixtures::stream;
use crate::{
    FeedCursor, Head, RunFilter, Segment, StoreError, StoreResult, StreamId, TimeMs, WorkspaceId,
    verify_chain,
};

/// Reads all that can be read; a broken chain is a failure of its own.
pub(super) async fn everything(t: &Subject) -> StoreResult<Vec<String>> {
    let mut seen = machinery(t).await?;
    for home in [true, false] {
        let workspace = workspace(home);
        seen.extend(streams(t, workspace).await?);
        seen.extend(lists(t, workspace).await?);
        seen.push(text("feed", &feed(t, workspace).await?));
    }
    Ok(seen)
}

fn text(name: &str, value: &impl Debug) -> String {
    format!("{name}: {value:?}")
}

fn names() -> impl Iterator<Item = StreamId> {
    (1..=u64::from(STREAMS)).map(stream)
}

async fn machinery(t: &Subject) -> StoreResult<Vec<String>> {
    let streams: Vec<StreamId> = names().collect();
    let mut seen = vec![
        text("now", &t.store.now_ms().await?),
        text("heads", &t.store.heads(&streams).await?),
        text("outbox", &t.store.outbox_due(TimeMs::MAX, 1_000).await?),
        text("wakeups", &t.store.wakeups_due(TimeMs::MAX, 1_000).await?),
        text("next", &t.store.wakeups_next().await?),
        text("workspaces", &t.store.workspaces().await?),
        text("owed", &t.store.tags_pending(TimeMs::MAX, None, 1_000).await?),
    ];
    for stream in streams {
        seen.push(text("owner", &t.store.workspace_of(stream).await?));
        seen.push(text("leases", &t.store.leases_of(stream).await?));
    }
    for n in 0..3 {
        seen.push(text("key", &t.store.key(&format!("key{n}")).await?));
    }
    Ok(seen)
}

async fn streams(t: &Subject, workspace: WorkspaceId) -> StoreResult<Vec<String>> {
    let mut seen = Vec::new();
    for stream in names() {
        let segments = t.store.segments_after(workspace, stream, 0, 1_000).await?;
        if let Err(broken) = verify_chain(stream, Head::EMPTY, &segments) {
            return Err(StoreError::Unavailable(broken.to_string()));
        }
        seen.push(text("segments", &segments));
        for seq in 0..6 {
            let page = t.store.segments_after_seq(workspace, stream, seq, 2).await?;
            seen.push(text("page", &page));
        }
        seen.push(text("run", &t.store.run(workspace, stream).await?));
        seen.push(text("snapshot", &t.store.snapshot(workspace, stream).await?));
    }
    Ok(seen)
}

async fn lists(t: &Subject, workspace: WorkspaceId) -> StoreResult<Vec<String>> {
    let store = &t.store;
    let all = RunFilter { limit: 1_000, ..RunFilter::default() };
    let waiting = vec![String::from("waiting"), String::from("failed")];
    let some = RunFilter { statuses: waiting, before: Some(stream(4)), limit: 2, ..all.clone() };
    let mut seen = vec![
        text("runs", &store.runs(workspace, &all).await?),
        text("some", &store.runs(workspace, &some).await?),
        text("tickets", &store.tickets(workspace, None, None, None, 1_000).await?),
        text("pending", &store.tickets(workspace, Some("pending"), None, None, 2).await?),
        text("tags", &store.tags(workspace, None, 1_000).await?),
        text("keys", &store.keys(workspace).await?),
        text("finished", &store.runs_finished_before(workspace, TimeMs::MAX, 3).await?),
    ];
    for n in 0..3 {
        let key = store.idempotency(workspace, "POST /v1/runs", &format!("key{n}")).await?;
        seen.push(text("idempotency", &key));
        let after = format!("ticket1-{n}");
        let page = store.tickets(workspace, None, Some(stream(1)), Some(&after), 2).await;
        seen.push(text("after", &page));
        let digest = format!("digest{n}");
        seen.push(text("document", &store.document(workspace, &digest).await));
        seen.push(text("version", &store.tag_version(workspace, "tag0", n).await?));
        seen.push(text("successor", &store.tag_successor(workspace, "tag0", n).await?));
        let tag = format!("tag{n}");
        seen.push(text("tag", &store.tag(workspace, &tag).await?));
        seen.push(text("versions", &store.tag_versions(workspace, &tag, None, 1_000).await?));
        seen.push(text("moves", &store.tag_moves(workspace, &tag, None, 1_000).await?));
        seen.push(text("patches", &store.patches(workspace, &tag, None, 1_000).await?));
        seen.push(text("pending", &store.patches_pending(workspace, &tag, 2).await?));
    }
    Ok(seen)
}

/// The feed page by page, run by run: its cursors are each store's own, and so is the order between
/// runs.
async fn feed(t: &Subject, workspace: WorkspaceId) -> StoreResult<Vec<(StreamId, Segment)>> {
    let end = t.store.feed_end(workspace).await?;
    let mut seen = Vec::new();
    let mut cursor = FeedCursor::default();
    loop {
        let page = t.store.feed_after(workspace, &cursor, 3).await?;
        let Some(last) = page.last() else { break };
        cursor = last.cursor.clone();
        seen.extend(page.into_iter().map(|entry| (entry.stream, entry.segment)));
    }
    seen.sort_by_key(|(stream, _)| *stream);
    let beyond = t.store.feed_after(workspace, &end, 3).await?;
    if !beyond.is_empty() {
        return Err(StoreError::Unavailable(format!("the feed goes on after its end: {beyond:?}")));
    }
    Ok(seen)
}
