//! A document and the lines of a log: decoded, folded, looked at, decided upon.
//!
//! `cargo +nightly fuzz run events -- -rss_limit_mb=1024 -timeout=20`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aob_fuzz::events(bytes));
