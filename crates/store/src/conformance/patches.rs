//! Patches of workflows.

use super::Subject;
use super::fixtures::{AWAY, HOME, T0, key};
use crate::tagging::{enter, settle};
use crate::{
    IdempotencyKey, PatchPut, PatchRow, PatchSettled, PatchStatus, StoreResult, TagWritten,
};

pub(super) fn patch(id: &str, tag: &str) -> PatchRow {
    PatchRow {
        id: id.to_owned(),
        tag: tag.to_owned(),
        base: String::from("d1"),
        expected: Some(1),
        operations: String::from("[\"\\u0000\"]"),
        description: Some(String::from("why")),
        author: String::from("user:ada"),
        origin: String::from("person"),
        status: PatchStatus::Pending,
        created_ms: T0,
        decided_ms: None,
    }
}

async fn put(t: &Subject, row: &PatchRow) -> StoreResult<()> {
    assert_eq!(t.store.patch_put(HOME, row, None).await?, PatchPut::Stored);
    Ok(())
}

fn applied() -> PatchStatus {
    PatchStatus::Applied { version: 2, digest: String::from("d2") }
}

fn rejected() -> PatchStatus {
    PatchStatus::Rejected { problem: String::from("{\"code\":\"x\\u0000\"}") }
}

/// What was handed in, as it was.
pub async fn a_patch_is_read_back(t: &Subject) -> StoreResult<()> {
    let plain = PatchRow { description: None, expected: None, ..patch("p2", "kyc") };
    let decided = PatchRow { status: applied(), decided_ms: Some(T0 + 1), ..patch("p3", "kyc") };
    for row in [patch("p1", "kyc"), plain, decided] {
        put(t, &row).await?;
        assert_eq!(t.store.patch(HOME, &row.id).await?, Some(row));
    }
    assert_eq!(t.store.patch(HOME, "p9").await?, None);
    put(t, &PatchRow { operations: String::from("[]"), ..patch("p1", "kyc") }).await?;
    assert_eq!(t.store.patch(HOME, "p1").await?, Some(patch("p1", "kyc")), "left alone");
    Ok(())
}

/// In pages, and only those of the tag.
pub async fn patches_are_listed_newest_first(t: &Subject) -> StoreResult<()> {
    let rows = [patch("p1", "kyc"), patch("p2", "kyc"), patch("p3", "kyc")];
    for row in &rows {
        put(t, row).await?;
    }
    put(t, &patch("p4", "other")).await?;
    let newest: Vec<_> = rows.iter().rev().cloned().collect();
    assert_eq!(t.store.patches(HOME, "kyc", None, 9).await?, newest);
    assert_eq!(t.store.patches(HOME, "kyc", None, 2).await?, newest[..2]);
    assert_eq!(t.store.patches(HOME, "kyc", Some("p3"), 1).await?, newest[1..2]);
    assert_eq!(t.store.patches(HOME, "kyc", Some("p1"), 9).await?, []);
    Ok(())
}

/// What is owed a decision, oldest first.
pub async fn pending_patches_are_found(t: &Subject) -> StoreResult<()> {
    let done = PatchRow { status: rejected(), decided_ms: Some(T0), ..patch("p1", "kyc") };
    put(t, &done).await?;
    for id in ["p3", "p2"] {
        put(t, &patch(id, "kyc")).await?;
    }
    let pending = [patch("p2", "kyc"), patch("p3", "kyc")];
    assert_eq!(t.store.patches_pending(HOME, "kyc", 9).await?, pending);
    assert_eq!(t.store.patches_pending(HOME, "kyc", 1).await?, pending[..1]);
    assert_eq!(t.store.patches_pending(HOME, "other", 9).await?, []);
    t.store.patch_put(AWAY, &patch("p2", "kyc"), None).await?;
    for (workspace, tag, pending) in [(HOME, "kyc", 2), (AWAY, "kyc", 1), (HOME, "other", 0)] {
        assert_eq!(t.store.patches_pending_count(workspace, tag).await?, pending);
    }
    Ok(())
}

/// Over all workspaces, each tag once, in pages.
pub async fn a_sweep_finds_tags_with_pending_patches(t: &Subject) -> StoreResult<()> {
    for (id, tag) in [("p1", "b"), ("p2", "b"), ("p3", "a")] {
        put(t, &patch(id, tag)).await?;
    }
    put(t, &PatchRow { created_ms: T0 + 5, ..patch("p4", "young") }).await?;
    put(t, &PatchRow { status: applied(), ..patch("p5", "done") }).await?;
    t.store.patch_put(AWAY, &patch("p1", "a"), None).await?;
    let all = [(HOME, "a"), (HOME, "b"), (AWAY, "a")].map(|(of, tag)| (of, tag.to_owned()));
    assert_eq!(t.store.tags_pending(T0 + 5, None, 9).await?, all);
    assert_eq!(t.store.tags_pending(T0 + 5, None, 1).await?, all[..1]);
    assert_eq!(t.store.tags_pending(T0 + 5, Some(&all[0]), 1).await?, all[1..2]);
    assert_eq!(t.store.tags_pending(T0 + 5, Some(&all[2]), 9).await?, []);
    assert_eq!(t.store.tags_pending(T0, None, 9).await?, []);
    Ok(())
}

/// Decisions go with the version that they make; what is decided stays decided.
pub async fn patches_are_settled_with_the_tag(t: &Subject) -> StoreResult<()> {
    let made = enter("kyc", None, vec![super::tags::new("d1")], T0);
    assert_eq!(t.store.tag_write(HOME, &made.write).await?, TagWritten::Done);
    for id in ["p1", "p2"] {
        put(t, &patch(id, "kyc")).await?;
    }
    let settled = |id: &str, status: PatchStatus| PatchSettled {
        id: id.to_owned(),
        status,
        decided_ms: T0 + 7,
    };
    let mut next = enter("kyc", made.row.as_ref(), vec![super::tags::new("d2")], T0);
    next.write.settled = vec![settled("p1", applied()), settled("p9", applied())];
    assert_eq!(t.store.tag_write(HOME, &next.write).await?, TagWritten::Done);
    let row = next.row.expect("it was entered");
    let alone = settle("kyc", &row, vec![settled("p1", rejected()), settled("p2", rejected())]);
    assert_eq!(t.store.tag_write(HOME, &alone.write).await?, TagWritten::Done);
    let decided =
        |id: &str, status| PatchRow { status, decided_ms: Some(T0 + 7), ..patch(id, "kyc") };
    assert_eq!(t.store.patch(HOME, "p1").await?, Some(decided("p1", applied())));
    assert_eq!(t.store.patch(HOME, "p2").await?, Some(decided("p2", rejected())));
    assert_eq!(t.store.tag(HOME, "kyc").await?, Some(row), "where it was");
    Ok(())
}

/// A stale decision decides nothing.
pub async fn a_stale_write_settles_nothing(t: &Subject) -> StoreResult<()> {
    let made = enter("kyc", None, vec![super::tags::new("d1")], T0);
    t.store.tag_write(HOME, &made.write).await?;
    put(t, &patch("p1", "kyc")).await?;
    let mut late = enter("kyc", None, vec![super::tags::new("d2")], T0);
    late.write.settled =
        vec![PatchSettled { id: String::from("p1"), status: applied(), decided_ms: T0 }];
    assert_eq!(t.store.tag_write(HOME, &late.write).await?, TagWritten::Stale);
    assert_eq!(t.store.patch(HOME, "p1").await?, Some(patch("p1", "kyc")));
    Ok(())
}

/// A repetition is told what the first request was told, and hands nothing in.
pub async fn a_key_hands_in_once(t: &Subject) -> StoreResult<()> {
    let first = IdempotencyKey { response: String::from("p1\u{0}"), ..key("again", 1) };
    let put = t.store.patch_put(HOME, &patch("p1", "kyc"), Some(&first)).await?;
    assert_eq!(put, PatchPut::Stored);
    let second = IdempotencyKey { response: String::from("p2"), ..first.clone() };
    let again = t.store.patch_put(HOME, &patch("p2", "kyc"), Some(&second)).await?;
    assert!(matches!(again, PatchPut::Key(row) if row.response == first.response));
    assert_eq!(t.store.patch(HOME, "p2").await?, None);
    Ok(())
}
