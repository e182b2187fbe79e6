//! What undo, redo and new versions mean, once for all stores.
//!
//! ```text
//!   1 -- 2 -- 3 -- 4        cursor 4, tip 4
//!   1 -- 2 -- 3 -- 4        undo, undo: cursor 2, tip 4; a redo leads to 3
//!   1 -- 2 -- 5             a new version: cursor 5, tip 5; 3 and 4 are dropped
//! ```
//!
//! The cursor stands on the path from the tip back to the first version, always. A version on it gets
//! successors only while the cursor is there, each dropping the one before, so a redo leads to the
//! successor that was made last.

use crate::{
    Canary, IdempotencyKey, IdempotencyRow, MoveKind, PatchSettled, Store, StoreResult, TagMove,
    TagRow, TagVersion, TagWrite, TagWritten, TimeMs, VersionKind, WorkspaceId,
};

/// How often a change that lost a race is decided again. Each time somebody else succeeded.
const TRIES: u32 = 64;

/// A version to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// `sha256:...` of its document.
    pub digest: String,
    /// How it comes about.
    pub kind: VersionKind,
    /// See [`TagVersion::source`].
    pub source: Option<String>,
    /// See [`TagVersion::description`].
    pub description: Option<String>,
    /// Who.
    pub actor: String,
}

/// What should happen to a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagStep {
    /// A version is made after the cursor. Where the tag stands at its document already, nothing is.
    Enter(NewVersion),
    /// Back to the version before, by this actor.
    Undo(String),
    /// Forward to the version that was undone, by this actor.
    Redo(String),
    /// A version is tried on a share of the runs, or none any more, by this actor.
    Canary(Option<Canary>, String),
}

/// A change that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The tag.
    pub tag: String,
    /// What should happen.
    pub step: TagStep,
    /// The version that the tag must be at (`Some(0)`: it must not exist; `None`: any), judged
    /// before whether anything would change.
    pub expected: Option<u64>,
    /// When.
    pub now_ms: TimeMs,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChanged {
    /// It is made; the tag stands here now.
    Moved(TagRow),
    /// Nothing had to change.
    Unchanged(TagRow),
    /// The key stands for an earlier request.
    Key(IdempotencyRow),
    /// It cannot be made.
    Refused(TagRefusal),
}

/// Why a tag is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRefusal {
    /// It is not at the version that the caller expected; this is where it is (`None`: nowhere).
    Expected(Option<TagRow>),
    /// There is no such tag.
    Unknown,
    /// The cursor is at the first version.
    NothingToUndo(TagRow),
    /// The cursor is at the tip.
    NothingToRedo(TagRow),
    /// The tag has no such version.
    UnknownVersion(u64),
    /// Others change the tag all the time.
    Busy,
}

/// A write, and where it leaves the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The write.
    pub write: TagWrite,
    /// The tag once it is done; `None`: there is none.
    pub row: Option<TagRow>,
}

/// Plans to make versions one after the other behind the cursor, which ends at the last one.
pub fn enter(tag: &str, row: Option<&TagRow>, new: Vec<NewVersion>, now_ms: TimeMs) -> Planned {
    let mut planned = still(tag, row);
    for new in new {
        let before = planned.row.as_ref();
        let version = TagVersion {
            tag: tag.to_owned(),
            version: before.map_or(0, |row| row.tip) + 1,
            digest: new.digest,
            kind: new.kind,
            predecessor: before.map(|row| row.current.version),
            source: new.source,
            description: new.description,
            dropped_by: None,
            actor: new.actor.clone(),
            created_ms: now_ms,
        };
        let tip = version.version;
        let canary = before.and_then(|row| row.canary);
        planned.write.versions.push(version.clone());
        planned.go(new.kind.into(), (version, tip, canary), new.actor, now_ms);
    }
    planned
}

/// Plans to change nothing but patches that are decided.
pub fn settle(tag: &str, row: &TagRow, settled: Vec<PatchSettled>) -> Planned {
    let mut planned = still(tag, Some(row));
    planned.write.settled = settled;
    planned
}

fn still(tag: &str, row: Option<&TagRow>) -> Planned {
    let write = TagWrite {
        tag: tag.to_owned(),
        revision: row.map_or(0, |row| row.revision),
        versions: Vec::new(),
        moves: Vec::new(),
        settled: Vec::new(),
        key: None,
    };
    Planned { write, row: row.cloned() }
}

impl Planned {
    /// Adds a move to `(current, tip, canary)`.
    fn go(
        &mut self,
        kind: MoveKind,
        (current, tip, canary): (TagVersion, u64, Option<Canary>),
        actor: String,
        at_ms: TimeMs,
    ) {
        let revision = self.row.as_ref().map_or(0, |row| row.revision) + 1;
        let from = self.row.as_ref().map_or(0, |row| row.current.version);
        let to = current.version;
        self.write.moves.push(TagMove { revision, kind, from, to, canary, actor, at_ms });
        self.row = Some(TagRow { revision, current, tip, canary });
    }
}

/// Changes a tag: reads where it stands, plans, and writes that on what was read, again and again
/// until nobody was faster. `answer` makes the answer to keep for the client's key, from where the
/// tag stands then; it is asked where something changes only.
///
/// # Errors
/// If the store does not answer; where that happened while it wrote, the change may be made or not.
pub async fn tag_change(
    store: &dyn Store,
    workspace: WorkspaceId,
    change: &TagChange,
    answer: &(dyn Fn(&TagRow) -> Option<IdempotencyKey> + Sync),
) -> StoreResult<TagChanged> {
    for _ in 0..TRIES {
        let row = store.tag(workspace, &change.tag).await?;
        let mut planned = match plan(store, workspace, change, row.as_ref()).await? {
            Ok(Some(planned)) => planned,
            Ok(None) => match row {
                Some(row) => return Ok(TagChanged::Unchanged(row)),
                None => return Ok(TagChanged::Refused(TagRefusal::Unknown)),
            },
            Err(refusal) => return Ok(TagChanged::Refused(refusal)),
        };
        let Some(row) = planned.row.take() else {
            return Ok(TagChanged::Refused(TagRefusal::Unknown));
        };
        planned.write.key = answer(&row);
        match store.tag_write(workspace, &planned.write).await? {
            TagWritten::Done => return Ok(TagChanged::Moved(row)),
            TagWritten::Key(row) => return Ok(TagChanged::Key(row)),
            TagWritten::Stale => {}
        }
    }
    Ok(TagChanged::Refused(TagRefusal::Busy))
}

/// What to write; `None`: nothing has to change.
async fn plan(
    store: &dyn Store,
    workspace: WorkspaceId,
    change: &TagChange,
    row: Option<&TagRow>,
) -> StoreResult<Result<Option<Planned>, TagRefusal>> {
    let at = row.map_or(0, |row| row.current.version);
    if change.expected.is_some_and(|expected| expected != at) {
        return Ok(Err(TagRefusal::Expected(row.cloned())));
    }
    let (tag, now_ms) = (change.tag.as_str(), change.now_ms);
    if let TagStep::Enter(new) = &change.step {
        if row.is_some_and(|row| row.current.digest == new.digest) {
            return Ok(Ok(None));
        }
        return Ok(Ok(Some(enter(tag, row, vec![new.clone()], now_ms))));
    }
    let Some(row) = row else { return Ok(Err(TagRefusal::Unknown)) };
    let mut planned = still(tag, Some(row));
    match &change.step {
        TagStep::Enter(_) => {}
        TagStep::Undo(actor) => {
            let before = match row.current.predecessor {
                Some(version) => store.tag_version(workspace, tag, version).await?,
                None => None,
            };
            let Some(to) = before else { return Ok(Err(TagRefusal::NothingToUndo(row.clone()))) };
            planned.go(MoveKind::Undone, (to, row.tip, row.canary), actor.clone(), now_ms);
        }
        TagStep::Redo(actor) => {
            let after = store.tag_successor(workspace, tag, at).await?;
            let Some(to) = after else { return Ok(Err(TagRefusal::NothingToRedo(row.clone()))) };
            planned.go(MoveKind::Redone, (to, row.tip, row.canary), actor.clone(), now_ms);
        }
        TagStep::Canary(canary, actor) => {
            if let Some(canary) = canary
                && store.tag_version(workspace, tag, canary.version).await?.is_none()
            {
                return Ok(Err(TagRefusal::UnknownVersion(canary.version)));
            }
            if row.canary == *canary {
                return Ok(Ok(None));
            }
            let to = (row.current.clone(), row.tip, *canary);
            planned.go(MoveKind::Canary, to, actor.clone(), now_ms);
        }
    }
    Ok(Ok(Some(planned)))
}
