//! Documents by digest, whole or as patches.

use super::Subject;
use super::fixtures::{HOME, T0};
use crate::{CHAIN_MAX, PatchedDocument, StoreError, StoreResult, StoredDocument};

fn pair(digest: &str, text: &str) -> (String, String) {
    (digest.to_owned(), text.to_owned())
}

/// A document that is stored whole.
pub(super) fn whole(text: &str) -> Option<StoredDocument> {
    Some(StoredDocument { base: text.to_owned(), patches: Vec::new() })
}

/// The n-th document as a patch of the one before.
fn patched(n: u32) -> PatchedDocument {
    PatchedDocument {
        digest: format!("d{n}"),
        parent: format!("d{}", n - 1),
        operations: format!("[{n}]"),
    }
}

/// A digest names one text for ever.
pub async fn documents_are_stored_once(t: &Subject) -> StoreResult<()> {
    t.store.documents_put(HOME, &[pair("d1", "{}"), pair("d2", "[]")], T0).await?;
    t.store.documents_put(HOME, &[pair("d1", "other"), pair("d3", "\"\\u0000\"")], T0).await?;
    t.store.documents_put(HOME, &[], T0).await?;
    assert_eq!(t.store.document(HOME, "d1").await?, whole("{}"));
    assert_eq!(t.store.document(HOME, "d2").await?, whole("[]"));
    assert_eq!(t.store.document(HOME, "d3").await?, whole("\"\\u0000\""));
    assert_eq!(t.store.document(HOME, "d4").await?, None);
    Ok(())
}

/// The patches come in the order in which they apply.
pub async fn a_patched_document_is_its_base_and_patches(t: &Subject) -> StoreResult<()> {
    t.store.documents_put(HOME, &[pair("d0", "{}")], T0).await?;
    t.store.documents_put_patched(HOME, &[patched(1), patched(2)], T0).await?;
    t.store.documents_put_patched(HOME, &[patched(3)], T0).await?;
    t.store.documents_put_patched(HOME, &[], T0).await?;
    for length in 0..=3 {
        let patches = (1..=length).map(patched).collect();
        let expected = StoredDocument { base: String::from("{}"), patches };
        assert_eq!(t.store.document(HOME, &format!("d{length}")).await?, Some(expected));
    }
    Ok(())
}

/// What is known of a digest stays; a whole document goes before its patch.
pub async fn a_patch_never_replaces(t: &Subject) -> StoreResult<()> {
    t.store.documents_put(HOME, &[pair("d0", "{}"), pair("d1", "[]")], T0).await?;
    let other = PatchedDocument { operations: String::from("other"), ..patched(2) };
    t.store.documents_put_patched(HOME, &[patched(1), patched(2), other], T0).await?;
    assert_eq!(t.store.document(HOME, "d1").await?, whole("[]"));
    let second = StoredDocument { base: String::from("[]"), patches: vec![patched(2)] };
    assert_eq!(t.store.document(HOME, "d2").await?, Some(second));
    t.store.documents_put(HOME, &[pair("d2", "2")], T0).await?;
    assert_eq!(t.store.document(HOME, "d2").await?, whole("2"));
    Ok(())
}

/// A chain is read in one go up to its bound; beyond, or without an end, it is an error.
pub async fn a_chain_has_a_bound_and_an_end(t: &Subject) -> StoreResult<()> {
    t.store.documents_put(HOME, &[pair("d0", "{}")], T0).await?;
    let chain: Vec<_> = (1..=CHAIN_MAX + 1).map(patched).collect();
    t.store.documents_put_patched(HOME, &chain, T0).await?;
    let longest = t.store.document(HOME, &format!("d{CHAIN_MAX}")).await?;
    let length = u64::from(CHAIN_MAX);
    assert_eq!(longest.map(|stored| stored.patches.len() as u64), Some(length));
    let lost = PatchedDocument { parent: String::from("nowhere"), ..patched(100) };
    t.store.documents_put_patched(HOME, &[lost], T0).await?;
    for unreadable in [format!("d{}", CHAIN_MAX + 1), String::from("d100")] {
        let read = t.store.document(HOME, &unreadable).await;
        assert!(matches!(read, Err(StoreError::Inconsistent { .. })), "{unreadable}: {read:?}");
    }
    Ok(())
}
