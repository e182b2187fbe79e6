//! Values for references and expressions.

use std::sync::Arc;

use aob_ir::{
    Bindings, Expr, NodeKind, RenderError, Rendered, Resolver, Root, SecretSlot, Template,
};
use serde_json::Value;

use super::{Decider, Step, Stop};
use crate::event::Failure;
use crate::ids::{InstanceId, Scope};
use crate::state::Doing;
use crate::value::{Payload, PayloadRef};

/// A rule of the document that could not be evaluated: the node fails, the decision goes on.
pub(super) type Evaluated<T> = Result<T, Failure>;

/// What references of one instance see.
struct Env<'d, 'a> {
    decider: &'d Decider<'a>,
    id: &'d InstanceId,
    input: &'d Payload,
}

impl Resolver for Env<'_, '_> {
    type Missing = Stop;

    fn resolve(&self, root: Root<'_>) -> Result<Option<Arc<Value>>, Stop> {
        let decider = self.decider;
        match root {
            Root::Node(node) => match decider.output_of(node, &self.id.scope) {
                Some(output) => Ok(Some(Arc::clone(decider.load(output)?.value()))),
                None => Ok(None),
            },
            Root::Inputs => {
                let inputs = decider.load(decider.state.meta().inputs)?;
                Ok(Some(Arc::clone(inputs.value())))
            }
            Root::Run => Ok(Some(decider.run_value())),
            Root::Input => Ok(Some(Arc::clone(decider.load_payload(self.input)?.value()))),
            Root::Item => decider.item_of(self.id),
            Root::Index => Ok(decider.map_step(self.id).map(|(_, index)| Arc::new(index.into()))),
            Root::Iteration => {
                Ok(decider.loop_step(self.id).map(|iteration| Arc::new(iteration.into())))
            }
        }
    }
}

impl Decider<'_> {
    /// Resolves a template for an instance.
    pub(super) fn render(
        &self,
        template: &Template,
        id: &InstanceId,
        input: &Payload,
    ) -> Step<Evaluated<Rendered>> {
        match template.render(&Env { decider: self, id, input }) {
            Ok(rendered) => Ok(Ok(rendered)),
            Err(RenderError::Missing(stop)) => Err(stop),
            Err(RenderError::Unresolvable { reference, pointer, message }) => {
                let place =
                    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") };
                let text = format!("`{reference}`{place} cannot be resolved: {message}");
                Ok(Err(super::pump::failure("reference_unresolved", text)))
            }
        }
    }

    /// A rendered template as a payload, with where its secrets go. The text of one without
    /// references is made once for all runs.
    pub(super) fn rendered(
        &mut self,
        template: &Template,
        id: &InstanceId,
        input: &Payload,
    ) -> Step<Evaluated<(Payload, Vec<SecretSlot>)>> {
        if let Some(constant) = template.constant_blob() {
            return Ok(Ok((self.payload(constant), Vec::new())));
        }
        let rendered = self.render(template, id, input)?;
        Ok(rendered.map(|Rendered { value, secrets }| (self.payload_of(value), secrets)))
    }

    /// Evaluates an expression for an instance.
    pub(super) fn evaluate(
        &self,
        expr: &Expr,
        id: &InstanceId,
        seen: Seen<'_>,
    ) -> Step<Evaluated<Value>> {
        let needs = expr.needs();
        let output = needs.output.then_some(seen.output).flatten();
        let output = output.map(|payload| self.load_payload(payload)).transpose()?;
        let input = needs.input.then_some(seen.input).flatten();
        let input = input.map(|payload| self.load_payload(payload)).transpose()?;
        let inputs = needs.inputs.then(|| self.load(self.state.meta().inputs)).transpose()?;
        let run = needs.run.then(|| self.run_value());
        let mut ctx = Vec::with_capacity(needs.nodes.len());
        for node in &needs.nodes {
            if let Some(output) = self.output_of(node, &id.scope) {
                ctx.push((Arc::clone(node), Arc::clone(self.load(output)?.value())));
            }
        }
        let bindings = Bindings {
            output: output.as_ref().map(|blob| &**blob.value()),
            input: input.as_ref().map(|blob| &**blob.value()),
            inputs: inputs.as_ref().map(|blob| &**blob.value()),
            run: run.as_deref(),
            ctx: &ctx,
            item: seen.item,
            index: seen.index,
        };
        let failed = |error: aob_ir::ExprError| {
            let text = format!("`{}`: {}", expr.source(), error.message);
            super::pump::failure("expression_error", text)
        };
        Ok(expr.eval(&bindings).map_err(failed))
    }

    /// Evaluates a guard.
    pub(super) fn holds(
        &self,
        expr: &Expr,
        id: &InstanceId,
        seen: Seen<'_>,
    ) -> Step<Evaluated<bool>> {
        let failed = |text: String| super::pump::failure("condition_error", text);
        Ok(match self.evaluate(expr, id, seen)? {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => {
                Err(failed(format!("`{}` gives {other}, not true or false", expr.source())))
            }
            Err(failure) => Err(failed(failure.message.to_string())),
        })
    }

    /// What `$nodes.<node>` means inside `scope`.
    fn output_of(&self, node: &str, scope: &Scope) -> Option<PayloadRef> {
        // From outside, a map's body means its list.
        let ix = self.ir.node_ix(node).or_else(|| self.ir.map_of_body(node))?;
        let key = self.nearest(ix, scope)?;
        self.state.instances.get(&key)?.output
    }

    /// The innermost map around an instance, and the index in it.
    fn map_step(&self, id: &InstanceId) -> Option<(InstanceId, u32)> {
        (0..id.scope.0.len()).rev().find_map(|depth| {
            let step = &id.scope.0[depth];
            let map = InstanceId {
                node: Arc::clone(&step.node),
                scope: Scope(id.scope.0[..depth].into()),
            };
            matches!(self.find(&map)?.kind, NodeKind::Map(_)).then_some((map, step.index))
        })
    }

    /// The iteration of the innermost loop around an instance.
    fn loop_step(&self, id: &InstanceId) -> Option<u32> {
        (0..id.scope.0.len()).rev().find_map(|depth| {
            let step = &id.scope.0[depth];
            let node = super::graph::find(self.ir, &step.node, &id.scope.0[..depth])?;
            matches!(node.kind, NodeKind::Loop { .. }).then_some(step.index)
        })
    }

    fn item_of(&self, id: &InstanceId) -> Step<Option<Arc<Value>>> {
        let Some((map, index)) = self.map_step(id) else { return Ok(None) };
        let Some(instance) = self.state.instance(&map) else { return Ok(None) };
        let Doing::Map(map) = &instance.doing else { return Ok(None) };
        let items = self.load(map.items)?;
        Ok(items.value().get(index as usize).cloned().map(Arc::new))
    }

    /// `$run`: what a document may know of its run.
    fn run_value(&self) -> Arc<Value> {
        let make = || {
            let meta = self.state.meta();
            Arc::new(serde_json::json!({
                "id": meta.run,
                "workflow": meta.name,
                "tag": meta.tag,
                "created_at": meta.created_at,
                "depth": meta.depth,
                "labels": meta.labels,
            }))
        };
        Arc::clone(self.run_value.get_or_init(make))
    }
}

/// The values around one evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen<'v> {
    pub(super) output: Option<&'v Payload>,
    pub(super) input: Option<&'v Payload>,
    pub(super) item: Option<&'v Value>,
    pub(super) index: Option<u64>,
}
