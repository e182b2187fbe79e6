//! A response as a node's output: `{status, headers, body}`.

use aob_api::jobs::RawText;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::OutgoingResponse;

/// The node's output. The body is parsed where the content type is JSON, a string where it is
/// text, and `{"$base64": "..."}` where it is neither.
pub(crate) fn output(response: &OutgoingResponse) -> Box<RawValue> {
    RawText::of(&value(response)).0
}

/// The output of a batch: an object of what its requests alone would have given.
pub(crate) fn outputs(responses: Vec<(String, OutgoingResponse)>) -> Box<RawValue> {
    let members = responses.into_iter().map(|(id, response)| (id, value(&response)));
    RawText::of(&Value::Object(members.collect())).0
}

fn value(response: &OutgoingResponse) -> Value {
    json!({
        "status": response.status.as_u16(),
        "headers": headers(&response.headers),
        "body": body(response),
    })
}

/// The body as JSON.
pub(crate) fn body(response: &OutgoingResponse) -> Value {
    if is_json(&response.headers)
        && let Ok(value) = serde_json::from_slice(&response.body)
    {
        return value;
    }
    match std::str::from_utf8(&response.body) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "$base64": STANDARD.encode(&response.body) }),
    }
}

/// Lower-case names; repeated headers joined by `, `, cookies as a list.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let value = if name == header::SET_COOKIE {
            values.collect()
        } else {
            Value::from(values.collect::<Vec<_>>().join(", "))
        };
        map.insert(name.as_str().to_owned(), value);
    }
    map
}

/// `application/json` or `application/<anything>+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(is_json_type)
}

/// True for the media types of JSON.
fn is_json_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    #[test]
    fn bodies_follow_their_content_type() {
        for (content_type, bytes, expected) in [
            ("application/json", &br#"{"a": 1}"#[..], json!({"a": 1})),
            ("application/problem+json; charset=utf-8", b"[1]", json!([1])),
            ("Application/JSON", b"null", json!(null)),
            ("application/json", b"not json", json!("not json")),
            ("application/json", b"", json!("")),
            ("text/plain", b"{\"a\": 1}", json!("{\"a\": 1}")),
            ("", b"plain", json!("plain")),
            ("text/plain", b"\xff\xfe", json!({"$base64": "//4="})),
            ("image/png", b"\x89PNG\x00", json!({"$base64": "iVBORwA="})),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            let body_bytes = Bytes::from_static(bytes);
            let response = OutgoingResponse { status: StatusCode::OK, headers, body: body_bytes };
            assert_eq!(body(&response), expected, "{content_type} {bytes:?}");
        }
    }

    #[test]
    fn headers_keep_every_value() {
        let mut map = HeaderMap::new();
        map.append("x-a", "1".parse().unwrap());
        map.append("X-A", "2".parse().unwrap());
        map.append("set-cookie", "s=1; expires=Sun, 06 Nov".parse().unwrap());
        let body = Bytes::new();
        let response = OutgoingResponse { status: StatusCode::CREATED, headers: map, body };
        let output: Value = serde_json::from_str(output(&response).get()).unwrap();
        assert_eq!(
            output,
            json!({
                "status": 201,
                "headers": {"x-a": "1, 2", "set-cookie": ["s=1; expires=Sun, 06 Nov"]},
                "body": "",
            })
        );
    }
}
