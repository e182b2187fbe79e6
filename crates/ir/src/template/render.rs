//! Rendering: walks the compiled template once and resolves its references.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::reference::{Path, RefRoot, Reference};
use super::{Part, Piece, Reads, RenderError, Rendered, Resolver, SecretPart, SecretSlot};
use crate::pointer::{push_index, push_key};

/// Renders `part`.
pub(super) fn render<R: Resolver>(
    part: &Part,
    resolver: &R,
) -> Result<Rendered, RenderError<R::Missing>> {
    let mut renderer = Renderer { resolver, pointer: String::new(), secrets: Vec::new() };
    let value = renderer.part(part)?;
    Ok(Rendered { value, secrets: renderer.secrets })
}

struct Renderer<'a, R> {
    resolver: &'a R,
    pointer: String,
    secrets: Vec<SecretSlot>,
}

impl<R: Resolver> Renderer<'_, R> {
    fn part(&mut self, part: &Part) -> Result<Value, RenderError<R::Missing>> {
        match part {
            Part::Constant(value) => Ok(value.clone()),
            Part::Value(reference) => {
                if let Some(name) = secret(reference) {
                    self.slot(vec![SecretPart::Secret(name)]);
                    return Ok(Value::Null);
                }
                self.reference(reference)
            }
            Part::Text(pieces) => self.text(pieces),
            Part::List(parts) => {
                let mut items = Vec::with_capacity(parts.len());
                for (index, part) in parts.iter().enumerate() {
                    let length = push_index(&mut self.pointer, index);
                    items.push(self.part(part)?);
                    self.pointer.truncate(length);
                }
                Ok(Value::Array(items))
            }
            Part::Object(parts) => {
                let mut object = serde_json::Map::new();
                for (key, part) in parts {
                    let length = push_key(&mut self.pointer, key);
                    object.insert(key.clone(), self.part(part)?);
                    self.pointer.truncate(length);
                }
                Ok(Value::Object(object))
            }
        }
    }

    fn text(&mut self, pieces: &[Piece]) -> Result<Value, RenderError<R::Missing>> {
        let mut parts = Vec::new();
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Reference(reference) => {
                    if let Some(name) = secret(reference) {
                        if !text.is_empty() {
                            parts.push(SecretPart::Text(std::mem::take(&mut text).into()));
                        }
                        parts.push(SecretPart::Secret(name));
                    } else {
                        push_as_text(&mut text, &self.reference(reference)?);
                    }
                }
            }
        }
        if parts.is_empty() {
            return Ok(Value::String(text));
        }
        if !text.is_empty() {
            parts.push(SecretPart::Text(text.into()));
        }
        self.slot(parts);
        Ok(Value::Null)
    }

    fn slot(&mut self, parts: Vec<SecretPart>) {
        self.secrets.push(SecretSlot { pointer: self.pointer.as_str().into(), parts });
    }

    /// The first path that leads to something that is not null, then the default, then null if
    /// the last path led to it.
    fn reference(&self, reference: &Reference) -> Result<Value, RenderError<R::Missing>> {
        let mut null_found = false;
        let mut missing = None;
        for path in &reference.paths {
            match self.path(path)? {
                Ok(Value::Null) => null_found = true,
                Ok(value) => return Ok(value),
                Err(message) => missing = Some(message),
            }
        }
        if let Some(default) = &reference.default {
            return Ok(default.clone());
        }
        match missing {
            Some(message) if !null_found => Err(RenderError::Unresolvable {
                reference: reference.text.to_string(),
                pointer: self.pointer.clone(),
                message,
            }),
            Some(_) | None => Ok(Value::Null),
        }
    }

    /// The value at `path`, or what is missing.
    fn path(&self, path: &Path) -> Result<Result<Value, String>, RenderError<R::Missing>> {
        let Reads::Root(root) = path.root.reads() else {
            return Ok(Err("a secret is only known to the runner".to_owned()));
        };
        let Some(value) = self.resolver.resolve(root).map_err(RenderError::Missing)? else {
            return Ok(Err(no_value(&path.root)));
        };
        Ok(walk(value, path))
    }
}

fn secret(reference: &Reference) -> Option<Arc<str>> {
    match reference.paths.as_slice() {
        [Path { root: RefRoot::Secret(name), .. }] => Some(Arc::clone(name)),
        _ => None,
    }
}

fn no_value(root: &RefRoot) -> String {
    match root {
        RefRoot::Node(id) => {
            format!("node `{id}` has no output here: it was skipped, failed, or did not run")
        }
        RefRoot::Inputs => "the run has no inputs".to_owned(),
        RefRoot::Run => "nothing is known of the run".to_owned(),
        RefRoot::Input => "the node has no input".to_owned(),
        RefRoot::Item | RefRoot::Index => "there is no map around this node".to_owned(),
        RefRoot::Iteration => "there is no loop around this node".to_owned(),
        RefRoot::Secret(name) => format!("secret `{name}` is only known to the runner"),
    }
}

fn walk(root: Arc<Value>, path: &Path) -> Result<Value, String> {
    if path.steps.is_empty() {
        return Ok(Arc::unwrap_or_clone(root));
    }
    crate::path::walk(&root, &path.steps, &spell(&path.root)).cloned()
}

fn spell(root: &RefRoot) -> String {
    match root {
        RefRoot::Node(id) => format!("$nodes.{id}"),
        RefRoot::Inputs => "$inputs".to_owned(),
        RefRoot::Run => "$run".to_owned(),
        RefRoot::Input => "$input".to_owned(),
        RefRoot::Item => "$item".to_owned(),
        RefRoot::Index => "$index".to_owned(),
        RefRoot::Iteration => "$iteration".to_owned(),
        RefRoot::Secret(name) => format!("$secrets.{name}"),
    }
}

fn push_as_text(text: &mut String, value: &Value) {
    let shown: Cow<'_, str> = match value {
        Value::String(string) => Cow::Borrowed(string),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    };
    text.push_str(&shown);
}
