//! Any bytes as a document: parsed, compiled, and its problems rendered.
//!
//! `cargo +nightly fuzz run document -- -rss_limit_mb=1024 -timeout=20`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aob_fuzz::document(bytes));
