//! What a program is made of: steps over a small universe, so that they meet.

use proptest::collection::vec;
use proptest::prelude::*;

/// Streams that programs use, from 1.
pub(super) const STREAMS: u8 = 5;

/// One step of a program.
#[derive(Debug, Clone)]
pub enum Step {
    /// An append, an acknowledgement, a sweep.
    Log(LogStep),
    /// A call of a runner.
    Lease(LeaseStep),
    /// A tag, a document, a workspace, an API key.
    Catalog(CatalogStep),
    /// Snapshots and retention.
    Upkeep(UpkeepStep),
}

/// Steps of the log's writers.
#[derive(Debug, Clone)]
pub enum LogStep {
    /// A batch, and the outbox rows (stream, ordinal) that it acknowledges.
    Append(Vec<StreamStep>, Vec<(u8, u8)>),
    /// The append of one stream that was made this many appends ago, again.
    Again(usize),
    /// Acknowledgements that go alone.
    OutboxDelete(Vec<(u8, u8)>),
    /// Moves (or, without a time, deletes) all wake-ups that are due, or that were due when the last
    /// such step read them.
    Sweep {
        /// The new due time, from now.
        by_ms: Option<i64>,
        /// Uses what the sweep before read.
        stale: bool,
    },
}

/// Which head the writer of a stream believes in.
#[derive(Debug, Clone, Copy)]
pub enum Belief {
    /// The one that the store has.
    Head,
    /// None: it starts the stream.
    Empty,
    /// The store's, with another hash.
    Forked,
    /// One segment after the store's.
    Ahead,
}

/// One stream of a batch.
#[derive(Debug, Clone)]
pub struct StreamStep {
    /// Which stream.
    pub stream: u8,
    /// In the one workspace or in the other.
    pub home: bool,
    /// What its writer believes.
    pub belief: Belief,
    /// How many segments.
    pub segments: u8,
    /// An idempotency key of three.
    pub key: Option<u8>,
    /// A dedup key of two.
    pub dedup: Option<u8>,
    /// The run's new status, of six.
    pub status: Option<u8>,
    /// Which of the segments owe effects, as bits.
    pub owes: u8,
    /// A timer, from now.
    pub wakeup_ms: Option<i64>,
    /// Instances whose leases begin and end.
    pub leases: (Vec<u8>, Vec<u8>),
    /// A ticket of three and its status of two.
    pub ticket: Option<(u8, u8)>,
}

/// Steps of runners. A lease is named by its stream and its instance.
#[derive(Debug, Clone)]
pub enum LeaseStep {
    /// Claims by name.
    Claim(Vec<(u8, u8)>, u8),
    /// A claim of a pool, for the names whose bits are set.
    ClaimPool {
        /// Whose pool.
        home: bool,
        /// The claimant.
        holder: u8,
        /// Names as bits.
        names: u8,
        /// At most so many.
        limit: u8,
    },
    /// A heartbeat of this holder, or of whoever holds it; with or without a report.
    Renew((u8, u8), Option<u8>, bool),
    /// Asks holders to stop.
    Cancel(Vec<(u8, u8)>),
    /// A process is gone.
    Expire(u8),
}

/// Steps of the API that do not touch the log.
#[derive(Debug, Clone)]
pub enum CatalogStep {
    /// Changes a tag: workspace, tag, how, expected version.
    Tag(bool, u8, TagWish, Option<u8>),
    /// Hands a patch in: workspace, id, tag.
    Patch(bool, u8, u8),
    /// Decides a patch: workspace, tag, id, and how many versions go in with it.
    Settle(bool, u8, u8, u8),
    /// Stores a document as a patch: workspace, digest, parent.
    Patched(bool, u8, u8),
    /// Stores a document: workspace, digest, text.
    Document(bool, u8, u8),
    /// Makes a workspace: id, name.
    Workspace(bool, u8),
    /// Makes an API key: id, workspace.
    Key(u8, bool),
    /// Revokes one: id, workspace.
    Revoke(u8, bool),
}

/// What should happen to a tag.
#[derive(Debug, Clone)]
pub enum TagWish {
    /// A version with this digest.
    Enter(u8),
    /// See [`TagStep::Undo`](crate::tagging::TagStep::Undo).
    Undo,
    /// See [`TagStep::Redo`](crate::tagging::TagStep::Redo).
    Redo,
    /// A trial of this version; 0: of none.
    Canary(u8),
}

/// Steps of upkeep.
#[derive(Debug, Clone)]
pub enum UpkeepStep {
    /// Records a snapshot: workspace, stream, ordinal, format.
    Snapshot(bool, u8, u8, u8),
    /// Deletes a run: workspace, stream.
    Delete(bool, u8),
    /// Deletes old idempotency keys.
    ExpireKeys,
}

/// Random programs.
pub fn program() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        9 => log_step().prop_map(Step::Log),
        6 => lease_step().prop_map(Step::Lease),
        5 => catalog_step().prop_map(Step::Catalog),
        1 => upkeep_step().prop_map(Step::Upkeep),
    ];
    vec(step, 1..80)
}

fn stream() -> impl Strategy<Value = u8> + Clone {
    1..=STREAMS
}

/// Mostly the first workspace.
fn home() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.85)
}

fn log_step() -> impl Strategy<Value = LogStep> {
    let owed = || vec((stream(), 1..4u8), 0..3);
    let sweep = (prop::option::of(-5..50i64), any::<bool>());
    prop_oneof![
        8 => (vec(stream_step(), 0..4), owed()).prop_map(|(all, done)| LogStep::Append(all, done)),
        2 => (0..4usize).prop_map(LogStep::Again),
        1 => owed().prop_map(LogStep::OutboxDelete),
        1 => sweep.prop_map(|(by_ms, stale)| LogStep::Sweep { by_ms, stale }),
    ]
}

fn stream_step() -> impl Strategy<Value = StreamStep> {
    let belief = prop_oneof![
        12 => Just(Belief::Head),
        1 => Just(Belief::Empty),
        1 => Just(Belief::Forked),
        1 => Just(Belief::Ahead),
    ];
    let segments = prop_oneof![1 => Just(0u8), 12 => 1..4u8];
    let place = (stream(), home(), belief, segments);
    let names = (
        prop::option::weighted(0.2, 0..3u8),
        prop::option::weighted(0.3, 0..2u8),
        prop::option::weighted(0.7, 0..6u8),
    );
    let machinery = (any::<u8>(), prop::option::of(-5..60i64));
    let dropped = prop_oneof![4 => Just(Vec::new()), 1 => vec(0..2u8, 1..2)];
    let leases = (vec(0..2u8, 0..3), dropped);
    let ticket = prop::option::weighted(0.3, (0..3u8, 0..2u8));
    (place, names, machinery, leases, ticket).prop_map(
        |((stream, home, belief, segments), (key, dedup, status), machinery, leases, ticket)| {
            let (owes, wakeup_ms) = machinery;
            StreamStep {
                stream,
                home,
                belief,
                segments,
                key,
                dedup,
                status,
                owes,
                wakeup_ms,
                leases,
                ticket,
            }
        },
    )
}

fn lease_step() -> impl Strategy<Value = LeaseStep> {
    // Few leases and few holders, so that they meet.
    let lease = || (1..3u8, 0..2u8);
    let pool = (home(), 0..3u8, 0..8u8, 0..4u8);
    prop_oneof![
        3 => (vec(lease(), 1..4), 0..3u8).prop_map(|(keys, who)| LeaseStep::Claim(keys, who)),
        3 => pool.prop_map(|(home, holder, names, limit)| {
            LeaseStep::ClaimPool { home, holder, names, limit }
        }),
        4 => (lease(), prop::option::weighted(0.3, 0..3u8), any::<bool>())
            .prop_map(|(key, who, report)| LeaseStep::Renew(key, who, report)),
        2 => vec(lease(), 0..3).prop_map(LeaseStep::Cancel),
        1 => (0..3u8).prop_map(LeaseStep::Expire),
    ]
}

fn catalog_step() -> impl Strategy<Value = CatalogStep> {
    // Mostly one tag, so that it has a history.
    let tag = || prop::bool::weighted(0.2).prop_map(u8::from);
    let expected = prop::option::weighted(0.25, 0..4u8);
    let wish = prop_oneof![
        3 => (0..3u8).prop_map(TagWish::Enter),
        2 => Just(TagWish::Undo),
        2 => Just(TagWish::Redo),
        1 => (0..3u8).prop_map(TagWish::Canary),
    ];
    prop_oneof![
        14 => (home(), tag(), wish, expected)
            .prop_map(|(home, tag, wish, expected)| CatalogStep::Tag(home, tag, wish, expected)),
        3 => (home(), 0..2u8, tag()).prop_map(|(home, id, tag)| CatalogStep::Patch(home, id, tag)),
        3 => (home(), tag(), 0..2u8, 0..3u8)
            .prop_map(|(home, tag, id, entered)| CatalogStep::Settle(home, tag, id, entered)),
        1 => (home(), 0..3u8, 0..3u8)
            .prop_map(|(home, digest, parent)| CatalogStep::Patched(home, digest, parent)),
        1 => (home(), 0..3u8, 0..2u8)
            .prop_map(|(home, digest, text)| CatalogStep::Document(home, digest, text)),
        1 => (any::<bool>(), 0..2u8).prop_map(|(id, name)| CatalogStep::Workspace(id, name)),
        1 => (0..3u8, home()).prop_map(|(id, home)| CatalogStep::Key(id, home)),
        1 => (0..3u8, home()).prop_map(|(id, home)| CatalogStep::Revoke(id, home)),
    ]
}

fn upkeep_step() -> impl Strategy<Value = UpkeepStep> {
    prop_oneof![
        2 => (home(), stream(), 0..4u8, 0..2u8)
            .prop_map(|(home, of, ordinal, format)| UpkeepStep::Snapshot(home, of, ordinal, format)),
        2 => (home(), stream()).prop_map(|(home, of)| UpkeepStep::Delete(home, of)),
        1 => Just(UpkeepStep::ExpireKeys),
    ]
}
