//! The contract of the core, without a runtime.

use aob_engine::{
    Actor, Amounts, Blob, Command, CommandId, Request, ReserveBudget, StartRun, WorkspaceId,
};
use aob_store::{AppendOutcome, ConflictKind, Head, IdempotencyKey, IdempotencyRow};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_000);

fn run() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

fn submit(core: &mut Core<u32>, token: u32, command: Command, ir: Option<Arc<Ir>>) {
    submit_with(core, (token, None), command, ir);
}

/// A request to pause the run, with an idempotency key.
fn submit_keyed(core: &mut Core<u32>, token: u32, key: &str) {
    let key = IdempotencyKey {
        endpoint: "POST".to_owned(),
        key: key.to_owned(),
        body_hash: [0; 32],
        status: 200,
        response: String::new(),
        expires_ms: 0,
    };
    submit_with(core, (token, Some(key)), Command::Pause { reason: None }, None);
}

fn submit_with(
    core: &mut Core<u32>,
    (token, key): (u32, Option<IdempotencyKey>),
    command: Command,
    ir: Option<Arc<Ir>>,
) {
    let request =
        Request { id: CommandId(format!("c{token}").into()), actor: Actor::system(), command };
    let workspace = WorkspaceId(uuid::Uuid::from_u128(1));
    let submission = Submission { workspace, run: run(), request, key, dedup: None, ir, token };
    core.handle(NOW, Input::Submit(Box::new(submission)));
}

/// A core in which the run waits for a signal, durably.
fn waiting() -> Core<u32> {
    waiting_at(&json!({"id": "s", "type": "signal", "config": {"name": "go"}}))
}

/// A core in which the run waits for this node, durably.
fn waiting_at(node: &serde_json::Value) -> Core<u32> {
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
        budget: None,
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

/// The question that was asked last.
fn last_asked(core: &Core<u32>) -> Ask {
    Ask { run: run(), number: core.asked }
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
            | Output::LookupKeys(..)
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
    core.handle(NOW, Input::HeadChecked(last_asked(&core), Ok(ahead)));
    assert_eq!(replies(&mut core), (vec![], 0, 1), "the state is old: it is decided again");
}

/// The head as the core knows it, as an answer to its last question.
fn same_head(core: &mut Core<u32>) {
    let head = core.slots[&run()].sealed;
    core.handle(NOW, Input::HeadChecked(last_asked(core), Ok(head)));
}

#[test]
fn no_ops_that_wait_together_look_at_the_head_once() {
    let mut core = waiting();
    submit(&mut core, 2, Command::Resume, None);
    assert_eq!(replies(&mut core), (vec![], 1, 0));
    (3..=6).for_each(|token| submit(&mut core, token, Command::Resume, None));
    assert_eq!(replies(&mut core), (vec![], 0, 0), "that look may be older than they are");
    same_head(&mut core);
    assert_eq!(replies(&mut core), (vec![2], 1, 0));
    same_head(&mut core);
    assert_eq!(replies(&mut core), (vec![3, 4, 5, 6], 0, 0));
}

#[test]
fn an_append_is_a_look_at_the_head() {
    let mut core = waiting();
    submit(&mut core, 2, Command::Resume, None);
    submit(&mut core, 3, Command::Resume, None);
    submit(&mut core, 4, Command::Pause { reason: None }, None);
    submit(&mut core, 5, Command::Pause { reason: None }, None);
    same_head(&mut core);
    assert_eq!(replies(&mut core), (vec![2], 1, 0));
    assert!(core.next_batch(NOW).is_some());
    commit(&mut core);
    assert_eq!(replies(&mut core), (vec![3, 4], 1, 0), "the last rests on that append");
    same_head(&mut core);
    assert_eq!(replies(&mut core), (vec![5], 0, 0));
}

#[test]
fn who_waits_for_an_append_that_was_not_made_is_decided_again() {
    let mut core = waiting();
    let state = core.slots[&run()].state.clone();
    submit(&mut core, 2, Command::Resume, None);
    submit(&mut core, 3, Command::Resume, None);
    submit(&mut core, 4, Command::Pause { reason: None }, None);
    same_head(&mut core);
    assert!(core.next_batch(NOW).is_some());
    let conflict = AppendOutcome::Conflict(ConflictKind::Head);
    core.handle(NOW, Input::Appended(Some(vec![conflict])));
    assert_eq!(replies(&mut core), (vec![2], 1, 1));
    let (workspace, head) = (WorkspaceId(uuid::Uuid::from_u128(1)), Head::EMPTY);
    let loaded = LoadedRun { workspace, state, head, blobs: Vec::new(), snapshot_ordinal: 0 };
    core.handle(NOW, Input::Loaded(last_asked(&core), Ok(Some(Box::new(loaded)))));
    assert!(core.next_batch(NOW).is_some());
    commit(&mut core);
    assert_eq!(replies(&mut core).0, [3, 4]);
}

#[test]
fn a_reservation_that_is_asked_for_again_stands_whoever_waits_before_it() {
    let mut core = waiting_at(&json!({
        "id": "a", "type": "agent", "config": {"task": "t", "budget": {"calls": 2}},
    }));
    let asked = || {
        let amounts = Amounts { calls: 1, tokens: 0, usd_micros: 0 };
        let instance = "a".parse().expect("an instance");
        Command::ReserveBudget(ReserveBudget {
            instance,
            attempt: 1,
            reservation: "r".into(),
            amounts,
        })
    };
    submit(&mut core, 2, asked(), None);
    assert!(core.next_batch(NOW).is_some());
    commit(&mut core);
    submit(&mut core, 3, Command::Resume, None);
    submit(&mut core, 4, Command::Resume, None);
    submit(&mut core, 5, asked(), None);
    same_head(&mut core);
    same_head(&mut core);
    let reserved = std::iter::from_fn(|| core.next_output()).filter_map(|output| {
        if let Output::Reply(token, answer) = output { Some((token, answer)) } else { None }
    });
    let reserved: Vec<_> =
        reserved.map(|(token, it)| (token, it.is_ok_and(|it| it.reserved))).collect();
    assert_eq!(reserved, [(2, true), (3, false), (4, false), (5, true)]);
}

#[test]
fn keys_are_looked_up_together_and_stored_with_what_changed() {
    let mut core = waiting();
    submit_keyed(&mut core, 2, "first");
    submit_keyed(&mut core, 3, "second");
    submit(&mut core, 4, Command::Resume, None);
    submit_keyed(&mut core, 5, "third");
    core.handle(NOW, Input::KeysLooked(last_asked(&core), Ok(vec![None])));
    let batch = core.next_batch(NOW).expect("a pause");
    assert_eq!(batch.append.streams[0].keys.len(), 1);
    let keys = std::iter::from_fn(|| core.next_output()).filter_map(|output| {
        if let Output::LookupKeys(_, _, keys) = output { Some(keys.len()) } else { None }
    });
    assert_eq!(keys.collect::<Vec<_>>(), [1, 2], "the others came later");
    let known = IdempotencyRow { body_hash: [0; 32], status: 200, response: String::new() };
    core.handle(NOW, Input::KeysLooked(last_asked(&core), Ok(vec![Some(known), None])));
    assert_eq!(replies(&mut core).0, [3]);
    commit(&mut core);
    let batch = core.next_batch(NOW).expect("a resume and a pause");
    assert_eq!(batch.append.streams[0].keys.len(), 1);
    commit(&mut core);
    assert_eq!(replies(&mut core).0, [2, 4, 5]);
    submit_keyed(&mut core, 6, "fourth");
    submit(&mut core, 7, Command::Resume, None);
    core.handle(NOW, Input::KeysLooked(last_asked(&core), Ok(vec![None])));
    let batch = core.next_batch(NOW).expect("a resume");
    assert!(batch.append.streams[0].keys.is_empty(), "what changed nothing has nothing to store");
    commit(&mut core);
    assert_eq!(replies(&mut core).0, [6, 7]);
}

#[test]
fn what_nobody_asks_any_more_is_not_listened_to() {
    let mut core = waiting();
    submit(&mut core, 2, Command::Resume, None);
    assert_eq!(replies(&mut core), (vec![], 1, 0));
    let late = || ReadError("late".to_owned());
    core.handle(NOW, Input::BlobsLoaded(last_asked(&core), Err(late())));
    core.handle(NOW, Input::KeysLooked(last_asked(&core), Err(late())));
    assert_eq!(replies(&mut core), (vec![], 0, 0), "it waits for the head");
}

/// A store that takes its time answers about a key when the run has started anew: whoever asks
/// about a key by then must not be taken for the one who asked.
#[test]
fn an_answer_about_a_key_is_for_who_asked() {
    let mut core = waiting();
    let state = core.slots[&run()].state.clone();
    submit(&mut core, 2, Command::Pause { reason: None }, None);
    assert!(core.next_batch(NOW).is_some());
    submit_keyed(&mut core, 3, "first");
    let first = last_asked(&core);
    let conflict = AppendOutcome::Conflict(ConflictKind::Head);
    core.handle(NOW, Input::Appended(Some(vec![conflict])));
    assert_eq!(replies(&mut core), (vec![], 0, 1), "somebody else was faster: it is read again");

    let row = || IdempotencyRow { body_hash: [0; 32], status: 200, response: String::new() };
    core.handle(NOW, Input::KeysLooked(first, Ok(vec![Some(row())])));
    let (workspace, head) = (WorkspaceId(uuid::Uuid::from_u128(1)), Head::EMPTY);
    let loaded = LoadedRun { workspace, state, head, blobs: Vec::new(), snapshot_ordinal: 0 };
    core.handle(NOW, Input::Loaded(last_asked(&core), Ok(Some(Box::new(loaded)))));
    assert_ne!(last_asked(&core), first, "the key is looked up again");
    core.handle(NOW, Input::KeysLooked(first, Ok(vec![Some(row())])));
    assert_eq!(replies(&mut core).0, Vec::<u32>::new(), "that was the answer to another question");
    core.handle(NOW, Input::KeysLooked(last_asked(&core), Ok(vec![Some(row())])));
    assert_eq!(replies(&mut core).0, [3]);
}
