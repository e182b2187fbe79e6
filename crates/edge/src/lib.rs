//! What every HTTP service of the product does the same way, before and after its own work.
//!
//! ```text
//! connection -> serve -> shell (request id, panics, headers, problems)
//!                          -> gate (API key, permission, body limit)   before a byte of the body is read
//!                               -> endpoint (strict query, strict body) -> answer or refusal
//! bus `workflow.events` -> RunWatch -> endpoints and streams that wait for a run
//! ```
#![warn(missing_docs)]

mod authenticator;
mod body;
mod caller;
mod cursor;
mod entropy;
mod explain_body;
mod failures;
mod gate;
mod log_page;
mod nearest;
mod permission;
mod query;
mod refusal;
mod run_watch;
mod serve;
mod shell;
mod signing;
mod socket;
mod strict_json;
mod token;
mod yaml;

pub use authenticator::Authenticator;
pub use body::{BodyHash, BodyText, JsonBody, OptionalJsonBody, read_bytes};
pub use caller::Caller;
pub use cursor::Cursor;
pub use entropy::{Entropy, new_run_id, random_hex, system_entropy};
pub use failures::Peer;
pub use gate::{BODY_BYTES_MAX, Gate};
pub use log_page::{LogEvent, LogPage, PageSize, log_page};
pub use nearest::nearest;
pub use permission::Permission;
pub use query::Query;
pub use refusal::{Answer, Refusal};
pub use run_watch::{RunWatch, Subscription};
pub use serve::{ServeLimits, serve};
pub use shell::Shell;
pub use signing::{Signer, is_signed, sign};
pub use socket::{BindError, Socket};
pub use strict_json::{JSON_DEPTH_MAX, check_json};
pub use token::{MintedToken, mint_token};
