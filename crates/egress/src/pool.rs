//! Connections kept open between requests of one workspace.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::client::Workspace;
use crate::hosts::MAX_CONCURRENT;
use crate::target::Scheme;
use crate::wire::Wire;

/// Kept in all. Beyond it connections are closed after use.
const MAX_IDLE: usize = 256;

/// Kept for so long. Servers close theirs after a few seconds more.
const IDLE_FOR: Duration = Duration::from_secs(4);

/// What a kept connection may be used for: the same workspace, the same name over the same scheme,
/// at an address that the name resolves to when it is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolKey {
    pub(crate) workspace: Workspace,
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
}

#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<BTreeMap<PoolKey, Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    wire: Wire,
    since: Instant,
}

impl Pool {
    /// A connection that is still open as far as can be known.
    pub(crate) async fn take(&self, key: &PoolKey) -> Option<Wire> {
        loop {
            let Idle { mut wire, since } = self.pop(key)?;
            if since.elapsed() < IDLE_FOR && wire.is_idle().await {
                wire.reset();
                return Some(wire);
            }
        }
    }

    /// Keeps a connection, if its response is complete and the server keeps it open.
    pub(crate) async fn keep(&self, key: PoolKey, mut wire: Wire) {
        if !wire.is_idle().await {
            return;
        }
        let mut idle = self.idle.lock();
        if idle.values().map(Vec::len).sum::<usize>() >= MAX_IDLE {
            idle.retain(|_, wires| {
                wires.retain(|wire| wire.since.elapsed() < IDLE_FOR);
                !wires.is_empty()
            });
        }
        let of_this_key = idle.get(&key).map_or(0, Vec::len);
        let in_all = idle.values().map(Vec::len).sum::<usize>();
        if in_all < MAX_IDLE && of_this_key < MAX_CONCURRENT {
            idle.entry(key).or_default().push(Idle { wire, since: Instant::now() });
        }
    }

    fn pop(&self, key: &PoolKey) -> Option<Idle> {
        let mut idle = self.idle.lock();
        let wires = idle.get_mut(key)?;
        let newest = wires.pop();
        if wires.is_empty() {
            idle.remove(key);
        }
        newest
    }
}
