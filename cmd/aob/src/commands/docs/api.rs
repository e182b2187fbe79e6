//! The reference of the HTTP API, from the descriptions that the services give of themselves.

mod codes;
mod schemas;

use std::fmt::Write as _;

use aob_orchestrator::Operation;
use serde_json::Value;

use schemas::Schemas;

/// Groups of routes, in the order in which a newcomer meets them.
const GROUPS: [(&str, &str); 11] = [
    ("runs", "Runs"),
    ("patches", "Patches of runs"),
    ("streams", "Streams"),
    ("approvals", "Approvals"),
    ("notifications", "Notifications"),
    ("workflows", "Workflows"),
    ("optimizer", "Optimizer"),
    ("artifacts", "Artifacts"),
    ("runners", "Runners"),
    ("keys", "API keys"),
    ("meta", "The server itself"),
];

const INTRO: &str = "# HTTP API reference

Written by `aob docs api` from what the services say of themselves; a test fails where the two differ.
The same description is at `/openapi.json` of a running server, for programs.

* **Address.** Every path also answers without `/v1`. `aob dev` prints its address and a key, and
  `aob api GET /v1/runs` calls any route with the key of the current profile.
* **Keys.** `Authorization: Bearer aob_...`. What a route needs stands with it; the roles that have it
  are listed at [API keys](#api-keys).
* **Errors** are `application/problem+json` (RFC 9457) with a `code` that never changes its meaning:
  see [errors](errors.md). `errors[]` points at the places in the request, with a hint each.
* **Repeating a POST** is safe with an `Idempotency-Key`: the same key and body answer what the first
  one did (`Idempotency-Replayed: true`), another body is refused. Keys are kept for 24 hours.
* **Lists** answer `{items, next_cursor}`; give `next_cursor` as `?cursor=` for the next page.
* **Waiting.** `Prefer: wait=30` on `POST /v1/runs` and `GET /v1/runs/{run}` answers when the run is
  over, or after that many seconds (60 at most) as it is then.

";

/// The whole page.
pub(super) fn reference() -> String {
    let documents = [aob_orchestrator::openapi(), aob_fanout::openapi()];
    let documents: Vec<Value> =
        documents.iter().filter_map(|document| serde_json::to_value(document).ok()).collect();
    let schemas = Schemas::of(&documents);
    let mut text = INTRO.to_owned();
    for (tag, title) in GROUPS {
        let _ = writeln!(text, "## {title}\n");
        for document in &documents {
            for (path, method, route) in routes(document).filter(|(.., r)| r["tags"][0] == tag) {
                Route { path, method, route, schemas: &schemas }.write(&mut text);
            }
        }
    }
    schemas.write(&mut text);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Path, method and description of each route.
fn routes(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, route)| (path.as_str(), method.as_str(), route))
    })
}

struct Route<'a> {
    path: &'a str,
    method: &'a str,
    route: &'a Value,
    schemas: &'a Schemas,
}

impl Route<'_> {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "### {} {}\n", self.method.to_uppercase(), self.path);
        for part in ["summary", "description"] {
            if let Some(said) = self.route[part].as_str() {
                let _ = writeln!(text, "{}\n", said.trim());
            }
        }
        match self.operation().map(Operation::permission) {
            Some(Some(permission)) => {
                let _ = writeln!(text, "Needs `{}`.\n", permission.as_str());
            }
            Some(None) => text.push_str("Needs no key.\n\n"),
            None => text.push_str("Needs `runs:read`.\n\n"),
        }
        self.parameters(text);
        self.body(text);
        self.example(text);
        self.responses(text);
    }

    fn operation(&self) -> Option<Operation> {
        let plain = self.path.strip_prefix("/v1").unwrap_or(self.path);
        let same = |operation: &&Operation| {
            operation.path() == plain && operation.method().eq_ignore_ascii_case(self.method)
        };
        Operation::ALL.iter().find(same).copied()
    }

    fn parameters(&self, text: &mut String) {
        let Some(parameters) = self.route["parameters"].as_array() else { return };
        text.push_str("| parameter | in | type | |\n|---|---|---|---|\n");
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            let place = parameter["in"].as_str().unwrap_or_default();
            let kind = self.schemas.kind(&parameter["schema"]);
            let said = parameter["description"].as_str().unwrap_or_default();
            let _ = writeln!(text, "| `{name}` | {place} | {kind} | {} |", schemas::cell(said));
        }
        text.push('\n');
    }

    fn body_schema(&self) -> Option<&Value> {
        let content = self.route["requestBody"]["content"].as_object()?;
        content.values().next().map(|media| &media["schema"])
    }

    fn body(&self, text: &mut String) {
        if let Some(schema) = self.body_schema() {
            let _ = writeln!(text, "Body: {}.\n", self.schemas.kind(schema));
        }
    }

    fn example(&self, text: &mut String) {
        let path = self.path.replace("{run}", "$RUN").replace('{', "$").replace('}', "");
        let method = self.method.to_uppercase();
        let _ = write!(text, "```sh\naob api {method} \"{path}\"");
        if let Some(schema) = self.body_schema() {
            let body = self.schemas.example(schema, 0);
            let _ = write!(text, " --data '{}'", body.to_string().replace('\'', "'\\''"));
        }
        text.push_str("\n```\n\n");
    }

    fn responses(&self, text: &mut String) {
        text.push_str("| answer | | |\n|---|---|---|\n");
        let responses = self.route["responses"].as_object().into_iter().flatten();
        for (status, response) in responses.filter(|(status, _)| *status != "default") {
            let content = response["content"].as_object();
            let media = content.and_then(|content| content.iter().next());
            let kind = media.map(|(name, media)| match media.get("schema") {
                Some(schema) => self.schemas.kind(schema),
                None => format!("`{name}`"),
            });
            let said = response["description"].as_str().unwrap_or_default();
            let kind = kind.unwrap_or_default();
            let _ = writeln!(text, "| {status} | {kind} | {} |", schemas::cell(said));
        }
        let parameters: Vec<&str> = self.route["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let codes = codes::of(self.operation(), self.body_schema().is_some(), &parameters);
        let codes = codes.iter().map(|code| format!("[`{code}`](errors.md#{code})"));
        let _ = writeln!(text, "| error | {} | |\n", codes.collect::<Vec<_>>().join(" "));
    }
}
