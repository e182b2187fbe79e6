//! Tags: where they stand, and moving them.

pub(crate) mod canary;
pub(crate) mod change;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod moves;
pub(crate) mod undo;

use aob_api::{CanaryView, TagView};
use aob_edge::Refusal;
use aob_store::{Canary, TagRow};

use crate::endpoints::workflows::version;

/// Where a tag stands, as it is shown.
pub(crate) fn view(row: TagRow) -> Result<TagView, Refusal> {
    Ok(TagView {
        current: version(row.current)?,
        tip: row.tip,
        canary: row.canary.map(canary_view),
    })
}

pub(crate) fn canary_view(canary: Canary) -> CanaryView {
    CanaryView { version: canary.version, percent: canary.percent }
}
