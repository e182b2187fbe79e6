//! What a try came to.

use std::time::UNIX_EPOCH;

use aob_egress::EgressError;
use aob_store::TimeMs;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It does not have it, now.
    Again {
        /// Why.
        error: String,
        /// How long it asks to be left alone.
        after_ms: Option<u64>,
    },
    /// The receiver wants nothing any more.
    Gone {
        /// How it said so.
        error: String,
    },
}

impl Outcome {
    /// A failure that says nothing of when to come back.
    pub(crate) fn again(error: impl Into<String>) -> Self {
        Self::Again { error: error.into(), after_ms: None }
    }

    /// What an answer means.
    pub(crate) fn of_answer(status: StatusCode, headers: &HeaderMap, now_ms: TimeMs) -> Self {
        let number = status.as_u16();
        match number {
            200..=299 => Self::Delivered,
            410 => Self::Gone { error: "the receiver answered 410: it is gone".to_owned() },
            300..=399 => {
                Self::again(format!("the receiver answered {number}: redirects are not followed"))
            }
            _ => Self::Again {
                error: format!("the receiver answered {number}"),
                after_ms: retry_after(headers, now_ms),
            },
        }
    }

    /// What it means that there was none.
    pub(crate) fn of_error(error: &EgressError) -> Self {
        let after_ms = match error {
            EgressError::CircuitOpen { retry_after_ms } => Some(*retry_after_ms),
            EgressError::Refused(_)
            | EgressError::Connect { .. }
            | EgressError::Timeout { .. }
            | EgressError::Lost { .. }
            | EgressError::TooLarge { .. }
            | EgressError::BadResponse { .. }
            | EgressError::Redirect { .. } => None,
        };
        Self::Again { error: format!("{}: {error}", error.code()), after_ms }
    }
}

/// `Retry-After` in milliseconds: a number of seconds, or a date.
fn retry_after(headers: &HeaderMap, now_ms: TimeMs) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(date.as_millis()).ok()?.checked_sub(u64::try_from(now_ms).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_specification_says() {
        let again = |error: &str, after_ms| Outcome::Again { error: error.to_owned(), after_ms };
        let failed = "the receiver answered 503";
        let gone = Outcome::Gone { error: "the receiver answered 410: it is gone".to_owned() };
        let redirected = "the receiver answered 302: redirects are not followed";
        let cases = [
            (200, None, Outcome::Delivered),
            (204, Some("9"), Outcome::Delivered),
            (302, None, again(redirected, None)),
            (404, None, again("the receiver answered 404", None)),
            (410, None, gone),
            (429, Some("7"), again("the receiver answered 429", Some(7_000))),
            (503, None, again(failed, None)),
            (503, Some("soon"), again(failed, None)),
            (503, Some("-1"), again(failed, None)),
            (503, Some("99999999999999999999"), again(failed, None)),
            (503, Some("18446744073709551615"), again(failed, Some(u64::MAX))),
            (503, Some("Tue, 14 Nov 2023 22:13:50 GMT"), again(failed, Some(30_000))),
            (503, Some("Tue, 14 Nov 2023 22:13:10 GMT"), again(failed, None)),
        ];
        for (status, retry, expected) in cases {
            let headers = retry.map(|text| (RETRY_AFTER, text.parse().unwrap()));
            let status = StatusCode::from_u16(status).unwrap();
            let headers = headers.into_iter().collect();
            let outcome = Outcome::of_answer(status, &headers, 1_700_000_000_000);
            assert_eq!(outcome, expected, "{status} {retry:?}");
        }
    }
}
