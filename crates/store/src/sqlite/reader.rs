//! The threads that read: each with its own connection, beside the writer and never in its way.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::connection::{SqliteConfig, open_reader};
use super::error::Failure;
use crate::{StoreError, StoreResult};

/// Reads that may wait; further callers wait for a place.
const QUEUE: usize = 1024;

/// A read, which gets a connection or the reason why there is none.
type Read = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The sending end of the readers' queue. Dropping it ends the threads.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Option<Sender<Read>>,
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(config: &SqliteConfig) -> std::io::Result<Self> {
        let (queue, reads) = bounded(QUEUE);
        let thread = |index: usize| {
            let (config, reads) = (config.clone(), reads.clone());
            let name = format!("store-reader-{index}");
            std::thread::Builder::new().name(name).spawn(move || serve(&config, &reads))
        };
        let threads = (0..config.readers.max(1)).map(thread).collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), places: Arc::new(Semaphore::new(QUEUE)), threads })
    }

    /// Runs `work` on one of the connections.
    pub(super) async fn read<T, W>(&self, work: W) -> StoreResult<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let closed = || StoreError::Unavailable(String::from("the readers have stopped"));
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let read = move |connection: Result<&Connection, StoreError>| {
            let result =
                connection.and_then(|connection| work(connection).map_err(StoreError::from));
            drop(place);
            // A caller that has gone away does not want the answer.
            drop(reply.send(result));
        };
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        // Never full: each read in the queue holds a place.
        queue.try_send(Box::new(read)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            // A reader that panicked has said so.
            drop(thread.join());
        }
    }
}

/// Opens a connection when the first read comes, so that a process which only writes has none.
fn serve(config: &SqliteConfig, reads: &Receiver<Read>) {
    let mut open: Option<Connection> = None;
    while let Ok(read) = reads.recv() {
        let connection = match open.take() {
            Some(connection) => Ok(connection),
            None => open_reader(config),
        };
        match connection {
            Ok(connection) => {
                read(Ok(&connection));
                open = Some(connection);
            }
            Err(error) => read(Err(StoreError::Unavailable(error.to_string()))),
        }
    }
}
