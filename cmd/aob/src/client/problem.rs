//! What a server says against a call (RFC 9457), as a failure of ours.

use aob_api::{Problem, ProblemItem};
use http::StatusCode;
use serde_json::Value;

use super::{Answer, Got};
use crate::exit::Exit;
use crate::failure::{Failure, Finding};

/// The failure that an answer with a status of 400 or more is. `known`: a token was sent.
pub(crate) fn failure(answer: &Answer, known: bool) -> Failure {
    let Ok(Got { raw, view: problem }) = answer.read::<Problem>() else {
        let code = format!("http_{}", answer.status.as_u16());
        let message = format!("the server answered {}", answer.status);
        return Failure::new(
            exit(answer.status, &code),
            &code,
            message,
            remedy(answer.status, known),
        );
    };
    let message = problem.to_string();
    let conflicts = raw["conflict"].as_array().map(Vec::as_slice).unwrap_or_default();
    let findings: Vec<Finding> =
        problem.errors.into_iter().map(finding).chain(conflicts.iter().map(conflict)).collect();
    let todo = problem.hint.or_else(|| match &findings[..] {
        [only] => only.hint.clone(),
        _ => None,
    });
    let todo = todo.unwrap_or_else(|| remedy(answer.status, known).to_owned());
    let exit = exit(answer.status, &problem.code);
    Failure::new(exit, &problem.code, message, todo).with_findings(findings).with_problem(raw)
}

fn finding(item: ProblemItem) -> Finding {
    let ProblemItem { pointer, message, hint, example, position, .. } = item;
    let place = position.map(|place| format!("line {}, column {}: ", place.line, place.column));
    Finding {
        pointer: pointer.unwrap_or_default(),
        message: format!("{}{message}", place.unwrap_or_default()),
        hint,
        example: example.map(|example| example.0.get().to_owned()),
    }
}

/// Both sides of a conflict.
fn conflict(conflict: &Value) -> Finding {
    let values = &conflict["values"];
    let side = |name: &str| {
        let value = &values[name];
        if value.is_null() { "nothing".to_owned() } else { value.to_string() }
    };
    Finding {
        pointer: values["pointer"].as_str().unwrap_or_default().to_owned(),
        message: format!(
            "it was {}; it is {} now, and the patch wants {}",
            side("base"),
            side("theirs"),
            side("ours")
        ),
        hint: None,
        example: None,
    }
}

fn exit(status: StatusCode, code: &str) -> Exit {
    match status {
        _ if code == "limit_exceeded" => Exit::Limit,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Auth,
        StatusCode::NOT_FOUND | StatusCode::GONE => Exit::NotFound,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Exit::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Exit::Limit,
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Exit::Timeout,
        status if status.is_server_error() => Exit::Failed,
        _ => Exit::Usage,
    }
}

fn remedy(status: StatusCode, known: bool) -> &'static str {
    match exit(status, "") {
        Exit::Auth if known => "use a key that may do this: --token, or `aob config use NAME`",
        Exit::Auth => {
            "name an API key with --token, or choose a profile with `aob config use NAME`"
        }
        Exit::NotFound => {
            "check the name; `aob run list` and `aob workflow list` show what there is"
        }
        Exit::Conflict => "look at what is there now, then decide again",
        Exit::Limit => "wait a little, or make it smaller",
        Exit::Timeout => "try again in a moment",
        Exit::Usage => "correct what is named above and try again",
        Exit::Ok | Exit::Failed | Exit::Interrupted => "try again; the server's log says more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn statuses_have_their_exit_codes() {
        let cases = [
            (400, Exit::Usage),
            (401, Exit::Auth),
            (403, Exit::Auth),
            (404, Exit::NotFound),
            (405, Exit::Usage),
            (409, Exit::Conflict),
            (410, Exit::NotFound),
            (412, Exit::Conflict),
            (413, Exit::Limit),
            (422, Exit::Usage),
            (429, Exit::Limit),
            (500, Exit::Failed),
            (503, Exit::Timeout),
        ];
        for (status, exit) in cases {
            let failure = failure(&answer(status, ""), true);
            assert_eq!(failure.exit(), exit, "{status}");
            assert!(!failure.todo().is_empty(), "{status}");
        }
    }

    #[test]
    fn a_problem_is_shown_whole() {
        let body = r#"{"type": "x", "title": "Refused", "status": 422, "detail": "the workflow is not valid",
            "code": "invalid_workflow", "errors": [{"pointer": "/nodes/0/type",
            "code": "unknown_type", "message": "no such type", "hint": "did you mean `hitl`?", "example": {"type": "hitl"}}]}"#;
        let failure = failure(&answer(422, body), true);
        assert_eq!(failure.code(), "invalid_workflow");
        assert_eq!(failure.message(), "the workflow is not valid");
        assert_eq!(failure.todo(), "did you mean `hitl`?");
        assert_eq!(failure.findings()[0].pointer, "/nodes/0/type");
        assert_eq!(failure.findings()[0].example.as_deref(), Some(r#"{"type": "hitl"}"#));
        assert_eq!(failure.to_json()["type"], "x");
        assert_eq!(failure.to_json()["exit"], 2);
    }

    #[test]
    fn an_answer_that_is_no_problem_document_is_a_failure_all_the_same() {
        for body in ["", "<html>", "[1]", "{\"errors\": 7}"] {
            let failure = failure(&answer(502, body), true);
            assert_eq!(failure.code(), "http_502");
            assert!(failure.message().contains("502"), "{}", failure.message());
        }
    }
}
