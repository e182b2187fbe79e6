//! A document, a patch and a history, with a zero byte between them: validated for every author.
//!
//! `cargo +nightly fuzz run validation -- -rss_limit_mb=1024 -timeout=20`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aob_fuzz::validation(bytes));
