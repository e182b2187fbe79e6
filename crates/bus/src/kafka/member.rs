//! A member of a group, as a thread: it serves the client library whatever its user does, so a
//! slow user never costs the member its partitions, and nothing is executed on this path.
//!
//! ```text
//! brokers -> poll -> bounded channel -> recv_batch
//!                      commits <- mailbox <- commit
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::{Notify, mpsc, oneshot};

use super::assignment::{Assignment, Epoch};
use crate::{CommitError, Header, Topic, Unavailable};

/// Messages between the thread and its user.
pub(super) const FETCHED_MAX: usize = 1_024;
/// The longest time without a look at the library: its wake-ups have been known to get lost.
const TICK: Duration = Duration::from_millis(100);
/// The wait before a commit that met a rebalance is tried again.
const RETRY: Duration = Duration::from_millis(20);
/// How often it is tried.
const TRIES_MAX: u32 = 250;
/// How long a question to the brokers may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// A message as it came.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) partition: u32,
    pub(super) epoch: Epoch,
    pub(super) offset: u64,
    pub(super) key: Vec<u8>,
    pub(super) headers: Vec<Header>,
    pub(super) payload: Bytes,
}

/// A wish to commit.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) partition: u32,
    pub(super) epoch: Epoch,
    pub(super) offset: u64,
    pub(super) reply: oneshot::Sender<Result<(), CommitError>>,
    tries: u32,
}

/// What the thread and its user share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) assignment: Mutex<Assignment>,
    /// Notified when partitions were assigned.
    pub(super) assigned: Notify,
    /// Fetching stands still because the user does not take what there is.
    pub(super) paused: AtomicBool,
    mail: Mutex<Mail>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Mail {
    woken: bool,
    closing: bool,
    /// At most one per caller that waits.
    commits: Vec<Request>,
}

impl Shared {
    /// There may be something to do.
    pub(super) fn wake(&self) {
        self.mail.lock().woken = true;
        self.arrived.notify_one();
    }

    /// The member leaves.
    pub(super) fn close(&self) {
        self.mail.lock().closing = true;
        self.arrived.notify_one();
    }

    /// Asks for a commit and waits for it.
    pub(super) async fn commit(
        &self,
        partition: u32,
        epoch: Epoch,
        offset: u64,
    ) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        self.mail.lock().commits.push(Request { partition, epoch, offset, reply, tries: 0 });
        self.arrived.notify_one();
        answer.await.unwrap_or(Err(CommitError::NotAssigned { partition }))
    }

    /// Waits for something to do, at most `limit`. True: the member leaves.
    fn wait(&self, limit: Duration) -> (Vec<Request>, bool) {
        let mut mail = self.mail.lock();
        if !mail.woken && !mail.closing && mail.commits.is_empty() {
            self.arrived.wait_for(&mut mail, limit);
        }
        mail.woken = false;
        (std::mem::take(&mut mail.commits), mail.closing)
    }
}

/// Where a member begins.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// Where its group is, with the partitions that it is given.
    Group,
    /// At the end of these partitions, all of them its own.
    Ends(u32),
}

struct Context {
    topic: Topic,
    shared: Arc<Shared>,
}

type Client = BaseConsumer<Context>;

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(topic = %self.topic, %error, reason, "consuming meets an error");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, client: &Client, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                self.shared.assignment.lock().assign(partitions(list));
                if list.count() > 0 {
                    self.shared.assigned.notify_one();
                }
            }
            Rebalance::Revoke(list) => {
                // What is dealt with is committed while it still can be.
                let requests = std::mem::take(&mut self.shared.mail.lock().commits);
                let left = self.commit(client, requests);
                self.shared.mail.lock().commits.extend(left);
                self.shared.assignment.lock().revoke(partitions(list));
            }
            Rebalance::Error(error) => {
                tracing::warn!(topic = %self.topic, %error, "partitions cannot be shared out");
            }
        }
    }

    fn post_rebalance(&self, client: &Client, rebalance: &Rebalance<'_>) {
        // A partition that went away while fetching stood still would stand still for ever.
        if let Rebalance::Assign(list) = rebalance
            && let Err(error) = client.resume(list)
        {
            tracing::warn!(topic = %self.topic, %error, "partitions may not be fetched");
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<u32> {
    list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
}

impl Context {
    /// Commits what is asked for, in one request, and answers. Returns what has to be tried again.
    fn commit(&self, client: &Client, requests: Vec<Request>) -> Vec<Request> {
        let mut highest = BTreeMap::new();
        let mut current = Vec::with_capacity(requests.len());
        {
            let assignment = self.shared.assignment.lock();
            for request in requests {
                let Request { partition, epoch, offset, .. } = request;
                if assignment.epoch(partition) == Some(epoch) {
                    let known = highest.entry(partition).or_insert((epoch, offset));
                    known.1 = known.1.max(offset);
                    current.push(request);
                } else {
                    answer(request, Err(CommitError::NotAssigned { partition }));
                }
            }
        }
        if current.is_empty() {
            return current;
        }
        match self.commit_to_brokers(client, &highest) {
            Ok(()) => {
                let mut assignment = self.shared.assignment.lock();
                for (partition, (epoch, offset)) in highest {
                    assignment.committed(partition, epoch, offset);
                }
                drop(assignment);
                current.into_iter().for_each(|request| answer(request, Ok(())));
                Vec::new()
            }
            Err(error) => refused(current, &error),
        }
    }

    fn commit_to_brokers(
        &self,
        client: &Client,
        offsets: &BTreeMap<u32, (Epoch, u64)>,
    ) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, (_, offset)) in offsets {
            let next = i64::try_from(offset + 1).unwrap_or(i64::MAX);
            let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
            list.add_partition_offset(self.topic.as_str(), partition, Offset::Offset(next))?;
        }
        client.commit(&list, CommitMode::Sync)
    }
}

fn answer(request: Request, outcome: Result<(), CommitError>) {
    // Who asked may have gone.
    drop(request.reply.send(outcome));
}

/// Answers requests that the brokers refused. Returns what has to be tried again.
fn refused(requests: Vec<Request>, error: &KafkaError) -> Vec<Request> {
    let code = error.rdkafka_error_code();
    let mut again = Vec::new();
    for mut request in requests {
        let partition = request.partition;
        match code {
            Some(RDKafkaErrorCode::RebalanceInProgress) if request.tries < TRIES_MAX => {
                request.tries += 1;
                again.push(request);
            }
            Some(
                RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::FencedInstanceId
                | RDKafkaErrorCode::AssignmentLost,
            ) => answer(request, Err(CommitError::NotAssigned { partition })),
            Some(_) | None => {
                answer(request, Err(Unavailable::new(error.clone()).into()));
            }
        }
    }
    again
}

/// What a member is made of.
pub(super) struct Member {
    pub(super) config: ClientConfig,
    pub(super) topic: Topic,
    pub(super) start: Start,
    pub(super) shared: Arc<Shared>,
    pub(super) fetched: mpsc::Sender<Fetched>,
}

impl Member {
    /// Works until it is closed. `ready` hears that it has begun, or why not.
    pub(super) fn run(self, ready: oneshot::Sender<Result<(), KafkaError>>) {
        let client = match self.begin() {
            Ok(client) => client,
            Err(error) => {
                drop(ready.send(Err(error)));
                return;
            }
        };
        // Who asked may have gone; then this is closed.
        drop(ready.send(Ok(())));
        let context = Arc::clone(client.context());
        let mut flow = Flow { fetched: self.fetched, waiting: VecDeque::new() };
        let mut again: Vec<Request> = Vec::new();
        loop {
            let limit = if again.is_empty() { TICK } else { RETRY };
            let (mut requests, closing) = self.shared.wait(limit);
            requests.append(&mut again);
            again = context.commit(&client, requests);
            if closing {
                break;
            }
            flow.pump(&client, &self.shared);
        }
        // Dropping the client leaves the group.
    }

    fn begin(&self) -> Result<Client, KafkaError> {
        let shared = Arc::clone(&self.shared);
        let context = Context { topic: self.topic.clone(), shared: Arc::clone(&shared) };
        let mut client: Client = self.config.create_with_context(context)?;
        client.set_nonempty_callback(move || shared.wake());
        let topic = self.topic.as_str();
        match self.start {
            Start::Group => client.subscribe(&[topic])?,
            Start::Ends(count) => {
                let mut list = TopicPartitionList::new();
                for partition in 0..i32::try_from(count).unwrap_or(i32::MAX) {
                    let (_, end) = client.fetch_watermarks(topic, partition, ASK_TIMEOUT)?;
                    list.add_partition_offset(topic, partition, Offset::Offset(end))?;
                }
                self.shared.assignment.lock().assign(0..count);
                client.assign(&list)?;
            }
        }
        Ok(client)
    }
}

/// Moves messages on, and stops fetching where their user is slow.
struct Flow {
    fetched: mpsc::Sender<Fetched>,
    /// What came although the channel was full: fetching stops with the first.
    waiting: VecDeque<Fetched>,
}

impl Flow {
    fn pump(&mut self, client: &Client, shared: &Shared) {
        // The library says `nothing` for a message and for an event of its own alike.
        let mut nothing = 0;
        while nothing < 2 {
            self.hand_on(client, shared);
            match client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    nothing = 0;
                    self.waiting.extend(fetched(&message, shared));
                }
                Some(Err(error)) => {
                    tracing::warn!(topic = %client.context().topic, %error, "nothing is fetched");
                }
                None => nothing += 1,
            }
        }
        self.hand_on(client, shared);
    }

    fn hand_on(&mut self, client: &Client, shared: &Shared) {
        while let Some(first) = self.waiting.pop_front() {
            match self.fetched.try_send(first) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(first)) => {
                    self.waiting.push_front(first);
                    // Also what was assigned since the last time.
                    shared.paused.store(true, Ordering::SeqCst);
                    tell(client, "pause", |list| client.pause(list));
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
        let has_room = self.fetched.capacity() > FETCHED_MAX / 2;
        if has_room && shared.paused.swap(false, Ordering::SeqCst) {
            tell(client, "resume", |list| client.resume(list));
        }
    }
}

fn tell(
    client: &Client,
    what: &str,
    order: impl Fn(&TopicPartitionList) -> Result<(), KafkaError>,
) {
    if let Err(error) = client.assignment().and_then(|list| order(&list)) {
        tracing::warn!(what, %error, "fetching is not controlled");
    }
}

/// A copy of a message, unless its partition has gone.
fn fetched(message: &BorrowedMessage<'_>, shared: &Shared) -> Option<Fetched> {
    let partition = u32::try_from(message.partition()).ok()?;
    let epoch = shared.assignment.lock().epoch(partition)?;
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let headers = headers.map(|header| Header {
        name: header.key.to_owned().into(),
        value: Bytes::copy_from_slice(header.value.unwrap_or_default()),
    });
    Some(Fetched {
        partition,
        epoch,
        offset: u64::try_from(message.offset()).ok()?,
        key: message.key().unwrap_or_default().to_vec(),
        headers: headers.collect(),
        payload: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
    })
}
