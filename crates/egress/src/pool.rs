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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::advance;

    use super::*;

    fn key(workspace: u8, address: &str) -> PoolKey {
        PoolKey {
            workspace: [workspace; 16],
            scheme: Scheme::Http,
            host: "h".into(),
            address: address.parse().unwrap(),
        }
    }

    /// A connection that has had one complete answer, and the server's end of it.
    async fn used_wire() -> (Wire, tokio::io::DuplexStream) {
        let (ours, mut theirs) = duplex(1024);
        let mut wire = Wire::new(Box::new(ours)).await.unwrap();
        let request = http::Request::get("/").body(Full::new(Bytes::new())).unwrap();
        let serve = async {
            theirs.read_buf(&mut Vec::with_capacity(1024)).await.unwrap();
            theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        };
        let (head, ()) = tokio::join!(wire.send(request), serve);
        let mut body = head.unwrap().into_body();
        assert!(wire.frame(&mut body).await.is_none());
        (wire, theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_connection_serves_its_own_key_once() {
        let pool = Pool::default();
        let (wire, _server) = used_wire().await;
        assert!(wire.wrote().load(Ordering::Relaxed));
        pool.keep(key(1, "198.100.0.1:80"), wire).await;
        for other in [key(2, "198.100.0.1:80"), key(1, "198.100.0.2:80")] {
            assert!(pool.take(&other).await.is_none());
        }
        let wire = pool.take(&key(1, "198.100.0.1:80")).await.unwrap();
        assert!(!wire.wrote().load(Ordering::Relaxed), "nothing of the next request was written");
        assert!(pool.take(&key(1, "198.100.0.1:80")).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn old_and_closed_connections_are_not_given_out() {
        let pool = Pool::default();
        let key = key(1, "198.100.0.1:80");
        let (wire, _server) = used_wire().await;
        pool.keep(key.clone(), wire).await;
        advance(IDLE_FOR).await;
        assert!(pool.take(&key).await.is_none());

        let (wire, server) = used_wire().await;
        pool.keep(key.clone(), wire).await;
        drop(server);
        assert!(pool.take(&key).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_kept_connections_is_bounded() {
        let pool = Pool::default();
        let count = || pool.idle.lock().values().map(Vec::len).sum::<usize>();
        let mut servers = Vec::new();
        let mut keep_some = async |first: usize, keys: usize, each: usize| {
            for n in first..first + keys * each {
                let (wire, server) = used_wire().await;
                servers.push(server);
                pool.keep(key(1, &format!("198.100.0.{}:80", n / each)), wire).await;
            }
        };
        keep_some(0, 1, MAX_CONCURRENT + 3).await;
        assert_eq!(count(), MAX_CONCURRENT);
        keep_some(100, 60, 6).await;
        assert_eq!(count(), MAX_IDLE);
        advance(IDLE_FOR).await;
        keep_some(2_000, 1, 8).await;
        assert_eq!(count(), 8, "those whose time is over make room");
    }
}
