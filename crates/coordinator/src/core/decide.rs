//! Deciding commands: loading what they need, answering what changes nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_engine::{Blob, Command, Decision, NoChange, PayloadRef, RunId, Timestamp, advance};
use aob_ir::{Digest, Ir};
use aob_store::{Head, IdempotencyKey, IdempotencyRow};

use super::Core;
use super::slot::{Decided, Slot, Waiting};
use super::types::{Ask, Committed, LoadedRun, Output, ReadError, Reply, Submission, SubmitError};

/// Answers of one run that wait for the same look at the head.
const AT_HEAD_MAX: usize = 64;

/// Commands of one run whose keys are looked up in one go.
const KEYS_MAX: usize = 64;

impl<T> Core<T> {
    pub(super) fn loaded(
        &mut self,
        now: Timestamp,
        ask: Ask,
        result: Result<Option<Box<LoadedRun>>, ReadError>,
    ) {
        let run = ask.run;
        if self.waiting_slot(ask, Waiting::Load).is_none() {
            return;
        }
        let Some(slot) = self.slots.get_mut(&run) else { return };
        match result {
            Ok(Some(loaded)) if loaded.workspace == slot.workspace => {
                slot.snapshot_seq =
                    if loaded.snapshot_ordinal == 0 { 0 } else { loaded.state.seq() };
                if !(seeded(Bug::ForkAfterLostBatch) && slot.state.exists()) {
                    slot.state = loaded.state;
                }
                slot.sealed = loaded.head;
                loaded.blobs.iter().for_each(|blob| slot.blobs.put(blob));
                self.drive(now, run);
            }
            Ok(Some(_)) => self.refuse_all(run, &SubmitError::NotFound(run)),
            Ok(None) => {
                // Only a `Start` can do something with a run that does not exist.
                let (starts, others): (Vec<_>, Vec<_>) = slot
                    .queue
                    .drain(..)
                    .partition(|s| matches!(s.request.command, Command::Start(_)));
                slot.queue.extend(starts);
                for submission in others {
                    let missing = Err(SubmitError::NotFound(run));
                    self.outputs.push_back(Output::Reply(submission.token, missing));
                }
                if slot.queue.is_empty() {
                    self.slots.swap_remove(&run);
                } else {
                    self.drive(now, run);
                }
            }
            Err(error) => self.refuse_all(run, &SubmitError::Unavailable(error.0)),
        }
    }

    /// Answers everything that waits for a run with `error`, and forgets the run.
    fn refuse_all(&mut self, run: RunId, error: &SubmitError) {
        let Some(slot) = self.slots.get_mut(&run) else { return };
        slot.waiting = Waiting::Nothing;
        slot.forget_looks();
        for submission in slot.queue.drain(..) {
            self.outputs.push_back(Output::Reply(submission.token, Err(error.clone())));
        }
        if slot.is_idle() {
            self.slots.swap_remove(&run);
        }
    }

    pub(super) fn ir_loaded(
        &mut self,
        now: Timestamp,
        ask: Ask,
        result: Result<Arc<Ir>, ReadError>,
    ) {
        match result {
            Ok(ir) => {
                self.remember_ir(&ir);
                if let Some(slot) = self.waiting_slot(ask, Waiting::Ir) {
                    slot.ir = Some(ir);
                    self.drive(now, ask.run);
                }
            }
            Err(error) if self.waiting_slot(ask, Waiting::Ir).is_some() => {
                self.refuse_all(ask.run, &SubmitError::Unavailable(error.0));
            }
            Err(_) => {}
        }
    }

    pub(super) fn blobs_loaded(
        &mut self,
        now: Timestamp,
        ask: Ask,
        result: Result<Vec<Arc<Blob>>, ReadError>,
    ) {
        let run = ask.run;
        let Some(slot) = self.waiting_slot(ask, Waiting::Blobs) else { return };
        match result {
            Ok(blobs) => {
                slot.blobs.put_all(blobs);
                self.drive(now, run);
            }
            Err(error) => {
                // What was decided before it still waits for a look at the head.
                if let Some(next) = slot.queue.remove(slot.at_head.len()) {
                    slot.keys_looked = slot.keys_looked.saturating_sub(1);
                    let unavailable = Err(SubmitError::Unavailable(error.0));
                    self.outputs.push_back(Output::Reply(next.token, unavailable));
                }
                self.drive(now, run);
            }
        }
    }

    /// The slot, if this is the question that it waits for an answer to; it waits no longer.
    fn waiting_slot(&mut self, ask: Ask, what: Waiting) -> Option<&mut Slot<T>> {
        let slot = self.slots.get_mut(&ask.run)?;
        let late = slot.waiting != what || slot.asked != ask.number;
        if late {
            return None;
        }
        slot.waiting = Waiting::Nothing;
        Some(slot)
    }

    pub(super) fn keys_looked(
        &mut self,
        now: Timestamp,
        ask: Ask,
        result: Result<Vec<Option<IdempotencyRow>>, ReadError>,
    ) {
        let Some(slot) = self.waiting_slot(ask, Waiting::Keys) else { return };
        let looking = std::mem::take(&mut slot.looking).min(slot.queue.len());
        let mut rows = result.map(IntoIterator::into_iter);
        let mut answer = |submission: &Submission<T>| match (&submission.key, &mut rows) {
            (None, _) => None,
            (Some(_), Ok(rows)) => rows.next().flatten().map(SubmitError::Key),
            (Some(_), Err(error)) => Some(SubmitError::Unavailable(error.0.clone())),
        };
        let mut answered = Vec::new();
        let mut queue = VecDeque::with_capacity(slot.queue.len());
        for submission in slot.queue.drain(..looking) {
            match answer(&submission) {
                None => queue.push_back(submission),
                Some(known) => answered.push(Output::Reply(submission.token, Err(known))),
            }
        }
        slot.keys_looked = queue.len();
        queue.append(&mut slot.queue);
        slot.queue = queue;
        self.outputs.extend(answered);
        self.drive(now, ask.run);
    }

    pub(super) fn head_checked(
        &mut self,
        now: Timestamp,
        ask: Ask,
        result: Result<Head, ReadError>,
    ) {
        let run = ask.run;
        let Some(slot) = self.waiting_slot(ask, Waiting::Head) else { return };
        if result.as_ref().is_ok_and(|head| *head != slot.sealed) {
            slot.reset(Vec::new());
            return self.load(run);
        }
        let unavailable = result.err().map(|error| SubmitError::Unavailable(error.0));
        let answers = std::mem::take(&mut slot.at_head);
        slot.keys_looked = slot.keys_looked.saturating_sub(answers.len());
        let asked = slot.queue.drain(..answers.len().min(slot.queue.len()));
        let replies = asked.zip(answers).map(|(submission, answer)| {
            let answer = unavailable.clone().map_or(answer, Err);
            Output::Reply(submission.token, answer)
        });
        let replies: Vec<Output<T>> = replies.collect();
        self.outputs.extend(replies);
        self.drive(now, run);
    }

    /// Decides what can be decided for one run.
    pub(super) fn drive(&mut self, now: Timestamp, run: RunId) {
        self.uses += 1;
        let uses = self.uses;
        if let Some(slot) = self.slots.get_mut(&run) {
            slot.used = uses;
        }
        while let Some(step) = self.next_step(run) {
            let Some(slot) = self.slots.get_mut(&run) else { return };
            match step {
                Step::Ask(question) => return self.ask(run, question),
                Step::Decide(ir) => {
                    if let Some((token, reply)) = decide_next(slot, &ir, now) {
                        self.outputs.push_back(Output::Reply(token, reply));
                        if slot.is_idle() && !slot.state.exists() {
                            self.slots.swap_remove(&run);
                            return;
                        }
                    }
                }
            }
            if slot.waiting != Waiting::Nothing {
                if slot.waiting == Waiting::Blobs {
                    let question = slot.wanted_blobs();
                    self.ask(run, question);
                }
            } else if !slot.events.is_empty() && !slot.dirty {
                slot.dirty = true;
                self.dirty.push_back(run);
            }
        }
        self.forget_idle();
    }

    /// What the next command of the queue needs, or those before it that wait for a look at the
    /// head; `None`: nothing to do.
    fn next_step(&mut self, run: RunId) -> Option<Step> {
        let slot = self.slots.get_mut(&run)?;
        if slot.waiting != Waiting::Nothing {
            return None;
        }
        let position = slot.at_head.len();
        let next = slot.queue.get(position).filter(|_| position < AT_HEAD_MAX);
        let Some(next) = next else {
            return (position > 0).then_some(Step::Ask(Question::Head));
        };
        if !slot.state.exists() {
            if let Some(ir) = &next.ir {
                slot.ir = Some(Arc::clone(ir));
                return Some(Step::Decide(Arc::clone(ir)));
            }
            return Some(Step::Ask(Question::Run));
        }
        if next.key.is_some() && position >= slot.keys_looked {
            let looks = if position > 0 { Question::Head } else { slot.keys_to_look_up() };
            return Some(Step::Ask(looks));
        }
        let digest = slot.state.digest()?;
        if let Some(ir) = slot.ir.as_ref().filter(|ir| ir.digest == digest) {
            return Some(Step::Decide(Arc::clone(ir)));
        }
        if let Some(ir) = self.irs.get(&digest) {
            slot.ir = Some(Arc::clone(ir));
            return Some(Step::Decide(Arc::clone(ir)));
        }
        Some(Step::Ask(Question::Ir(digest)))
    }

    /// Reads a run that is not known, or known no longer.
    pub(super) fn load(&mut self, run: RunId) {
        self.ask(run, Question::Run);
    }

    /// Asks for what a slot waits for from here on: answers to older questions are none any more.
    fn ask(&mut self, run: RunId, question: Question) {
        let Some(slot) = self.slots.get_mut(&run) else { return };
        self.asked += 1;
        slot.asked = self.asked;
        slot.waiting = question.waiting();
        let (ask, workspace) = (Ask { run, number: self.asked }, slot.workspace);
        self.outputs.push_back(match question {
            Question::Run => Output::Load(ask),
            Question::Ir(digest) => Output::LoadIr(ask, workspace, digest),
            Question::Blobs(refs) => Output::LoadBlobs(ask, workspace, refs),
            Question::Documents(digests) => Output::LoadDocuments(ask, workspace, digests),
            Question::Head => Output::CheckHead(ask),
            Question::Keys(keys) => Output::LookupKeys(ask, workspace, keys),
        });
    }
}

enum Step {
    Ask(Question),
    Decide(Arc<Ir>),
}

/// What a slot may have to know.
enum Question {
    Run,
    Ir(Digest),
    Blobs(Vec<PayloadRef>),
    Documents(Vec<Digest>),
    Head,
    Keys(Vec<IdempotencyKey>),
}

impl Question {
    /// What a slot that asked this waits for.
    fn waiting(&self) -> Waiting {
        match self {
            Self::Run => Waiting::Load,
            Self::Ir(_) => Waiting::Ir,
            Self::Blobs(_) | Self::Documents(_) => Waiting::Blobs,
            Self::Head => Waiting::Head,
            Self::Keys(_) => Waiting::Keys,
        }
    }
}

impl<T> Slot<T> {
    /// The keys of the first of the queue, so that they are looked up in one go.
    fn keys_to_look_up(&mut self) -> Question {
        self.looking = self.queue.len().min(KEYS_MAX);
        let first = self.queue.iter().take(self.looking);
        Question::Keys(first.filter_map(|submission| submission.key.clone()).collect())
    }

    fn wanted_blobs(&mut self) -> Question {
        if self.wanted_documents.is_empty() {
            Question::Blobs(std::mem::take(&mut self.wanted))
        } else {
            Question::Documents(std::mem::take(&mut self.wanted_documents))
        }
    }

    /// From here on another graph holds. Its documents go with the append that says so.
    fn change_graph(&mut self, ir: Arc<Ir>) {
        self.new_documents.extend(crate::workflows::documents_of(&ir));
        self.ir = Some(ir);
    }

    /// True where everything decided is durable.
    pub(super) fn is_durable(&self) -> bool {
        self.events.is_empty() && !self.in_flight
    }

    /// What the next of the queue led to.
    fn outcome(&self, run: RunId, changed: bool) -> Committed {
        Committed {
            run,
            seq: self.state.seq(),
            status: self.state.status(),
            changed,
            reserved: self.queue.get(self.at_head.len()).is_some_and(|next| {
                if let Command::ReserveBudget(asked) = &next.request.command {
                    self.state.is_reserved(&asked.instance, &asked.reservation)
                } else {
                    false
                }
            }),
            next_due: None,
        }
    }
}

/// Decides the next command of a slot's queue. Gives back an answer that waits for nothing.
fn decide_next<T>(slot: &mut Slot<T>, ir: &Ir, now: Timestamp) -> Option<(T, Reply)> {
    let next = slot.queue.get(slot.at_head.len())?;
    let run = next.run;
    match advance(&mut slot.state, ir, &next.request, &slot.blobs, now) {
        Decision::Append { events, blobs, ir } => {
            if let Some(ir) = ir {
                slot.change_graph(ir);
            }
            for event in &events {
                event.kind.payloads(&mut |payload| {
                    if let Some(blob) = payload.inline() {
                        slot.blobs.put(blob);
                    }
                });
            }
            blobs.iter().for_each(|blob| slot.blobs.put(blob));
            slot.new_blobs.extend(blobs);
            slot.events.extend(events);
            let outcome = slot.outcome(run, true);
            settle(slot, Ok(outcome));
            None
        }
        Decision::NoChange(why) => {
            let mut outcome = slot.outcome(run, false);
            if let NoChange::NotDue { next } = why {
                outcome.next_due = next;
            }
            answer_at_head(slot, Ok(outcome))
        }
        Decision::Rejected(rejection) => {
            answer_at_head(slot, Err(SubmitError::Rejected(rejection)))
        }
        Decision::Need(wanted) => {
            slot.wanted = wanted;
            slot.waiting = Waiting::Blobs;
            None
        }
        Decision::NeedDocuments(wanted) => {
            slot.wanted_documents = wanted;
            slot.waiting = Waiting::Blobs;
            None
        }
    }
}

/// Moves the command to those whose answer waits for the next append, after those that wait for a
/// look at the head: that append is one, since it is made on the head they were decided at, and
/// later than they came.
fn settle<T>(slot: &mut Slot<T>, answer: Reply) {
    let mut answers = std::mem::take(&mut slot.at_head);
    answers.push(answer);
    slot.keys_looked = slot.keys_looked.saturating_sub(answers.len());
    let settled = slot.queue.drain(..answers.len().min(slot.queue.len())).zip(answers);
    slot.decided.extend(settled.map(|(submission, answer)| Decided { submission, answer }));
}

/// An answer that appends nothing is final only at the head: it waits for the appends that it
/// rests on, and then for a look at the head, since one of them may have been made long before its
/// outcome is known. A run that does not exist yet has no head to be behind: its id is known to its
/// creator alone.
fn answer_at_head<T>(slot: &mut Slot<T>, answer: Reply) -> Option<(T, Reply)> {
    let stale = seeded(Bug::StaleNoOp);
    if !slot.is_durable() && !stale {
        slot.waiting = Waiting::Durable;
        return None;
    }
    if !slot.state.exists() || stale {
        return slot.queue.pop_front().map(|first| (first.token, answer));
    }
    slot.at_head.push(answer);
    None
}
