//! The pass over the syntax tree: variables become slots, bounds become calls.

use std::sync::Arc;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators,
};

use super::functions::{self, Pattern};
use super::{ExprError, MAX_DEPTH, MAX_MACRO_NESTING, Needs};
use crate::path::Step;

/// A path that the expression reads; the tree names it `@<index>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) variable: Variable,
    pub(super) steps: Vec<Step>,
    /// True: `has(...)`, whether the last step leads anywhere.
    pub(super) test: bool,
}

/// What a slot starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    Output,
    Input,
    Inputs,
    Run,
    Item,
    Index,
    Node(Arc<str>),
}

const VARIABLES: [&str; 7] = ["output", "input", "ctx", "inputs", "run", "item", "index"];

const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// Functions and methods of the standard library.
pub(super) const FUNCTIONS: [&str; 26] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "has",
    "int",
    "matches",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
];

const MACROS: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];

/// A tree with what it refers to.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) tree: IdedExpr,
    /// Named `@0`, `@1`, ...
    pub(super) slots: Vec<Slot>,
    /// Named `@pattern0`, `@pattern1`, ...
    pub(super) patterns: Vec<Pattern>,
    pub(super) needs: Needs,
}

/// Rewrites `tree`.
pub(super) fn rewrite(mut tree: IdedExpr) -> Result<Rewritten, ExprError> {
    check_depth(&tree)?;
    let mut rewriter =
        Rewriter { slots: Vec::new(), patterns: Vec::new(), bound: Vec::new(), nesting: 0 };
    rewriter.node(&mut tree)?;
    let needs = needs(&rewriter.slots);
    Ok(Rewritten { tree, slots: rewriter.slots, patterns: rewriter.patterns, needs })
}

impl Rewritten {
    pub(super) fn item_keys(&self) -> Option<Vec<&str>> {
        let of_item = self.slots.iter().filter(|slot| slot.variable == Variable::Item);
        let mut keys = Vec::new();
        for slot in of_item {
            match slot.steps.first()? {
                Step::Key(key) => keys.push(&**key),
                Step::Index(_) => return None,
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    }

    pub(super) fn reads_everything(&self) -> bool {
        let mut stack = vec![&self.tree];
        while let Some(node) = stack.pop() {
            let may_skip = if let Expr::Call(call) = &node.expr {
                let lazy = [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::CONDITIONAL];
                lazy.contains(&call.func_name.as_str())
            } else {
                matches!(node.expr, Expr::Comprehension(_))
            };
            if may_skip {
                return false;
            }
            for_each_child(node, |child| stack.push(child));
        }
        !self.slots.iter().any(|slot| slot.test)
    }
}

fn needs(slots: &[Slot]) -> Needs {
    let mut needs = Needs::default();
    for slot in slots {
        match &slot.variable {
            Variable::Output => needs.output = true,
            Variable::Input => needs.input = true,
            Variable::Inputs => needs.inputs = true,
            Variable::Run => needs.run = true,
            Variable::Item => needs.item = true,
            Variable::Index => needs.index = true,
            Variable::Node(id) => needs.nodes.push(Arc::clone(id)),
        }
    }
    needs.nodes.sort_unstable();
    needs.nodes.dedup();
    needs
}

/// Evaluation recurses over the tree, so its depth is bounded before anything recurses over it.
fn check_depth(tree: &IdedExpr) -> Result<(), ExprError> {
    let mut stack = vec![(tree, 1)];
    while let Some((node, depth)) = stack.pop() {
        if depth > MAX_DEPTH {
            return Err(ExprError::new(format!(
                "the expression is nested deeper than {MAX_DEPTH} levels, or has a chain of more terms"
            )));
        }
        for_each_child(node, |child| stack.push((child, depth + 1)));
    }
    Ok(())
}

fn for_each_child<'e>(node: &'e IdedExpr, mut visit: impl FnMut(&'e IdedExpr)) {
    match &node.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(visit),
        Expr::Comprehension(c) => {
            [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result]
                .into_iter()
                .for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map.entries.iter().for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                visit(&entry.key);
                visit(&entry.value);
            }
            EntryExpr::StructField(field) => visit(&field.value),
        }),
        Expr::Select(select) => visit(&select.operand),
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

struct Rewriter {
    slots: Vec<Slot>,
    patterns: Vec<Pattern>,
    /// Variables of the macros around, which hide ours.
    bound: Vec<String>,
    /// Macros around.
    nesting: usize,
}

impl Rewriter {
    fn node(&mut self, node: &mut IdedExpr) -> Result<(), ExprError> {
        if let Some(slot) = self.slot_at(node) {
            node.expr = Expr::Ident(self.slot_name(slot));
            return Ok(());
        }
        match &mut node.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.node(&mut select.operand),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|item| self.copied(item)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.copied(&mut entry.key)?;
                    self.copied(&mut entry.value)
                }
                EntryExpr::StructField(_) => Err(no_messages()),
            }),
            Expr::Struct(_) => Err(no_messages()),
            Expr::Unspecified => Err(ExprError::new("it is not a CEL expression")),
        }
    }

    /// An identifier that is not one of our variables.
    fn ident(&self, name: &str) -> Result<(), ExprError> {
        if self.is_bound(name) || TYPES.contains(&name) {
            return Ok(());
        }
        if name == "ctx" {
            let error = ExprError::new("`ctx` holds nodes: read one as `ctx.<node>`");
            return Err(error.with_hint(
                "`ctx['a-b']` reads a node whose id has a dash; the id cannot be computed",
            ));
        }
        let error = ExprError::new(format!("`{name}` is not a known variable"));
        Err(match name {
            "nodes" | "steps" => error.with_hint("the output of a node is `ctx.<node>`"),
            "params" => error.with_hint("the inputs of the run are `inputs`"),
            "secrets" => error.with_hint("expressions never see secrets"),
            _ => match crate::names::nearest(name, VARIABLES) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None => error.with_hint(
                    "known are output, input, inputs, ctx, run, item and index; a dash in a name is a minus: write `ctx['a-b']`",
                ),
            },
        })
    }

    fn is_bound(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| bound == name)
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), ExprError> {
        let is_operator = call.func_name.starts_with(['_', '!', '-', '@']);
        if !is_operator {
            check_function(&call.func_name)?;
        }
        if call.func_name == "matches" {
            return self.matches(call);
        }
        if let Some(target) = &mut call.target {
            self.copied(target)?;
        }
        let copies = !is_operator
            || matches!(
                call.func_name.as_str(),
                operators::EQUALS | operators::NOT_EQUALS | operators::IN
            );
        for arg in &mut call.args {
            if copies { self.copied(arg) } else { self.node(arg) }?;
        }
        if let Some(own) = functions::arithmetic(&call.func_name)
            && call.args.len() == 2
            && !self.is_accumulator(&call.args[0])
        {
            own.clone_into(&mut call.func_name);
            call.args.push(budget());
        }
        Ok(())
    }

    /// A pattern that is known is compiled once; one that is computed is paid for each time.
    fn matches(&mut self, call: &mut CallExpr) -> Result<(), ExprError> {
        let mut args: Vec<IdedExpr> =
            call.target.take().map(|target| *target).into_iter().collect();
        args.append(&mut call.args);
        let [text, pattern] = args.as_mut_slice() else {
            let error = ExprError::new("`matches` is used with the wrong arguments");
            return Err(error.with_hint("it is used as `text.matches('pattern')`"));
        };
        self.node(text)?;
        self.node(pattern)?;
        if let Expr::Literal(LiteralValue::String(source)) = &pattern.expr {
            let compiled = Pattern::compile(source.inner()).map_err(ExprError::new)?;
            pattern.expr = Expr::Ident(format!("{}{}", functions::PATTERN, self.patterns.len()));
            self.patterns.push(compiled);
        }
        args.push(budget());
        functions::MATCHES.clone_into(&mut call.func_name);
        call.args = args;
        Ok(())
    }

    /// The step of a macro appends to its result in place; that shape must stay as it is.
    fn is_accumulator(&self, node: &IdedExpr) -> bool {
        matches!(&node.expr, Expr::Ident(name) if name.starts_with('@') && self.is_bound(name))
    }

    /// Rewrites a part whose value is copied or compared; inside macros that is paid for.
    fn copied(&mut self, node: &mut IdedExpr) -> Result<(), ExprError> {
        self.node(node)?;
        if self.nesting > 0 && !matches!(node.expr, Expr::Literal(_)) {
            wrap(node, functions::CHARGE);
        }
        Ok(())
    }

    fn comprehension(&mut self, macro_: &mut ComprehensionExpr) -> Result<(), ExprError> {
        self.node(&mut macro_.iter_range)?;
        wrap(&mut macro_.iter_range, functions::ITER);
        self.node(&mut macro_.accu_init)?;
        if self.nesting == MAX_MACRO_NESTING {
            return Err(ExprError::new(format!(
                "macros (map, filter, all, exists) are nested deeper than {MAX_MACRO_NESTING} levels"
            )));
        }
        self.nesting += 1;
        let outer = self.bound.len();
        self.bound.push(macro_.iter_var.clone());
        self.bound.extend(macro_.iter_var2.clone());
        self.bound.push(macro_.accu_var.clone());
        self.node(&mut macro_.loop_cond)?;
        self.node(&mut macro_.loop_step)?;
        self.node(&mut macro_.result)?;
        self.bound.truncate(outer);
        self.nesting -= 1;
        Ok(())
    }

    /// The slot for the path that `node` is, if it starts at a variable of ours.
    fn slot_at(&self, node: &IdedExpr) -> Option<Slot> {
        let mut steps = Vec::new();
        let mut at = node;
        let mut test = false;
        let root = loop {
            if let Expr::Ident(name) = &at.expr {
                break name.as_str();
            } else if let Expr::Select(SelectExpr { operand, field, test: is_test }) = &at.expr {
                if *is_test && !steps.is_empty() {
                    return None;
                }
                test |= *is_test;
                steps.push(Step::Key(field.as_str().into()));
                at = operand;
            } else if let Expr::Call(call) = &at.expr {
                let (operand, step) = index_step(call)?;
                steps.push(step);
                at = operand;
            } else {
                return None;
            }
        };
        if self.is_bound(root) {
            return None;
        }
        steps.reverse();
        let variable = variable(root, &mut steps)?;
        Some(Slot { variable, steps, test })
    }

    fn slot_name(&mut self, slot: Slot) -> String {
        let known = self.slots.iter().position(|known| *known == slot);
        let index = known.unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        format!("@{index}")
    }
}

/// `operand[literal]`.
fn index_step(call: &CallExpr) -> Option<(&IdedExpr, Step)> {
    let [operand, index] = call.args.as_slice() else { return None };
    if call.func_name != operators::INDEX || call.target.is_some() {
        return None;
    }
    let Expr::Literal(literal) = &index.expr else { return None };
    let step = if let LiteralValue::String(key) = literal {
        Step::Key(key.inner().into())
    } else if let LiteralValue::Int(index) = literal {
        Step::Index(usize::try_from(*index.inner()).ok()?)
    } else {
        return None;
    };
    Some((operand, step))
}

/// The variable of this name; of `ctx`, the node that the first step names.
fn variable(root: &str, steps: &mut Vec<Step>) -> Option<Variable> {
    Some(match root {
        "output" => Variable::Output,
        "input" => Variable::Input,
        "inputs" => Variable::Inputs,
        "run" => Variable::Run,
        "item" => Variable::Item,
        "index" => Variable::Index,
        "ctx" => {
            let Some(Step::Key(id)) = steps.first() else { return None };
            let id = Arc::from(id.as_ref());
            steps.remove(0);
            Variable::Node(id)
        }
        _ => return None,
    })
}

fn check_function(name: &str) -> Result<(), ExprError> {
    if FUNCTIONS.contains(&name) {
        return Ok(());
    }
    if MACROS.contains(&name) {
        return Err(ExprError::new(format!("`{name}` is used with the wrong arguments"))
            .with_hint(format!("it is used as `list.{name}(x, <expression over x>)`")));
    }
    let error = ExprError::new(format!("`{name}` is not a known function"));
    let candidates = FUNCTIONS.into_iter().chain(MACROS);
    if ["length", "lenght", "len", "count"].contains(&name) {
        return Err(error.with_hint("the length of a list, an object or a text is `size(...)`"));
    }
    Err(match crate::names::nearest(name, candidates) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint("see the functions of CEL's standard library"),
    })
}

fn no_messages() -> ExprError {
    ExprError::new("messages (`Name{...}`) are not supported")
        .with_hint("an object is written `{'key': value}`")
}

fn wrap(node: &mut IdedExpr, function: &str) {
    let inner = std::mem::take(node);
    node.id = inner.id;
    node.expr = Expr::Call(CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![inner, budget()],
    });
}

fn budget() -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Ident(functions::BUDGET.to_owned()) }
}
