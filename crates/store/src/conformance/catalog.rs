//! Documents by digest, tags by version.

use super::Subject;
use super::fixtures::{HOME, T0};
use crate::{StoreResult, TagChange, TagMove, TagVersion};

fn change(tag: &str, digest: &str, expected: Option<u64>) -> TagChange {
    TagChange {
        tag: tag.to_owned(),
        digest: digest.to_owned(),
        expected,
        actor: String::from("user:ada"),
        now_ms: T0,
    }
}

fn version(tag: &str, version: u64, digest: &str) -> TagVersion {
    TagVersion {
        tag: tag.to_owned(),
        version,
        digest: digest.to_owned(),
        actor: String::from("user:ada"),
        created_ms: T0,
    }
}

/// A digest names one text for ever.
pub async fn documents_are_stored_once(t: &Subject) -> StoreResult<()> {
    let pair = |digest: &str, text: &str| (digest.to_owned(), text.to_owned());
    t.store.documents_put(HOME, &[pair("d1", "{}"), pair("d2", "[]")], T0).await?;
    t.store.documents_put(HOME, &[pair("d1", "other"), pair("d3", "\"\\u0000\"")], T0).await?;
    t.store.documents_put(HOME, &[], T0).await?;
    assert_eq!(t.store.document(HOME, "d1").await?, Some(String::from("{}")));
    assert_eq!(t.store.document(HOME, "d2").await?, Some(String::from("[]")));
    assert_eq!(t.store.document(HOME, "d3").await?, Some(String::from("\"\\u0000\"")));
    assert_eq!(t.store.document(HOME, "d4").await?, None);
    Ok(())
}

/// Versions start at one and rise by one.
pub async fn a_tag_counts_versions(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.store.tag(HOME, "kyc", None).await?, None);
    for (n, digest) in [(1, "d1"), (2, "d2"), (3, "d3")] {
        let moved = t.store.tag_move(HOME, &change("kyc", digest, None)).await?;
        assert_eq!(moved, TagMove::Moved(version("kyc", n, digest)));
    }
    assert_eq!(t.store.tag(HOME, "kyc", None).await?, Some(version("kyc", 3, "d3")));
    Ok(())
}

/// A move to where the tag is makes no version.
pub async fn a_tag_that_stands_there_is_unchanged(t: &Subject) -> StoreResult<()> {
    t.store.tag_move(HOME, &change("kyc", "d1", None)).await?;
    let again = TagChange { actor: String::from("user:bo"), ..change("kyc", "d1", Some(1)) };
    let moved = t.store.tag_move(HOME, &again).await?;
    assert_eq!(moved, TagMove::Unchanged(version("kyc", 1, "d1")));
    Ok(())
}

/// An earlier document is a new version.
pub async fn a_tag_may_go_back(t: &Subject) -> StoreResult<()> {
    for digest in ["d1", "d2"] {
        t.store.tag_move(HOME, &change("kyc", digest, None)).await?;
    }
    let moved = t.store.tag_move(HOME, &change("kyc", "d1", Some(2))).await?;
    assert_eq!(moved, TagMove::Moved(version("kyc", 3, "d1")));
    Ok(())
}

/// A caller that expects another version is told where the tag is, whatever it wanted.
pub async fn an_expected_version_guards(t: &Subject) -> StoreResult<()> {
    let absent = t.store.tag_move(HOME, &change("kyc", "d1", Some(1))).await?;
    assert_eq!(absent, TagMove::Conflict(None));
    let made = t.store.tag_move(HOME, &change("kyc", "d1", Some(0))).await?;
    assert_eq!(made, TagMove::Moved(version("kyc", 1, "d1")));
    for digest in ["d1", "d2"] {
        let moved = t.store.tag_move(HOME, &change("kyc", digest, Some(0))).await?;
        assert_eq!(moved, TagMove::Conflict(Some(version("kyc", 1, "d1"))));
    }
    assert_eq!(t.store.tag_versions(HOME, "kyc").await?.len(), 1);
    Ok(())
}

/// Old versions stay readable.
pub async fn a_tag_is_read_at_a_version(t: &Subject) -> StoreResult<()> {
    for digest in ["d1", "d2"] {
        t.store.tag_move(HOME, &change("kyc", digest, None)).await?;
    }
    assert_eq!(t.store.tag(HOME, "kyc", Some(1)).await?, Some(version("kyc", 1, "d1")));
    assert_eq!(t.store.tag(HOME, "kyc", Some(2)).await?, Some(version("kyc", 2, "d2")));
    for unknown in [0, 3, u64::MAX] {
        assert_eq!(t.store.tag(HOME, "kyc", Some(unknown)).await?, None);
    }
    Ok(())
}

/// The latest version of each, by name, in pages.
pub async fn tags_are_listed_by_name(t: &Subject) -> StoreResult<()> {
    for (tag, digest) in [("c", "d1"), ("a", "d1"), ("b", "d1"), ("a", "d2")] {
        t.store.tag_move(HOME, &change(tag, digest, None)).await?;
    }
    let all = [version("a", 2, "d2"), version("b", 1, "d1"), version("c", 1, "d1")];
    assert_eq!(t.store.tags(HOME, None, 10).await?, all);
    assert_eq!(t.store.tags(HOME, None, 2).await?, all[..2]);
    assert_eq!(t.store.tags(HOME, Some("a"), 1).await?, all[1..2]);
    assert_eq!(t.store.tags(HOME, Some("bb"), 9).await?, all[2..]);
    assert_eq!(t.store.tags(HOME, Some("c"), 9).await?, []);
    Ok(())
}

/// The history of one tag.
pub async fn versions_are_listed_newest_first(t: &Subject) -> StoreResult<()> {
    for (tag, digest) in [("a", "d1"), ("b", "d1"), ("a", "d2")] {
        t.store.tag_move(HOME, &change(tag, digest, None)).await?;
    }
    let all = [version("a", 2, "d2"), version("a", 1, "d1")];
    assert_eq!(t.store.tag_versions(HOME, "a").await?, all);
    assert_eq!(t.store.tag_versions(HOME, "z").await?, []);
    Ok(())
}
