//! Patches for the target [`validation`](crate::validation()), each from a seed.

use std::path::Path;

use serde_json::Value;

use crate::bombs::{bomb, text_bomb};
use crate::dice::Dice;
use crate::mutate::{mangle_bytes, mangle_json};

/// Bases and operations of the validator's corpus: what the red team thought of, to be mixed.
#[derive(Debug)]
pub struct Mixtures {
    bases: Vec<Value>,
    patches: Vec<(usize, Vec<Value>)>,
}

impl Mixtures {
    /// Reads the corpus.
    ///
    /// # Panics
    /// If the repository is not where it was at build time: there is nothing to mix without it.
    pub fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../validator/tests/corpus");
        let read = |path: &Path| -> Value {
            let text = std::fs::read_to_string(path).expect("a readable file of the corpus");
            serde_json::from_str(&text).expect("JSON")
        };
        let files = |folder: &str| {
            let entries = std::fs::read_dir(root.join(folder)).expect("a folder of the corpus");
            let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
            paths.sort();
            paths
        };
        let named = files("bases");
        let bases = named.iter().map(|path| read(path)).collect();
        let names: Vec<String> = named
            .iter()
            .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        let mut patches = Vec::new();
        for path in files("hostile").iter().chain(&files("benign")) {
            for case in read(path).as_array().expect("a list of cases") {
                let base = names.iter().position(|name| case["base"] == **name);
                let operations = case["patch"].as_array().expect("a patch").clone();
                patches.push((base.expect("its base"), operations));
            }
        }
        assert!(patches.len() > 260, "only {} patches", patches.len());
        Self { bases, patches }
    }

    /// Operations of one case or of several on the same base, mutated now and then, or with a bomb
    /// among them.
    ///
    /// # Panics
    /// Never: [`Self::load`] found patches.
    pub fn a_patch(&self, dice: &mut Dice<'_>) -> Vec<u8> {
        let (base, operations) = dice.pick(&self.patches).expect("there are patches");
        let mut operations = operations.clone();
        for _ in 0..dice.below(3) {
            let (other, more) = dice.pick(&self.patches).expect("there are patches");
            if other == base || dice.below(4) == 0 {
                let at = dice.below(operations.len() + 1);
                operations.splice(at..at, more.iter().cloned());
            }
        }
        if !operations.is_empty() && dice.below(3) == 0 {
            operations.remove(dice.below(operations.len()));
        }
        let is_bomb = dice.below(24) == 0;
        if is_bomb {
            bomb(dice, &self.bases[*base], &mut operations);
        }
        let mut patch = Value::Array(operations);
        if !is_bomb && dice.below(3) > 0 {
            let other = dice.pick(&self.bases).expect("there are bases").clone();
            mangle_json(dice, &mut patch, &other);
        }
        let mut bytes = self.bases[*base].to_string().into_bytes();
        bytes.push(0);
        let mut text = patch.to_string().into_bytes();
        if dice.below(10) == 0 {
            mangle_bytes(dice, &mut text);
        }
        if dice.below(24) == 0 {
            text_bomb(dice, &mut text);
        }
        text.retain(|byte| *byte != 0);
        bytes.extend(text);
        bytes.push(0);
        for _ in 0..dice.below(30) {
            bytes.push(dice.roll().to_le_bytes()[0]);
        }
        bytes
    }
}
