//! Exit codes: a public contract.

use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Ok = 0,
    /// The run failed, a check found something, or two things differ.
    Failed = 1,
    /// The command makes no sense.
    Usage = 2,
    /// What it names does not exist.
    NotFound = 3,
    /// It can't be done as things stand now.
    Conflict = 4,
    /// Not with these credentials.
    Auth = 5,
    /// Not in the time given, or nobody answers.
    Timeout = 6,
    /// A limit or a budget forbids it.
    Limit = 7,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
