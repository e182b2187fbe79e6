//! The run as the checker knows it, and what opens or changes an instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::{ChildStarted, Event, InstanceId, RunCreated, RunId, TicketId};
use aob_ir::{Digest, EffectClass, Ir};

use crate::approvals::Approvals;
use crate::budgets::Budgets;
use crate::frames::Frames;
use crate::graph::{Graph, Place, UNDO_SUFFIX};
use crate::kinds::{Arrival, Does, allows, fits};
use crate::maps::Maps;
use crate::openings::Openings;
use crate::outputs::Outputs;
use crate::patches::Patches;
use crate::payloads::Payloads;
use crate::phase::{Open, Outcome, Phase};
use crate::rules::{Cx, D_16, I_16, I_17, I_26, I_31, I_42};
use crate::run::{Begins, Run};
use crate::shape::Shape;
use crate::signals::Signals;
use crate::undo::Undo;

/// Gives the compiled workflow of a digest.
pub(crate) type Workflows<'w> = dyn Fn(&Digest) -> Option<Arc<Ir>> + 'w;

/// Everything the checker remembers of a run.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) shape: Shape,
    pub(crate) payloads: Payloads,
    pub(crate) run: Run,
    pub(crate) graph: Option<Arc<Graph>>,
    pub(crate) frames: Frames,
    pub(crate) open: BTreeMap<InstanceId, Open>,
    /// Ended instances with edges still to be decided.
    pub(crate) routing: BTreeMap<InstanceId, Outcome>,
    /// Ended instances that no frame or map remembers: compensations, and everything where the
    /// graph is not known.
    pub(crate) over: BTreeMap<InstanceId, Outcome>,
    pub(crate) maps: Maps,
    pub(crate) openings: Openings,
    pub(crate) approvals: Approvals,
    pub(crate) signals: Signals,
    pub(crate) undo: Undo,
    pub(crate) outputs: Outputs,
    pub(crate) patches: Patches,
    pub(crate) budgets: Budgets,
    /// Of the instances in `routing`, those that a patch gave new edges.
    pub(crate) later: BTreeSet<InstanceId>,
    children: BTreeMap<RunId, InstanceId>,
}

impl State {
    /// `run_created`.
    pub(crate) fn created(
        &mut self,
        data: &RunCreated,
        workflows: &Workflows<'_>,
        cx: &mut Cx<'_>,
    ) {
        self.run.created(data, cx);
        self.openings.created(data);
        self.budgets.created(data);
        self.patches.created(data.digest, data.agents);
        let Some(ir) = workflows(&data.digest) else { return };
        let (agents, most) = (ir.agents, data.agents);
        cx.require(agents <= most, I_31, || {
            format!("{agents} agents in a run that may have {most}")
        });
        let graph = Arc::new(Graph::new(ir));
        self.frames = Frames::new(&graph);
        self.graph = Some(graph);
        cx.report.graph_checked = true;
    }

    /// Where `instance` belongs; reports it if it belongs nowhere.
    pub(crate) fn place(&self, instance: &InstanceId, cx: &mut Cx<'_>) -> Option<Place> {
        match self.graph.as_ref()?.place(instance) {
            Ok(place) => Some(place),
            Err(problem) => {
                cx.violation(I_16, problem);
                None
            }
        }
    }

    /// True if `instance` has ended.
    pub(crate) fn is_over(&self, instance: &InstanceId) -> bool {
        if self.over.contains_key(instance) {
            return true;
        }
        let Some(graph) = &self.graph else { return false };
        let Ok(place) = graph.place(instance) else { return false };
        if place.key.undo {
            return false;
        }
        if let Some((map, index)) = &place.item_of {
            return self.maps.is_over(map, *index) || self.is_over(map);
        }
        self.frames.ended(&place.frame, place.key.ix).is_some()
            || self.frames.is_over(graph, &place.frame)
    }

    /// A new instance arrives: checks that it may, here and now.
    pub(crate) fn arrives(
        &mut self,
        instance: &InstanceId,
        place: Option<&Place>,
        arrival: Arrival,
        does: Option<Does>,
        cx: &mut Cx<'_>,
    ) {
        let is_undo = instance.node.ends_with(UNDO_SUFFIX);
        let begins = match arrival {
            Arrival::Satisfied if is_undo => Begins::Compensation,
            Arrival::Satisfied => Begins::Work,
            Arrival::DeadPath | Arrival::Unsatisfiable | Arrival::Cancelled => Begins::Nothing,
        };
        self.run.may_begin(begins, &|| format!("`{instance}` begins"), cx);
        self.run.arrives(begins, cx);
        if arrival == Arrival::Satisfied {
            self.openings.opens(instance, cx);
        }
        if is_undo {
            let stopping = self.run.is_stopping();
            let others = self.open.len();
            self.undo.begins(instance, others, stopping, self.graph.as_deref(), cx);
        }
        let (Some(graph), Some(place)) = (self.graph.clone(), place) else { return };
        let Some(node) = graph.node(place.key) else { return };
        if let Some(does) = does {
            cx.require(fits(&node.kind, does), D_16, || {
                format!("`{instance}` is of type `{}`, but does {does:?}", node.type_name)
            });
        }
        if place.is_graph_node() {
            self.is_reached(&graph, instance, place, arrival, cx);
        } else if let (Some((map, index)), false) = (&place.item_of, is_undo) {
            self.maps.item_started(map, *index, cx);
        }
    }

    /// Checks that the incoming edges let a graph node arrive like this.
    fn is_reached(
        &self,
        graph: &Graph,
        instance: &InstanceId,
        place: &Place,
        arrival: Arrival,
        cx: &mut Cx<'_>,
    ) {
        if !self.frames.is_open(&place.frame) {
            cx.violation(I_16, format!("the scope of `{instance}` is not open"));
            return;
        }
        let Some(node) = graph.graph_node(place.key.ix) else { return };
        let reached = self.frames.reached(graph, &place.frame, place.key.ix);
        let rule = if node.incoming.len() > 1 { I_17 } else { I_16 };
        cx.require(allows(node, &reached, arrival), rule, || {
            let (taken, failed) = (reached.taken.len(), reached.failed_sources.len());
            let (all, undecided) = (reached.total, reached.undecided);
            format!(
                "`{instance}` arrives ({arrival:?}) with {taken} of {all} edges taken, {failed} \
                 failed, {undecided} undecided"
            )
        });
        if arrival == Arrival::Satisfied && reached.undecided > 0 {
            cx.count("join_fired_early");
        }
    }

    /// An instance begins to wait for something.
    pub(crate) fn begins(
        &mut self,
        instance: &InstanceId,
        phase: Phase,
        does: Does,
        cx: &mut Cx<'_>,
    ) {
        if let Some(open) = self.open.get(instance) {
            // Work that waited for a server that serves it, or for a person, begins after all.
            let waited = matches!(open.phase, Phase::Waiting { .. } | Phase::Granted);
            cx.require(waited, I_16, || {
                format!("`{instance}` begins again while {}", open.phase.name())
            });
            self.run.may_begin(Begins::Work, &|| format!("`{instance}` goes on"), cx);
        } else if self.is_over(instance) {
            cx.violation(I_16, format!("`{instance}` begins again after its end"));
            return;
        } else {
            let place = self.place(instance, cx);
            self.arrives(instance, place.as_ref(), Arrival::Satisfied, Some(does), cx);
        }
        self.open.insert(instance.clone(), Open::new(phase));
    }

    /// An instance that waits for a ticket waits for the one in its place, whatever else the run does.
    pub(crate) fn asked_again(
        &mut self,
        instance: &InstanceId,
        replaced: &TicketId,
        phase: Phase,
        cx: &mut Cx<'_>,
    ) {
        let Some(open) = self.open.get_mut(instance) else {
            return cx.violation(I_16, format!("`{instance}` asks again, and is not open"));
        };
        let waited = matches!(&open.phase, Phase::Approval { ticket } if ticket == replaced);
        cx.require(waited, I_42, || format!("`{instance}` asks again while {}", open.phase.name()));
        open.phase = phase;
    }

    /// `child_started`.
    pub(crate) fn child_started(&mut self, data: &ChildStarted, cx: &mut Cx<'_>) {
        let phase = Phase::Child { child: data.child, expires_at: data.expires_at };
        self.begins(&data.instance, phase, Does::Child, cx);
        self.child_given(data, cx);
        if let Some(other) = self.children.insert(data.child, data.instance.clone()) {
            cx.violation(I_26, format!("child run {} belongs to `{other}` already", data.child));
        }
    }

    /// Checks the log's frame around `event`, whatever it says.
    pub(crate) fn see(&mut self, event: &Event, cx: &mut Cx<'_>) {
        cx.count(event.kind.name());
        self.shape.see(event, cx);
        self.payloads.see(event, cx);
    }
}

/// True where repeating does no harm.
pub(crate) fn repeatable(effect: EffectClass) -> bool {
    match effect {
        EffectClass::None | EffectClass::Idempotent => true,
        EffectClass::Compensable | EffectClass::Irreversible => false,
    }
}
