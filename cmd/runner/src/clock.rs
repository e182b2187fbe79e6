//! The wall clock, as a port.

use aob_engine::Timestamp;

/// Tells the time. It stamps results and reads `Retry-After` dates; timeouts use the runtime's
/// monotonic clock.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
