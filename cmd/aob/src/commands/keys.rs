//! Keys that make calls repeatable.

use http::HeaderValue;

/// The longest idempotency key.
const KEY_BYTES_MAX: usize = 255;

/// An `Idempotency-Key` as the caller chose it.
pub(crate) fn idempotency_key(text: &str) -> Result<HeaderValue, String> {
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    if text.is_empty() || text.len() > KEY_BYTES_MAX || !printable {
        return Err(format!(
            "a key has 1 to {KEY_BYTES_MAX} printable ASCII characters, no spaces"
        ));
    }
    HeaderValue::from_str(text).map_err(|error| error.to_string())
}
