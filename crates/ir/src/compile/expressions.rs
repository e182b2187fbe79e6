//! Expressions and templates of a document: compiled, and what they read noted down.

use std::sync::Arc;

use serde_json::Value;

use super::unit::Unit;
use super::upstream::{Read, What};
use crate::diagnostic::{Code, Diagnostic};
use crate::{Capability, Expr, Reads, ReferenceUse, Root, Template};

/// Variables that an expression may read where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    output: bool,
    input: bool,
    item: bool,
}

impl Scope {
    /// Guards of edges, and checks after a node.
    pub(super) const OUTPUT: Self = Self { output: true, input: false, item: false };
    /// Transforms, and checks before a node.
    pub(super) const INPUT: Self = Self { output: false, input: true, item: false };
    /// Filters.
    pub(super) const ITEM: Self = Self { output: false, input: true, item: true };
    /// Conditions of loops: what comes in is what goes out.
    pub(super) const LOOP: Self = Self { output: true, input: true, item: false };

    fn known(self) -> String {
        let names = [
            (self.output, "output"),
            (self.input, "input"),
            (self.item, "item"),
            (self.item, "index"),
        ];
        let here = names.iter().filter(|(known, _)| *known).map(|(_, name)| *name);
        here.chain(["ctx", "inputs", "run"]).collect::<Vec<_>>().join(", ")
    }
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    /// A runner fills secrets in.
    Allowed,
    /// Nobody would.
    Refused,
}

impl Unit<'_> {
    /// Compiles an expression of the node that is being compiled. `after`: it is evaluated when
    /// that node has an output.
    pub(super) fn expression(
        &mut self,
        source: &str,
        pointer: &str,
        scope: Scope,
        after: bool,
    ) -> Option<Expr> {
        let expr = match Expr::compile(source) {
            Ok(expr) => expr,
            Err(error) => {
                let problem = Diagnostic::error(Code::InvalidExpression, pointer, error.message);
                self.report(problem.with_hint_opt(error.hint));
                return None;
            }
        };
        let needs = expr.needs();
        let reads = [
            (needs.output && !scope.output, "output"),
            (needs.input && !scope.input, "input"),
            (needs.item && !scope.item, "item"),
            (needs.index && !scope.item, "index"),
        ];
        for (wrong, name) in reads {
            if wrong {
                let message = format!("`{name}` is not known in this expression");
                let problem = Diagnostic::error(Code::InvalidExpression, pointer, message)
                    .with_hint(format!("known are {}", scope.known()));
                self.report(problem);
            }
        }
        for node in &needs.nodes {
            let read = Read {
                owner: self.owner,
                after,
                what: What::Node(node.clone()),
                pointer: pointer.to_owned(),
                written: format!("ctx.{node}"),
            };
            self.reads.push(read);
        }
        Some(expr)
    }

    /// Compiles a template of the node that is being compiled.
    pub(super) fn template(
        &mut self,
        value: Value,
        pointer: &str,
        secrets: Secrets,
    ) -> Option<Template> {
        let template = self.compiled(Arc::new(value), pointer)?;
        if template.constant().is_none() {
            for reference in template.references() {
                self.reference(&reference, pointer, secrets);
            }
        }
        Some(template)
    }

    /// The template of `source`, or that of a node before with the same.
    fn compiled(&mut self, source: Arc<Value>, pointer: &str) -> Option<Template> {
        if let Some(known) = self.templates.get(&source) {
            return Some(known.clone());
        }
        match Template::compile_shared(Arc::clone(&source)) {
            Ok(template) => {
                self.templates.insert(source, template.clone());
                Some(template)
            }
            Err(problems) => {
                for problem in problems {
                    let at = format!("{pointer}{}", problem.pointer);
                    let report = Diagnostic::error(Code::InvalidReference, at, problem.message);
                    self.report(report.with_hint_opt(problem.hint));
                }
                None
            }
        }
    }

    fn reference(&mut self, reference: &ReferenceUse<'_>, pointer: &str, secrets: Secrets) {
        let pointer = format!("{pointer}{}", reference.pointer);
        match reference.reads {
            Reads::Root(Root::Node(id)) => self.reads.push(Read {
                owner: self.owner,
                after: false,
                what: What::Node(id.into()),
                pointer,
                written: format!("$nodes.{id}"),
            }),
            Reads::Root(Root::Inputs) => self.input(reference, &pointer),
            Reads::Root(root @ (Root::Item | Root::Index)) if self.maps_around == 0 => {
                let name = if root == Root::Item { "$item" } else { "$index" };
                let message = format!("`{name}` is only known in the body of a map");
                let problem = Diagnostic::error(Code::OutOfScope, pointer, message)
                    .with_hint("the input of a node is `$input`");
                self.report(problem);
            }
            Reads::Root(Root::Iteration) => self.reads.push(Read {
                owner: self.owner,
                after: false,
                what: What::Iteration,
                pointer,
                written: "$iteration".to_owned(),
            }),
            Reads::Root(Root::Run | Root::Input | Root::Item | Root::Index) => {}
            Reads::Secret(name) if secrets == Secrets::Allowed => {
                self.capabilities.insert(Capability::Secret(name.into()));
            }
            Reads::Secret(name) => {
                let message = format!("`$secrets.{name}` cannot be read here");
                let problem = Diagnostic::error(Code::SecretNotAllowed, pointer, message)
                    .with_hint(
                        "secrets are only filled in by runners: in function, http and agent nodes",
                    );
                self.report(problem);
            }
        }
    }

    fn input(&mut self, reference: &ReferenceUse<'_>, pointer: &str) {
        let (Some(declared), Some(key)) = (&self.declared_inputs, reference.key) else { return };
        if declared.names.contains(key) || reference.optional {
            return;
        }
        let message = format!("`inputs` declares no `{key}`");
        let problem = if declared.closed {
            Diagnostic::error(Code::UndeclaredInput, pointer, message)
        } else {
            Diagnostic::warning(Code::UndeclaredInput, pointer, message)
        };
        let near = crate::names::nearest(key, declared.names.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `$inputs.{near}`?"));
        self.report(problem.with_hint_opt(hint));
    }
}
