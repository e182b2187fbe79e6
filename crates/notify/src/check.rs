//! Judging where messages are to go, before anything is sent.

use aob_egress::{Policy, Refusal};
use http::Method;
use thiserror::Error;
use url::Url;

/// Why messages may not go somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// The rules of outgoing requests forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It has a fragment, which is never sent.
    #[error("the URL has a fragment (`#...`), which is never sent")]
    Fragment,
}

/// Judges a URL by the rules that hold when something is sent; what its name resolves to is judged
/// then.
///
/// # Errors
/// See [`TargetError`].
pub fn check_url(policy: &Policy, url: &str) -> Result<(), TargetError> {
    policy.check(url, &Method::POST)?;
    if url.contains('#') { Err(TargetError::Fragment) } else { Ok(()) }
}

/// A URL without what may be a secret in it: of a `slack` endpoint the path, of all the query.
pub fn shown_url(url: &str, whole_path: bool) -> String {
    let Ok(parsed) = Url::parse(url) else { return String::new() };
    let mut shown = parsed.origin().ascii_serialization();
    if whole_path {
        shown.push_str(parsed.path());
    } else if parsed.path() != "/" {
        shown.push_str("/…");
    }
    if parsed.query().is_some() {
        shown.push_str("?…");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_refused_unless_it_is_listed() {
        let listed: aob_egress::Allow = "http://127.0.0.1:9000".parse().unwrap();
        let policy = Policy { allow: vec![listed.private()], ..Policy::default() };
        let cases = [
            ("https://hooks.example.com/x?y=1", ""),
            ("http://127.0.0.1:9000/in", ""),
            ("http://127.0.0.1:9001/in", "port"),
            ("http://hooks.example.com/", "plain_http"),
            ("https://169.254.169.254/", "address"),
            ("https://[::ffff:10.0.0.1]/", "address"),
            ("https://localhost/", "name"),
            ("https://user:pw@example.com/", "user_info"),
            ("ftp://example.com/", "scheme"),
            ("example.com", "malformed_url"),
            ("", "malformed_url"),
        ];
        for (url, code) in cases {
            match check_url(&policy, url) {
                Ok(()) => assert_eq!(code, "", "{url}"),
                Err(TargetError::Refused(refusal)) => assert_eq!(refusal.code(), code, "{url}"),
                Err(other) => panic!("{url}: {other}"),
            }
        }
        let fragment = check_url(&policy, "https://example.com/#x");
        assert_eq!(fragment, Err(TargetError::Fragment));
    }

    #[test]
    fn secrets_in_urls_are_not_shown() {
        let url = "https://hooks.slack.com/services/T0/B0/s3cret?k=v";
        assert_eq!(shown_url(url, false), "https://hooks.slack.com/…?…");
        assert_eq!(shown_url("https://e.example:8443/in?k=v", true), "https://e.example:8443/in?…");
        assert_eq!(shown_url("https://e.example", true), "https://e.example/");
        assert_eq!(shown_url("nonsense", true), "");
    }
}
