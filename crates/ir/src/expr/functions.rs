//! The functions that the rewritten tree calls, and the environment that knows them.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use cel::common::ast::operators;
use cel::common::functions::Function;
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelString, CelUInt, DYN_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::value::{check_length, weight};

/// Passes a value through and charges it.
pub(super) const CHARGE: &str = "@charge";
/// Passes what a macro walks through and charges the walk; of a map, the list of its keys, sorted.
pub(super) const ITER: &str = "@iter";
/// Whether a text matches a pattern, or a [`Pattern`].
pub(super) const MATCHES: &str = "@matches";
/// The variables that hold [`Pattern`]s, with their number behind.
pub(super) const PATTERN: &str = "@pattern";
/// The variable that holds the [`Budget`].
pub(super) const BUDGET: &str = "@budget";

/// What an evaluation may weigh in all; see [`weight`].
const BUDGET_UNITS: u64 = 4_000_000;
/// What starting a macro costs beside its items.
const MACRO_UNITS: u64 = 8;
/// What one item costs beside its own weight.
const ITEM_UNITS: u64 = 4;
/// What compiling a pattern costs.
const PATTERN_UNITS: u64 = 20_000;
/// Bytes of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 1 << 18;

/// The standard library and our functions.
pub(super) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    let own: [(&str, usize, Function); 8] = [
        (CHARGE, 2, charge),
        (ITER, 2, iter),
        (MATCHES, 3, matches),
        ("@add", 3, add),
        ("@sub", 3, sub),
        ("@mul", 3, mul),
        ("@div", 3, div),
        ("@mod", 3, modulo),
    ];
    for (name, arity, function) in own {
        let any = std::iter::repeat_with(|| DYN_TYPE).take(arity).collect();
        env.add_overload(name, name, any, function)
            .expect("our names start with `@`, which no other function's does");
    }
    Arc::new(env)
});

/// Our function for an arithmetic operator.
pub(super) fn arithmetic(operator: &str) -> Option<&'static str> {
    Some(match operator {
        operators::ADD => "@add",
        operators::SUBSTRACT => "@sub",
        operators::MULTIPLY => "@mul",
        operators::DIVIDE => "@div",
        operators::MODULO => "@mod",
        _ => return None,
    })
}

/// What is left of an evaluation's budget; a value of CEL so that functions reach it.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicU64,
}

static BUDGET_TYPE: Type = Type::new_unspecified_type("budget");

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: AtomicU64::new(BUDGET_UNITS) }
    }

    /// Whether something could not be paid for. It stays so.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn charge(&self, units: u64) -> Result<(), ExecutionError> {
        // One thread evaluates; the atomic is for the trait's sake.
        let left = self.left.load(Ordering::Relaxed).saturating_sub(units);
        self.left.store(left, Ordering::Relaxed);
        if left > 0 { Ok(()) } else { Err(error("the expression needs too much work")) }
    }
}

impl Val for Budget {
    fn get_type(&self) -> &Type {
        &BUDGET_TYPE
    }

    fn cel_type() -> &'static Type {
        &BUDGET_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(Self { left: AtomicU64::new(self.left.load(Ordering::Relaxed)) })
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Budget {}

/// A compiled pattern; a value of CEL so that functions reach it.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Regex);

static PATTERN_TYPE: Type = Type::new_unspecified_type("pattern");

impl Pattern {
    /// Compiles a pattern that matches in linear time.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(source).size_limit(MAX_PATTERN_BYTES).build();
        regex.map(Self).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{source}` is not a regular expression: {reason}")
        })
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

fn error(message: impl Into<String>) -> ExecutionError {
    ExecutionError::InternalError(message.into())
}

/// Pays `units` from the budget, which is the last of `args`.
fn pay(args: &[CowVal<'_, '_>], units: u64) -> Result<(), ExecutionError> {
    match args.last().and_then(|budget| budget.downcast_ref::<Budget>()) {
        Some(budget) => budget.charge(units),
        None => Err(error("the budget is missing")),
    }
}

fn charge<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let units = args.first().map_or(0, |value| weight(value.as_ref()));
    pay(&args, units)?;
    Ok(args.swap_remove(0))
}

fn iter<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let range = args[0].as_ref();
    let length = match (range.downcast_ref::<CelList<'_>>(), range.downcast_ref::<CelMap<'_>>()) {
        (Some(list), _) => list.inner().len(),
        (_, Some(map)) => map.inner().len(),
        (None, None) => {
            let name = range.get_type().name();
            return Err(error(format!("a macro walks a list or an object, not a {name}")));
        }
    };
    check_length(length).map_err(|too_long| error(too_long.message))?;
    pay(&args, MACRO_UNITS + ITEM_UNITS * length as u64 + weight(range))?;
    if let Some(map) = range.downcast_ref::<CelMap<'_>>() {
        let mut keys: Vec<_> = map.inner().keys().cloned().collect();
        keys.sort_unstable();
        let keys = keys.iter().map(|key| key.inner().clone_as_boxed()).collect::<Vec<_>>();
        return Ok(CowVal::owned(CelList::from(keys)));
    }
    Ok(args.swap_remove(0))
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let Some(text) = args[0].downcast_ref::<CelString<'_>>() else {
        return Err(mismatch("matches", &args));
    };
    pay(&args, weight(text))?;
    if let Some(Pattern(regex)) = args[1].downcast_ref::<Pattern>() {
        return Ok(CowVal::owned(CelBool::from(regex.is_match(text.inner()))));
    }
    let Some(source) = args[1].downcast_ref::<CelString<'_>>() else {
        return Err(mismatch("matches", &args));
    };
    pay(&args, PATTERN_UNITS)?;
    let Pattern(regex) = Pattern::compile(source.inner()).map_err(error)?;
    Ok(CowVal::owned(CelBool::from(regex.is_match(text.inner()))))
}

/// Both operands as fractions, where one is a fraction and the other a whole number.
fn as_fractions(args: &[CowVal<'_, '_>]) -> Option<(f64, f64)> {
    let (left, right) = (args[0].as_ref(), args[1].as_ref());
    match (left.downcast_ref::<CelDouble>(), right.downcast_ref::<CelDouble>()) {
        (Some(left), None) => Some((*left.inner(), whole(right)?)),
        (None, Some(right)) => Some((whole(left)?, *right.inner())),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

fn whole(value: &dyn Val) -> Option<f64> {
    match (value.downcast_ref::<CelInt>(), value.downcast_ref::<CelUInt>()) {
        (Some(int), _) => Some(*int.inner() as f64),
        (_, Some(uint)) => Some(*uint.inner() as f64),
        (None, None) => None,
    }
}

fn mismatch(operator: &str, args: &[CowVal<'_, '_>]) -> ExecutionError {
    let [left, right] = [&args[0], &args[1]].map(|arg| arg.get_type().name().to_owned());
    ExecutionError::no_such_overload(operator, vec![left, right])
}

macro_rules! arithmetic_function {
    ($name:ident, $accessor:ident, $method:ident, $operator:expr, $fractions:expr) => {
        fn $name<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
            if let Some((left, right)) = as_fractions(&args) {
                let of_fractions: fn(f64, f64) -> f64 = $fractions;
                return Ok(CowVal::owned(CelDouble::from(of_fractions(left, right))));
            }
            pay(&args, weight(args[0].as_ref()) + weight(args[1].as_ref()))?;
            // CEL would append the keys of a map to a list, in any order.
            let is_list = |arg: &CowVal<'_, '_>| arg.downcast_ref::<CelList<'_>>().is_some();
            if is_list(&args[0]) && !is_list(&args[1]) {
                return Err(mismatch($operator, &args));
            }
            let operand = args[0].$accessor().ok_or_else(|| mismatch($operator, &args))?;
            match operand.$method(args[1].as_ref()) {
                Ok(value) => Ok(CowVal::Owned(value.into_owned())),
                Err(
                    ExecutionError::NoSuchOverload(_)
                    | ExecutionError::UnexpectedType { .. }
                    | ExecutionError::UnsupportedBinaryOperator(..),
                ) => Err(mismatch($operator, &args)),
                Err(other) => Err(other),
            }
        }
    };
}

arithmetic_function!(add, as_adder, add, operators::ADD, |left, right| left + right);
arithmetic_function!(sub, as_subtractor, sub, operators::SUBSTRACT, |left, right| left - right);
arithmetic_function!(mul, as_multiplier, mul, operators::MULTIPLY, |left, right| left * right);
arithmetic_function!(div, as_divider, div, operators::DIVIDE, |left, right| left / right);
arithmetic_function!(modulo, as_modder, modulo, operators::MODULO, |left, right| left % right);

/// An error of the evaluator in words for the author of the expression. They never hold values:
/// those may be large or private, and print in another order each time.
#[expect(clippy::wildcard_enum_match_arm, reason = "the crate says that more errors will come")]
pub(super) fn explain(error: ExecutionError) -> String {
    let text = match error {
        ExecutionError::InternalError(message) => return message,
        ExecutionError::NoSuchOverload(overload) => {
            let name = overload.function().trim_matches(['_', '@']);
            return format!(
                "`{name}` does not apply to ({})",
                overload.argument_types().join(", ")
            );
        }
        ExecutionError::NoSuchKey(key) => return format!("there is no key `{key}`"),
        ExecutionError::UnexpectedType { got, want } => {
            return format!("expected {want}, found {got}");
        }
        ExecutionError::FunctionError { function, message } => {
            return format!("`{function}`: {message}");
        }
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            return format!("expected {expected} arguments, found {actual}");
        }
        ExecutionError::UndeclaredReference(name) => return format!("`{name}` is not known"),
        ExecutionError::NotSupportedAsMethod { method, .. } => {
            return format!("`{method}` does not apply to this value");
        }
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            return format!("`{operator}` does not apply to these values");
        }
        ExecutionError::IndexOutOfBounds(_) => "the index is outside the list",
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero"
        }
        ExecutionError::Overflow(..) => "the integer overflows",
        ExecutionError::UnsupportedKeyType(_) => "this cannot be the key of an object",
        ExecutionError::UnsupportedIndex(..) => "this cannot be an index",
        ExecutionError::ValuesNotComparable(..) => "these values cannot be compared",
        ExecutionError::DuplicateKey(_) => "an object has the same key twice",
        _ => "it cannot be evaluated over these values",
    };
    text.to_owned()
}
