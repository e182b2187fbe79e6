//! Going on: everything that can start, starts, until nothing can or the segment is full.

use aob_bugs::{Bug, seeded};
use aob_ir::{JoinIr, JoinMode, NodeIr, NodeIx, Tolerate};

use super::{Decider, Step, Stop, Work};
use crate::event::{EdgesDecided, Failure, FailureOutcome, RunCompleted};
use crate::ids::InstanceId;
use crate::state::{Doing, JoinEntry, Phase};

/// Payloads that a decision asks for at once; the next one asks for more.
const MISSING_MAX: usize = 256;

/// What the incoming edges say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Wait,
    Start,
    Skip,
    Unsatisfiable,
}

impl<'a> Decider<'a> {
    /// Drains the work, then ends the run if nothing is left.
    pub(super) fn pump(&mut self) -> Step {
        let done = self.drain();
        self.with_everything(done)
    }

    fn drain(&mut self) -> Step {
        loop {
            if self.stopping() {
                return self.stop_all();
            }
            if !self.active() {
                return Ok(());
            }
            let Some(work) = self.next_work() else { break };
            if self.full() {
                self.leave_rest();
                return Ok(());
            }
            let done = self.take_up(work);
            self.note_missing(done)?;
        }
        if self.missing.is_empty() { self.finish_run() } else { Ok(()) }
    }

    fn take_up(&mut self, work: Work) -> Step {
        match work {
            Work::Route(id) => self.route_rest(&id),
            Work::Release => self.release_holds(),
            Work::Entry(..) | Work::Target(..) | Work::Map(_)
                if self.state.head.paused && !seeded(Bug::PauseIgnored) =>
            {
                Ok(())
            }
            Work::Entry(ix, id) => self.open_entry(ix, &id),
            Work::Target(ix, id) => self.consider(ix, &id),
            Work::Map(id) => self.open_bodies(&id),
        }
    }

    /// Goes on where a piece of work lacks payloads, to learn what the others lack: nothing of this
    /// decision will stay.
    pub(super) fn note_missing(&mut self, done: Step) -> Step {
        let Err(Stop::Need(refs)) = done else { return done };
        self.missing.extend(refs);
        if self.missing.len() < MISSING_MAX { Ok(()) } else { self.with_everything(Ok(())) }
    }

    /// What lacks payloads is no decision: it stops with all that it is known to lack.
    pub(super) fn with_everything(&mut self, done: Step) -> Step {
        if self.missing.is_empty() {
            return done;
        }
        Err(Stop::Need(std::mem::take(&mut self.missing)))
    }

    /// What is left to do; when nothing else is, those whom a budget's ticket holds for no reason.
    /// They are not looked for in what will not stay: whoever lacks payloads would be found for ever.
    fn next_work(&mut self) -> Option<Work> {
        let next = self.work.pop_front();
        next.or_else(|| {
            let reviews = self.missing.is_empty() && self.review_budget_tickets();
            reviews.then_some(Work::Release)
        })
    }

    /// Finds everything that may be able to go on: after a full segment, and on resume.
    pub(super) fn gather_work(&mut self) {
        if !self.active() {
            return;
        }
        self.gather_entries();
        for (key, _) in self.state.joins.iter() {
            let id = self.state.id_of(key);
            if let Some(ix) = self.ir.node_ix(&id.node) {
                self.work.push_back(Work::Target(ix, id));
            }
        }
        let mut found = Vec::new();
        for (key, ()) in self.state.open.iter() {
            let Some(instance) = self.state.instances.get(key) else { continue };
            if instance.more {
                found.push(Work::Route(self.state.id_of(key)));
            } else if let Doing::Map(_) = &instance.doing {
                found.push(Work::Map(self.state.id_of(key)));
            }
        }
        self.work.extend(found);
    }

    fn open_entry(&mut self, ix: NodeIx, id: &InstanceId) -> Step {
        if self.state.instance(id).is_some() {
            return Ok(());
        }
        let node = self.ir.node(ix);
        let inputs = crate::value::Payload::by_ref(self.state.meta().inputs);
        self.open(node, id, inputs)
    }

    /// Starts, skips or fails a target as its incoming edges say.
    fn consider(&mut self, ix: NodeIx, id: &InstanceId) -> Step {
        let Some(key) = self.state.key(id) else { return Ok(()) };
        // An instance that is there has no row here any more.
        let Some(join) = self.state.joins.get(&key).cloned() else { return Ok(()) };
        let node = self.ir.node(ix);
        match verdict(node, &join) {
            Verdict::Wait => Ok(()),
            Verdict::Skip => self.skip_dead(node, id),
            Verdict::Start => {
                let input = self.input_of(node, id, &join)?;
                let undecided = undecided(node, &join);
                self.open(node, id, input)?;
                if node.join.cancel_losers && undecided > 0 && self.active() {
                    self.cancel_losers(node, id)?;
                }
                Ok(())
            }
            Verdict::Unsatisfiable => {
                let message = format!(
                    "{} of {} incoming edges were taken, and too few are left",
                    join.taken,
                    node.incoming.len()
                );
                let failure = failure("join_unsatisfiable", message);
                self.fail_instance(node, id, 0, FailureOutcome::Failed, failure)
            }
        }
    }

    /// Decides the edges that did not fit the event of their source.
    fn route_rest(&mut self, id: &InstanceId) -> Step {
        let Some(node) = self.find(id) else { return Ok(()) };
        let decisions = self.undecided_edges(node, id)?;
        let (now, rest) = super::edges::split(decisions);
        let targets = self.targets(node, id, &now);
        self.bytes += super::edges::bytes(&now);
        self.emit(EdgesDecided { instance: id.clone(), edges: now, more: rest });
        self.work.extend(targets);
        if rest {
            self.work.push_back(Work::Route(id.clone()));
        }
        Ok(())
    }

    /// Ends the run where nothing is open any more.
    fn finish_run(&mut self) -> Step {
        let open = !self.state.open.is_empty() || !self.state.open_patches.is_empty();
        if self.state.head.paused || open {
            return Ok(());
        }
        if let Some((key, _)) = self.state.joins.first() {
            // By dead-path elimination every reached target starts or is skipped; a graph that
            // contradicts this must end with a reason, not wait for ever.
            let id = self.state.id_of(key);
            let message = format!("`{id}` can neither start nor be skipped");
            self.fail_run(Some(id), failure("engine_stalled", message));
            return self.stop_all();
        }
        debug_assert_eq!(self.state.head.phase, Phase::Active);
        let output = self.run_output()?;
        let parent = self.state.parent().cloned();
        let spent = self.state.spent();
        self.emit(RunCompleted { output, parent, spent });
        Ok(())
    }

    /// Passes over a node that no edge can reach any more.
    fn skip_dead(&mut self, node: &'a NodeIr, id: &InstanceId) -> Step {
        self.skip(node, id, crate::event::SkipCause::DeadPath, None, None)
    }
}

/// A failure that another attempt would not mend.
pub(super) fn failure(code: &str, message: impl Into<std::sync::Arc<str>>) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
        retryable: false,
        lost: false,
        retry_after_ms: None,
        details: None,
    }
}

/// How many failures a rule lets pass, out of `of`.
pub(super) fn tolerated(tolerate: Tolerate, of: usize) -> u32 {
    match tolerate {
        Tolerate::Count(count) => count,
        Tolerate::Percent(percent) => {
            let of = u64::try_from(of).unwrap_or(u64::MAX);
            u32::try_from(of.saturating_mul(u64::from(percent)) / 100).unwrap_or(u32::MAX)
        }
    }
}

fn undecided(node: &NodeIr, join: &JoinEntry) -> u32 {
    let all = u32::try_from(node.incoming.len()).unwrap_or(u32::MAX);
    all.saturating_sub(join.taken + join.dead + join.failed)
}

fn verdict(node: &NodeIr, join: &JoinEntry) -> Verdict {
    if join.back.is_some() {
        return Verdict::Start;
    }
    let undecided = undecided(node, join);
    let JoinIr { mode, tolerate, .. } = node.join;
    let tolerates = join.failed > 0 && tolerated(tolerate, node.incoming.len()) >= join.failed;
    match mode {
        JoinMode::All if join.taken > 0 && seeded(Bug::JoinTooEarly) => Verdict::Start,
        JoinMode::All if undecided > 0 => Verdict::Wait,
        JoinMode::All if join.taken > 0 || tolerates => Verdict::Start,
        JoinMode::All => Verdict::Skip,
        JoinMode::Any if join.taken > 0 => Verdict::Start,
        JoinMode::Any if undecided > 0 => Verdict::Wait,
        JoinMode::Any => Verdict::Skip,
        JoinMode::AtLeast(needed) if join.taken >= needed => Verdict::Start,
        JoinMode::AtLeast(_) if join.taken == 0 && join.failed == 0 && undecided == 0 => {
            Verdict::Skip
        }
        JoinMode::AtLeast(needed) if join.taken + undecided >= needed => Verdict::Wait,
        JoinMode::AtLeast(_) if join.taken == 0 && join.failed == 0 => Verdict::Wait,
        JoinMode::AtLeast(_) => Verdict::Unsatisfiable,
    }
}
