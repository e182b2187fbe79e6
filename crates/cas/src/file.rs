//! The embedded adapter: one file per blob.
//!
//! ```text
//! root/objects/<namespace>/<first byte>/<other 31 bytes>     complete, synced, never rewritten
//! root/temp/<n>                                              being written; emptied at open
//! ```
//! A blob is written to `temp`, synced, renamed to its place, and the directory synced. So an
//! object is whole or absent, whenever the process or the machine dies.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::port::check_sizes;
use crate::{BlobDigest, Cas, GetError, MAX_BLOB_BYTES, Namespace, PutError, Unavailable};

/// Files written and synced together; bounds the open descriptors of a batch.
const FILES_PER_ROUND: usize = 64;

/// Directories remembered as durable. Beyond it all are forgotten, which costs a sync each.
const REMEMBERED_DIRS: usize = 1 << 16;

/// Bytes compared at a time when an object is found in place.
const COMPARE_BYTES: usize = 64 * 1024;

/// Blobs as files below a directory, which has one owner at a time (the data directory's lock).
/// Work happens on tokio's blocking threads; a call whose future is dropped runs on to its end.
#[derive(Debug, Clone)]
pub struct FileCas {
    disk: Arc<Disk>,
}

impl FileCas {
    /// Opens the store at `root`, creating it if there is none, and removes what a crash left
    /// half-written. Blocks on the file system.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let disk = Disk {
            objects: root.join("objects"),
            temp: root.join("temp"),
            next_temp: AtomicU64::new(0),
            durable_dirs: Mutex::default(),
        };
        fs::create_dir_all(&disk.objects)?;
        fs::create_dir_all(&disk.temp)?;
        for leftover in fs::read_dir(&disk.temp)? {
            fs::remove_file(leftover?.path())?;
        }
        sync_dir(&root)?;
        if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
        Ok(Self { disk: Arc::new(disk) })
    }

    /// Runs blocking work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let disk = Arc::clone(&self.disk);
        tokio::task::spawn_blocking(move || work(&disk)).await.map_err(Unavailable::new)
    }
}

#[async_trait]
impl Cas for FileCas {
    async fn put_many(
        &self,
        namespace: Namespace,
        blobs: Vec<Bytes>,
    ) -> Result<Vec<BlobDigest>, PutError> {
        check_sizes(&blobs)?;
        let done = self.blocking(move |disk| disk.put_many(namespace, &blobs)).await?;
        Ok(done.map_err(Unavailable::new)?)
    }

    async fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError> {
        self.blocking(move |disk| disk.get(namespace, digest)).await?
    }

    async fn contains(
        &self,
        namespace: Namespace,
        digest: BlobDigest,
    ) -> Result<bool, Unavailable> {
        let found = self.blocking(move |disk| disk.object_path(namespace, digest).try_exists());
        found.await?.map_err(Unavailable::new)
    }

    async fn delete(&self, namespace: Namespace, digest: BlobDigest) -> Result<(), Unavailable> {
        let gone = self.blocking(move |disk| fs::remove_file(disk.object_path(namespace, digest)));
        match gone.await? {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Unavailable::new(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The directories, and what is known of them.
#[derive(Debug)]
struct Disk {
    objects: PathBuf,
    temp: PathBuf,
    next_temp: AtomicU64,
    /// Directories whose own entry this process has synced.
    durable_dirs: Mutex<BTreeSet<PathBuf>>,
}

impl Disk {
    fn object_path(&self, namespace: Namespace, digest: BlobDigest) -> PathBuf {
        let name = digest.to_hex();
        let (fan_out, rest) = name.split_at(2);
        self.objects.join(namespace.to_string()).join(fan_out).join(rest)
    }

    fn put_many(&self, namespace: Namespace, blobs: &[Bytes]) -> io::Result<Vec<BlobDigest>> {
        let digests: Vec<_> = blobs.iter().map(|blob| BlobDigest::of(blob)).collect();
        let mut seen = BTreeSet::new();
        let distinct: Vec<_> =
            digests.iter().zip(blobs).filter(|(digest, _)| seen.insert(**digest)).collect();
        let mut touched = BTreeSet::new();
        for round in distinct.chunks(FILES_PER_ROUND) {
            let mut staged = Vec::with_capacity(round.len());
            for (digest, blob) in round {
                let path = self.object_path(namespace, **digest);
                touched.extend(path.parent().map(Path::to_path_buf));
                if !holds(&path, blob)? {
                    staged.push((self.stage(blob)?, path));
                }
            }
            // All are written before the first is synced, so that one journal commit serves many.
            for (temp, _) in &staged {
                temp.file.sync_data()?;
            }
            for (temp, path) in staged {
                self.place(temp, &path)?;
            }
        }
        // Also where the object was there before: its writer may not have come this far.
        for dir in touched {
            sync_dir(&dir)?;
        }
        Ok(digests)
    }

    fn stage(&self, blob: &[u8]) -> io::Result<TempFile> {
        let name = self.next_temp.fetch_add(1, Ordering::Relaxed).to_string();
        let path = self.temp.join(name);
        let file = File::create_new(&path)?;
        let mut temp = TempFile { file, path };
        temp.file.write_all(blob)?;
        Ok(temp)
    }

    /// Renames a synced file to its place. On failure the guard removes it.
    fn place(&self, temp: TempFile, path: &Path) -> io::Result<()> {
        let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        self.ensure_dir(dir)?;
        fs::rename(&temp.path, path)
    }

    /// Creates a fan-out directory and makes its own entry durable. One that exists may stem from
    /// a process that died before the sync, hence the memory of what this process has synced.
    fn ensure_dir(&self, dir: &Path) -> io::Result<()> {
        if self.durable_dirs.lock().contains(dir) {
            return Ok(());
        }
        fs::create_dir_all(dir)?;
        for ancestor in dir.ancestors().skip(1).take_while(|path| path.starts_with(&self.objects)) {
            sync_dir(ancestor)?;
        }
        let mut durable = self.durable_dirs.lock();
        if durable.len() >= REMEMBERED_DIRS {
            durable.clear();
        }
        durable.insert(dir.to_path_buf());
        Ok(())
    }

    fn get(&self, namespace: Namespace, digest: BlobDigest) -> Result<Bytes, GetError> {
        let failed = |error| GetError::Unavailable(Unavailable::new(error));
        let file = match File::open(self.object_path(namespace, digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(GetError::NotFound { digest });
            }
            Err(error) => return Err(failed(error)),
        };
        let len_bytes = file.metadata().map_err(failed)?.len();
        if len_bytes > MAX_BLOB_BYTES {
            return Err(GetError::Corrupt { digest });
        }
        let mut bytes = Vec::new();
        let wanted = usize::try_from(len_bytes).map_err(|_| GetError::Corrupt { digest })?;
        bytes
            .try_reserve_exact(wanted)
            .map_err(|error| Unavailable::new(io::Error::from(error)))?;
        file.take(MAX_BLOB_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        if BlobDigest::of(&bytes) == digest {
            Ok(Bytes::from(bytes))
        } else {
            Err(GetError::Corrupt { digest })
        }
    }
}

/// A file in `temp`. Dropping it removes the name, which after the rename is not there any more.
#[derive(Debug)]
struct TempFile {
    file: File,
    path: PathBuf,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Nobody could act on a failure here; the next open tries again.
        drop(fs::remove_file(&self.path));
    }
}

/// True where the object is in place with exactly these bytes. A damaged one is put again.
fn holds(path: &Path, blob: &[u8]) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != blob.len() as u64 {
        return Ok(false);
    }
    let mut buffer = vec![0; COMPARE_BYTES.min(blob.len())];
    for chunk in blob.chunks(COMPARE_BYTES) {
        let window = &mut buffer[..chunk.len()];
        file.read_exact(window)?;
        if window != chunk {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the names in a directory durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Harness;

    const OURS: Namespace = Namespace([7; 16]);

    #[derive(Debug)]
    struct Fixture {
        dir: tempfile::TempDir,
        cas: FileCas,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let cas = FileCas::open(dir.path().join("cas")).unwrap();
            Self { dir, cas }
        }

        fn reopen(&mut self) {
            self.cas = FileCas::open(self.dir.path().join("cas")).unwrap();
        }

        fn temp_files(&self) -> usize {
            fs::read_dir(&self.cas.disk.temp).unwrap().count()
        }
    }

    #[async_trait]
    impl Harness for Fixture {
        fn cas(&self) -> &dyn Cas {
            &self.cas
        }

        async fn damage(&self, namespace: Namespace, digest: BlobDigest, bytes: Bytes) {
            fs::write(self.cas.disk.object_path(namespace, digest), bytes).unwrap();
        }
    }

    crate::cas_conformance!(Fixture::new());

    #[tokio::test]
    async fn blobs_survive_reopening() {
        let mut fixture = Fixture::new();
        let digest = fixture.cas.put(OURS, Bytes::from_static(b"kept")).await.unwrap();
        fixture.reopen();
        assert_eq!(fixture.cas.get(OURS, digest).await.unwrap(), "kept");
    }

    #[tokio::test]
    async fn a_crash_leaves_neither_litter_nor_a_partial_object() {
        let mut fixture = Fixture::new();
        let blob = b"never renamed";
        let staged = fixture.cas.disk.stage(&blob[..5]).unwrap();
        std::mem::forget(staged);
        assert_eq!(fixture.temp_files(), 1);
        fixture.reopen();
        assert_eq!(fixture.temp_files(), 0);
        assert!(!fixture.cas.contains(OURS, BlobDigest::of(blob)).await.unwrap());
    }

    #[tokio::test]
    async fn neither_success_nor_failure_leaves_temporary_files() {
        let fixture = Fixture::new();
        let blobs: Vec<_> = (0..200_u32).map(|n| Bytes::from(n.to_string())).collect();
        fixture.cas.put_many(OURS, blobs).await.unwrap();
        assert_eq!(fixture.temp_files(), 0);

        let other = Namespace([8; 16]);
        fs::write(fixture.cas.disk.objects.join(other.to_string()), "in the way").unwrap();
        let refused = fixture.cas.put(other, Bytes::from_static(b"x")).await;
        assert!(matches!(refused, Err(PutError::Unavailable(_))), "{refused:?}");
        assert_eq!(fixture.temp_files(), 0);
    }

    #[tokio::test]
    async fn a_put_repairs_a_damaged_object() {
        let fixture = Fixture::new();
        let blob = Bytes::from(vec![5; 3 * COMPARE_BYTES + 1]);
        let digest = fixture.cas.put(OURS, blob.clone()).await.unwrap();
        let mut flipped = blob.to_vec();
        flipped[2 * COMPARE_BYTES] ^= 1;
        for damaged in [flipped, blob[..10].to_vec(), Vec::new()] {
            fixture.damage(OURS, digest, Bytes::from(damaged)).await;
            assert!(matches!(fixture.cas.get(OURS, digest).await, Err(GetError::Corrupt { .. })));
            assert_eq!(fixture.cas.put(OURS, blob.clone()).await.unwrap(), digest);
            assert_eq!(fixture.cas.get(OURS, digest).await.unwrap(), blob);
        }
    }

    #[tokio::test]
    async fn an_object_over_the_limit_is_not_read() {
        let fixture = Fixture::new();
        let digest = fixture.cas.put(OURS, Bytes::from_static(b"small")).await.unwrap();
        let path = fixture.cas.disk.object_path(OURS, digest);
        File::options().write(true).open(path).unwrap().set_len(MAX_BLOB_BYTES + 1).unwrap();
        assert!(matches!(fixture.cas.get(OURS, digest).await, Err(GetError::Corrupt { .. })));
    }
}
