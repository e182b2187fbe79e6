//! Keys that stand twice, found by reading the text once more, without the product's parser.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Whether some object of a JSON text has a key twice; false where it is no JSON.
pub(crate) fn has_key_twice(text: &str) -> bool {
    let mut found = false;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Look(&mut found).deserialize(&mut reader).and_then(|()| reader.end());
    read.is_ok() && found
}

struct Look<'a>(&'a mut bool);

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            *self.0 |= !keys.insert(key);
            map.next_value_seed(Look(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Look(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::has_key_twice;

    #[test]
    fn keys_that_stand_twice_are_found() {
        for (text, twice) in [
            (r#"{"a": 1, "b": {"a": 2}}"#, false),
            (r#"{"a": 1, "a": 1}"#, true),
            (r#"[null, true, -1, 1.5, "a", {"a": [{"b": 1, "\u0062": 2}]}]"#, true),
            (r#"{"a": 1, "a": "#, false),
            (r#"{"a": 1, "a": 1} x"#, false),
        ] {
            assert_eq!(has_key_twice(text), twice, "{text}");
        }
    }
}
