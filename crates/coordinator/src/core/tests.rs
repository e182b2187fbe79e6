//! The contract of the core, without a runtime.

use aob_engine::{Actor, Blob, Command, CommandId, Request, StartRun, WorkspaceId};
use aob_store::{AppendOutcome, Head};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_000);

fn run() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

fn submit(core: &mut Core<u32>, token: u32, command: Command, ir: Option<Arc<Ir>>) {
    let request =
        Request { id: CommandId(format!("c{token}").into()), actor: Actor::system(), command };
    let workspace = WorkspaceId(uuid::Uuid::from_u128(1));
    let submission =
        Submission { workspace, run: run(), request, key: None, dedup: None, ir, token };
    core.handle(NOW, Input::Submit(Box::new(submission)));
}

/// A core in which the run waits for a signal, durably.
fn waiting() -> Core<u32> {
    let node = json!({"id": "s", "type": "signal", "config": {"name": "go"}});
    let compiled = aob_ir::compile(&json!({"nodes": [node], "edges": []})).expect("it compiles");
    let start = StartRun {
        run: run(),
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        tag: None,
        inputs: Blob::of(json!({})),
        parent: None,
        depth: 0,
        labels: BTreeMap::new(),
        priority: None,
        fidelity: aob_engine::Fidelity::Fast,
        limits: None,
        cancel_grace_ms: 30_000,
        children: BTreeMap::new(),
        cancelled: false,
    };
    let mut core = Core::new(CoreConfig::default());
    submit(&mut core, 1, Command::Start(Box::new(start)), Some(compiled.ir));
    assert!(core.next_batch(NOW).is_some());
    commit(&mut core);
    assert_eq!(replies(&mut core).0, [1]);
    core
}

fn commit(core: &mut Core<u32>) {
    let committed = AppendOutcome::Committed { older_outbox: false };
    core.handle(NOW, Input::Appended(Some(vec![committed])));
}

/// Who was answered, and how often the head and the run were asked for.
fn replies(core: &mut Core<u32>) -> (Vec<u32>, usize, usize) {
    let (mut answered, mut heads, mut loads) = (Vec::new(), 0, 0);
    while let Some(output) = core.next_output() {
        match output {
            Output::Reply(token, _) => answered.push(token),
            Output::CheckHead(_) => heads += 1,
            Output::Load(_) => loads += 1,
            Output::LoadIr(..)
            | Output::LoadBlobs(..)
            | Output::LoadDocuments(..)
            | Output::LookupKey(..)
            | Output::Perform(_)
            | Output::Snapshot(..) => {}
        }
    }
    (answered, heads, loads)
}

#[test]
fn a_no_op_on_top_of_an_append_still_looks_at_the_head() {
    let mut core = waiting();
    submit(&mut core, 2, Command::Pause { reason: None }, None);
    assert!(core.next_batch(NOW).is_some());
    submit(&mut core, 3, Command::Pause { reason: None }, None);
    assert_eq!(replies(&mut core), (vec![], 0, 0), "what it rests on is on its way");
    commit(&mut core);
    assert_eq!(replies(&mut core), (vec![2], 1, 0), "that append may be old: the head is asked");
    let ahead = Head { ordinal: 9, seq: 99, hash: [9; 32] };
    core.handle(NOW, Input::HeadChecked(run(), Ok(ahead)));
    assert_eq!(replies(&mut core), (vec![], 0, 1), "the state is old: it is decided again");
}

#[test]
fn what_nobody_asks_any_more_is_not_listened_to() {
    let mut core = waiting();
    submit(&mut core, 2, Command::Resume, None);
    assert_eq!(replies(&mut core), (vec![], 1, 0));
    core.handle(NOW, Input::BlobsLoaded(run(), Err(ReadError("late".to_owned()))));
    core.handle(NOW, Input::KeyLooked(run(), Err(ReadError("late".to_owned()))));
    assert_eq!(replies(&mut core), (vec![], 0, 0), "it waits for the head");
}
