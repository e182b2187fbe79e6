//! Jobs of pools on their way to runners elsewhere: topics, offers, tokens, results.
//!
//! ```text
//!  performer --> Offers --> agent.jobs[.WORKSPACE.POOL] --> runner
//!                                                             | POST /v1/runners/claim: a lease, or not
//!                                                             | POST /v1/runners/heartbeat
//!  run <-- Results <------- agent.results[...] <--------------+ once it has worked
//! ```
//! What stands on a topic is an offer: nobody may act on it before its lease is claimed, which the
//! database grants once. So a message that comes twice, or late, or to two runners, is harmless, and
//! one that never comes is missed by nobody: long polls find the same jobs, and what nobody claims is
//! offered again. A result counts by its token and its lease, not by the topic that it came on.
#![warn(missing_docs)]

mod logs;
mod offers;
mod results;
mod tokens;
mod topics;

pub use logs::chunk;
pub use offers::{OFFER_HEADER, PoolOffers};
pub use results::Results;
pub use tokens::{Granted, JobTokens, Offered};
pub use topics::{AgentTopics, AgentTopicsError, PoolTopics};
