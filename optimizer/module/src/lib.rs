//! The passes as a WebAssembly module.
//!
//! ABI 1: the module imports nothing and exports `memory`, `aob_alloc(len: i32) -> i32`, which gives
//! a place for the request, and `aob_optimize(ptr: i32, len: i32) -> i64`, which reads the request
//! (JSON, UTF-8) there and answers with the place of its answer: the pointer in the upper half, the
//! length in the lower. An instance serves one request; nothing is ever freed.

use std::slice;

/// A place of `len` bytes for the request.
#[unsafe(no_mangle)]
pub extern "C" fn aob_alloc(len: usize) -> *mut u8 {
    vec![0_u8; len].leak().as_mut_ptr()
}

/// Answers the request of `len` bytes at `ptr`.
///
/// # Safety
/// `ptr` is what `aob_alloc(len)` gave, and used once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aob_optimize(ptr: *const u8, len: usize) -> u64 {
    // SAFETY: the caller names bytes that `aob_alloc` gave, initialised and never freed.
    let request = unsafe { slice::from_raw_parts(ptr, len) };
    let answer = aob_passes::answer(request).leak();
    ((answer.as_ptr() as u64) << 32) | answer.len() as u64
}
