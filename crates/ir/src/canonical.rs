//! Canonical JSON (RFC 8785).

use serde_json::Value;

/// The canonical text of `value`. Digests are taken over it.
///
/// # Errors
/// If it holds a number that JSON has no canonical form for.
pub fn canonical_json(value: &Value) -> Result<String, serde_json::Error> {
    if is_canonical_as_it_is(value) {
        return serde_json::to_string(value);
    }
    serde_json_canonicalizer::to_string(value)
}

/// Whether `serde_json` writes `value` in canonical form already, which costs a fifth: no
/// fractions, whose digits would differ; and keys of ASCII in order, which both sort alike. The
/// order is looked at rather than trusted, since a feature of `serde_json` changes it.
fn is_canonical_as_it_is(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(is_canonical_as_it_is),
        Value::Object(map) => {
            map.keys().is_sorted()
                && map.iter().all(|(key, value)| key.is_ascii() && is_canonical_as_it_is(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn is_rfc_8785() {
        // The examples of the RFC, sections 3.2.2 and 3.2.3.
        let text = "[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]";
        let numbers = serde_json::from_str(text).unwrap();
        let expected = "[333333333.3333333,1e+30,4.5,0.002,1e-27]";
        assert_eq!(canonical_json(&numbers).unwrap(), expected);
        let text = json!({"string": "\u{20ac}$\u{f}\u{a}A'\u{42}\u{22}\u{5c}\\\"/"});
        let expected = r#"{"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(canonical_json(&text).unwrap(), expected);
        let keys = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew", "1": "One",
            "\u{1f600}": "Emoji", "\u{80}": "Control", "\u{f6}": "Latin",
        });
        let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let canonical = canonical_json(&keys).unwrap();
        let places = order.map(|word| canonical.find(word).unwrap());
        assert!(places.is_sorted(), "{canonical}");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-(1_i64 << 53)..(1_i64 << 53)).prop_map(Value::from),
            any::<f64>().prop_map(|f| json!(f)),
            "\\PC{0,4}".prop_map(Value::from),
            prop::collection::vec(any::<char>(), 0..4)
                .prop_map(|chars| json!(String::from_iter(chars))),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~é😀\u{e000}]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_ways_agree_and_are_stable(value in values()) {
            let canonical = canonical_json(&value).unwrap();
            prop_assert_eq!(&canonical, &serde_json_canonicalizer::to_string(&value).unwrap());
            let again: Value = serde_json::from_str(&canonical).unwrap();
            prop_assert_eq!(canonical_json(&again).unwrap(), canonical);
        }
    }
}
