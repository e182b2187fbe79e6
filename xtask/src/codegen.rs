//! `cargo xtask codegen`: Rust types from `schema/`, committed and checked.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use typify::{TypeSpace, TypeSpaceSettings};

const SCHEMA: &str = "schema/workflow.schema.json";
const OUTPUT: &str = "crates/ir/src/generated/workflow.rs";

/// Writes the generated files.
pub(crate) fn write() -> Result<()> {
    let root = root()?;
    let output = root.join(OUTPUT);
    if let Some(folder) = output.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&output, generate(&root)?).with_context(|| format!("writing {OUTPUT}"))
}

/// Fails if a generated file is not what the schemas give.
pub(crate) fn check() -> Result<()> {
    let root = root()?;
    let committed = std::fs::read_to_string(root.join(OUTPUT)).unwrap_or_default();
    if committed != generate(&root)? {
        bail!("{OUTPUT} is not what {SCHEMA} gives: run `cargo xtask codegen`");
    }
    Ok(())
}

fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Ok(root.context("xtask is a folder of the workspace")?.to_path_buf())
}

fn generate(root: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(root.join(SCHEMA)).with_context(|| format!("reading {SCHEMA}"))?;
    let schema: Value = serde_json::from_str(&text).with_context(|| format!("parsing {SCHEMA}"))?;
    let mut shapes = shapes(&schema);
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
