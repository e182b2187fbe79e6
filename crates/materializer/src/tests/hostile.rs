//! Patches that want to harm: each is refused within its budget, and says why.

use serde_json::{Value, json};

use crate::PatchCode::{
    CopiesTooMuch, DocumentTooLarge, DuplicateKey, InexactNumber, InvalidJson, OperationNotAllowed,
    PatchTooLarge, TooDeep, TooManyNodes, TooManyOperations,
};
use crate::{Budget, Draft, Patch, PatchCode, apply, materialize};

const BUDGET: Budget = Budget { document_bytes: 100_000, ..Budget::PERSON };

/// How a patch of the document with the key `a` ends; at no time is the document over its budget.
fn ends(patch: &str, budget: &Budget) -> Result<(), PatchCode> {
    let patch = Patch::parse(patch, budget).map_err(|errors| errors.0[0].code)?;
    let mut draft = Draft::new(json!({"a": [0], "nodes": []}));
    let done = draft.run(&patch, budget, |draft, _| {
        draft.assert_consistent();
        let bytes = draft.document().to_string().len();
        assert!(bytes <= budget.document_bytes, "{bytes}");
    });
    done.map_err(|error| error.code)
}

fn many(count: usize, operation: &str) -> String {
    format!("[{}]", vec![operation; count].join(","))
}

#[test]
fn copies_do_not_grow_beyond_the_budget() {
    let double = r#"{"op":"copy","from":"/a","path":"/a/-"}"#;
    assert_eq!(ends(&many(12, double), &BUDGET), Ok(()));
    assert_eq!(ends(&many(40, double), &BUDGET), Err(CopiesTooMuch));
    let whole = r#"{"op":"copy","from":"","path":"/b"}"#;
    assert_eq!(ends(&many(64, whole), &BUDGET), Err(TooDeep));
    let text = "x".repeat(60_000);
    let once = format!(
        r#"[{{"op":"add","path":"/t","value":"{text}"}},{{"op":"copy","from":"/t","path":"/u"}}]"#
    );
    assert_eq!(ends(&once, &BUDGET), Err(DocumentTooLarge));
    // Time counts too: copies of something large onto itself leave the size as it is.
    let onto_itself = r#"{"op":"copy","from":"/t","path":"/t"}"#;
    let again =
        format!(r#"[{{"op":"add","path":"/t","value":"{text}"}},{onto_itself},{onto_itself}]"#);
    assert_eq!(ends(&again, &BUDGET), Err(CopiesTooMuch));
}

#[test]
fn agents_neither_copy_nor_move() {
    for op in ["copy", "move"] {
        let patch = format!(r#"[{{"op":"{op}","from":"/a","path":"/b"}}]"#);
        assert_eq!(ends(&patch, &Budget::AGENT), Err(OperationNotAllowed));
        assert_eq!(ends(&patch, &Budget::PERSON), Ok(()));
    }
}

#[test]
fn depth_is_bounded_however_it_comes_about() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let add = |depth| format!(r#"[{{"op":"add","path":"/d","value":{}}}]"#, nested(depth));
    assert_eq!(ends(&add(31), &BUDGET), Ok(()));
    assert_eq!(ends(&add(32), &BUDGET), Err(TooDeep));
    assert_eq!(ends(&add(100), &BUDGET), Err(TooDeep));
    assert_eq!(ends(&add(50_000), &BUDGET), Err(TooDeep));
    let mut deeper = vec![r#"{"op":"add","path":"/d","value":{}}"#.to_owned()];
    let mut path = "/d".to_owned();
    for _ in 0..40 {
        path.push_str("/d");
        deeper.push(format!(r#"{{"op":"add","path":"{path}","value":{{}}}}"#));
    }
    assert_eq!(ends(&format!("[{}]", deeper.join(",")), &BUDGET), Err(TooDeep));
    let fold = r#"{"op":"move","from":"/a","path":"/b"},{"op":"add","path":"/a","value":{}},{"op":"move","from":"/b","path":"/a/x"}"#;
    assert_eq!(ends(&many(15, fold), &BUDGET), Ok(()));
    assert_eq!(ends(&many(60, fold), &BUDGET), Err(TooDeep));
}

#[test]
fn sizes_are_bounded() {
    let tiny = Budget { operations: 3, patch_bytes: 200, nodes: 2, ..Budget::PERSON };
    let test = r#"{"op":"test","path":"/a","value":[0]}"#;
    assert_eq!(ends(&many(3, test), &tiny), Ok(()));
    assert_eq!(ends(&many(4, test), &tiny), Err(TooManyOperations));
    let long = format!(r#"[{{"op":"add","path":"/t","value":"{}"}}]"#, "x".repeat(300));
    assert_eq!(ends(&long, &tiny), Err(PatchTooLarge));
    // A patch that did not come as text is bounded too.
    let patch = Patch::parse(&long, &Budget::PERSON).unwrap();
    assert_eq!(apply(json!({}), &patch, &tiny).unwrap_err().code, PatchTooLarge);
    let node =
        |value: Value| json!([{"op": "add", "path": "/nodes/-", "value": value}]).to_string();
    let body = json!({"id": "b", "type": "http"});
    let workflow = json!({"nodes": [body.clone()]});
    assert_eq!(ends(&node(json!({"config": {"node": body}})), &tiny), Ok(()));
    assert_eq!(ends(&node(json!({"config": {"workflow": workflow}})), &tiny), Ok(()));
    assert_eq!(ends(&node(json!({"config": {"args": {"nodes": [1, 2, 3]}}})), &tiny), Ok(()));
    let deep = json!({"config": {"workflow": {"nodes": [{"compensate": body}]}}});
    assert_eq!(ends(&node(deep), &tiny), Err(TooManyNodes));
    let plain = r#"{"op":"add","path":"/nodes/-","value":{}}"#;
    assert_eq!(ends(&many(2, plain), &tiny), Ok(()));
    assert_eq!(ends(&many(3, plain), &tiny), Err(TooManyNodes));
}

#[test]
fn numbers_and_texts_that_others_read_otherwise_are_refused() {
    let add = |value: &str| format!(r#"[{{"op":"add","path":"/n","value":{value}}}]"#);
    let cases = [
        ("9007199254740993", InexactNumber),
        ("-9007199254740993", InexactNumber),
        ("1e17", InexactNumber),
        ("[[{\"x\": 18446744073709551615}]]", InexactNumber),
        ("1e400", InvalidJson),
        ("-1e999999", InvalidJson),
        ("NaN", InvalidJson),
        ("01", InvalidJson),
        ("\"\\ud800\"", InvalidJson),
        ("{\"x\":1,\"\\u0078\":2}", DuplicateKey),
    ];
    for (value, code) in cases {
        assert_eq!(ends(&add(value), &BUDGET), Err(code), "{value}");
    }
    for text in ["", "[", "nodes: []", "[{]", "[] []", "\u{feff}[]", "null", "[[[", "\0"] {
        let errors = Patch::parse(text, &BUDGET).unwrap_err();
        assert!(errors.0[0].hint.is_some() && errors.0[0].example.is_some(), "{text}: {errors}");
    }
    assert_eq!(ends(&add("1e300"), &BUDGET), Ok(()));
    assert_eq!(ends(&add("5e-324"), &BUDGET), Ok(()));
}

#[test]
fn a_form_is_judged_as_a_whole() {
    let text = r#"[{"op":"add","pth":"/a","value":1},{"op":"delete","path":"/a"},{"op":"test","path":"a.b","value":1},7]"#;
    let errors = Patch::parse(text, &BUDGET).unwrap_err().0;
    let told: Vec<String> = errors
        .iter()
        .map(|e| {
            format!("{} {}: {} ({})", e.code, e.pointer, e.message, e.hint.as_deref().unwrap_or(""))
        })
        .collect();
    assert_eq!(
        told,
        [
            "missing_key /0: a `add` needs `path`, a JSON pointer ()",
            "unknown_key /0/pth: a `add` has no key `pth` (did you mean `path`?)",
            "unknown_operation /1/op: there is no operation `delete`; there are add, remove, replace, move, copy, test (did you mean `remove`?)",
            "invalid_pointer /2/path: `a.b` is no JSON pointer: a JSON pointer is empty (the whole document) or starts with `/` (perhaps `/a/b`)",
            "wrong_type /3: an operation is an object, and this is a number ()",
        ]
    );
    for error in errors {
        let example = format!("[{}]", error.example.unwrap());
        Patch::parse(&example, &BUDGET).expect(&example);
    }
}

#[test]
fn codes_are_alphabetical_and_explained() {
    let names: Vec<&str> = PatchCode::ALL.iter().map(|code| code.as_str()).collect();
    assert!(names.is_sorted());
    for code in PatchCode::ALL {
        assert!(code.explanation().ends_with('.'), "{code}");
    }
}

#[test]
fn the_digest_is_that_of_the_compiled_document() {
    let base = aob_ir::compile(
        &json!({"nodes": [{"id": "a", "type": "function", "config": {"name": "echo"}}]}),
    );
    let base: Value = serde_json::from_str(&base.unwrap().ir.canonical).unwrap();
    let patch = Patch::from_value(json!([
        {"op": "add", "path": "/nodes/b", "value": {"id": "b", "type": "agent", "join": "any", "config": {"prompt": "x", "model": "m"}}},
        {"op": "add", "path": "/nodes/a/config/params", "value": {"n": 5.0}},
        {"op": "add", "path": "/edges", "value": [{"from": "a", "to": "b"}]},
    ]))
    .unwrap();
    let made = materialize(&base, &patch, &Budget::AGENT).unwrap();
    let ir = aob_ir::compile(&made.document).unwrap().ir;
    assert_eq!((made.digest, &made.canonical), (ir.digest, &ir.canonical));
    assert_eq!(made.document["nodes"][1]["config"]["task"], "x");
    assert_eq!(made.document["nodes"][1]["join"], json!({"mode": "any"}));
    assert_eq!(made.document["nodes"][0]["config"]["args"], json!({"n": 5}));
}
