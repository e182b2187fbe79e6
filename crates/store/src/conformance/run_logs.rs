//! Log lines: bounded, in order, each once, and missing where they are missing.

use super::Subject;
use super::fixtures::{AWAY, HOME, T0, stream};
use crate::{LogChunkRow, NewLogChunk, RUN_LOG_BYTES_MAX, StoreResult};

fn chunk(instance: &str, attempt: u32, first: u64, lines: &[&str]) -> NewLogChunk {
    NewLogChunk {
        run: stream(1),
        instance: instance.to_owned(),
        attempt,
        first,
        lines: u32::try_from(lines.len()).expect("a few lines"),
        text: serde_json::to_string(lines).expect("strings"),
        at_ms: T0,
    }
}

fn row(n: u64, missing: u64, chunk: NewLogChunk) -> LogChunkRow {
    LogChunkRow { n, missing, chunk }
}

/// All columns come back, in the order in which they came, page by page.
pub async fn lines_are_read_back(t: &Subject) -> StoreResult<()> {
    let chunks = [
        chunk("a", 1, 0, &["one", "two \u{0} \"three\""]),
        chunk("b[0]/c", 2, 0, &["other"]),
        chunk("a", 1, 2, &["four"]),
    ];
    t.store.logs_put(HOME, &chunks[..2]).await?;
    t.store.logs_put(HOME, &chunks[2..]).await?;
    let [first, second, third] = chunks;
    let rows = [row(1, 0, first), row(2, 0, second), row(3, 0, third)];
    assert_eq!(t.store.logs_after(HOME, stream(1), 0, 100).await?, rows);
    assert_eq!(t.store.logs_after(HOME, stream(1), 1, 1).await?, rows[1..2]);
    assert!(t.store.logs_after(HOME, stream(1), 3, 100).await?.is_empty());
    assert!(t.store.logs_after(HOME, stream(2), 0, 100).await?.is_empty());
    Ok(())
}

/// A heartbeat that is sent again does not double its lines.
pub async fn repeated_lines_count_once(t: &Subject) -> StoreResult<()> {
    let first = chunk("a", 1, 0, &["one", "two"]);
    for again in [first.clone(), chunk("a", 1, 0, &["one", "two"]), chunk("a", 1, 1, &["two"])] {
        t.store.logs_put(HOME, &[again]).await?;
    }
    t.store.logs_put(HOME, &[chunk("a", 2, 0, &["another attempt"])]).await?;
    let rows = [row(1, 0, first), row(2, 0, chunk("a", 2, 0, &["another attempt"]))];
    assert_eq!(t.store.logs_after(HOME, stream(1), 0, 100).await?, rows);
    Ok(())
}

/// Lines that a runner dropped, or that were lost on the way.
pub async fn lines_that_never_came_are_counted(t: &Subject) -> StoreResult<()> {
    let chunks = [chunk("a", 1, 5, &["six"]), chunk("a", 1, 6, &["7"]), chunk("a", 1, 9, &["10"])];
    t.store.logs_put(HOME, &chunks).await?;
    let rows = t.store.logs_after(HOME, stream(1), 0, 100).await?;
    let missing: Vec<u64> = rows.iter().map(|row| row.missing).collect();
    assert_eq!(missing, [5, 0, 2]);
    Ok(())
}

/// What does not fit goes from the old end, by whole chunks; other runs keep theirs.
pub async fn the_oldest_lines_go(t: &Subject) -> StoreResult<()> {
    let line = "x".repeat(usize::try_from(RUN_LOG_BYTES_MAX).expect("it fits") / 4);
    let other = NewLogChunk { run: stream(2), ..chunk("a", 1, 0, &["stays"]) };
    t.store.logs_put(HOME, &[other]).await?;
    for first in 0..6 {
        t.store.logs_put(HOME, &[chunk("a", 1, first, &[&line])]).await?;
    }
    let rows = t.store.logs_after(HOME, stream(1), 0, 100).await?;
    let kept: Vec<(u64, u64)> = rows.iter().map(|row| (row.n, row.chunk.first)).collect();
    assert_eq!(kept, [(4, 3), (5, 4), (6, 5)]);
    assert_eq!(t.store.logs_after(HOME, stream(2), 0, 100).await?.len(), 1);
    let huge = "y".repeat(usize::try_from(RUN_LOG_BYTES_MAX).expect("it fits") + 1);
    t.store.logs_put(HOME, &[chunk("a", 1, 6, &[&huge])]).await?;
    let rows = t.store.logs_after(HOME, stream(1), 0, 100).await?;
    assert_eq!(rows.iter().map(|row| row.n).collect::<Vec<_>>(), [7]);
    Ok(())
}

/// Nobody reads or writes the lines of another workspace's run.
pub async fn lines_stay_in_their_workspace(t: &Subject) -> StoreResult<()> {
    let mine = chunk("a", 1, 0, &["mine"]);
    t.store.logs_put(HOME, std::slice::from_ref(&mine)).await?;
    t.store.logs_put(AWAY, &[chunk("a", 1, 1, &["not mine"])]).await?;
    assert!(t.store.logs_after(AWAY, stream(1), 0, 100).await?.is_empty());
    assert_eq!(t.store.logs_after(HOME, stream(1), 0, 100).await?, [row(1, 0, mine)]);
    Ok(())
}
