//! The log of a run as clients page through it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RawText;

/// `GET /v1/runs/{id}/events`: a page of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// Events as the log has them: `{"seq", "at", "command", "type", "data"}`.
    pub items: Vec<RawText>,
    /// Give it as `after` to get the next page; seq of the page's last event, or the `after` that
    /// was asked for.
    pub next_after: u64,
    /// Seq of the run's last event: the page is the last one where `next_after` equals it.
    pub head_seq: u64,
    /// True: the run is over, and no event follows `head_seq`.
    pub ended: bool,
}
