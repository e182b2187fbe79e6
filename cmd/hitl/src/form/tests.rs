//! Forms of schemas, and answers of forms.

use serde_json::{Value, json};

use super::*;

fn payment() -> Value {
    json!({
        "type": "object",
        "title": "Payment",
        "required": ["amount", "account"],
        "additionalProperties": false,
        "properties": {
            "amount": {"type": "number", "minimum": 0, "maximum": 500, "title": "Amount in EUR"},
            "account": {"enum": ["giro", "savings"], "description": "Where it comes from"},
            "urgent": {"type": "boolean", "default": false},
            "times": {"type": "integer"},
            "note": {"type": "string"},
            "day": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "extra": {"type": "object"},
            "speed": {"oneOf": [{"const": 1, "title": "Slow"}, {"const": 2, "title": "Fast"}]}
        }
    })
}

fn sent(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned())).collect()
}

#[test]
fn every_shape_has_its_field() {
    let form = Form::of(payment());
    assert_eq!(form.title(), Some("Payment"));
    let kinds: Vec<(&str, bool, String)> = form
        .fields
        .iter()
        .map(|field| (field.property.as_str(), field.required, format!("{:?}", field.kind)))
        .map(|(name, required, kind)| {
            (name, required, kind.split([' ', '(']).next().unwrap().to_owned())
        })
        .collect();
    let expected = [
        ("amount", true, "Number"),
        ("account", true, "Choice"),
        ("code", false, "Line"),
        ("day", false, "Line"),
        ("extra", false, "Json"),
        ("note", false, "Lines"),
        ("speed", false, "Choice"),
        ("times", false, "Number"),
        ("urgent", false, "Truth"),
    ];
    assert_eq!(kinds, expected.map(|(name, required, kind)| (name, required, kind.to_owned())));
    assert_eq!(form.fields[0].label, "Amount in EUR");
    assert_eq!(form.fields[1].help.as_deref(), Some("Where it comes from"));
    assert_eq!(form.fields[8].text, "false");
}

#[test]
fn what_is_typed_in_becomes_the_answer() {
    let typed = sent(&[
        ("amount", " 12.50 "),
        ("account", "\"savings\""),
        ("urgent", "true"),
        ("times", "3"),
        ("note", "two\r\nlines"),
        ("day", "2026-11-20"),
        ("extra", "{\"a\": [1]}"),
        ("speed", "2"),
        ("unknown", "is not read"),
    ]);
    let Answered::Data(data) = answer(Form::of(payment()), &typed) else { panic!("refused") };
    let expected = json!({"amount": 12.5, "account": "savings", "urgent": true, "times": 3,
        "note": "two\nlines", "day": "2026-11-20", "extra": {"a": [1]}, "speed": 2});
    assert_eq!(data, expected);
    let least = sent(&[("amount", "0"), ("account", "\"giro\""), ("note", "  ")]);
    let Answered::Data(data) = answer(Form::of(payment()), &least) else { panic!("refused") };
    assert_eq!(data, json!({"amount": 0, "account": "giro"}));
}

#[test]
fn what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost() {
    let cases: [(&str, &str, &str); 10] = [
        ("amount", "", "This has to be filled in."),
        ("amount", "twelve", "Give a number, such as 12.5."),
        ("amount", "501", "501 is greater than the maximum of 500"),
        ("account", "", "Choose one."),
        ("account", "\"cash\"", "Choose one of those offered."),
        ("urgent", "perhaps", "Choose yes or no."),
        ("times", "1.5", "Give a whole number."),
        ("extra", "{", "This is not JSON: EOF while parsing an object at line 1 column 1."),
        ("extra", "[]", "[] is not of type \"object\""),
        ("code", "abc", "\"abc\" does not match \"^[A-Z]{3}$\""),
    ];
    for (name, text, error) in cases {
        let good = [("amount", "1"), ("account", "\"giro\"")];
        let mut typed: Vec<(&str, &str)> = good.into_iter().filter(|(n, _)| *n != name).collect();
        typed.push((name, text));
        let Answered::Wrong(form) = answer(Form::of(payment()), &sent(&typed)) else {
            panic!("{name} = {text} is taken");
        };
        let field = form.fields.iter().find(|field| field.property == name).unwrap();
        assert_eq!((field.error_text(), &*field.text), (error, text));
        let others = form.fields.iter().filter(|field| field.property != name);
        assert!(others.clone().all(|field| field.error.is_none()), "{name} = {text}");
    }
}

#[test]
fn other_shapes_are_answered_as_json() {
    let shapes = [
        json!({"type": "string"}),
        json!({"type": "object", "properties": {"a": {}}, "anyOf": [{"required": ["a"]}]}),
        json!({"type": "object", "properties": {"a": {}}, "required": ["b"]}),
        json!({"type": "object"}),
        json!({"type": "array", "items": {"type": "integer"}}),
        json!(true),
    ];
    for schema in shapes {
        let form = Form::of(schema.clone());
        let [field] = &form.fields[..] else { panic!("{schema}") };
        assert_eq!((&*field.property, &field.kind), ("", &Kind::Json), "{schema}");
    }
    let list = json!({"type": "array", "items": {"type": "integer"}});
    let Answered::Data(data) = answer(Form::of(list.clone()), &sent(&[("", "[1, 2]")])) else {
        panic!("refused")
    };
    assert_eq!(data, json!([1, 2]));
    let Answered::Wrong(form) = answer(Form::of(list.clone()), &sent(&[("", "[1, \"x\"]")])) else {
        panic!("taken")
    };
    assert_eq!(
        form.fields[0].error.as_deref().or(form.errors.first().map(String::as_str)).unwrap(),
        "\"x\" is not of type \"integer\""
    );
    assert!(matches!(answer(Form::of(list), &[]), Answered::Wrong(_)), "nothing is no list");
    let Answered::Data(data) = answer(Form::of(json!(true)), &[]) else { panic!("refused") };
    assert_eq!(data, Value::Null);
}

proptest::proptest! {
    /// Whatever the schema and whatever is sent, something comes of it, and an answer that is taken
    /// is one that the schema takes.
    #[test]
    fn no_form_takes_what_its_schema_does_not(
        which in 0..4_usize,
        low in -5_i64..5,
        text in "[ -~\u{e9}\u{202e}]{0,12}",
        other in "(true|false|[0-9.e+-]{1,6}|\"a\"|\\[1\\])",
    ) {
        let property = [
            json!({"type": "integer", "minimum": low}),
            json!({"type": "string", "maxLength": 4}),
            json!({"enum": ["a", 1, true]}),
            json!({"type": "boolean"}),
        ][which].clone();
        let schema = json!({"type": "object", "properties": {"x": property}, "required": ["x"]});
        for typed in [&text, &other] {
            if let Answered::Data(data) = answer(Form::of(schema.clone()), &sent(&[("x", typed)])) {
                let schema = JsonSchema::compile(&schema).unwrap();
                proptest::prop_assert_eq!(schema.validate(&data), []);
            }
        }
    }
}
