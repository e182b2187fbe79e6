//! `aob api`: any call of the API, with the profile's server and key.

use clap::Args;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::client::{Answer, Call};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::Source;

/// Call the API: any method, any path.
///
/// The body of the answer goes to stdout. A status of 400 or more is an error, its body is still
/// printed, and the exit code says which kind it is.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob api GET '/v1/runs?limit=2'", "aob api POST /v1/runs --data '{\"workflow\": \"onboarding\"}'"))]
pub(crate) struct ApiCall {
    /// GET, POST, PUT, PATCH, DELETE or HEAD.
    #[arg(value_parser = method)]
    method: Method,
    /// Path, with a query if needed.
    #[arg(value_parser = path)]
    path: String,
    /// Body: JSON, a file with it, or - for standard input.
    #[arg(short, long, value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    data: Option<Source>,
    /// Header, as name: value.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Print the status and the headers of the answer first.
    #[arg(short, long)]
    include: bool,
}

impl ApiCall {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let mut call = Call::literal(self.method, &self.path);
        if let Some(data) = &self.data {
            call.body = data.text()?.into();
            call = call.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in self.headers {
            call = call.header(name, value);
        }
        let answer = block_on(api.raw(call))?;
        let out = context.out;
        if self.include {
            out.data(&head(&answer))?;
        }
        let shown = match serde_json::from_slice::<Value>(&answer.body) {
            Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
            Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
        };
        if !shown.is_empty() {
            out.data(shown.trim_end())?;
            out.data("\n")?;
        }
        match answer.status.is_client_error() || answer.status.is_server_error() {
            true => Err(api.refusal(&answer)),
            false => Ok(Exit::Ok),
        }
    }
}

fn head(answer: &Answer) -> String {
    let mut head = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    head.push('\n');
    head
}

fn method(text: &str) -> Result<Method, String> {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let text = text.to_ascii_uppercase();
    match known.contains(&text.as_str()) {
        true => text.parse().map_err(|_| "no such method".to_owned()),
        false => Err(format!("write one of {}", known.join(", "))),
    }
}

fn path(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return Err("write the path only; --server names the server".to_owned());
    }
    if !text.starts_with('/') {
        return Err("a path begins with /, such as /v1/runs".to_owned());
    }
    Ok(text.to_owned())
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || "write it as 'Name: value'".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().parse().map_err(|_| wrong())?;
    let value = value.trim().parse().map_err(|_| wrong())?;
    Ok((name, value))
}
