//! Tests of templates.

use std::cell::RefCell;

use serde_json::json;

use super::*;

struct Data;

impl Resolver for Data {
    type Missing = &'static str;

    fn resolve(&self, root: Root<'_>) -> Result<Option<Arc<Value>>, &'static str> {
        let value = match root {
            Root::Node("fetch") => json!({
                "body": {"items": [{"name": "Ada"}, {"name": null}], "n": 3, "f": 0.5, "a b": 1},
                "status": 200,
            }),
            Root::Node("a-b") => json!({"x": [1, 2]}),
            Root::Node("unloaded") => return Err("unloaded"),
            Root::Node(_) | Root::Item => return Ok(None),
            Root::Inputs => json!({"id": 7, "name": "Bo", "none": null}),
            Root::Run => json!({"id": "r1"}),
            Root::Input => json!("in"),
            Root::Index => json!(4),
            Root::Iteration => json!(2),
        };
        Ok(Some(Arc::new(value)))
    }
}

fn render(template: Value) -> Result<Value, String> {
    let template = Template::compile(&template).map_err(|problems| problems[0].message.clone())?;
    match template.render(&Data) {
        Ok(rendered) => Ok(rendered.value),
        Err(RenderError::Missing(what)) => Err(format!("load {what}")),
        Err(RenderError::Unresolvable { reference, message, .. }) => {
            Err(format!("{reference}: {message}"))
        }
    }
}

#[test]
fn references_become_values() {
    let cases = [
        (json!("$nodes.fetch.status"), json!(200)),
        (json!("$nodes.fetch.body.items[0].name"), json!("Ada")),
        (json!("$nodes.fetch.body.items.0.name"), json!("Ada")),
        (json!("$nodes.a-b.x"), json!([1, 2])),
        (json!("$nodes['a-b'].x[1]"), json!(2)),
        (json!("$nodes.fetch.body['a b']"), json!(1)),
        (json!("$nodes.fetch[\"body\"]['n']"), json!(3)),
        (json!("$inputs"), json!({"id": 7, "name": "Bo", "none": null})),
        (json!("$inputs.none"), json!(null)),
        (json!("$input"), json!("in")),
        (json!("$run.id"), json!("r1")),
        (json!("$index"), json!(4)),
        (json!("$iteration"), json!(2)),
        (json!("${inputs.id}"), json!("7")),
        (json!("user ${inputs.id}: ${$inputs.name}!"), json!("user 7: Bo!")),
        (
            json!("${nodes.a-b.x}|${nodes.fetch.body.f}|${inputs.none ?? null}"),
            json!("[1,2]|0.5|null"),
        ),
        (json!("$inputs.x ?? 5"), json!(5)),
        (json!("$inputs.x ?? \"five\""), json!("five")),
        (json!("$inputs.x ?? 'it\\'s'"), json!("it's")),
        (json!("$inputs.x ?? {\"a\": [1]}"), json!({"a": [1]})),
        (json!("$inputs.none ?? 1"), json!(1)),
        (json!("$inputs.x ?? $item.y ?? $inputs.id ?? 9"), json!(7)),
        (json!("$nodes.skipped.x ?? $inputs.none"), json!(null)),
        (json!("id=${inputs.x ?? inputs.id}"), json!("id=7")),
        (json!("${ inputs.x ?? {\"b\": \"}\"} }"), json!("{\"b\":\"}\"}")),
        (json!({"a": ["$inputs.id", 1], "b": {"c": "x"}}), json!({"a": [7, 1], "b": {"c": "x"}})),
        // A dollar that starts no reference is only a dollar.
        (json!("costs $5 or $"), json!("costs $5 or $")),
        (json!("$HOME/x $"), json!("$HOME/x $")),
        (json!("$$nodes.x"), json!("$nodes.x")),
        (json!("$${inputs.id} and ${inputs.id}"), json!("${inputs.id} and 7")),
        (json!("$$5"), json!("$$5")),
        (json!("a $inputs.id"), json!("a $inputs.id")),
        (json!({"$nodes.x": 1}), json!({"$nodes.x": 1})),
    ];
    for (template, expected) in cases {
        assert_eq!(render(template.clone()), Ok(expected), "{template}");
    }
}

#[test]
fn what_leads_nowhere_says_where_it_ends() {
    let cases = [
        (
            "$nodes.fetch.body.item",
            "$nodes.fetch.body.item: `$nodes.fetch.body` has no key `item`; it has a b, f, items, n",
        ),
        (
            "a ${ nodes.fetch.body.items[2] }",
            "nodes.fetch.body.items[2]: `$nodes.fetch.body.items` has no item 2; it has 2 items",
        ),
        (
            "$nodes.fetch.status.x",
            "$nodes.fetch.status.x: `$nodes.fetch.status` is a number and has no key `x`",
        ),
        (
            "$nodes.other.x",
            "$nodes.other.x: node `other` has no output here: it was skipped, failed, or did not run",
        ),
        ("$item.x", "$item.x: there is no map around this node"),
        ("$nodes.unloaded.x ?? 1", "load unloaded"),
        ("$inputs.none.x", "$inputs.none.x: `$inputs.none` is null and has no key `x`"),
    ];
    for (template, expected) in cases {
        assert_eq!(render(json!(template)), Err(expected.to_owned()), "{template}");
    }
}

#[test]
fn malformed_references_are_refused() {
    let cases = [
        ("$nodes", "expected a node id, such as `$nodes.fetch.body`"),
        ("$nodes[0]", "expected a node id, such as `$nodes.fetch.body`"),
        ("$nodes.", "expected a name after `.`"),
        ("$inputs.a.", "expected a name after `.`"),
        ("$inputs[x]", "expected an index such as `[0]` or a key such as `['name']`"),
        (
            "$inputs[99999999999999999999]",
            "expected an index such as `[0]` or a key such as `['name']`",
        ),
        ("$inputs['a'", "expected `]`"),
        ("$inputs['a", "a quoted text is never closed"),
        ("$inputs.a and more", "unexpected `and more` after a reference"),
        ("$inputs.a ??", "expected a default after `??`, found ``"),
        ("$inputs.a ?? nope", "expected a default after `??`, found `nope`"),
        ("$output.a", "`$output` is not something a reference can start with"),
        ("$node.a.b", "`$node` is not something a reference can start with"),
        ("$imputs.a", "`$imputs` is not something a reference can start with"),
        ("${}", "expected a reference"),
        ("${inputs.a", "`${` is never closed"),
        ("${inputs.a + 1}", "expected `}` before `+ 1}`"),
        ("$index.a", "`$index` is a number and has no parts"),
        ("$secrets.a.b", "a secret is a text and has no parts"),
        ("$secrets.a ?? 'x'", "a secret cannot have a default or be one"),
        ("$inputs.a ?? $secrets.b", "a secret cannot have a default or be one"),
        ("$secrets", "expected the name of a secret, such as `$secrets.api_key`"),
    ];
    for (template, expected) in cases {
        assert_eq!(render(json!(template)), Err(expected.to_owned()), "{template}");
    }
}

#[test]
fn problems_carry_pointers_and_come_all_at_once() {
    let problems =
        Template::compile(&json!({"a/b": ["$nodes", {"~": "${x}"}], "c": "$inputs"})).unwrap_err();
    let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/a~1b/0", "/a~1b/1/~0"]);
}

#[test]
fn secrets_become_slots() {
    let template = Template::compile(&json!({
        "auth": "$secrets.token",
        "headers": {"x": "Bearer ${secrets.token} of ${inputs.id}", "y": "${secrets.a}${secrets.b}"},
        "plain": "$inputs.name",
    }))
    .unwrap();
    let rendered = template.render(&Data).unwrap();
    assert_eq!(
        rendered.value,
        json!({"auth": null, "headers": {"x": null, "y": null}, "plain": "Bo"})
    );
    let text = |text: &str| SecretPart::Text(text.into());
    let secret = |name: &str| SecretPart::Secret(name.into());
    let slot = |pointer: &str, parts| SecretSlot { pointer: pointer.into(), parts };
    assert_eq!(
        rendered.secrets,
        [
            slot("/auth", vec![secret("token")]),
            slot("/headers/x", vec![text("Bearer "), secret("token"), text(" of 7")]),
            slot("/headers/y", vec![secret("a"), secret("b")]),
        ]
    );
}

#[test]
fn constants_are_recognised() {
    let plain = json!({"a": [1, "x", {"b": null}], "c": "$5"});
    let template = Template::compile(&plain).unwrap();
    assert_eq!(template.constant().map(AsRef::as_ref), Some(&plain));
    let escaped = Template::compile(&json!(["$$nodes.x"])).unwrap();
    assert_eq!(escaped.constant().map(AsRef::as_ref), Some(&json!(["$nodes.x"])));
    assert_eq!(escaped.source(), &json!(["$$nodes.x"]));
    assert!(Template::compile(&json!(["$inputs"])).unwrap().constant().is_none());
}

#[test]
fn references_lists_what_is_read() {
    let template = Template::compile(&json!({
        "a": "$nodes.x.y ?? $inputs.z",
        "b": ["${secrets.k}", "t ${item} ${nodes.w}"],
    }))
    .unwrap();
    let found: Vec<(String, Reads<'_>)> =
        template.references().into_iter().map(|found| (found.pointer, found.reads)).collect();
    assert_eq!(
        found,
        [
            ("/a".to_owned(), Reads::Root(Root::Node("x"))),
            ("/a".to_owned(), Reads::Root(Root::Inputs)),
            ("/b/0".to_owned(), Reads::Secret("k")),
            ("/b/1".to_owned(), Reads::Root(Root::Item)),
            ("/b/1".to_owned(), Reads::Root(Root::Node("w"))),
        ]
    );
}

#[test]
fn defaults_are_only_resolved_when_needed() {
    struct Log(RefCell<Vec<String>>);
    impl Resolver for Log {
        type Missing = ();
        fn resolve(&self, root: Root<'_>) -> Result<Option<Arc<Value>>, ()> {
            self.0.borrow_mut().push(format!("{root:?}"));
            Ok(Some(Arc::new(json!(1))))
        }
    }
    let log = Log(RefCell::new(Vec::new()));
    let template = Template::compile(&json!("$input ?? $nodes.never")).unwrap();
    assert_eq!(template.render(&log).unwrap().value, json!(1));
    assert_eq!(log.0.into_inner(), ["Input"]);
}

#[test]
fn depth_is_bounded() {
    let mut deep = json!("$inputs.id");
    for _ in 0..MAX_DEPTH + 1 {
        deep = json!([deep]);
    }
    assert_eq!(render(deep), Err("nested deeper than 128 levels".to_owned()));
}
