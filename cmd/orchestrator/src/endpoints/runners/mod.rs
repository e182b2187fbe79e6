//! The runner protocol.

pub(crate) mod budget;
pub(crate) mod claim;
pub(crate) mod heartbeat;
pub(crate) mod lease;
mod logs;
pub(crate) mod result;
pub(crate) mod token;

use aob_edge::Caller;

/// In whose name leases are held. Runners of other API keys cannot renew or answer them.
pub(crate) fn holder(caller: &Caller, runner: &str) -> String {
    format!("{}/{runner}", caller.key_id())
}
