//! The walk along the schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::messages;
use super::shape::{ObjectShape, SHAPES, Shape, ShapeIx, Shapes};
use crate::diagnostic::{Code, Diagnostic};
use crate::pointer::{push_index, push_key};

/// Where rewritten places stood in the document as it was given.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// Rewritten pointer to the last step as it was spelled; empty: there was no such step.
    moved: BTreeMap<String, String>,
}

impl Origins {
    /// The place in the given document of a place in the rewritten one.
    pub(crate) fn of(&self, pointer: &str) -> String {
        if self.moved.is_empty() {
            return pointer.to_owned();
        }
        let mut rewritten = String::with_capacity(pointer.len());
        let mut original = String::with_capacity(pointer.len());
        for step in pointer.split('/').skip(1) {
            rewritten.push('/');
            rewritten.push_str(step);
            match self.moved.get(&rewritten) {
                Some(spelled) => original.push_str(spelled),
                None => {
                    original.push('/');
                    original.push_str(step);
                }
            }
        }
        original
    }
}

/// Checks the structure of `document`, rewriting aliases and short forms. What is of no use is
/// taken out, so that the rest can be judged further.
pub(crate) fn check(document: &mut Value) -> (Vec<Diagnostic>, Origins) {
    let mut checker = Checker {
        shapes: &SHAPES,
        pointer: String::new(),
        around: Vec::new(),
        problems: Vec::new(),
        origins: Origins::default(),
    };
    checker.value(SHAPES.root, document);
    (checker.problems, checker.origins)
}

struct Checker<'s> {
    shapes: &'s Shapes,
    pointer: String,
    /// The objects around, innermost last.
    around: Vec<&'s ObjectShape>,
    problems: Vec<Diagnostic>,
    origins: Origins,
}

impl<'s> Checker<'s> {
    /// Checks a value; false: it is of no use to anybody.
    fn value(&mut self, ix: ShapeIx, value: &mut Value) -> bool {
        let shape = self.shapes.get(ix);
        if !shape.any_of.is_empty() {
            return self.any_of(shape, value);
        }
        if let (Some(key), Value::String(_)) = (&shape.short, &*value) {
            let text = std::mem::take(value);
            *value = Value::Object(Map::from_iter([(key.clone(), text)]));
            let length = push_key(&mut self.pointer, key);
            self.origins.moved.insert(self.pointer.clone(), String::new());
            self.pointer.truncate(length);
        }
        if !shape.types.accepts(value) {
            return self.refuse(messages::wrong_type(shape, value, &self.pointer));
        }
        let problem = match value {
            Value::Object(map) => return self.object(shape, map),
            Value::Array(items) => {
                self.array(shape, items);
                messages::length(shape, items.len(), &self.pointer)
            }
            Value::String(text) => messages::text(shape, text, &self.pointer),
            Value::Number(number) => messages::number(shape, number, &self.pointer),
            Value::Null | Value::Bool(_) => None,
        };
        match problem {
            Some(problem) => self.refuse(problem),
            None => true,
        }
    }

    /// The branch whose type fits; of several, one that accepts the text.
    fn any_of(&mut self, shape: &'s Shape, value: &mut Value) -> bool {
        let fits = |ix: &ShapeIx| self.accepts_type(*ix, value);
        let fitting: Vec<ShapeIx> = shape.any_of.iter().copied().filter(fits).collect();
        let accepted = fitting.iter().copied().find(|ix| match value.as_str() {
            Some(text) => messages::text(self.shapes.get(*ix), text, &self.pointer).is_none(),
            None => true,
        });
        // A text that is no reference is not a bad reference, but of the wrong type.
        let near = fitting.first().copied().filter(|ix| !self.shapes.get(*ix).is_reference);
        if let Some(branch) = accepted.or(near) {
            return self.value(branch, value);
        }
        let wanted = shape.any_of.iter().map(|ix| match self.shapes.get(*ix) {
            Shape { is_reference: true, .. } => "a reference".to_owned(),
            branch => branch.types.describe(),
        });
        let mut wanted: Vec<String> = wanted.collect();
        wanted.dedup();
        self.refuse(messages::none_fits(shape, &wanted, value, &self.pointer))
    }

    fn accepts_type(&self, ix: ShapeIx, value: &Value) -> bool {
        let shape = self.shapes.get(ix);
        if shape.any_of.is_empty() {
            return shape.types.accepts(value) || (shape.short.is_some() && value.is_string());
        }
        shape.any_of.iter().any(|branch| self.accepts_type(*branch, value))
    }

    fn array(&mut self, shape: &'s Shape, items: &mut [Value]) {
        let Some(item_shape) = shape.items else { return };
        for (index, item) in items.iter_mut().enumerate() {
            let length = push_index(&mut self.pointer, index);
            if !self.value(item_shape, item) && !item.is_object() {
                *item = Value::Null; // The others keep their places.
            }
            self.pointer.truncate(length);
        }
    }

    /// Checks an object, and takes out what is of no use, so that the rest can be judged further.
    fn object(&mut self, shape: &'s Shape, map: &mut Map<String, Value>) -> bool {
        let Some(object) = &shape.object else { return true };
        self.rename(object, map);
        let branches = self.branches(object, map);
        self.around.push(object);
        let mut refused = Vec::new();
        for (key, value) in map.iter_mut() {
            let length = push_key(&mut self.pointer, key);
            let useful = match object.keys.get(key) {
                // Of an incomplete configuration the rest is worth judging.
                Some(known) => self.value(*known, value) || (key == "config" && value.is_object()),
                None if object.closed => self.unknown_key(object, &branches, key),
                None => true,
            };
            if !useful {
                refused.push(key.clone());
            }
            self.pointer.truncate(length);
        }
        self.around.pop();
        let incomplete = self.missing_keys(object, map);
        for branch in branches {
            // The rules of the type, on top; unknown keys were judged above.
            self.around.push(object);
            self.object(self.shapes.get(branch), map);
            self.around.pop();
        }
        for key in refused {
            map.remove(&key);
        }
        !incomplete
    }

    /// Reports keys that are missing, or that exclude each other; true: there are some.
    fn missing_keys(&mut self, object: &ObjectShape, map: &Map<String, Value>) -> bool {
        let before = self.problems.len();
        for key in object.required.iter().filter(|key| !map.contains_key(*key)) {
            let wanted = object.keys.get(key).map(|known| self.shapes.get(*known));
            self.problems.push(messages::missing_key(key, wanted, &self.pointer));
        }
        if let Some(first) = object.one_of.first() {
            let first = object.keys.get(first).map(|known| self.shapes.get(*known));
            let problem = messages::one_of(&object.one_of, first, map, &self.pointer);
            self.problems.extend(problem);
        }
        self.problems.len() > before
    }

    fn branches(&self, object: &ObjectShape, map: &Map<String, Value>) -> Vec<ShapeIx> {
        let Some(Value::String(name)) = map.get("type") else { return Vec::new() };
        let fits = object.by_type.iter().filter(|(types, _)| types.contains(name));
        fits.map(|(_, shape)| *shape).collect()
    }

    fn rename(&mut self, object: &'s ObjectShape, map: &mut Map<String, Value>) {
        for (alias, key) in &object.aliases {
            if !map.contains_key(alias) {
                continue;
            }
            let length = push_key(&mut self.pointer, alias);
            if map.contains_key(key) {
                let message =
                    format!("`{alias}` is another spelling of `{key}`, which is there too");
                let problem = Diagnostic::error(Code::BothSpellings, &self.pointer, message)
                    .with_hint(format!("keep one of `{key}` and `{alias}`"));
                self.problems.push(problem);
                map.remove(alias);
            } else if let Some(value) = map.remove(alias) {
                map.insert(key.clone(), value);
                let spelled = self.pointer[length..].to_owned();
                self.pointer.truncate(length);
                push_key(&mut self.pointer, key);
                self.origins.moved.insert(self.pointer.clone(), spelled);
            }
            self.pointer.truncate(length);
        }
    }

    /// A key that belongs one level up or down is the more helpful explanation.
    fn unknown_key(&mut self, object: &'s ObjectShape, branches: &[ShapeIx], key: &str) -> bool {
        let mut outer = self.around.iter().rev().skip(1).take(2);
        let place = if outer.any(|outer| outer.keys.contains_key(key)) {
            messages::Place::Above
        } else if branches.iter().any(|branch| self.is_key_of_config(*branch, key)) {
            messages::Place::InConfig
        } else {
            messages::Place::Nowhere
        };
        self.refuse(messages::unknown_key(object, key, place, &self.pointer))
    }

    fn is_key_of_config(&self, branch: ShapeIx, key: &str) -> bool {
        let node = self.shapes.get(branch).object.as_ref();
        let config = node.and_then(|node| node.keys.get("config"));
        let config = config.and_then(|config| self.shapes.get(*config).object.as_ref());
        config.is_some_and(|c| c.keys.contains_key(key) || c.aliases.contains_key(key))
    }

    fn refuse(&mut self, problem: Diagnostic) -> bool {
        self.problems.push(problem);
        false
    }
}
