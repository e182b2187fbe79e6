//! What the mutations start from: every document of the repository.

use std::path::{Path, PathBuf};

/// One document, and inputs that fit it where there are some.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Where it stands.
    pub name: String,
    /// The document's text.
    pub document: String,
    /// Inputs as JSON.
    pub inputs: String,
    /// It compiles as it is.
    pub compiles: bool,
}

impl Seed {
    fn new(name: String, document: String, inputs: String) -> Self {
        let compiles = aob_ir::compile_text(&document).is_ok();
        Self { name, document, inputs, compiles }
    }
}

/// The examples, the cases of the compiler's tests, and the documents in the pages of `docs/`.
///
/// # Panics
/// If the repository is not where it was at build time: there is nothing to test without it.
pub fn seeds() -> Vec<Seed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds = Vec::new();
    for folder in ["examples", "crates/ir/tests/cases/good", "crates/ir/tests/cases/bad"] {
        for path in json_files(&root.join(folder)) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".inputs") {
                continue;
            }
            let document = std::fs::read_to_string(&path).expect("a readable seed");
            let beside = path.with_file_name(format!("{name}.inputs.json"));
            let inputs = std::fs::read_to_string(beside).unwrap_or_else(|_| "{}".to_owned());
            seeds.push(Seed::new(name, document, inputs));
        }
    }
    for page in ["docs/workflows.md", "docs/functions.md"] {
        let text = std::fs::read_to_string(root.join(page)).expect("a readable page");
        for block in text.split("```json\n").skip(1) {
            let document = block.split("```").next().unwrap_or_default().to_owned();
            let inputs = r#"{"who": "Ada"}"#.to_owned();
            seeds.push(Seed::new(page.to_owned(), document, inputs));
        }
    }
    assert!(seeds.len() > 100, "only {} seeds", seeds.len());
    seeds
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of seeds");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}
