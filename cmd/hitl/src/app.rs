//! What every page works with.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use aob_answers::Reads;
use aob_coordinator::{Coordinator, Submission, SubmitError};
use aob_edge::{Authenticator, Caller, Entropy, Shell, Signer};
use aob_engine::{CastVote, Command, CommandId, Request, RunId, Timestamp};
use aob_points::{Point, Struck, reach};
use aob_store::Clock;
use url::Url;

use crate::sessions::Sessions;

/// The state of the pages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// See [`App`].
pub(crate) struct Parts {
    pub(crate) reads: Reads,
    pub(crate) coordinator: Coordinator,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) shell: Shell,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) signer: Signer,
    pub(crate) sessions: Sessions,
    pub(crate) site: Site,
}

/// Where people find the pages.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Scheme, host and port, as browsers write them.
    pub(crate) origin: String,
    /// Reached over TLS.
    pub(crate) secure: bool,
}

impl Site {
    /// The one that was named, or the socket's own address.
    pub(crate) fn new(url: Option<&Url>, address: SocketAddr) -> Self {
        match url {
            Some(url) => {
                Self { origin: url.origin().ascii_serialization(), secure: url.scheme() == "https" }
            }
            None => Self { origin: format!("http://{address}"), secure: false },
        }
    }

    /// The page of a ticket.
    pub(crate) fn ticket(&self, ticket: &str) -> String {
        format!("{}/tickets/{ticket}", self.origin)
    }
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("site", &self.site).finish_non_exhaustive()
    }
}

impl Parts {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp((self.clock)())
    }

    /// 16 random bytes.
    pub(crate) fn nonce(&self) -> [u8; 16] {
        let mut nonce = [0; 16];
        (self.entropy)(&mut nonce);
        nonce
    }

    /// Sends a vote the way every command goes. Its id is fresh: that the same person's second click
    /// changes nothing is the engine's rule for votes, not one of deliveries.
    pub(crate) async fn vote(
        &self,
        caller: &Caller,
        run: RunId,
        vote: CastVote,
    ) -> Result<(), SubmitError> {
        let id = CommandId(format!("page:{}", hex::encode(self.nonce())).into());
        let request = Request { id, actor: caller.actor(), command: Command::Vote(vote) };
        let workspace = caller.workspace();
        let submission =
            Submission { workspace, run, request, key: None, dedup: None, ir: None, token: () };
        let voted = self.coordinator.handle.try_submit(submission).await.map(drop);
        let struck = |struck: Struck| SubmitError::Unavailable(struck.to_string());
        reach(Point::VoteAfter).await.map_err(struck)?;
        voted
    }
}
