//! What every endpoint works with.

use std::ops::Deref;
use std::sync::Arc;

use aob_agents::JobTokens;
use aob_answers::Reads;
use aob_bus::Bus;
use aob_cas::Cas;
use aob_coordinator::{Coordinator, store_workspace};
use aob_edge::{Authenticator, Caller, Entropy, RunWatch, Shell, Signer, random_hex};
use aob_egress::Policy;
use aob_engine::WorkspaceId;
use aob_store::{Clock, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::idempotency::InFlight;
use crate::modules::Modules;
use crate::pools::Pools;
use crate::rates::Rates;

/// The state of the API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api(Arc<Parts>);

/// See [`Api`].
pub struct Parts {
    pub(crate) coordinator: Coordinator,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) reads: Reads,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cas: Arc<dyn Cas>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) watch: RunWatch,
    pub(crate) shell: Shell,
    pub(crate) rates: Rates,
    /// Writes and reads the tokens of jobs.
    pub(crate) tokens: Arc<JobTokens>,
    pub(crate) pools: Pools,
    pub(crate) in_flight: InFlight,
    /// Milliseconds between cancel and fence of new runs.
    pub(crate) cancel_grace_ms: u64,
    pub(crate) modules: Modules,
    /// Makes the secrets of who is told of tickets.
    pub(crate) notifications: Signer,
    /// Where what is told of tickets may go.
    pub(crate) egress: Policy,
    /// Whether mail is sent.
    pub(crate) sends_mail: bool,
    /// Signs the URLs of webhooks.
    pub(crate) webhooks: Signer,
    /// Logs verified at once: each costs a processor.
    pub(crate) verifying: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
}

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Parts {
    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// Fresh random letters.
    pub(crate) fn random_hex(&self) -> String {
        random_hex::<16>(&self.entropy)
    }
}

/// The caller's workspace, as the store names it.
pub(crate) fn tenant(caller: &Caller) -> aob_store::WorkspaceId {
    store_workspace(workspace(caller))
}

pub(crate) fn workspace(caller: &Caller) -> WorkspaceId {
    caller.workspace()
}
