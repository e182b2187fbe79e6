//! Modules that misbehave, and that a module says what the same passes say natively.

use std::collections::BTreeSet;
use std::time::Duration;

use aob_ir::Digest;
use aob_optimizer::{
    CallError, Host, Limits, Module, ModuleError, Native, Passes, PublicKey, Signature, Trust,
    builtin, builtin_passes, facts, plan, signed_message,
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::support::*;

const LIMITS: fn() -> Limits = || Limits {
    fuel: 5_000_000,
    memory_bytes: 4 << 20,
    table_elements: 1_000,
    answer_bytes: 10_000,
    time: Duration::from_millis(200),
    ..Limits::default()
};

/// Loads a module that somebody trusted has signed.
fn load(limits: Limits, wat: &str) -> Result<Module, ModuleError> {
    let (bytes, signature, trust) = signed(wat);
    host(limits).load(&bytes, &signature, &trust)
}

fn host(limits: Limits) -> Host {
    Host::new(limits).expect("a host")
}

/// A module with a signature, and those who trust both.
fn signed(wat: &str) -> (Vec<u8>, Signature, Trust) {
    let bytes = wat::parse_str(wat).expect("a module");
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("a key");
    let digest = Digest::of(&bytes);
    let signature = pair.sign(&signed_message(&digest));
    let signature = Signature(signature.as_ref().try_into().expect("64 bytes"));
    let key = PublicKey(pair.public_key().as_ref().try_into().expect("32 bytes"));
    (bytes, signature, Trust { digests: [digest].into(), keys: [key].into() })
}

/// A module whose `aob_optimize` is this, beside helpers.
fn module(body: &str, helpers: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            {helpers}
            (func (export "aob_alloc") (param i32) (result i32) (i32.const 1024))
            (func $optimize (export "aob_optimize") (param i32 i32) (result i64) {body}))"#
    )
}

fn answering(text: &str) -> String {
    let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let answer = format!("(i64.const {})", (32_768_u64 << 32) | text.len() as u64);
    module(&answer, &format!("(data (i32.const 32768) \"{escaped}\")"))
}

/// What a module does, its text, and what comes of it.
type Misbehaviour = (&'static str, String, fn(&CallError) -> bool);

fn misbehaviours() -> Vec<Misbehaviour> {
    vec![
        ("spins", module("(loop $l (br $l)) (i64.const 0)", ""), |e| {
            matches!(e, CallError::Fuel(_))
        }),
        ("recurses", module("(call $optimize (local.get 0) (local.get 1))", ""), |e| {
            matches!(e, CallError::Stack | CallError::Fuel(_))
        }),
        ("traps", module("(unreachable)", ""), |e| matches!(e, CallError::Trap(_))),
        ("divides by zero", module("(i64.div_u (i64.const 1) (i64.const 0))", ""), |e| {
            matches!(e, CallError::Trap(_))
        }),
        ("reads beyond its memory", module("(i64.load (i32.const -9))", ""), |e| {
            matches!(e, CallError::Trap(_))
        }),
        (
            "grows its memory without end",
            module(
                "(loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) (unreachable)",
                "",
            ),
            |e| matches!(e, CallError::Trap(_)),
        ),
        (
            "grows its table without end",
            module(
                "(loop $l (br_if $l (i32.ge_s (table.grow $t (ref.null func) (i32.const 100)) (i32.const 0)))) (unreachable)",
                "(table $t 1 funcref)",
            ),
            |e| matches!(e, CallError::Trap(_)),
        ),
        ("names bytes outside", module("(i64.const 0x7fffffff00000010)", ""), |e| {
            *e == CallError::OutOfBounds
        }),
        ("answers too much", module("(i64.const 0x0000000000009c40)", ""), |e| {
            matches!(e, CallError::TooLong { bytes: 40_000, max: 10_000 })
        }),
        ("answers beyond any length", module("(i64.const -1)", ""), |e| {
            matches!(e, CallError::TooLong { .. })
        }),
        (
            "traps as it starts",
            module("(i64.const 0)", "(func $boom (unreachable)) (start $boom)"),
            |e| matches!(e, CallError::Trap(_)),
        ),
        (
            "spins as it starts",
            module("(i64.const 0)", "(func $boom (loop $l (br $l))) (start $boom)"),
            |e| matches!(e, CallError::Fuel(_)),
        ),
    ]
}

#[test]
fn a_module_that_misbehaves_is_stopped() {
    for (what, wat, expected) in misbehaviours() {
        let module = load(LIMITS(), &wat).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (one, two) = (module.call(b"{}"), module.call(b"{}"));
        assert_eq!(one, two, "{what}: twice the same");
        let error = one.expect_err(what);
        assert!(expected(&error), "{what}: {error:?}");
        // And in a plan it changes nothing, with the reason.
        let planned = plan(&document(), &[("x", &module)]).expect("a document");
        assert!(
            planned.steps.is_empty() && planned.before.digest == planned.after.digest,
            "{what}"
        );
        assert_eq!(planned.notes.len(), 1, "{what}");
    }
}

#[test]
fn an_allocator_that_lies_is_caught() {
    for place in ["-1", "2147483647", "65530"] {
        let wat = format!(
            r#"(module (memory (export "memory") 1)
                (func (export "aob_alloc") (param i32) (result i32) (i32.const {place}))
                (func (export "aob_optimize") (param i32 i32) (result i64) (i64.const 0)))"#
        );
        let module = load(LIMITS(), &wat).expect("a module");
        assert_eq!(module.call(&[b' '; 100]), Err(CallError::OutOfBounds), "{place}");
    }
}

#[test]
fn time_is_the_backstop_where_fuel_is_plenty() {
    let limits = Limits { fuel: u64::MAX / 2, ..LIMITS() };
    let module = load(limits, &module("(loop $l (br $l)) (i64.const 0)", "")).expect("a module");
    assert_eq!(module.call(b""), Err(CallError::Time(limits.time)));
}

#[test]
fn what_is_no_module_for_us_is_not_loaded() {
    let with_import = r#"(module (import "wasi_snapshot_preview1" "fd_write"
        (func (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1))"#;
    let no_memory =
        r#"(module (func (export "aob_alloc") (param i32) (result i32) (i32.const 0)))"#;
    let no_optimize = r#"(module (memory (export "memory") 1)
        (func (export "aob_alloc") (param i32) (result i32) (i32.const 0)))"#;
    let wrong_type = r#"(module (memory (export "memory") 1)
        (func (export "aob_alloc") (param i32) (result i32) (i32.const 0))
        (func (export "aob_optimize") (param i32) (result i64) (i64.const 0)))"#;
    let shared = r#"(module (memory (export "memory") 1 2 shared))"#;
    let simd = module("(i64x2.extract_lane 0 (v128.const i64x2 1 2))", "");
    let wide = r#"(module (memory (export "memory") i64 1))"#;
    for (what, wat, expected) in [
        ("imports", with_import, "imports `wasi_snapshot_preview1.fd_write`"),
        ("no memory", no_memory, "does not export `memory`"),
        ("no function", no_optimize, "does not export `aob_optimize"),
        ("another function", wrong_type, "does not export `aob_optimize"),
        ("threads", shared, "not a usable WebAssembly module"),
        ("vectors", &simd, "not a usable WebAssembly module"),
        ("64 bits", wide, "not a usable WebAssembly module"),
    ] {
        let error = load(LIMITS(), wat).expect_err(what).to_string();
        assert!(error.contains(expected), "{what}: {error}");
    }
    let big = Limits { module_bytes: 10, ..LIMITS() };
    let error = load(big, &module("(i64.const 0)", "")).expect_err("too large");
    assert!(matches!(error, ModuleError::TooLarge { .. }), "{error}");
    // Initial memory beyond the limit.
    let wat = answering("{}")
        .replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 1000)");
    let module = load(LIMITS(), &wat).expect("it compiles");
    assert!(matches!(module.call(b""), Err(CallError::Instance(_))));
}

fn document() -> Value {
    json!({
        "nodes": [
            function("start"),
            {"id": "ask", "type": "hitl", "config": {"approvers": [{"role": "boss"}]}},
            {"id": "pay", "type": "http", "config": {"url": "https://bank.example.com/pay", "method": "POST"}},
            get("read"),
            template("end", &json!({"read": "$nodes.read.status"})),
        ],
        "edges": edges(&["start->ask", "ask->pay", "pay->read", "read->end"]),
    })
}

#[test]
fn answers_that_make_no_sense_change_nothing() {
    let rewrite = |operations: Value| {
        json!({"rewrite": {"rule": "r", "reason": "", "nodes": [],
            "saving": {"metric": "jobs", "amount": 1, "per": "run"}, "operations": operations}})
        .to_string()
    };
    let evil =
        json!({"id": "evil", "type": "http", "config": {"url": "https://evil.example.com/"}});
    let second = json!({"id": "x", "type": "http", "config": {"url": "https://bank.example.com/pay", "method": "POST"}});
    for (what, answer) in [
        ("nothing", String::new()),
        ("no JSON", "{".to_owned()),
        ("another shape", "[1, 2]".to_owned()),
        ("an error", r#"{"error": "no such pass"}"#.to_owned()),
        ("no patch", rewrite(json!([{"op": "frobnicate", "path": "/nodes/0"}]))),
        ("no place", rewrite(json!([{"op": "remove", "path": "/nodes/nobody"}]))),
        ("nothing different", rewrite(json!([]))),
        ("no workflow", rewrite(json!([{"op": "remove", "path": "/nodes"}]))),
        (
            "the whole document",
            rewrite(json!([{"op": "replace", "path": "", "value": {"nodes": [function("x")]}}])),
        ),
        ("another host", rewrite(json!([{"op": "add", "path": "/nodes/-", "value": evil}]))),
        ("one more payment", rewrite(json!([{"op": "add", "path": "/nodes/-", "value": second}]))),
        (
            "another amount",
            rewrite(json!([{"op": "add", "path": "/nodes/pay/config/body", "value": 1_000_000}])),
        ),
        (
            "a weaker approval",
            rewrite(json!([{"op": "replace", "path": "/nodes/ask/config/approvers", "value": []}])),
        ),
        (
            "an approval that computes",
            rewrite(json!([{"op": "replace", "path": "/nodes/ask",
            "value": {"id": "ask", "type": "transform", "config": {"template": 1}}}])),
        ),
        (
            "other limits",
            rewrite(json!([{"op": "add", "path": "/limits", "value": {"max_agents": 1000}}])),
        ),
        (
            "an agent",
            rewrite(
                json!([{"op": "add", "path": "/nodes/-", "value": {"id": "z", "type": "agent", "config": {"task": "?"}}}]),
            ),
        ),
        ("copies", rewrite(json!([{"op": "copy", "from": "/nodes/0", "path": "/nodes/-"}]))),
    ] {
        let limits = Limits { answer_bytes: 100_000, ..LIMITS() };
        let module = load(limits, &answering(&answer)).expect("a module");
        let planned = plan(&document(), &[("x", &module)]).expect("a document");
        assert!(planned.steps.is_empty(), "{what}: {:?}", planned.steps);
        assert_eq!(planned.notes.len(), 1, "{what}");
        assert_eq!(planned.before.digest, planned.after.digest, "{what}");
    }
}

#[test]
fn the_module_says_what_the_same_passes_say_natively() {
    let module = builtin(&host(Limits::default())).expect("the module");
    let mut rules = BTreeSet::new();
    for document in golden() {
        let ir = aob_ir::compile(&document).expect("a document").ir;
        let document: Value = serde_json::from_str(&ir.canonical).expect("JSON");
        let mut facts = facts(&document, &ir);
        for supports_cache in [false, true] {
            facts.supports_cache = supports_cache;
            for pass in builtin_passes() {
                let native = Native.propose(pass, &document, &facts).expect("an answer");
                let wasm = module.propose(pass, &document, &facts).expect("an answer");
                assert_eq!(native.rewrite, wasm.rewrite, "{pass}: {document}");
                assert!(wasm.fuel > 0);
                rules.extend(wasm.rewrite.map(|rewrite| rewrite.rule));
            }
        }
    }
    assert_eq!(rules.len(), 8, "every rule is in the corpus: {rules:?}");
    let error = module.propose("no-such-pass", &json!({}), &Default::default()).unwrap_err();
    assert!(error.to_string().contains("there is no pass `no-such-pass`"), "{error}");
}

/// Documents in which every rule finds something, and random ones.
fn golden() -> Vec<Value> {
    let mut documents = vec![
        crate::coalesce::base(),
        crate::parallel::base(),
        crate::cse::base(),
        crate::cse::requests(),
        crate::hoist::base(),
        crate::prune::base(),
        crate::pushdown::base(),
        crate::cacheable::base(),
    ];
    documents.extend((0..40).map(crate::differential::document));
    documents.extend((0..40).map(crate::differential::document));
    documents
}
