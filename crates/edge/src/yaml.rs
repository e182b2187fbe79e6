//! YAML bodies: read into the JSON that they stand for.

use std::fmt;

use aob_api::{ProblemItem, TextPosition};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::JSON_DEPTH_MAX;

/// The JSON text of a YAML text.
///
/// # Errors
/// What is wrong with it: syntax, keys that stand twice or are no texts, infinite numbers, aliases
/// that blow up, nesting without end.
pub(crate) fn yaml_to_json(text: &str) -> Result<String, Box<ProblemItem>> {
    let tree: Tree = serde_saphyr::from_str(text).map_err(|error| Box::new(item(&error)))?;
    // A tree of JSON values can always be written.
    Ok(serde_json::to_string(&tree.0).unwrap_or_default())
}

fn item(error: &serde_saphyr::Error) -> ProblemItem {
    let full = error.to_string();
    let first = full.lines().next().unwrap_or_default();
    let mut item = ProblemItem::new("invalid_yaml", format!("this is not YAML for JSON: {first}"));
    item.position = error
        .location()
        .map(|place| TextPosition { line: place.line().max(1), column: place.column().max(1) });
    item
}

/// A value that JSON can hold.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed { depth: 0 }.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Seed {
    depth: usize,
}

impl Seed {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(E::custom("lists and mappings are nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("JSON has no infinite numbers"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(deeper)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(deeper)?;
            if object.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format_args!("the key `{key}` stands twice")));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::yaml_to_json;

    #[test]
    fn yaml_is_read_into_the_json_it_stands_for() {
        let text = "a: [1, -2.5, true, ~, 'x']\nb: {c: \"1\"}\nd: |\n  two\n  lines\ne:\n";
        let json: serde_json::Value = serde_json::from_str(&yaml_to_json(text).unwrap()).unwrap();
        let expected = json!({
            "a": [1, -2.5, true, null, "x"], "b": {"c": "1"}, "d": "two\nlines\n", "e": null,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                    c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                    e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                    g: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        let cases =
            ["a: 1\na: 2", "a: .inf", "a: [1", "[a]: 1", deep.as_str(), bomb, "a: 1\n---\nb: 2"];
        for text in cases {
            let item = yaml_to_json(text).expect_err(text);
            assert_eq!(item.code, "invalid_yaml", "{text}");
        }
    }
}
