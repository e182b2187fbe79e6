//! `http` nodes: where they go, with what, and what that does.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use url::Url;

use super::expressions::Secrets;
use super::spec::Spec;
use super::unit::Unit;
use crate::diagnostic::{Code, Diagnostic};
use crate::{Capability, EffectClass, NodeKind};

/// What a request does to the world, by its method; a batch only reads.
pub(super) fn default_effect(config: &Map<String, Value>) -> EffectClass {
    match config.get("method").map(|method| method.as_str().unwrap_or_default()) {
        None | Some("GET" | "HEAD" | "OPTIONS") => EffectClass::None,
        Some("PUT" | "DELETE") => EffectClass::Idempotent,
        // POST, PATCH, and whatever a reference gives.
        Some(_) => EffectClass::Irreversible,
    }
}

/// Where a URL leads, as far as it is known before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlOrigin {
    /// `scheme://host:port`.
    Known(String),
    /// Computed at run time.
    Computed,
}

impl UrlOrigin {
    /// Of the `url` of an `http` node. Only what stands before the first reference is known.
    ///
    /// # Errors
    /// What is wrong with it: nobody could be called there.
    pub fn of(url: &str) -> Result<Self, String> {
        origin(url)
    }

    /// The name of the capability.
    fn name(&self) -> &str {
        match self {
            Self::Known(origin) => origin,
            Self::Computed => "*",
        }
    }
}

impl Unit<'_> {
    pub(super) fn http(&mut self, spec: &Spec) -> Option<NodeKind> {
        let config = self.config_template(spec, Secrets::Allowed);
        match spec.config.get("batch") {
            Some(Value::Array(parts)) => self.batch(spec, parts),
            Some(_) => return None,
            None => {
                self.request(&spec.config, &spec.at("config"))?;
            }
        }
        Some(NodeKind::Http { config: config? })
    }

    /// The requests of a batch. One origin for all of them: a secret that is bound to a host is
    /// filled in once for the whole job.
    fn batch(&mut self, spec: &Spec, parts: &[Value]) {
        // That `url` and `batch` exclude each other is reported with the structure.
        for key in spec.config.keys().filter(|key| !matches!(key.as_str(), "batch" | "url")) {
            let at = spec.at(&format!("config/{key}"));
            let problem = Diagnostic::error(
                Code::NotApplicable,
                at,
                format!("`{key}` has no meaning beside `batch`"),
            );
            self.report(problem.with_hint("write it in each request of the batch"));
        }
        let mut ids = BTreeSet::new();
        let mut first: Option<UrlOrigin> = None;
        for (index, part) in parts.iter().enumerate() {
            let at = spec.at(&format!("config/batch/{index}"));
            let Some(part) = part.as_object() else { continue };
            if let Some(id) = part.get("id").and_then(Value::as_str)
                && !ids.insert(id)
            {
                let message = format!("two requests of the batch are called `{id}`");
                self.error(Code::DuplicateNodeId, &format!("{at}/id"), message);
            }
            let Some(origin) = self.request(part, &at) else { continue };
            if origin == UrlOrigin::Computed {
                let message = "the origin of a request in a batch is written before any reference";
                let problem = Diagnostic::error(Code::InvalidUrl, format!("{at}/url"), message);
                self.report(
                    problem.with_example("\"https://api.example.com/customers/${inputs.id}\""),
                );
            } else if let Some(first) = first.as_ref().filter(|first| **first != origin) {
                let message = format!(
                    "`{}` is not the origin of the batch, `{}`",
                    origin.name(),
                    first.name()
                );
                let problem = Diagnostic::error(Code::InvalidUrl, format!("{at}/url"), message);
                self.report(
                    problem.with_hint("requests to another origin are a node of their own"),
                );
            }
            first.get_or_insert(origin);
        }
    }

    /// Checks one request, notes what it may do, and says where it goes.
    fn request(&mut self, config: &Map<String, Value>, at: &str) -> Option<UrlOrigin> {
        self.auth(config, at);
        self.plain_values(config, at, "headers", false);
        self.plain_values(config, at, "query", true);
        match origin(config.get("url")?.as_str()?) {
            Ok(origin) => {
                let method = match config.get("method").and_then(Value::as_str) {
                    None => "GET",
                    Some(method) if method.starts_with('$') => "*",
                    Some(method) => method,
                };
                let name = format!("{method} {}", origin.name());
                self.capabilities.insert(Capability::Egress(name.into()));
                Some(origin)
            }
            Err(message) => {
                let problem = Diagnostic::error(Code::InvalidUrl, format!("{at}/url"), message)
                    .with_example("\"https://api.example.com/customers/${inputs.id}\"");
                self.report(problem);
                // The node goes on as one that may call anything.
                Some(UrlOrigin::Computed)
            }
        }
    }

    fn auth(&mut self, config: &Map<String, Value>, at: &str) {
        let Some(auth) = config.get("auth") else { return };
        let text = |key: &str| auth.get(key).and_then(Value::as_str);
        if let Some(secret) = text("secret") {
            let name = secret.strip_prefix("$secrets.").unwrap_or(secret);
            self.capabilities.insert(Capability::Secret(name.into()));
        }
        match (text("type"), auth.get("header")) {
            (Some("header"), None) => {
                let problem = Diagnostic::error(
                    Code::MissingKey,
                    format!("{at}/auth"),
                    "`header` needs the name of the header that carries the secret",
                );
                self.report(problem.with_example(r#""header": "X-Api-Key""#));
            }
            (Some("bearer" | "basic"), Some(_)) => {
                let message = "`header` is only for authentication of type `header`";
                self.error(Code::NotApplicable, &format!("{at}/auth/header"), message);
            }
            _ => {}
        }
    }

    /// Headers and query parameters are texts, numbers or booleans; parameters also lists of them.
    fn plain_values(&mut self, config: &Map<String, Value>, at: &str, key: &str, lists: bool) {
        let Some(Value::Object(values)) = config.get(key) else { return };
        for (name, value) in values {
            let plain = match value {
                Value::Object(_) => false,
                Value::Array(items) => {
                    lists && !items.iter().any(|item| item.is_array() || item.is_object())
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            };
            if !plain {
                let mut at = format!("{at}/{key}");
                crate::pointer::push_key(&mut at, name);
                let more = if lists { ", or a list of these" } else { "" };
                let message = format!("expected a text, a number, true or false{more}");
                self.error(Code::WrongType, &at, message);
            }
        }
    }
}

/// Where `url` leads. Only what stands before the first reference is known; the host is, where a
/// character that ends it stands before.
fn origin(url: &str) -> Result<UrlOrigin, String> {
    let literal = match url.find("${") {
        Some(reference) => &url[..reference],
        None if url.starts_with('$') => return Ok(UrlOrigin::Computed),
        None => url,
    };
    let is_whole = literal.len() == url.len();
    let scheme_end = literal.find("://");
    if scheme_end.is_none() && !is_whole && !literal.contains(['/', '?', '#', '\\', ':']) {
        return Ok(UrlOrigin::Computed); // Such as `${inputs.base}/x` or `http${...}`.
    }
    if let Some(end) = scheme_end {
        let scheme = literal[..end].to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(format!("`{scheme}` is not `http` or `https`"));
        }
        let after = &literal[end + 3..];
        if !is_whole && !after.contains(['/', '?', '#', '\\']) {
            return Ok(UrlOrigin::Computed); // The reference may still change the host.
        }
    }
    let parsed =
        Url::parse(literal).map_err(|error| format!("`{literal}` is not a URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("`{}` is not `http` or `https`", parsed.scheme()));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("a URL holds no user and password: use `auth`".to_owned());
    }
    match (parsed.host_str(), parsed.port_or_known_default()) {
        (Some(host), Some(port)) => {
            Ok(UrlOrigin::Known(format!("{}://{host}:{port}", parsed.scheme())))
        }
        _ => Err(format!("`{literal}` names no host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_known_only_where_no_reference_can_change_it() {
        let known = [
            ("https://api.example.com/x", "https://api.example.com:443"),
            ("http://api.example.com:8080", "http://api.example.com:8080"),
            ("HTTPS://API.Example.com/${inputs.x}", "https://api.example.com:443"),
            ("https://api.example.com?q=${inputs.x}", "https://api.example.com:443"),
            ("https://api.example.com\\${inputs.x}", "https://api.example.com:443"),
            ("https://bücher.example/", "https://xn--bcher-kva.example:443"),
            ("http://[::1]/x", "http://[::1]:80"),
        ];
        for (url, expected) in known {
            assert_eq!(origin(url), Ok(UrlOrigin::Known(expected.to_owned())), "{url}");
        }
        let computed = [
            "$inputs.url",
            "${inputs.base}/x",
            "https://${inputs.host}/x",
            "http${inputs.s}://a/",
            // The reference could turn the host into another.
            "https://api.example.com${inputs.x}",
            "https://api.example.com:${inputs.port}/",
            "https://api.example.com@${inputs.x}/",
        ];
        for url in computed {
            assert_eq!(origin(url), Ok(UrlOrigin::Computed), "{url}");
        }
        let refused = [
            "ftp://a/b",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "api.example.com/x",
            "/x",
            "",
            "https://",
            "https://u:p@a/",
            "https://u@a/x${inputs.y}",
            "http://a:99999/",
            "ftp://${inputs.host}/",
            "data:text/plain,${inputs.x}",
            "//a/${inputs.x}",
            "https://a b/",
        ];
        for url in refused {
            assert!(origin(url).is_err(), "{url}: {:?}", origin(url));
        }
    }
}
