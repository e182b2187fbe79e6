//! The workspace and the API key of a data directory: made at its first use, kept in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aob_api::Role;
use aob_edge::Entropy;
use aob_engine::WorkspaceId;
use aob_orchestrator::{NewKey, create_key};
use aob_store::{Identity, SqliteStore, StoreError, WorkspaceRow};

use crate::commands::with_sources;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{clock, entropy};

/// Name of a data directory's one workspace.
const WORKSPACE: &str = "default";
/// What the log calls whoever holds the key.
const USER: &str = "local";

/// The directory's workspace.
pub(crate) async fn workspace(store: &SqliteStore) -> Result<WorkspaceId, Failure> {
    let known = store.workspaces().await.map_err(|error| broken(&error))?;
    if let Some(found) = known.iter().find(|row| row.name == WORKSPACE) {
        return Ok(WorkspaceId(found.workspace.0));
    }
    let now = clock::now();
    let workspace = aob_store::WorkspaceId(entropy::uuid(now));
    let row = WorkspaceRow { workspace, name: WORKSPACE.to_owned(), created_ms: now.0 };
    let row = store.workspace_put(&row).await.map_err(|error| broken(&error))?;
    Ok(WorkspaceId(row.workspace.0))
}

/// A token that may do everything in the directory's workspace.
pub(super) async fn ensure(
    dir: &Path,
    store: &SqliteStore,
    entropy: &Entropy,
) -> Result<String, Failure> {
    let file = dir.join("key");
    match fs::read_to_string(&file) {
        Ok(text) => {
            let token = text.trim();
            if known(store, token).await.map_err(|error| broken(&error))? {
                return Ok(token.to_owned());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(&file, &error)),
    }
    let new = NewKey {
        workspace: workspace(store).await?,
        name: USER,
        roles: &[Role::Admin],
        groups: &[],
        expires_ms: None,
        now_ms: clock::now().0,
    };
    let (_, token) = create_key(store, entropy, new).await.map_err(|error| broken(&error))?;
    write(&file, &token).map_err(|error| unusable(&file, &error))?;
    Ok(token)
}

/// True where the store has the key of this token, and it was not revoked.
async fn known(store: &SqliteStore, token: &str) -> Result<bool, StoreError> {
    let Some(key_id) = token.split('_').nth(1) else { return Ok(false) };
    Ok(store.key(key_id).await?.is_some_and(|row| row.revoked_ms.is_none()))
}

/// Only the owner may read it; a crash leaves no half of it.
fn write(file: &Path, token: &str) -> io::Result<()> {
    let temp = file.with_extension("new");
    let mut options = OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
    out.write_all(token.as_bytes())?;
    out.sync_all()?;
    fs::rename(&temp, file)
}

fn broken(error: &dyn std::error::Error) -> Failure {
    let message = format!("the data directory does not answer: {}", with_sources(error));
    let todo = "check the disk, or name another directory with --data";
    Failure::new(Exit::Failed, "store", message, todo)
}

fn unusable(file: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be used: {error}", file.display());
    Failure::new(Exit::Usage, "data_dir", message, "check its owner and mode")
}
