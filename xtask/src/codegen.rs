//! `cargo xtask codegen`: Rust types and the node registry from `schema/`, committed and checked.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use typify::{TypeSpace, TypeSpaceSettings};

use crate::nodes;

const SCHEMA: &str = "schema/workflow.schema.json";
const OUTPUT: &str = "crates/ir/src/generated/workflow.rs";
const REGISTRY: &str = "crates/validator/src/generated/nodes.rs";

/// Writes the generated files, and removes those that nothing generates any more.
pub(crate) fn write() -> Result<()> {
    let root = root()?;
    let files = generate(&root)?;
    for (path, text) in &files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    for stale in stale(&root, &files)? {
        std::fs::remove_file(root.join(stale))?;
    }
    Ok(())
}

/// Fails if a generated file is not what the schemas give.
pub(crate) fn check() -> Result<()> {
    let root = root()?;
    let files = generate(&root)?;
    for (path, text) in &files {
        let committed = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        if committed != *text {
            bail!("{path} is not what {SCHEMA} gives: run `cargo xtask codegen`");
        }
    }
    if let Some(stale) = stale(&root, &files)?.first() {
        bail!("nothing generates {stale}: run `cargo xtask codegen`");
    }
    Ok(())
}

/// Files of the node registry that nothing generates.
fn stale(root: &Path, files: &[(String, String)]) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for entry in std::fs::read_dir(root.join(nodes::FOLDER)).into_iter().flatten() {
        let path = format!("{}/{}", nodes::FOLDER, entry?.file_name().to_string_lossy());
        if !files.iter().any(|(known, _)| *known == path) {
            stale.push(path);
        }
    }
    Ok(stale)
}

fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Ok(root.context("xtask is a folder of the workspace")?.to_path_buf())
}

/// The generated files: paths from the root, and texts.
fn generate(root: &Path) -> Result<Vec<(String, String)>> {
    let text =
        std::fs::read_to_string(root.join(SCHEMA)).with_context(|| format!("reading {SCHEMA}"))?;
    let schema: Value = serde_json::from_str(&text).with_context(|| format!("parsing {SCHEMA}"))?;
    let mut files = vec![(OUTPUT.to_owned(), types(&schema)?)];
    let nodes = nodes::files(&schema)?;
    files.push((REGISTRY.to_owned(), nodes::registry(&nodes)));
    for (name, text) in nodes {
        files.push((format!("{}/{name}.schema.json", nodes::FOLDER), text));
    }
    Ok(files)
}

fn types(schema: &Value) -> Result<String> {
    let mut shapes = shapes(schema);
    shapes["title"] = json!("Workflow");
    let schema = serde_json::from_value(shapes).context("reading the schema")?;
    let mut settings = TypeSpaceSettings::default();
    settings.with_derive("PartialEq".to_owned()).with_map_type("::std::collections::BTreeMap");
    let mut space = TypeSpace::new(&settings);
    space.add_root_schema(schema).map_err(|error| anyhow::anyhow!("{error}"))?;
    let file = syn::parse2(space.to_stream()).context("parsing what was generated")?;
    let header = format!(
        "//! Types of workflow documents. Generated from `{SCHEMA}` by `cargo xtask codegen`: do not edit.\n\n"
    );
    Ok(header + &prettyplease::unparse(&file))
}

/// The schema reduced to shapes. Ranges, patterns and rules between keys stay with the validation
/// of documents, which comes first and explains them; types that repeat them would only make
/// valid documents harder to read.
fn shapes(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, value) in map {
                let is_rule = matches!(
                    key.as_str(),
                    "allOf"
                        | "oneOf"
                        | "pattern"
                        | "minLength"
                        | "maxLength"
                        | "minItems"
                        | "maxItems"
                        | "maximum"
                        | "examples"
                        | "default"
                        | "title"
                        | "$id"
                );
                if !is_rule && !key.starts_with("x-") {
                    kept.insert(key.clone(), shapes(value));
                }
            }
            // A workflow within a workflow is compiled on its own.
            if kept.get("$ref") == Some(&json!("#")) {
                return json!({"type": "object"});
            }
            if let Some(defs) = kept.get_mut("$defs").and_then(Value::as_object_mut) {
                defs.remove("ConfigByType");
            }
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(shapes).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}
