//! `function`, `task` and `agent` nodes.

use serde_json::{Map, Value};

use super::expressions::Secrets;
use super::kind::decode;
use super::spec::Spec;
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{self, AgentConfig, AgentConfigToolsItem};
use crate::{Budget, Capability, NodeKind, usd_micros};

/// Functions that every runner has.
const BUILTINS: [&str; 3] = ["echo", "sleep", "fail"];
/// Longest `sleep`; a `timer` is durable and costs no runner.
const MAX_SLEEP_MS: u64 = 86_400_000;

/// An argument of a built-in function: name, whether a value fits, what fits.
type Argument = (&'static str, fn(&Value) -> bool, &'static str);

impl Unit<'_> {
    pub(super) fn function(&mut self, spec: &Spec) -> Option<NodeKind> {
        let mut config = Map::new();
        for key in ["name", "args"] {
            if let Some(value) = spec.config.get(key) {
                config.insert(key.to_owned(), value.clone());
            }
        }
        let template = self.template(Value::Object(config), &spec.at("config"), Secrets::Allowed);
        let name = spec.config.get("name")?.as_str()?;
        self.capabilities.insert(Capability::Function(name.into()));
        let has_pool = spec.pool.is_some() || spec.config.contains_key("pool");
        let builtin = BUILTINS.contains(&name) && !has_pool;
        if builtin {
            self.builtin_args(spec, name);
        }
        Some(NodeKind::Function { name: name.into(), builtin, config: template? })
    }

    /// Built-in functions say here what they could only say at run time.
    fn builtin_args(&mut self, spec: &Spec, name: &str) {
        let known: &[Argument] = match name {
            "sleep" => &[("ms", is_duration, "whole milliseconds, a day at most")],
            "fail" => &[
                ("message", Value::is_string, "a text"),
                ("code", Value::is_string, "a text"),
                ("retryable", Value::is_boolean, "true or false"),
            ],
            _ => return,
        };
        let at = spec.at("config/args");
        let args = match spec.config.get("args") {
            Some(Value::Object(args)) => args,
            Some(Value::String(reference)) if reference.starts_with('$') => return,
            None if name == "fail" => return,
            Some(_) | None => {
                let problem = invalid(name, &at, "its arguments are an object");
                return self.report(problem);
            }
        };
        for (key, value) in args {
            let at = format!("{at}/{key}");
            let Some((_, fits, wanted)) = known.iter().find(|(known, ..)| known == key) else {
                let names = known.iter().map(|(known, ..)| *known);
                let near = crate::names::nearest(key, names);
                let problem = invalid(name, &at, &format!("it has no argument `{key}`"));
                self.report(problem.with_hint_opt(near.map(|n| format!("did you mean `{n}`?"))));
                continue;
            };
            let is_reference = value.as_str().is_some_and(|text| text.starts_with('$'));
            if !is_reference && !fits(value) {
                self.report(invalid(name, &at, &format!("`{key}` is {wanted}")));
            }
        }
        if name == "sleep" && !args.contains_key("ms") {
            self.report(invalid(name, &at, "`ms` is missing"));
        }
    }

    pub(super) fn agent(&mut self, spec: &Spec) -> Option<NodeKind> {
        self.agents += 1;
        let config = self.config_template(spec, Secrets::Allowed);
        if let Some(schema) = spec.config.get("output_schema") {
            self.schema(schema, &spec.at("config/output_schema"));
        }
        let decoded: AgentConfig = decode(&spec.config)?;
        for (index, tool) in decoded.tools.iter().enumerate() {
            if let AgentConfigToolsItem::Object(tool) = tool
                && !tool.get("name").is_some_and(Value::is_string)
            {
                let at = spec.at(&format!("config/tools/{index}"));
                self.error(Code::MissingKey, &at, "a tool needs a `name`");
            }
        }
        let budget = decoded.budget.as_ref().map(budget).unwrap_or_default();
        Some(NodeKind::Agent { config: config?, budget })
    }
}

/// Caps as the engine counts them.
pub(super) fn budget(budget: &document::Budget) -> Budget {
    Budget { calls: budget.calls, tokens: budget.tokens, usd_micros: budget.usd.map(usd_micros) }
}

fn is_duration(value: &Value) -> bool {
    value.as_u64().is_some_and(|ms| ms <= MAX_SLEEP_MS)
}

fn invalid(name: &str, pointer: &str, message: &str) -> Diagnostic {
    let problem = Diagnostic::error(
        Code::InvalidArguments,
        pointer,
        format!("the built-in function `{name}` cannot use this: {message}"),
    );
    match name {
        "sleep" => problem.with_example(r#"{"ms": 1000}"#),
        "fail" => problem.with_example(r#"{"message": "no luck", "retryable": false}"#),
        _ => problem,
    }
}
