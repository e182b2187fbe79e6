//! `Retry-After`: seconds or a date (RFC 9110, 10.2.3).

use std::time::SystemTime;

use aob_engine::Timestamp;
use http::{HeaderMap, header};

/// A server can hold a run back for a day, not for ever.
pub(crate) const RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Milliseconds that the server asks to wait; `None` where it says nothing understandable.
pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait_ms = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse::<u64>().map_or(u64::MAX, |seconds| seconds.saturating_mul(1_000))
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let at = Timestamp(i64::try_from(since_epoch.as_millis()).ok()?);
        at.since_ms(now)
    };
    Some(wait_ms.min(RETRY_AFTER_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_all_three_date_forms_are_read() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        for (text, expected) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7_000)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(7_000)),
            ("Sun Nov  6 08:49:37 1994", Some(7_000)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Fri, 31 Dec 2100 23:59:59 GMT", Some(RETRY_AFTER_MS_MAX)),
            ("99999999999999999999999999", Some(RETRY_AFTER_MS_MAX)),
            ("86401", Some(RETRY_AFTER_MS_MAX)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            assert_eq!(read(&headers, now), expected, "{text:?}");
        }
        assert_eq!(read(&HeaderMap::new(), now), None);
    }
}
