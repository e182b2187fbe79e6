//! The suite that every adapter of [`Cas`] must pass: `cas_conformance!(harness)`.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::{BlobDigest, Cas, GetError, MAX_BLOB_BYTES, Namespace, PutError};

/// An empty store of the adapter under test, and access to its medium.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The adapter.
    fn cas(&self) -> &dyn Cas;

    /// Replaces the stored bytes of an existing blob behind the adapter's back.
    async fn damage(&self, namespace: Namespace, digest: BlobDigest, bytes: Bytes);
}

/// Expands to one test per case. The expression makes a fresh [`Harness`].
#[macro_export]
macro_rules! cas_conformance {
    ($harness:expr) => {
        $crate::cas_conformance!(@cases $harness;
            returns_what_was_put,
            a_repeated_put_succeeds,
            a_batch_keeps_its_order,
            namespaces_share_nothing,
            corrupt_bytes_are_never_returned,
            absent_blobs_are_not_found,
            deleting_is_idempotent,
            concurrent_puts_of_one_blob_agree,
            behaves_like_a_map,
        );
    };
    (@cases $harness:expr; $($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::conformance::$case(&$harness).await;
            }
        )*
    };
}

const OURS: Namespace = Namespace([1; 16]);
const THEIRS: Namespace = Namespace([2; 16]);

/// Sizes around the buffers that adapters use.
const SIZES_BYTES: [usize; 9] =
    [0, 1, 16 * 1024, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1 << 20, (4 << 20) + 3, 9 << 20];

fn blob_of(len_bytes: usize) -> Bytes {
    (0..len_bytes).map(|at| (at % 251) as u8).collect()
}

/// Every size comes back byte for byte under the SHA-256 of its bytes.
pub async fn returns_what_was_put(harness: &dyn Harness) {
    for len_bytes in SIZES_BYTES {
        let blob = blob_of(len_bytes);
        let digest = harness.cas().put(OURS, blob.clone()).await.expect("put succeeds");
        assert_eq!(digest, BlobDigest::of(&blob));
        assert_eq!(harness.cas().get(OURS, digest).await.expect("it is there"), blob);
        assert!(harness.cas().contains(OURS, digest).await.expect("contains answers"));
    }
    let huge = Bytes::from(vec![0; usize::try_from(MAX_BLOB_BYTES).expect("64 bit") + 1]);
    let digest = BlobDigest::of(b"small");
    let refused = harness.cas().put_many(OURS, vec![Bytes::from_static(b"small"), huge]).await;
    assert!(matches!(refused, Err(PutError::TooLarge { .. })), "{refused:?}");
    assert!(!harness.cas().contains(OURS, digest).await.expect("contains answers"));
}

/// An object in place is success, not an error.
pub async fn a_repeated_put_succeeds(harness: &dyn Harness) {
    let blob = Bytes::from_static(b"again and again");
    for _ in 0..3 {
        let digest = harness.cas().put(OURS, blob.clone()).await.expect("put succeeds");
        assert_eq!(harness.cas().get(OURS, digest).await.expect("it is there"), blob);
    }
}

/// Digests come in the order of the blobs, repetitions and the empty batch included.
pub async fn a_batch_keeps_its_order(harness: &dyn Harness) {
    assert_eq!(harness.cas().put_many(OURS, Vec::new()).await.expect("empty batch"), []);
    let blobs: Vec<_> = (0..300_u32).map(|n| Bytes::from((n % 200).to_string())).collect();
    let expected: Vec<_> = blobs.iter().map(|blob| BlobDigest::of(blob)).collect();
    assert_eq!(harness.cas().put_many(OURS, blobs.clone()).await.expect("put_many"), expected);
    for (digest, blob) in expected.into_iter().zip(blobs) {
        assert_eq!(harness.cas().get(OURS, digest).await.expect("it is there"), blob);
    }
}

/// What one tenant stored, or deletes, another can't see.
pub async fn namespaces_share_nothing(harness: &dyn Harness) {
    let blob = Bytes::from_static(b"ours");
    let digest = harness.cas().put(OURS, blob.clone()).await.expect("put succeeds");
    assert!(!harness.cas().contains(THEIRS, digest).await.expect("contains answers"));
    let read = harness.cas().get(THEIRS, digest).await;
    assert!(matches!(read, Err(GetError::NotFound { .. })), "{read:?}");
    harness.cas().delete(THEIRS, digest).await.expect("nothing to delete");
    assert_eq!(harness.cas().get(OURS, digest).await.expect("it is there"), blob);
}

/// A flipped bit, a missing tail, an added tail, another blob, nothing: each is an error.
pub async fn corrupt_bytes_are_never_returned(harness: &dyn Harness) {
    let blob = blob_of(100_000);
    let digest = harness.cas().put(OURS, blob.clone()).await.expect("put succeeds");
    let mut flipped = blob.to_vec();
    flipped[50_000] ^= 0x10;
    let longer = [&blob[..], b"!"].concat();
    for bytes in [flipped, blob[..99_999].to_vec(), longer, b"other".to_vec(), Vec::new()] {
        harness.damage(OURS, digest, Bytes::from(bytes)).await;
        let read = harness.cas().get(OURS, digest).await;
        assert!(matches!(read, Err(GetError::Corrupt { digest: named }) if named == digest));
    }
}

/// A name that was never put is not found, with the digest in the error.
pub async fn absent_blobs_are_not_found(harness: &dyn Harness) {
    let digest = BlobDigest::of(b"never put");
    let read = harness.cas().get(OURS, digest).await;
    assert!(matches!(read, Err(GetError::NotFound { digest: named }) if named == digest));
    assert!(!harness.cas().contains(OURS, digest).await.expect("contains answers"));
}

/// Deleting twice is fine, and the blob may be put again.
pub async fn deleting_is_idempotent(harness: &dyn Harness) {
    let blob = Bytes::from_static(b"comes and goes");
    for _ in 0..2 {
        let digest = harness.cas().put(OURS, blob.clone()).await.expect("put succeeds");
        for _ in 0..2 {
            harness.cas().delete(OURS, digest).await.expect("delete succeeds");
            assert!(!harness.cas().contains(OURS, digest).await.expect("contains answers"));
        }
        assert!(harness.cas().get(OURS, digest).await.is_err());
    }
}

/// Eight writers of the same blobs all succeed.
pub async fn concurrent_puts_of_one_blob_agree(harness: &dyn Harness) {
    let blobs: Vec<_> = (0..20_usize).map(|n| blob_of(n * 1_000)).collect();
    let mut writers: Vec<PutFuture<'_>> =
        (0..8).map(|_| harness.cas().put_many(OURS, blobs.clone())).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        writers.retain_mut(|writer| match writer.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer.expect("put succeeds"));
                false
            }
            std::task::Poll::Pending => true,
        });
        if writers.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(answers.len(), 8);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    for (digest, blob) in answers[0].iter().zip(&blobs) {
        assert_eq!(&harness.cas().get(OURS, *digest).await.expect("it is there"), blob);
    }
}

type PutFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<BlobDigest>, PutError>> + Send + 'a>>;

#[derive(Debug, Clone)]
enum Step {
    Put(Namespace, Vec<u8>),
    Get(Namespace, u8),
    Delete(Namespace, u8),
}

fn programs() -> impl Strategy<Value = Vec<Step>> {
    let namespace = || prop_oneof![Just(OURS), Just(THEIRS)];
    let step = prop_oneof![
        (namespace(), prop::collection::vec(0..6_u8, 0..4)).prop_map(|(n, b)| Step::Put(n, b)),
        (namespace(), 0..6_u8).prop_map(|(n, b)| Step::Get(n, b)),
        (namespace(), 0..6_u8).prop_map(|(n, b)| Step::Delete(n, b)),
    ];
    prop::collection::vec(step, 1..60)
}

/// Random programs over few blobs see what a map would show.
pub async fn behaves_like_a_map(harness: &dyn Harness) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let bytes_of = |blob: u8| Bytes::from(vec![blob; usize::from(blob) * 10]);
    for _ in 0..20 {
        let program = programs().new_tree(&mut runner).expect("no filters").current();
        let mut model = BTreeMap::new();
        for blob in 0..6 {
            for namespace in [OURS, THEIRS] {
                let digest = BlobDigest::of(&bytes_of(blob));
                harness.cas().delete(namespace, digest).await.expect("delete succeeds");
            }
        }
        for step in &program {
            match step {
                Step::Put(namespace, blobs) => {
                    let batch: Vec<_> = blobs.iter().map(|blob| bytes_of(*blob)).collect();
                    harness.cas().put_many(*namespace, batch).await.expect("put succeeds");
                    model.extend(blobs.iter().map(|blob| ((*namespace, *blob), bytes_of(*blob))));
                }
                Step::Get(namespace, blob) => {
                    let digest = BlobDigest::of(&bytes_of(*blob));
                    let read = harness.cas().get(*namespace, digest).await.ok();
                    assert_eq!(read.as_ref(), model.get(&(*namespace, *blob)), "{program:?}");
                }
                Step::Delete(namespace, blob) => {
                    let digest = BlobDigest::of(&bytes_of(*blob));
                    harness.cas().delete(*namespace, digest).await.expect("delete succeeds");
                    model.remove(&(*namespace, *blob));
                }
            }
        }
    }
}
