//! Telling people of approvals: what a message says, how it is signed, when it is tried again, and
//! who sends it.
//!
//! ```text
//! coordinator --> deliveries (rows, durable before the event is acknowledged)
//!                     | claimed for a while by one notifier
//!                     v
//!        brief of the ticket --> message --> webhook | Slack | mail --> settled, or tried again
//! ```
//! A delivery is sent at least once, and has the same id in every try: receivers dedupe by it.
#![warn(missing_docs)]

mod brief;
mod check;
mod mail;
mod message;
mod notifier;
mod outcome;
mod schedule;
mod signing;
mod slack;
mod text;
mod webhook;

pub use brief::{Brief, BriefError, Briefs};
pub use check::{TargetError, check_url, shown_url};
pub use mail::{MailError, MailServer, Mailer};
pub use message::{Facts, Message};
pub use notifier::{Deps, Notifier};
pub use outcome::Outcome;
pub use schedule::{TRIES_MAX, next_try};
pub use signing::{Secret, signature};
pub use text::{cut, line, plain};

/// What the key of a workspace is for, from which the secrets of its endpoints come.
pub const PURPOSE: &str = "notifications";
