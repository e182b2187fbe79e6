//! The page of error codes.

use std::fmt::Write as _;

use aob_api::ErrorCode;

/// The whole page.
pub(super) fn reference() -> String {
    let mut text = String::from(
        "# Errors\n\nWritten by `aob docs errors` from the one list of codes; a test fails where the \
         two differ.\n\nEvery error of the API is `application/problem+json` (RFC 9457). Its `code` \
         never changes its meaning; `title` and `detail` are for people, and `errors[]` lists the \
         places in the request with a `pointer`, a `message` and often a `hint` and an `example`. \
         `aob -o json` prints the same document on stderr. Where *again* is yes, the same request may \
         succeed later: after `retry_after_ms`, where it is given.\n\n\
         | code | status | again | |\n|---|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        let again = if code.is_retryable() { "yes" } else { "" };
        let _ = writeln!(
            text,
            "| [`{code}`](#{code}) | {} | {again} | {} |",
            code.status(),
            code.title()
        );
    }
    for code in ErrorCode::ALL {
        let said: Vec<&str> = code.explanation().lines().map(str::trim).collect();
        let _ = write!(text, "\n## {code}\n\n{}: {}\n", code.status(), said.join(" "));
    }
    text
}
