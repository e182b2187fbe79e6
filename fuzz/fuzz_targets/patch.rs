//! A document and the text of a patch: parsed, applied, taken back, compared, compiled.
//!
//! `cargo +nightly fuzz run patch -- -rss_limit_mb=512 -timeout=5`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aob_fuzz::patch(bytes));
