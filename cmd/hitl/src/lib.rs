//! The approval pages: an inbox, tickets with everything that an approver has to see, and decisions.
//!
//! ```text
//! browser -> aob_edge::Shell -> around (same origin, session, headers) -> page -> HTML
//!                                            |                              |-> Reads
//!                                     API key of the session                '-> Coordinator: votes
//! ```
//! Pages are rendered here and need no script: there is none, and the content security policy would
//! not run it. GET and HEAD change nothing. A vote is the command that the API sends, decided by the
//! engine: what a page checks before is a courtesy to people, never the guard.
//!
//! The service holds nothing that another one needs. Sessions and links are signed with the
//! workspace's key from the store, so replicas and restarts are no event; votes go through a
//! coordinator that is handed in, which may be this process's own: any number of them may work on
//! one run.
#![warn(missing_docs)]

mod app;
mod around;
mod briefs;
mod form;
mod history;
mod html;
mod pages;
mod picture;
mod proposal;
mod service;
mod sessions;
mod shown;
mod words;

pub use aob_edge::BindError;
pub use service::{Bound, Config, Deps, Hitl, bind};
