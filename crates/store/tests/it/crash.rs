//! `kill -9` in the middle of appends: what was acknowledged is there, and the chains hold.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use aob_store::conformance::block_on;
use aob_store::conformance::fixtures::{Chain, HOME, T0};
use aob_store::{
    AppendBatch, AppendOutcome, Head, Log, ManualClock, Outbox, OutboxKey, SqliteStore, Views,
    verify_chain,
};

/// Streams that the child writes at the same time.
const STREAMS: u64 = 8;

/// Acknowledgements after which the parent kills, one child each, on one database.
const KILL_AFTER: [usize; 8] = [1, 2, 7, 20, 53, 111, 240, 500];

/// How the parent tells the child where to write; `cargo test` gives no such argument.
const ARGUMENT: &str = "crash-directory=";

/// The child: appends for ever and prints each head that is acknowledged. It is no test where the
/// parent has not started it.
#[test]
fn child() {
    let Some(directory) =
        std::env::args().find_map(|argument| Some(PathBuf::from(argument.strip_prefix(ARGUMENT)?)))
    else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = Arc::new(crate::sqlite::open(&directory, &ManualClock::at(T0)));
    let writers: Vec<_> =
        (1..=STREAMS).map(|n| runtime.spawn(write(Arc::clone(&store), n))).collect();
    for writer in writers {
        runtime.block_on(writer).unwrap();
    }
}

/// Continues a stream from wherever a killed child left it.
async fn write(store: Arc<SqliteStore>, n: u64) {
    let mut chain = Chain::new(n);
    chain.head = store.heads(&[chain.stream]).await.unwrap()[0];
    loop {
        let segments: Vec<_> = (0..=chain.head.ordinal % 3).map(|_| chain.segment(2)).collect();
        let mut append = chain.append_of(segments);
        append.rows.run = Some(chain.run("running"));
        append.rows.outbox = vec![chain.head.ordinal];
        let batch = AppendBatch { streams: vec![append], outbox_done: Vec::new() };
        let outcomes = store.append(batch.into()).await.unwrap();
        assert!(matches!(outcomes[..], [AppendOutcome::Committed { .. }]), "{outcomes:?}");
        let mut out = std::io::stdout().lock();
        writeln!(out, "acked {n} {} {}", chain.head.ordinal, hex::encode(chain.head.hash)).unwrap();
        out.flush().unwrap();
    }
}

/// Heads that a child acknowledged before it was killed: stream, ordinal, hash.
fn acked_until_killed(directory: &Path, kill_after: usize) -> Vec<(u64, u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture"])
        .arg(format!("{ARGUMENT}{}", directory.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acked = Vec::new();
    for line in lines.map_while(Result::ok) {
        // The last line may be cut off, and the harness prints its own.
        let words: Vec<&str> = line.split(' ').collect();
        if let ["acked", stream, ordinal, hash] = words[..]
            && hash.len() == 64
        {
            acked.push((stream.parse().unwrap(), ordinal.parse().unwrap(), hash.to_owned()));
        }
        if acked.len() == kill_after {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "the child was to be killed");
    assert!(acked.len() >= kill_after, "{} of {kill_after} acknowledged", acked.len());
    acked
}

#[test]
fn every_acknowledged_segment_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut acked = Vec::new();
    for kill_after in KILL_AFTER {
        acked.extend(acked_until_killed(directory.path(), kill_after));
        let store = crate::sqlite::open(directory.path(), &ManualClock::at(T0));
        block_on(check(&store, &acked));
    }
}

async fn check(store: &SqliteStore, acked: &[(u64, u64, String)]) {
    let owed = store.outbox_due(i64::MAX, u32::MAX).await.unwrap();
    let owed: BTreeSet<OutboxKey> = owed.into_iter().map(|(_, key)| key).collect();
    for n in 1..=STREAMS {
        let stream = Chain::new(n).stream;
        let segments = store.segments_after(HOME, stream, 0, u32::MAX).await.unwrap();
        let head = verify_chain(stream, Head::EMPTY, &segments).unwrap();
        assert_eq!(store.heads(&[stream]).await.unwrap(), [head]);
        for (_, ordinal, hash) in acked.iter().filter(|(of, _, _)| *of == n) {
            let index = usize::try_from(ordinal - 1).unwrap();
            assert_eq!(hex::encode(segments[index].hash), *hash, "stream {n}, segment {ordinal}");
            assert!(owed.contains(&OutboxKey { stream, ordinal: *ordinal }));
        }
        let seq = store.run(HOME, stream).await.unwrap().map_or(0, |run| run.seq);
        assert_eq!(seq, head.seq, "a row derives from the last segment, and from no other");
    }
}
