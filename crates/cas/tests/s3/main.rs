//! The S3 adapter: the port's suite, where objects lie, and a service that is not there.
//! Needs a server: `scripts/services run s3 -- cargo test -p aob-cas --features s3 --test s3`.

use std::sync::atomic::{AtomicU64, Ordering};

use aob_cas::conformance::Harness;
use aob_cas::{
    BlobDigest, Cas, GetError, Namespace, PutError, S3Cas, S3Config, S3Credentials, cas_conformance,
};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;

/// The tests' configuration; made by `scripts/services`.
#[expect(clippy::disallowed_methods, reason = "the tests' configuration is the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `scripts/services run s3 -- cargo test ...`")
    })
}

/// Settings with a prefix that no other case uses.
fn config() -> S3Config {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let credentials = S3Credentials::Key {
        id: variable("AOB_TEST_S3_KEY_ID"),
        secret: variable("AOB_TEST_S3_SECRET"),
    };
    S3Config {
        prefix,
        endpoint: Some(variable("AOB_TEST_S3_ENDPOINT")),
        ..S3Config::new(&variable("AOB_TEST_S3_BUCKET"), credentials)
    }
}

/// The adapter, and the bucket behind its back.
#[derive(Debug)]
struct Fixture {
    cas: S3Cas,
    prefix: String,
    bucket: AmazonS3,
}

impl Fixture {
    fn new() -> Self {
        let config = config();
        let S3Credentials::Key { id, secret } = &config.credentials else { panic!("a key") };
        let bucket = AmazonS3Builder::new()
            .with_bucket_name(&config.bucket)
            .with_endpoint(variable("AOB_TEST_S3_ENDPOINT"))
            .with_allow_http(true)
            .with_access_key_id(id)
            .with_secret_access_key(secret)
            .build()
            .expect("the settings are valid");
        let cas = S3Cas::new(&config).expect("the settings are valid");
        Self { cas, prefix: config.prefix, bucket }
    }

    fn path(&self, namespace: Namespace, digest: BlobDigest) -> Path {
        Path::from(format!("{}/{namespace}/{}", self.prefix, digest.to_hex()))
    }
}

#[async_trait]
impl Harness for Fixture {
    fn cas(&self) -> &dyn Cas {
        &self.cas
    }

    async fn damage(&self, namespace: Namespace, digest: BlobDigest, bytes: Bytes) {
        let path = self.path(namespace, digest);
        self.bucket.head(&path).await.expect("objects lie below their workspace");
        self.bucket.put(&path, bytes.into()).await.expect("the bucket takes it");
    }
}

cas_conformance!(Fixture::new());

const OURS: Namespace = Namespace([7; 16]);

#[tokio::test]
async fn objects_are_what_was_put_below_their_workspace() {
    let fixture = Fixture::new();
    let digest = fixture.cas.put(OURS, Bytes::from_static(b"ours")).await.unwrap();
    let object = fixture.bucket.get(&fixture.path(OURS, digest)).await.unwrap();
    assert_eq!(object.bytes().await.unwrap(), "ours");
    fixture.cas.check().await.unwrap();
}

#[tokio::test]
async fn a_put_repairs_a_damaged_object() {
    let fixture = Fixture::new();
    let blob = Bytes::from_static(b"whole");
    let digest = fixture.cas.put(OURS, blob.clone()).await.unwrap();
    fixture.damage(OURS, digest, Bytes::from_static(b"who")).await;
    assert!(matches!(fixture.cas.get(OURS, digest).await, Err(GetError::Corrupt { .. })));
    fixture.cas.put(OURS, blob.clone()).await.unwrap();
    assert_eq!(fixture.cas.get(OURS, digest).await.unwrap(), blob);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable_and_loses_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let fixture = Fixture::new();
    let digest = fixture.cas.put(OURS, Bytes::from_static(b"kept")).await.unwrap();
    let config = S3Config { endpoint: Some(nobody), retries: 0, ..config() };
    let cas = S3Cas::new(&S3Config { prefix: fixture.prefix.clone(), ..config }).unwrap();
    assert!(matches!(cas.get(OURS, digest).await, Err(GetError::Unavailable(_))));
    let put = cas.put(OURS, Bytes::from_static(b"new")).await;
    assert!(matches!(put, Err(PutError::Unavailable(_))), "{put:?}");
    assert!(cas.contains(OURS, digest).await.is_err());
    assert!(cas.delete(OURS, digest).await.is_err());
    assert!(cas.check().await.is_err());
    assert_eq!(fixture.cas.get(OURS, digest).await.unwrap(), "kept");
}

#[tokio::test]
async fn whoever_has_another_key_is_refused() {
    let config = config();
    let credentials =
        S3Credentials::Key { id: variable("AOB_TEST_S3_KEY_ID"), secret: "guess".to_owned() };
    let cas = S3Cas::new(&S3Config { credentials, ..config }).unwrap();
    let read = cas.get(OURS, BlobDigest::of(b"x")).await;
    assert!(matches!(read, Err(GetError::Unavailable(_))), "not `NotFound`: {read:?}");
    assert!(cas.check().await.is_err());
}

#[test]
fn secrets_are_not_shown() {
    let key = S3Credentials::Key { id: "id".to_owned(), secret: "s3cret".to_owned() };
    let shown = format!("{:?}", S3Config::new("bucket", key));
    assert!(!shown.contains("s3cret"), "{shown}");
}
