//! Tests of expressions.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What `eval` binds.
fn data() -> Value {
    json!({
        "score": 705, "ratio": 0.5, "whole": 5.0, "big": 9_007_199_254_740_993_i64,
        "name": "Ada", "a-b": true, "nothing": null,
        "items": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}, {"n": 3, "t": "x"}],
        "prices": [1.5, 2, 3.25],
        "map": {"z": 1, "a": 2, "m": 3},
    })
}

fn eval(source: &str) -> Result<Value, String> {
    let data = data();
    let ctx = [
        (Arc::from("fetch"), Arc::new(json!({"status": 200}))),
        (Arc::from("a-b"), Arc::new(json!(7))),
    ];
    let inputs = json!({"limit": 700});
    let run = json!({"id": "r1"});
    let bindings = Bindings {
        output: Some(&data),
        inputs: Some(&inputs),
        run: Some(&run),
        ctx: &ctx,
        ..Bindings::default()
    };
    let expr = Expr::compile(source).map_err(|error| format!("compile: {error}"))?;
    expr.eval(&bindings).map_err(|error| error.to_string())
}

#[test]
fn evaluates_to_json() {
    let cases = [
        ("output.score > inputs.limit", json!(true)),
        ("$.score + 1", json!(706)),
        ("$.items[1].n", json!(2)),
        ("'$.score' + '$'", json!("$.score$")),
        ("output['a-b'] ? 'yes' : 'no'", json!("yes")),
        ("ctx.fetch.status == 200 && ctx['a-b'] == 7", json!(true)),
        ("has(ctx.other)", json!(false)),
        ("has(ctx.fetch) && has(ctx.fetch.status) && !has(ctx.fetch.body)", json!(true)),
        ("has($.nothing) && $.nothing == null", json!(true)),
        ("run.id", json!("r1")),
        // Integral numbers are integers, fractions mix with them.
        ("$.whole / 2", json!(2)),
        ("$.ratio * 3", json!(1.5)),
        ("$.score * 1.5", json!(1057.5)),
        ("$.score * 2.0", json!(1410)),
        ("2 - $.ratio", json!(1.5)),
        ("$.score == 705.0 && $.score < 705.5 && $.ratio < 1", json!(true)),
        ("$.big > 9007199254740992.0 || $.big == 9007199254740992.0", json!(true)),
        ("7 % 4", json!(3)),
        // Macros, also over variables of their own.
        ("$.items.filter(i, i.t == 'x').map(i, i.n)", json!([1, 3])),
        ("$.items.map(output, output.n)", json!([1, 2, 3])),
        ("$.items.exists(i, i.n > 2) && $.items.all(i, i.n > 0)", json!(true)),
        ("$.items.exists_one(i, i.n == 2)", json!(true)),
        ("$.items.map(i, i.n > 1, i.n * 10)", json!([20, 30])),
        ("$.map.map(k, k)", json!(["a", "m", "z"])),
        ("{'b': 1, 'a': [1, 2.5, null]}", json!({"a": [1, 2.5, null], "b": 1})),
        ("{'z': 1, 'b': 2, 'a': 3}.map(k, k)", json!(["a", "b", "z"])),
        ("[{'z': 1, 'b': 2}].map(m, m.map(k, k))", json!([["b", "z"]])),
        ("[1, 2] + [3]", json!([1, 2, 3])),
        ("$.prices == [1.5, 2, 3.25] && 'a' in $.map && 2 in $.prices", json!(true)),
        ("$.name.startsWith('A') && $.name.matches('^[A-Z]da$') && size($.name) == 3", json!(true)),
        ("type($.score) == int && type($.ratio) == double", json!(true)),
        ("string($.score) + '!'", json!("705!")),
        ("matches($.name, 'd') && !$.name.matches('^d') && $.name.matches($.name)", json!(true)),
        ("timestamp('2026-01-02T03:04:05Z') + duration('60s')", json!("2026-01-02T03:05:05+00:00")),
        ("duration('90m')", json!("5400s")),
        ("timestamp('2026-01-02T03:04:05Z').getFullYear()", json!(2026)),
        ("'''$.score''' + r'\\$.'", json!("$.score\\$.")),
        ("1 // $.nothing\n + 1", json!(2)),
        // An operand that decides hides the error of the other.
        ("true || $.missing", json!(true)),
    ];
    for (source, expected) in cases {
        assert_eq!(eval(source), Ok(expected), "{source}");
    }
}

#[test]
fn says_why_it_fails() {
    let cases = [
        (
            "$.scor",
            "`output` has no key `scor`; it has a-b, big, items, map, name, nothing, prices, ratio, …",
        ),
        ("$.items[7].n", "`output.items` has no item 7; it has 3 items"),
        ("$.score.value", "`output.score` is a number and has no key `value`"),
        ("ctx.other.x", "node `other` has no output here: it was skipped, failed, or did not run"),
        ("input.x", "`input` is not available here"),
        ("$.name > 3", "`>` does not apply to (string, int)"),
        ("$.name + 3", "`+` does not apply to (string, int)"),
        ("[1] + $.map", "`+` does not apply to (list, map)"),
        ("[$.map][1.5]", "this cannot be an index"),
        ("[$.map][double(9223372036854775807)]", "this cannot be an index"),
        ("{null: 1}", "this cannot be the key of an object"),
        ("{1: 1, 1u: 2}", "an object has the same key twice"),
        ("1 / 0", "division by zero"),
        ("9223372036854775807 + 1", "the integer overflows"),
        ("1.0 / 0.0", "the result is inf, which JSON has no number for"),
        ("b'abc'", "the result is of type bytes, which is not JSON"),
        ("$.score.map(x, x)", "a macro walks a list or an object, not a int"),
        ("int('x')", "`int`: "),
        ("", "compile: the expression is empty"),
        ("a.b", "compile: `a` is not a known variable"),
        ("ctx.a-b", "compile: `b` is not a known variable"),
        ("ctx[output.name]", "compile: `ctx` holds nodes: read one as `ctx.<node>`"),
        ("size(ctx)", "compile: `ctx` holds nodes: read one as `ctx.<node>`"),
        ("$", "compile: `$` is only known as `$.name`, short for `output.name`"),
        ("$nodes.a", "compile: `$` is only known as `$.name`, short for `output.name`"),
        ("lenght($.name)", "compile: `lenght` is not a known function"),
        ("$.items.map(x)", "compile: `map` is used with the wrong arguments"),
        ("$.name.matches('(')", "compile: `(` is not a regular expression: unclosed group"),
        (
            "$.name.matches('a{9999}{9999}')",
            "compile: `a{9999}{9999}` is not a regular expression: ",
        ),
        ("$.name.matches($.name + '(')", "`Ada(` is not a regular expression: unclosed group"),
        ("$.score.matches('a')", "`matches` does not apply to (int, pattern)"),
        ("$.name.matches()", "compile: `matches` is used with the wrong arguments"),
        ("Foo{a: 1}", "compile: messages (`Name{...}`) are not supported"),
        ("'abc", "compile: a text in quotes is never closed"),
        (
            "[1].map(a, [1].map(b, [1].map(c, 1)))",
            "compile: macros (map, filter, all, exists) are nested deeper than 2 levels",
        ),
    ];
    for (source, expected) in cases {
        let error = eval(source).expect_err(source);
        assert!(error.starts_with(expected), "{source}: {error}");
    }
}

#[test]
fn syntax_errors_name_the_column_in_the_source() {
    for (source, column) in
        [("$.a == == 1", "column 8"), ("1 +", "column 4"), ("1\n + )", "line 2")]
    {
        let error = Expr::compile(source).expect_err(source).message;
        assert!(error.contains(column), "{source}: {error}");
    }
}

#[test]
fn bounds_hold_before_the_parser_sees_the_source() {
    let deep = format!("{}1{}", "(".repeat(33), ")".repeat(33));
    let long = format!("'{}'", "x".repeat(MAX_SOURCE_BYTES));
    let chain = vec!["1"; 130].join("+");
    for (source, expected) in [(deep, "brackets"), (long, "bytes"), (chain, "chain")] {
        let error = Expr::compile(&source).expect_err(&source).message;
        assert!(error.contains(expected), "{error}");
    }
    let fits = vec!["1"; 100].join("+");
    assert_eq!(eval(&fits), Ok(json!(100)));
}

#[test]
fn work_is_bounded() {
    let many = json!({ "xs": vec![1; 3_000], "text": "x".repeat(1 << 20), "long": vec![0; MAX_LIST_ITEMS + 1] });
    let bindings = Bindings { output: Some(&many), ..Bindings::default() };
    let cases = [
        ("$.xs.all(a, $.xs.all(b, a == b))", "too much work"),
        ("true || $.xs.all(a, $.xs.all(b, a == b))", "true"),
        ("$.xs.exists(a, $.xs.exists(b, a != b)) || true", "too much work"),
        ("$.xs.map(x, $.text)", "too much work"),
        ("$.xs.map(x, $.text + $.text).size() > 0", "too much work"),
        ("$.xs.all(x, $.text == $.text)", "too much work"),
        ("$.xs.all(x, size(string($.text)) > 1)", "too much work"),
        ("size($.long)", "too long"),
        ("$.xs.all(x, 'x'.matches($.text.startsWith('x') ? 'x' : 'y'))", "too much work"),
        ("$.xs.all(x, 'x'.matches('x'))", "true"),
    ];
    for (source, expected) in cases {
        let result = Expr::compile(source).expect(source).eval(&bindings);
        let shown = result.map_or_else(|error| error.message, |value| value.to_string());
        assert!(shown.contains(expected), "{source}: {shown}");
    }
    let all = json!(vec![json!({"id": 1, "name": "some name"}); MAX_LIST_ITEMS]);
    let bindings = Bindings { output: Some(&all), ..Bindings::default() };
    let sum =
        Expr::compile("output.filter(x, x.id == 1).size()").expect("compiles").eval(&bindings);
    assert_eq!(sum, Ok(json!(MAX_LIST_ITEMS)), "a walk over the longest list is affordable");
}

#[test]
fn needs_are_what_is_read() {
    let expr = Expr::compile(
        "ctx.b.x == 1 && ctx['a-b'] == 2 && inputs.x.exists(item, item == 1) && ctx.b == 2",
    );
    let needs = expr.expect("compiles").needs().clone();
    let nodes = vec![Arc::from("a-b"), Arc::from("b")];
    assert_eq!(needs, Needs { inputs: true, nodes, ..Needs::default() });
    let needs = Expr::compile("item.x == index").expect("compiles").needs().clone();
    assert_eq!(needs, Needs { item: true, index: true, ..Needs::default() });
}

#[test]
fn every_listed_function_exists() {
    let uses = [
        "bool('true')",
        "bytes('x') == b'x'",
        "'x'.contains('x')",
        "double('1.5')",
        "duration('1s')",
        "dyn(1)",
        "'x'.endsWith('x')",
        "string(int('1'))",
        "'x'.matches('x')",
        "size('x')",
        "'x'.startsWith('x')",
        "type(1) == int",
        "uint(1)",
        "has({'a': 1}.a)",
        "timestamp('2026-01-02T03:04:05Z')",
    ];
    let selectors = [
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
    ];
    let selected = selectors.map(|name| format!("timestamp('2026-01-02T03:04:05Z').{name}()"));
    let all: Vec<&str> = uses.into_iter().chain(selected.iter().map(String::as_str)).collect();
    for source in &all {
        assert!(eval(source).is_ok(), "{source}: {:?}", eval(source));
    }
    for name in rewrite::FUNCTIONS {
        assert!(
            all.iter().any(|source| source.contains(&format!("{name}("))),
            "{name} is untested"
        );
    }
}

/// What the crate alone, with its other parser, makes of an expression over `output`.
fn plain(source: &str, output: &Value) -> Option<Value> {
    let program = cel::Program::compile(source).ok()?;
    let mut context = cel::Context::default();
    context.add_variable_as_val("output", value::from_json(output).ok()?);
    let result = cel::Value::resolve_val(program.expression(), &context).ok()?;
    value::to_json(result.as_ref()).ok()
}

/// Expressions by type: whole numbers, booleans, lists of whole numbers.
fn typed(depth: u32) -> (BoxedStrategy<String>, BoxedStrategy<String>, BoxedStrategy<String>) {
    let pick = |words: &'static [&'static str]| {
        prop::sample::select(words).prop_map(str::to_owned).boxed()
    };
    let ints =
        pick(&["0", "1", "7", "-2", "output.i", "output.l[1]", "output.o.k", "x", "size('abc')"]);
    let bools = pick(&[
        "true",
        "false",
        "has(output.o.k)",
        "has(output.o.z)",
        "output.b",
        "'k' in output.o",
    ]);
    let lists = pick(&["[]", "[1, 2]", "output.l", "output.o.map(k, size(k))"]);
    if depth == 0 {
        return (ints, bools, lists);
    }
    let (int, boolean, list) = typed(depth - 1);
    let arithmetic = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
    let comparison = prop::sample::select(vec!["==", "!=", "<", ">="]);
    let logic = prop::sample::select(vec!["&&", "||"]);
    let test = prop::sample::select(vec!["all", "exists", "exists_one"]);
    let join = |(a, o, b): (String, &str, String)| format!("({a} {o} {b})");
    let new_int = prop_oneof![
        ints,
        (int.clone(), arithmetic, int.clone()).prop_map(join),
        (boolean.clone(), int.clone(), int.clone())
            .prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
        list.clone().prop_map(|list| format!("size({list})")),
        (list.clone(), int.clone()).prop_map(|(list, at)| format!("{list}[{at}]")),
    ];
    let new_bool = prop_oneof![
        bools,
        (int.clone(), comparison, int.clone()).prop_map(join),
        (boolean.clone(), logic, boolean.clone()).prop_map(join),
        (list.clone(), test, boolean.clone())
            .prop_map(|(l, t, b)| format!("{l}.{t}(x, x > 1 || {b})")),
        (int.clone(), list.clone()).prop_map(|(item, list)| format!("({item} in {list})")),
        (list.clone(), list.clone()).prop_map(|(a, b)| format!("({a} == {b})")),
        boolean.clone().prop_map(|b| format!("!{b}")),
    ];
    let new_list = prop_oneof![
        lists,
        (list.clone(), int.clone()).prop_map(|(l, i)| format!("{l}.map(x, {i})")),
        (list.clone(), boolean.clone()).prop_map(|(l, b)| format!("{l}.filter(x, {b})")),
        (list.clone(), list).prop_map(|(a, b)| format!("({a} + {b})")),
        (int.clone(), int).prop_map(|(a, b)| format!("[{a}, {b}]")),
    ];
    (new_int.boxed(), new_bool.boxed(), new_list.boxed())
}

fn typed_expressions() -> impl Strategy<Value = String> {
    let (int, boolean, list) = typed(3);
    prop_oneof![int, boolean, list]
}

/// More than usual; `PROPTEST_CASES` asks for more still.
fn more_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(600), ..usual }
}

proptest! {
    #![proptest_config(more_cases())]

    /// The rewriting changes what an expression costs, not what it means.
    #[test]
    fn means_what_it_means_without_rewriting(source in typed_expressions()) {
        let output = json!({"i": 5, "b": true, "l": [3, 1, 2], "o": {"k": 4}});
        let bindings = Bindings { output: Some(&output), ..Bindings::default() };
        let ours = match Expr::compile(&source) {
            Ok(expr) => expr.eval(&bindings).ok(),
            // `x` outside of a macro, or macros nested too deeply, is refused early.
            Err(error) => {
                let early = error.message.contains("`x`") || error.message.contains("nested");
                prop_assert!(early, "{}: {}", source, error);
                return Ok(());
            }
        };
        prop_assert_eq!(ours, plain(&source, &output), "{}", source);
    }
}

#[test]
fn what_is_read_of_an_item_is_known() {
    type Keys = Option<&'static [&'static str]>;
    let cases: [(&str, Keys, bool); 12] = [
        ("item.a > 1", Some(&["a"]), true),
        ("item.a.b == item['c'] + item.a.d", Some(&["a", "c"]), true),
        ("$.a > 1", Some(&[]), true),
        ("index % 2 == 0", Some(&[]), true),
        ("item == 1", None, true),
        ("item[0] == 1", None, true),
        ("item.a > size(item)", None, true),
        ("item.a > 1 && item.b > 1", Some(&["a", "b"]), false),
        ("item.a > 1 || item.b > 1", Some(&["a", "b"]), false),
        ("item.a ? item.b : item.c", Some(&["a", "b", "c"]), false),
        ("has(item.a)", Some(&["a"]), false),
        ("item.list.exists(x, x > item.a)", Some(&["a", "list"]), false),
    ];
    for (source, keys, everything) in cases {
        let expr = Expr::compile(source).unwrap();
        assert_eq!(expr.item_keys().as_deref(), keys, "{source}");
        assert_eq!(expr.reads_everything(), everything, "{source}");
    }
}
