//! A data directory and its one owner.
//!
//! The lock is the operating system's: it ends with the process, however that ends.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::failure::Failure;

/// Bytes of the note that an owner leaves in its lock file.
const NOTE_BYTES_MAX: u64 = 4_096;

/// What an owner says of itself in the lock file, for whoever finds the directory taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Owner {
    /// Process.
    pid: u32,
    /// What it was started as.
    command: String,
    /// Where it listens, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

/// A data directory that belongs to this process.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock: File,
    command: &'static str,
}

impl DataDir {
    /// Takes the directory for itself, creating it where there is none.
    ///
    /// # Errors
    /// Exit code 4 where another process has it.
    pub(crate) fn open(path: &Path, command: &'static str) -> Result<Self, Failure> {
        let failed = |error| unusable(path, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // What is said about it must hold in another working directory too.
        let path = std::path::absolute(path).map_err(failed)?;
        let mut dir = Self { path, lock, command };
        dir.sign(None)?;
        Ok(dir)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves a note about its owner: this process, and where it listens.
    pub(crate) fn sign(&mut self, server: Option<&str>) -> Result<(), Failure> {
        let server = server.map(str::to_owned);
        let owner = Owner { pid: std::process::id(), command: self.command.to_owned(), server };
        self.write(&owner).map_err(|error| unusable(&self.path, &error))
    }

    fn write(&mut self, owner: &Owner) -> io::Result<()> {
        let note = serde_json::to_vec(owner).map_err(io::Error::other)?;
        self.lock.seek(SeekFrom::Start(0))?;
        self.lock.set_len(0)?;
        self.lock.write_all(&note)
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("the data directory {} cannot be used: {error}", path.display());
    let todo = "check its owner and mode, or name another one with --data";
    Failure::new(Exit::Usage, "data_dir", message, todo)
}

fn taken(path: &Path, lock: &mut File) -> Failure {
    let mut note = String::new();
    let read = lock.take(NOTE_BYTES_MAX).read_to_string(&mut note);
    let owner = read.ok().and_then(|_| serde_json::from_str::<Owner>(&note).ok());
    let dir = path.display();
    let (who, todo) = match owner {
        Some(Owner { pid, command, server: Some(server) }) => (
            format!("`{command}` (process {pid}, {server})"),
            "leave out --embedded to use that server, or name another directory with --data"
                .to_owned(),
        ),
        Some(Owner { pid, command, server: None }) => (
            format!("`{command}` (process {pid})"),
            "wait until it is done, or name another directory with --data".to_owned(),
        ),
        None => ("another process".to_owned(), "name another directory with --data".to_owned()),
    };
    let message = format!("the data directory {dir} belongs to {who}");
    Failure::new(Exit::Conflict, "data_dir_taken", message, todo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        let mut first = DataDir::open(&path, "aob dev").unwrap();
        let second = DataDir::open(&path, "aob run start --embedded").unwrap_err();
        assert_eq!(second.exit(), Exit::Conflict);
        assert!(second.message().contains("`aob dev`"), "{}", second.message());
        first.sign(Some("http://127.0.0.1:1")).unwrap();
        let second = DataDir::open(&path, "x").unwrap_err();
        assert!(second.message().contains("http://127.0.0.1:1"), "{}", second.message());
        assert!(second.todo().contains("--embedded"), "{}", second.todo());
        drop(first);
        DataDir::open(&path, "x").unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_a_directory_is_a_usage_error() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(DataDir::open(&file, "x").unwrap_err().exit(), Exit::Usage);
    }
}
