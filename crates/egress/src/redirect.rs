//! What follows from a redirect.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};

use crate::headers::{leave_body, leave_origin};
use crate::target::{Scheme, Target};
use crate::{EgressError, Refusal};

/// No request follows more redirects than this.
pub const MAX_REDIRECTS: u8 = 3;

/// One request of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    pub(crate) target: Target,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Hop {
    /// The next request, where the response asks for one. The policy judges it like the first.
    pub(crate) fn next(
        &self,
        status: StatusCode,
        response: &HeaderMap,
    ) -> Result<Option<Self>, Refusal> {
        let Some(keeps_method) = keeps_method(status, &self.method) else { return Ok(None) };
        let Some(location) = response.get(LOCATION) else { return Ok(None) };
        let location = location.to_str().map_err(|_| Refusal::MalformedUrl)?;
        let mut next = Self { target: self.target.join(location)?, ..self.clone() };
        if (self.target.scheme, next.target.scheme) == (Scheme::Https, Scheme::Http) {
            return Err(Refusal::Downgrade);
        }
        if !keeps_method {
            next.method = Method::GET;
            next.body = Bytes::new();
            leave_body(&mut next.headers);
        }
        if !next.target.same_origin(&self.target) {
            leave_origin(&mut next.headers);
        }
        Ok(Some(next))
    }
}

/// Whether a redirect repeats the request as it was; `None` where it is no redirect.
fn keeps_method(status: StatusCode, method: &Method) -> Option<bool> {
    match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => Some(*method != Method::POST),
        StatusCode::SEE_OTHER => Some(*method == Method::GET || *method == Method::HEAD),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => Some(true),
        _ => None,
    }
}

/// Marks a failure as one behind a redirect: the first request was sent.
pub(crate) fn behind(hop: u8, error: EgressError) -> EgressError {
    if hop == 0 { error } else { EgressError::Redirect { hop, source: Box::new(error) } }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::HeaderValue;

    use super::*;

    fn hop(method: Method) -> Hop {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "x-api-key", "content-type", "accept"] {
            headers.insert(name, HeaderValue::from_static("v"));
        }
        let target = Target::parse("https://a.example/p").unwrap();
        Hop { target, method, headers, body: Bytes::from_static(b"body") }
    }

    type Followed = Result<Option<Hop>, Refusal>;

    fn follow(method: Method, status: StatusCode, location: &'static str) -> Followed {
        let mut response = HeaderMap::new();
        response.insert(LOCATION, HeaderValue::from_static(location));
        hop(method).next(status, &response)
    }

    fn status(code: u16) -> StatusCode {
        StatusCode::from_u16(code).unwrap()
    }

    fn names(hop: &Hop) -> BTreeSet<&str> {
        hop.headers.keys().map(|name| name.as_str()).collect()
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let (get, post, put, head) = (Method::GET, Method::POST, Method::PUT, Method::HEAD);
        for (code, method, expected) in [
            (301, &post, &get),
            (302, &post, &get),
            (303, &post, &get),
            (303, &put, &get),
            (303, &head, &head),
            (301, &put, &put),
            (302, &head, &head),
            (307, &post, &post),
            (308, &put, &put),
        ] {
            let next = follow(method.clone(), status(code), "/q").unwrap().unwrap();
            assert_eq!(next.method, expected, "{code} {method}");
            let kept = method == expected;
            assert_eq!(next.body.is_empty(), !kept, "{code} {method}");
            assert_eq!(next.headers.contains_key("content-type"), kept, "{code} {method}");
            assert!(next.headers.contains_key("authorization"));
        }
    }

    #[test]
    fn other_responses_are_not_followed() {
        for code in [200, 201, 300, 304, 305, 306, 400] {
            assert!(follow(Method::GET, status(code), "/q").unwrap().is_none(), "{code}");
        }
        let found = hop(Method::GET).next(StatusCode::FOUND, &HeaderMap::new());
        assert!(found.unwrap().is_none());
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        for elsewhere in ["https://b.example/", "https://a.example:8443/", "//x.a.example/p"] {
            let next = follow(Method::PUT, status(307), elsewhere).unwrap().unwrap();
            assert_eq!(names(&next), ["accept", "content-type"].into(), "{elsewhere}");
        }
        let next = follow(Method::PUT, status(307), "https://a.example:443/z").unwrap().unwrap();
        assert_eq!(next.headers.len(), 5);
    }

    #[test]
    fn https_is_not_left() {
        assert_eq!(
            follow(Method::GET, status(302), "http://a.example/").unwrap_err(),
            Refusal::Downgrade
        );
    }
}
