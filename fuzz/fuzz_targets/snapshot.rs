//! Any bytes as the snapshot of a run.
//!
//! `cargo +nightly fuzz run snapshot -- -rss_limit_mb=1024 -timeout=20`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aob_fuzz::snapshot(bytes));
