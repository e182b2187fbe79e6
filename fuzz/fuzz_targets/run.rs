//! A document, inputs and a script: compiled, started, and driven to its end.
//!
//! `cargo +nightly fuzz run run -- -rss_limit_mb=1024 -timeout=20`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aob_fuzz::run(bytes));
