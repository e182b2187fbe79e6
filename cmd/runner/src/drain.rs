//! The end of a runner: let jobs finish, then stop them, then leave.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::attempt::StopCause;
use crate::leases::LeaseKeeper;

/// What answering takes after a job was stopped.
const ANSWER_GRACE: Duration = Duration::from_secs(5);

/// Waits `patience` for the jobs, tells those left to stop, waits until they have answered, and
/// then abandons what is left: an abandoned job leaves nothing running, answers nothing, and its
/// lease runs out. Wait for the tasks once more after this.
pub(crate) async fn drain(
    jobs: &TaskTracker,
    keeper: &LeaseKeeper,
    patience: Duration,
    stop_grace: Duration,
) {
    jobs.close();
    if timeout(patience, jobs.wait()).await.is_ok() {
        return;
    }
    tracing::warn!(jobs = jobs.len(), "stopping the jobs that still run");
    keeper.stop_all(StopCause::Shutdown);
    if timeout(stop_grace + ANSWER_GRACE, jobs.wait()).await.is_err() {
        tracing::warn!(jobs = jobs.len(), "abandoning the jobs that do not stop");
        keeper.stop_all(StopCause::Lost);
    }
}
