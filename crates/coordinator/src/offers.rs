//! Jobs of pools on topics: offers, which whoever works claims first.

use aob_api::jobs::JobMessage;
use aob_bus::{Header, Topic};
use aob_engine::WorkspaceId;
use async_trait::async_trait;

use crate::ReadError;

/// Topic of the jobs of pools, and what the names of others for them begin with.
pub const AGENT_JOBS_TOPIC: &str = "agent.jobs";
/// Topic of the results of jobs of pools, and what the names of others for them begin with.
pub const AGENT_RESULTS_TOPIC: &str = "agent.results";

/// Which jobs of pools go to topics as well, besides being found by long poll.
#[async_trait]
pub trait Offers: std::fmt::Debug + Send + Sync {
    /// Where jobs of this pool go; its name begins with [`AGENT_JOBS_TOPIC`]. `None`: nowhere.
    ///
    /// # Errors
    /// If storage does not answer.
    async fn topic(&self, workspace: WorkspaceId, pool: &str) -> Result<Option<Topic>, ReadError>;

    /// The headers of a job's message, which show whose job it is.
    ///
    /// # Errors
    /// If storage does not answer.
    async fn headers(&self, job: &JobMessage, payload: &[u8]) -> Result<Vec<Header>, ReadError>;
}
