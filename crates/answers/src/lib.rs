//! What the API and the pages say the same way: runs, values, tickets and changes as they are shown,
//! and refusals of the machinery as problems.
//!
//! ```text
//! log, tickets, documents -> Reads -> views of aob_api -> JSON of the API, HTML of the pages
//! refusals of coordinator and engine -> refusals -> problems
//! ```
#![warn(missing_docs)]

mod changes;
mod reads;
pub mod refusals;
mod tickets;
mod values;

pub use changes::{PatchChange, result_of};
pub use reads::Reads;
pub use tickets::{CastBefore, TICKET_STATUSES, TicketDetail, summary, ticket_detail};
pub use values::{Shown, Values};
