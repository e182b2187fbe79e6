//! The one place where this process reads the time.

use aob_engine::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the process's one clock; handed out from here")]
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
