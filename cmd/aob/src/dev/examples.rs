//! The examples, as `--demo` stores them.

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::client::Call;

/// Name of the tag, document, and inputs that make a good first run.
pub(crate) struct Example {
    pub(crate) tag: &'static str,
    document: &'static str,
    inputs: &'static str,
}

macro_rules! examples {
    ($($tag:literal),+ $(,)?) => {
        /// All of them.
        pub(crate) const EXAMPLES: &[Example] = &[$(Example {
            tag: $tag,
            document: include_str!(concat!("../../../../examples/", $tag, ".json")),
            inputs: include_str!(concat!("../../../../examples/", $tag, ".inputs.json")),
        }),+];
    };
}

examples!["onboarding", "support-triage", "data-pipeline", "polling-loop", "order-saga", "diamond"];

impl Example {
    /// The document, calling the demo service at `service` (scheme, host and port).
    pub(crate) fn document(&self, service: &str) -> String {
        self.document.replace(&default_service(), service)
    }

    /// The call that stores it under its tag.
    pub(crate) fn store(&self, service: &str) -> Call {
        let json = HeaderValue::from_static("application/json");
        let mut call = Call::post(&["workflows"]).query("tag", self.tag).header(CONTENT_TYPE, json);
        call.body = self.document(service).into();
        call
    }

    /// Its inputs.
    pub(crate) fn inputs(&self) -> &'static str {
        self.inputs
    }
}

/// Where the documents expect the demo service.
fn default_service() -> String {
    format!("http://{}", crate::demo::DEFAULT_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_valid_wherever_the_service_is() {
        for example in EXAMPLES {
            let document = example.document("http://127.0.0.1:1234");
            assert!(document.contains("http://127.0.0.1:1234"), "{}", example.tag);
            assert!(!document.contains(&default_service()), "{}", example.tag);
            let compiled = aob_ir::compile_text(&document).unwrap();
            assert_eq!(compiled.warnings, [], "{}", example.tag);
            assert!(serde_json::from_str::<serde_json::Value>(example.inputs()).is_ok());
        }
    }
}
