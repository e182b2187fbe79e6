//! Properties over generated documents, templates and expressions.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{
    Bindings, Code, Compiled, Diagnostics, Expr, Resolver, Root, Template, compile, compile_text,
    parse_document,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON, with many keys and words that documents know.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "nodes",
        "edges",
        "id",
        "type",
        "config",
        "a",
        "b",
        "map",
        "loop",
        "http",
        "function",
        "from",
        "to",
        "on",
        "condition",
        "workflow",
        "node",
        "items",
        "$nodes.a",
        "${inputs.x}",
        "$item",
        "input.x",
        "template",
        "expression",
        "join",
        "loop_back_to",
        "break_path",
        "url",
        "policies",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        words.clone().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(words.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A graph of up to ten transforms; each may read others, edges may form cycles.
#[derive(Debug, Clone)]
struct Graph {
    nodes: usize,
    edges: BTreeSet<(usize, usize)>,
    reads: BTreeSet<(usize, usize)>,
}

fn graphs() -> impl Strategy<Value = Graph> {
    (1_usize..10).prop_flat_map(|nodes| {
        let pair = (0..nodes, 0..nodes);
        let edges = prop::collection::btree_set(pair.clone(), 0..(2 * nodes));
        let reads = prop::collection::btree_set(pair, 0..4);
        // Most graphs should be acyclic: edges mostly lead upwards.
        (edges, reads, 0_u8..10).prop_map(move |(edges, reads, back)| Graph {
            nodes,
            edges: edges
                .into_iter()
                .filter(|(a, b)| a != b)
                .map(|(a, b)| if back > 0 { (a.min(b), a.max(b)) } else { (a, b) })
                .collect(),
            reads: reads.into_iter().filter(|(a, b)| a != b).collect(),
        })
    })
}

impl Graph {
    fn document(&self) -> Value {
        let node = |ix: usize| {
            let reads = self.reads.iter().filter(|(reader, _)| *reader == ix);
            let reads: Vec<String> = reads.map(|(_, of)| format!("$nodes.n{of}")).collect();
            json!({"id": format!("n{ix}"), "type": "transform", "config": {"template": reads}})
        };
        let edge =
            |(a, b): &(usize, usize)| json!({"from": format!("n{a}"), "to": format!("n{b}")});
        json!({
            "nodes": (0..self.nodes).map(node).collect::<Vec<_>>(),
            "edges": self.edges.iter().map(edge).collect::<Vec<_>>(),
        })
    }

    /// What can be reached from `from` without passing `not`.
    fn reached(&self, from: &[usize], not: Option<usize>) -> BTreeSet<usize> {
        let mut reached: BTreeSet<usize> =
            from.iter().copied().filter(|node| Some(*node) != not).collect();
        loop {
            let next = self
                .edges
                .iter()
                .find(|(a, b)| reached.contains(a) && !reached.contains(b) && Some(*b) != not);
            match next {
                Some((_, node)) => reached.insert(*node),
                None => return reached,
            };
        }
    }

    fn successors(&self, node: usize) -> Vec<usize> {
        self.edges.iter().filter(|(a, _)| *a == node).map(|(_, b)| *b).collect()
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        self.reached(&self.successors(a), None).contains(&b)
    }

    fn is_cyclic(&self) -> bool {
        (0..self.nodes).any(|node| self.is_before(node, node))
    }

    fn entries(&self) -> Vec<usize> {
        (0..self.nodes).filter(|node| self.edges.iter().all(|(_, b)| b != node)).collect()
    }
}

fn codes(result: &Result<Compiled, Diagnostics>) -> Vec<Code> {
    let problems = match result {
        Ok(compiled) => &compiled.warnings,
        Err(problems) => &problems.0,
    };
    problems.iter().map(|problem| problem.code).collect()
}

/// The same value with the keys of objects in another order.
fn reordered(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members: Vec<String> = map
                .iter()
                .rev()
                .map(|(key, value)| format!("{} :\n{}", json!(key), reordered(value)))
                .collect();
            format!("{{ {} }}", members.join(" ,"))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(reordered).collect::<Vec<_>>().join(", "))
        }
        Value::Number(number) if number.is_u64() => format!("{number}.0"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

struct Nothing;

impl Resolver for Nothing {
    type Missing = ();

    fn resolve(&self, root: Root<'_>) -> Result<Option<Arc<Value>>, ()> {
        Ok(match root {
            Root::Node(_) | Root::Item => None,
            Root::Inputs | Root::Run => Some(Arc::new(json!({"x": [1, {"y": "z"}]}))),
            Root::Input | Root::Index | Root::Iteration => Some(Arc::new(json!(1))),
        })
    }
}

proptest! {
    #[test]
    fn any_json_compiles_or_says_why(value in any_json()) {
        let _ = compile(&value);
        let text = value.to_string();
        if let Ok(parsed) = parse_document(&text) {
            prop_assert_eq!(parsed, value);
        }
    }

    #[test]
    fn any_text_parses_or_says_why(text in "[\\[\\]{}\",:0-9a-z\\\\ -]{0,40}") {
        let parsed = parse_document(&text);
        if serde_json::from_str::<Value>(&text).is_err() {
            prop_assert!(parsed.is_err(), "{text}");
        }
    }

    #[test]
    fn cycles_and_reads_are_judged_as_by_hand(graph in graphs()) {
        let result = compile(&graph.document());
        let codes = codes(&result);
        prop_assert_eq!(codes.contains(&Code::Cycle), graph.is_cyclic());
        prop_assert_eq!(codes.contains(&Code::NoEntry), graph.entries().is_empty());
        if !graph.is_cyclic() {
            let bad = graph.reads.iter().filter(|(reader, of)| !graph.is_before(*of, *reader)).count();
            prop_assert_eq!(codes.iter().filter(|code| **code == Code::NotUpstream).count(), bad);
        }
    }

    #[test]
    fn dominators_are_what_every_way_leads_through(graph in graphs()) {
        let graph = Graph { reads: BTreeSet::new(), ..graph };
        prop_assume!(!graph.is_cyclic());
        let compiled = compile(&graph.document()).expect("a good graph");
        let dominators = compiled.ir.dominators();
        for node in 0..graph.nodes {
            for other in 0..graph.nodes {
                let cut = graph.reached(&graph.entries(), Some(other));
                let expected = node == other || !cut.contains(&node);
                prop_assert_eq!(
                    dominators.dominates(other as u32, node as u32), expected,
                    "{} over {}", other, node
                );
            }
        }
    }

    #[test]
    fn the_digest_is_that_of_the_document_not_of_its_text(graph in graphs()) {
        prop_assume!(!graph.is_cyclic());
        let graph = Graph { reads: BTreeSet::new(), ..graph };
        let compiled = compile(&graph.document()).expect("a good graph");
        let again = compile_text(&compiled.ir.canonical).expect("its canonical text is good too");
        prop_assert_eq!(&again.ir.canonical, &compiled.ir.canonical);
        let other = compile_text(&reordered(&graph.document())).expect("in another order too");
        prop_assert_eq!(other.ir.digest, compiled.ir.digest);
    }

    #[test]
    fn any_template_renders_or_says_why(value in any_json(), text in "[$.{}\\[\\]'\"?a-z0-9 -]{0,24}") {
        for value in [value, json!(text), json!(format!("$inputs{text}")), json!(format!("${{inputs.x {text}}}"))] {
            let Ok(template) = Template::compile(&value) else { continue };
            let rendered = template.render(&Nothing);
            if let (Some(constant), Ok(rendered)) = (template.constant(), &rendered) {
                prop_assert_eq!(constant.as_ref(), &rendered.value);
                prop_assert!(template.references().is_empty());
            }
            if !value.to_string().contains('$') {
                prop_assert_eq!(&rendered.expect("nothing to resolve").value, &value);
            }
        }
    }

    #[test]
    fn any_expression_evaluates_or_says_why(source in "[$.()\\[\\]{}'\"?:,a-e0-9 !=<>&|+*/%-]{0,40}", words in expressions()) {
        let output = json!({"a": [1, 2.5, "x"], "b": {"c": true}, "d": 7, "e": null});
        let bindings = Bindings { output: Some(&output), inputs: Some(&output), ..Bindings::default() };
        for source in [source, words] {
            let Ok(expr) = Expr::compile(&source) else { continue };
            let first = expr.eval(&bindings);
            prop_assert_eq!(&first, &expr.eval(&bindings), "twice the same: {}", source);
            if let Ok(Value::Bool(value)) = first {
                prop_assert_eq!(expr.eval_bool(&bindings), Ok(value));
            }
        }
    }
}

/// Expressions that mostly parse.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2.5",
        "-3",
        "'x'",
        "true",
        "null",
        "output.a",
        "$.a[0]",
        "$.b",
        "$.b.c",
        "inputs.d",
        "$.e",
        "[]",
        "{'k': 1}",
        "$.zzz",
        "output",
        "x",
        "ctx.n",
        "index",
        "9223372036854775807",
        "0",
        "1u",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", "&&", "||", "in",
        ]);
        let function = prop::sample::select(vec![
            "size",
            "string",
            "int",
            "double",
            "type",
            "has",
            "bool",
            "timestamp",
            "duration",
            "dyn",
            "uint",
            "bytes",
        ]);
        let makro = prop::sample::select(vec!["map", "filter", "all", "exists", "exists_one"]);
        let method =
            prop::sample::select(vec!["contains", "startsWith", "endsWith", "matches", "getHours"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (inner.clone(), makro, inner.clone()).prop_map(|(a, m, b)| format!("{a}.{m}(x, {b})")),
            (inner.clone(), method, inner.clone()).prop_map(|(a, m, b)| format!("{a}.{m}({b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a}[{b}]")),
        ]
    })
}

#[test]
fn aliases_and_long_spellings_have_one_digest() {
    let short = json!({
        "nodes": [
            {"id": "f", "type": "function", "config": {"function_name": "echo", "params": {"x": 1}}},
            {"id": "h", "type": "http", "config": {"url": "https://a.example/", "payload": 5.0}},
            {"id": "l", "type": "filter", "config": {"items": [], "filter_expression": "true"}},
            {"id": "a", "type": "agent", "config": {"prompt": "x"}, "join": "any"},
            {"id": "m", "type": "map", "config": {"items": [], "node": {
                "type": "task", "config": {"function_name": "f"},
                "compensate": {"type": "http", "config": {"url": "https://a.example/", "payload": 1}},
            }}},
            {"id": "c", "type": "composite", "config": {"workflow": {
                "nodes": [{"id": "f", "type": "function", "config": {"function_name": "echo"}}],
            }}},
        ],
    });
    let long = json!({
        "nodes": [
            {"id": "f", "type": "function", "config": {"name": "echo", "args": {"x": 1}}},
            {"id": "h", "type": "http", "config": {"url": "https://a.example/", "body": 5}},
            {"id": "l", "type": "filter", "config": {"items": [], "expression": "true"}},
            {"id": "a", "type": "agent", "config": {"task": "x"}, "join": {"mode": "any"}},
            {"id": "m", "type": "map", "config": {"items": [], "node": {
                "type": "task", "config": {"name": "f"},
                "compensate": {"type": "http", "config": {"url": "https://a.example/", "body": 1}},
            }}},
            {"id": "c", "type": "composite", "config": {"workflow": {
                "nodes": [{"id": "f", "type": "function", "config": {"name": "echo"}}],
            }}},
        ],
    });
    let short = compile(&short).expect("short").ir;
    let long = compile(&long).expect("long").ir;
    assert_eq!(short.canonical, long.canonical);
    assert_eq!(short.digest, long.digest);
    assert_eq!(short.inline_children, long.inline_children);
}

#[test]
fn deep_expressions_fit_a_small_stack() {
    let deepest = [
        vec!["1"; 110].join("+"),
        vec!["true"; 110].join("&&"),
        format!("{}1{}", "(".repeat(32), ")".repeat(32)),
        format!("{}1{}", "[".repeat(32), "]".repeat(32)),
        "!".repeat(4000) + "true",
        "-".repeat(4000) + "1",
        "true ? 1 : ".repeat(300) + "1",
        format!("output{}", ".a".repeat(2000)),
        format!("output{}", "[0]".repeat(1300)),
        format!("'a'{}", ".contains('b')".repeat(200)),
    ];
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for source in deepest {
            if let Ok(expr) = Expr::compile(&source) {
                let _ = expr.eval(&Bindings::default());
            }
        }
    });
    thread.expect("a thread").join().expect("no overflow");
}
