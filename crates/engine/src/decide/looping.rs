//! Loops: back, out, or exhausted.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{EdgeOn, LoopIx, NodeIr};

use super::edges::Ending;
use super::inline::Extras;
use super::resolve::{Evaluated, Seen};
use super::{Decider, Step, Work};
use crate::event::LoopIterated;
use crate::ids::{InstanceId, Scope};
use crate::value::Payload;

impl<'a> Decider<'a> {
    /// Decides a loop node: its condition true goes back while iterations are left.
    pub(super) fn turn_loop(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        loop_ix: LoopIx,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let the_loop = self.ir.loop_at(loop_ix);
        let seen = Seen { output: Some(input), input: Some(input), ..Seen::default() };
        let again = match self.holds(&the_loop.condition, id, seen)? {
            Ok(again) => again,
            Err(failure) => return Ok(Err(failure)),
        };
        let iteration = id.scope.0.last().map_or(1, |step| step.index);
        let most = the_loop.max_iterations + u32::from(seeded(Bug::LoopOnceMore));
        if again && iteration < most {
            self.go_back(node, id, loop_ix, input)?;
            return Ok(Ok(()));
        }
        let way_on = node.outgoing.iter().any(|&ix| self.ir.edge(ix).on == EdgeOn::Timeout);
        if again && !way_on {
            let text = format!(
                "the loop ran `max_iterations` ({}) times and its condition is still true",
                the_loop.max_iterations
            );
            return Ok(Err(super::pump::failure("max_iterations", text)));
        }
        let ending = if again { Ending::LoopExhausted } else { Ending::LoopDone };
        match self.decide_edges(node, id, ending, input)? {
            Ok(edges) => {
                self.write_completed(node, id, 0, input.clone(), Extras::default(), edges)?;
                Ok(Ok(()))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn go_back(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        loop_ix: LoopIx,
        input: &Payload,
    ) -> Step {
        self.write_completed(node, id, 0, input.clone(), Extras::default(), Vec::new())?;
        let Some((step, outer)) = id.scope.0.split_last() else { return Ok(()) };
        let head_ix = self.ir.loop_at(loop_ix).head;
        let head = self.ir.node(head_ix);
        let depth = id.scope.0.len();
        let inner: Vec<Arc<str>> =
            head.loops.iter().skip(depth).map(|&ix| self.loop_name(ix)).collect();
        let iteration = step.index + 1;
        let outer = Scope(outer.into());
        self.emit(LoopIterated {
            instance: InstanceId { node: Arc::clone(&node.id), scope: outer.clone() },
            iteration,
            head: Arc::clone(&head.id),
            output: input.clone(),
            inner: inner.clone(),
        });
        let mut scope = outer.child(Arc::clone(&node.id), iteration);
        for entered in inner {
            scope = scope.child(entered, 1);
        }
        let id = InstanceId { node: Arc::clone(&head.id), scope };
        self.work.push_back(Work::Target(head_ix, id));
        Ok(())
    }
}
