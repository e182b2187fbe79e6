//! Any bytes as a document: parsed, compiled, and its problems rendered.
//!
//! `cargo +nightly fuzz run document fuzz/corpus/document crates/ir/tests/cases/good
//! crates/ir/tests/cases/bad -- -rss_limit_mb=512`: the cases of the tests are the seeds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match aob_ir::compile_text(text) {
        Ok(compiled) => {
            // What is stored is the canonical text, so it must mean the same.
            let again = aob_ir::compile_text(&compiled.ir.canonical).expect("it compiled before");
            assert_eq!(again.ir.digest, compiled.ir.digest);
            compiled.ir.dominators();
            aob_ir::render_diagnostics("document.json", text, &compiled.warnings);
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "a refusal says why");
            aob_ir::render_diagnostics("document.json", text, &problems.0);
        }
    }
});
