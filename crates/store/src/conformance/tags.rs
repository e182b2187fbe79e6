//! Tags: versions, cursor, moves.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::Subject;
use super::fixtures::{HOME, T0, key};
use crate::tagging::{
    NewVersion, TagChange, TagChanged, TagRefusal, TagStep, enter, settle, tag_change,
};
use crate::{Canary, MoveKind, StoreResult, TagRow, TagVersion, TagWritten, VersionKind};

/// Random walks of [`walks_follow_an_undo_stack`].
const WALKS: u32 = 40;

pub(super) fn new(digest: &str) -> NewVersion {
    NewVersion {
        digest: digest.to_owned(),
        kind: VersionKind::Created,
        source: None,
        description: None,
        actor: String::from("user:ada"),
    }
}

pub(super) fn undo() -> TagStep {
    TagStep::Undo(String::from("user:bo"))
}

pub(super) fn redo() -> TagStep {
    TagStep::Redo(String::from("user:bo"))
}

async fn step(
    t: &Subject,
    tag: &str,
    step: TagStep,
    expected: Option<u64>,
) -> StoreResult<TagChanged> {
    let change = TagChange { tag: tag.to_owned(), step, expected, now_ms: T0 };
    tag_change(&*t.store, HOME, &change, &|_| None).await
}

async fn entered(t: &Subject, tag: &str, digests: &[&str]) -> StoreResult<()> {
    for digest in digests {
        let done = step(t, tag, TagStep::Enter(new(digest)), None).await?;
        assert!(matches!(done, TagChanged::Moved(_)), "{done:?}");
    }
    Ok(())
}

fn version(tag: &str, version: u64, digest: &str) -> TagVersion {
    TagVersion {
        tag: tag.to_owned(),
        version,
        digest: digest.to_owned(),
        kind: VersionKind::Created,
        predecessor: (version > 1).then(|| version - 1),
        source: None,
        description: None,
        dropped_by: None,
        actor: String::from("user:ada"),
        created_ms: T0,
    }
}

fn row(current: TagVersion) -> TagRow {
    let tip = current.version;
    TagRow { revision: tip, current, tip, canary: None }
}

/// Versions start at one and rise by one.
pub async fn a_tag_counts_versions(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.store.tag(HOME, "kyc").await?, None);
    for (n, digest) in [(1, "d1"), (2, "d2"), (3, "d3")] {
        let moved = step(t, "kyc", TagStep::Enter(new(digest)), None).await?;
        assert_eq!(moved, TagChanged::Moved(row(version("kyc", n, digest))));
    }
    assert_eq!(t.store.tag(HOME, "kyc").await?, Some(row(version("kyc", 3, "d3"))));
    Ok(())
}

/// A move to where the tag is makes no version.
pub async fn a_tag_that_stands_there_is_unchanged(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1"]).await?;
    let again = step(t, "kyc", TagStep::Enter(new("d1")), Some(1)).await?;
    assert_eq!(again, TagChanged::Unchanged(row(version("kyc", 1, "d1"))));
    Ok(())
}

/// A caller that expects another version is told where the tag is, whatever it wanted.
pub async fn an_expected_version_guards(t: &Subject) -> StoreResult<()> {
    let enter = |digest| TagStep::Enter(new(digest));
    let absent = step(t, "kyc", enter("d1"), Some(1)).await?;
    assert_eq!(absent, TagChanged::Refused(TagRefusal::Expected(None)));
    let made = step(t, "kyc", enter("d1"), Some(0)).await?;
    assert_eq!(made, TagChanged::Moved(row(version("kyc", 1, "d1"))));
    for wanted in [enter("d1"), enter("d2"), undo(), redo(), TagStep::Canary(None, String::new())] {
        let refused = step(t, "kyc", wanted, Some(0)).await?;
        let at = Some(row(version("kyc", 1, "d1")));
        assert_eq!(refused, TagChanged::Refused(TagRefusal::Expected(at)));
    }
    assert_eq!(t.store.tag_versions(HOME, "kyc", None, 9).await?.len(), 1);
    Ok(())
}

/// Every version stays readable, with all that was said about it.
pub async fn a_tag_is_read_at_a_version(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1"]).await?;
    let said = NewVersion {
        kind: VersionKind::Patched,
        source: Some(String::from("patch\u{0}1")),
        description: Some(String::from("why\u{ffff}")),
        ..new("d2")
    };
    step(t, "kyc", TagStep::Enter(said.clone()), None).await?;
    assert_eq!(t.store.tag_version(HOME, "kyc", 1).await?, Some(version("kyc", 1, "d1")));
    let second = TagVersion {
        kind: said.kind,
        source: said.source,
        description: said.description,
        ..version("kyc", 2, "d2")
    };
    assert_eq!(t.store.tag_version(HOME, "kyc", 2).await?, Some(second));
    for unknown in [0, 3, u64::MAX] {
        assert_eq!(t.store.tag_version(HOME, "kyc", unknown).await?, None);
    }
    Ok(())
}

/// Each where it stands, by name, in pages.
pub async fn tags_are_listed_by_name(t: &Subject) -> StoreResult<()> {
    for (tag, digest) in [("c", "d1"), ("a", "d1"), ("b", "d1"), ("a", "d2")] {
        entered(t, tag, &[digest]).await?;
    }
    let all = [version("a", 2, "d2"), version("b", 1, "d1"), version("c", 1, "d1")].map(row);
    assert_eq!(t.store.tags(HOME, None, 10).await?, all);
    assert_eq!(t.store.tags(HOME, None, 2).await?, all[..2]);
    assert_eq!(t.store.tags(HOME, Some("a"), 1).await?, all[1..2]);
    assert_eq!(t.store.tags(HOME, Some("bb"), 9).await?, all[2..]);
    assert_eq!(t.store.tags(HOME, Some("c"), 9).await?, []);
    Ok(())
}

/// The versions of one tag, in pages.
pub async fn versions_are_listed_newest_first(t: &Subject) -> StoreResult<()> {
    for (tag, digest) in [("a", "d1"), ("b", "d1"), ("a", "d2"), ("a", "d3")] {
        entered(t, tag, &[digest]).await?;
    }
    let all = [version("a", 3, "d3"), version("a", 2, "d2"), version("a", 1, "d1")];
    assert_eq!(t.store.tag_versions(HOME, "a", None, 9).await?, all);
    assert_eq!(t.store.tag_versions(HOME, "a", None, 2).await?, all[..2]);
    assert_eq!(t.store.tag_versions(HOME, "a", Some(3), 1).await?, all[1..2]);
    assert_eq!(t.store.tag_versions(HOME, "a", Some(1), 9).await?, []);
    assert_eq!(t.store.tag_versions(HOME, "z", None, 9).await?, []);
    Ok(())
}

/// Undo and redo end where nothing is left, and refuse tags that do not exist.
pub async fn undo_and_redo_have_ends(t: &Subject) -> StoreResult<()> {
    for wanted in [undo(), redo()] {
        let refused = step(t, "kyc", wanted, None).await?;
        assert_eq!(refused, TagChanged::Refused(TagRefusal::Unknown));
    }
    entered(t, "kyc", &["d1", "d2"]).await?;
    let refused = step(t, "kyc", redo(), None).await?;
    assert!(matches!(refused, TagChanged::Refused(TagRefusal::NothingToRedo(_))), "{refused:?}");
    let undone = step(t, "kyc", undo(), Some(2)).await?;
    let first = TagRow { revision: 3, tip: 2, ..row(version("kyc", 1, "d1")) };
    assert_eq!(undone, TagChanged::Moved(first.clone()));
    let refused = step(t, "kyc", undo(), None).await?;
    assert_eq!(refused, TagChanged::Refused(TagRefusal::NothingToUndo(first)));
    let redone = step(t, "kyc", redo(), Some(1)).await?;
    let second = TagRow { revision: 4, ..row(version("kyc", 2, "d2")) };
    assert_eq!(redone, TagChanged::Moved(second.clone()));
    assert_eq!(t.store.tag(HOME, "kyc").await?, Some(second));
    Ok(())
}

/// A version after an undo drops what was undone; it stays readable.
pub async fn a_version_after_undo_drops_the_redo(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2", "d3"]).await?;
    for _ in 0..2 {
        step(t, "kyc", undo(), None).await?;
    }
    entered(t, "kyc", &["d4", "d5"]).await?;
    let refused = step(t, "kyc", redo(), None).await?;
    assert!(matches!(refused, TagChanged::Refused(TagRefusal::NothingToRedo(_))), "{refused:?}");
    let versions = t.store.tag_versions(HOME, "kyc", None, 9).await?;
    let seen: Vec<_> =
        versions.iter().map(|row| (row.version, row.predecessor, row.dropped_by)).collect();
    let expected = [
        (5, Some(4), None),
        (4, Some(1), None),
        (3, Some(2), Some(4)),
        (2, Some(1), Some(4)),
        (1, None, None),
    ];
    assert_eq!(seen, expected);
    step(t, "kyc", undo(), None).await?;
    let redone = step(t, "kyc", redo(), None).await?;
    assert!(matches!(redone, TagChanged::Moved(row) if row.current.digest == "d5"));
    let successor = t.store.tag_successor(HOME, "kyc", 1).await?;
    assert_eq!(successor.map(|row| row.version), Some(4), "not one that was dropped");
    Ok(())
}

/// Who moved what where, whichever way.
pub async fn every_move_is_recorded(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2"]).await?;
    step(t, "kyc", undo(), None).await?;
    let canary = Some(Canary { version: 2, percent: 5 });
    step(t, "kyc", TagStep::Canary(canary, String::from("user:cy")), None).await?;
    step(t, "kyc", redo(), None).await?;
    let moves = t.store.tag_moves(HOME, "kyc", None, 9).await?;
    let seen: Vec<_> =
        moves.iter().map(|row| (row.revision, row.kind, row.from, row.to, row.canary)).collect();
    let expected = [
        (5, MoveKind::Redone, 1, 2, canary),
        (4, MoveKind::Canary, 1, 1, canary),
        (3, MoveKind::Undone, 2, 1, None),
        (2, MoveKind::Created, 1, 2, None),
        (1, MoveKind::Created, 0, 1, None),
    ];
    assert_eq!(seen, expected);
    let actors: Vec<&str> = moves.iter().map(|row| row.actor.as_str()).collect();
    assert_eq!(actors, ["user:bo", "user:cy", "user:bo", "user:ada", "user:ada"]);
    assert!(moves.iter().all(|row| row.at_ms == T0));
    assert_eq!(t.store.tag_moves(HOME, "kyc", Some(4), 1).await?, moves[2..3]);
    assert_eq!(t.store.tag_moves(HOME, "z", None, 9).await?, []);
    Ok(())
}

/// A version under trial is one of the tag's; the trial outlives moves until it is ended.
pub async fn a_trial_is_of_a_version(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2"]).await?;
    let trial = |canary| TagStep::Canary(canary, String::from("user:cy"));
    let unknown = Some(Canary { version: 3, percent: 5 });
    let refused = step(t, "kyc", trial(unknown), None).await?;
    assert_eq!(refused, TagChanged::Refused(TagRefusal::UnknownVersion(3)));
    let canary = Some(Canary { version: 1, percent: 100 });
    step(t, "kyc", trial(canary), Some(2)).await?;
    let again = step(t, "kyc", trial(canary), None).await?;
    assert!(matches!(again, TagChanged::Unchanged(row) if row.revision == 3));
    entered(t, "kyc", &["d3"]).await?;
    assert_eq!(t.store.tag(HOME, "kyc").await?.and_then(|row| row.canary), canary);
    step(t, "kyc", trial(None), None).await?;
    assert_eq!(t.store.tag(HOME, "kyc").await?.and_then(|row| row.canary), None);
    Ok(())
}

/// Several versions in one write, with one head at the end.
pub async fn versions_go_in_together(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2"]).await?;
    step(t, "kyc", undo(), None).await?;
    let row = t.store.tag(HOME, "kyc").await?;
    let planned = enter("kyc", row.as_ref(), ["d3", "d4", "d5"].map(new).to_vec(), T0);
    assert_eq!(t.store.tag_write(HOME, &planned.write).await?, TagWritten::Done);
    assert_eq!(t.store.tag(HOME, "kyc").await?, planned.row);
    let versions = t.store.tag_versions(HOME, "kyc", None, 9).await?;
    let seen: Vec<_> = versions.iter().map(|row| (row.version, row.dropped_by)).collect();
    assert_eq!(seen, [(5, None), (4, None), (3, None), (2, Some(3)), (1, None)]);
    Ok(())
}

/// A write on another revision writes nothing at all.
pub async fn a_stale_write_is_nothing(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2"]).await?;
    let row = t.store.tag(HOME, "kyc").await?;
    let mut planned = enter("kyc", row.as_ref(), vec![new("d3")], T0);
    planned.write.key = Some(key("k", 1));
    step(t, "kyc", undo(), None).await?;
    step(t, "kyc", redo(), None).await?;
    assert_eq!(t.store.tag_write(HOME, &planned.write).await?, TagWritten::Stale);
    planned.write.revision = 0;
    assert_eq!(t.store.tag_write(HOME, &planned.write).await?, TagWritten::Stale);
    assert_eq!(t.store.tag_versions(HOME, "kyc", None, 9).await?.len(), 2);
    assert_eq!(t.store.tag_moves(HOME, "kyc", None, 9).await?.len(), 4);
    assert_eq!(t.store.idempotency(HOME, &key("k", 1).endpoint, "k").await?, None);
    let nowhere = enter("other", None, vec![new("d3")], T0);
    assert_eq!(t.store.tag_write(HOME, &nowhere.write).await?, TagWritten::Done);
    assert_eq!(t.store.tag_write(HOME, &nowhere.write).await?, TagWritten::Stale);
    let nothing = settle("none", &nowhere.row.expect("it was entered"), Vec::new());
    assert_eq!(t.store.tag_write(HOME, &nothing.write).await?, TagWritten::Stale);
    Ok(())
}

/// A repetition is told what the first request was told, and moves nothing.
pub async fn a_key_answers_once(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2", "d3"]).await?;
    let change = TagChange { tag: String::from("kyc"), step: undo(), expected: None, now_ms: T0 };
    let answer = |row: &TagRow| {
        let response = format!("at {}", row.current.version);
        Some(crate::IdempotencyKey { response, ..key("again", 1) })
    };
    let first = tag_change(&*t.store, HOME, &change, &answer).await?;
    assert!(matches!(first, TagChanged::Moved(_)), "{first:?}");
    let second = tag_change(&*t.store, HOME, &change, &answer).await?;
    assert!(matches!(second, TagChanged::Key(row) if row.response == "at 2"));
    assert_eq!(t.store.tag(HOME, "kyc").await?.map(|row| row.current.version), Some(2));
    Ok(())
}

/// Of movers that expect the same version one wins; the others are told where it went.
pub async fn of_two_movers_one_wins(t: &Subject) -> StoreResult<()> {
    entered(t, "kyc", &["d1", "d2", "d3"]).await?;
    for round in 0..8_u64 {
        let at = t.store.tag(HOME, "kyc").await?.map_or(0, |row| row.current.version);
        let digests = [format!("left{round}"), format!("right{round}")];
        let movers =
            digests.each_ref().map(|digest| step(t, "kyc", TagStep::Enter(new(digest)), Some(at)));
        let [left, right] = movers;
        let (left, right) = tokio::join!(left, right);
        let (left, right) = (left?, right?);
        let (won, lost) =
            if matches!(left, TagChanged::Moved(_)) { (left, right) } else { (right, left) };
        let TagChanged::Moved(won) = won else { panic!("nobody won: {won:?} {lost:?}") };
        assert_eq!(lost, TagChanged::Refused(TagRefusal::Expected(Some(won))));
    }
    Ok(())
}

/// What a walk does: 0 undo, 1 redo, else a new version.
type Walk = Vec<u8>;

/// Undo, redo and new versions do what they do in any editor: a past, a present and a future.
pub async fn walks_follow_an_undo_stack(t: &Subject) -> StoreResult<()> {
    let walk = vec(prop_oneof![3 => Just(0_u8), 3 => Just(1), 2 => Just(2)], 1..40);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for round in 0..WALKS {
        let Ok(tree) = walk.new_tree(&mut runner) else { continue };
        walk_one(t, &format!("walk{round}"), tree.current()).await?;
    }
    Ok(())
}

async fn walk_one(t: &Subject, tag: &str, walk: Walk) -> StoreResult<()> {
    entered(t, tag, &["start"]).await?;
    let (mut past, mut present, mut future) = (Vec::new(), String::from("start"), Vec::new());
    for (n, wanted) in walk.iter().enumerate() {
        let fresh = format!("v{n}");
        let done = match wanted {
            0 => step(t, tag, undo(), None).await?,
            1 => step(t, tag, redo(), None).await?,
            _ => step(t, tag, TagStep::Enter(new(&fresh)), None).await?,
        };
        let possible = match wanted {
            0 => past.pop().map(|before| future.push(std::mem::replace(&mut present, before))),
            1 => future.pop().map(|after| past.push(std::mem::replace(&mut present, after))),
            _ => {
                future.clear();
                past.push(std::mem::replace(&mut present, fresh));
                Some(())
            }
        };
        assert_eq!(matches!(done, TagChanged::Moved(_)), possible.is_some(), "{walk:?} at {n}");
        let row = t.store.tag(HOME, tag).await?.expect("it was made");
        assert_eq!(row.current.digest, present, "{walk:?} at {n}");
        assert_eq!(row.current.version == row.tip, future.is_empty(), "{walk:?} at {n}");
    }
    let kept: Vec<String> =
        past.into_iter().chain([present]).chain(future.into_iter().rev()).collect();
    let versions = t.store.tag_versions(HOME, tag, None, 1_000).await?;
    let live = versions.iter().rev().filter(|row| row.dropped_by.is_none());
    assert_eq!(live.map(|row| row.digest.clone()).collect::<Vec<_>>(), kept, "{walk:?}");
    Ok(())
}
