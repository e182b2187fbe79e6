//! The API as commands use it: over HTTP, or inside this process, with the same calls.

mod call;
mod events;
mod problem;
mod run_ref;
mod transport;
pub(crate) mod views;

use aob_api::Page;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;

pub(crate) use self::call::{Answer, Call};
pub(crate) use self::events::{Delivery, EventStream};
pub(crate) use self::run_ref::RunRef;
use self::transport::Transport;
use crate::config::Settings;
use crate::exit::Exit;
use crate::failure::Failure;

/// A server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    transport: Transport,
    base: Url,
    token: Option<String>,
}

impl Api {
    /// The server of these settings, over HTTP.
    pub(crate) fn remote(settings: &Settings) -> Result<Self, Failure> {
        let Settings { server, token, .. } = settings.clone();
        let base = server.url().clone();
        Ok(Self { transport: Transport::remote(&base)?, base, token })
    }

    /// A server that lives in this process.
    pub(crate) fn local(router: axum::Router, token: String) -> Self {
        let base = Url::parse("http://embedded.invalid/").expect("a literal URL");
        Self { transport: Transport::Local(router), base, token: Some(token) }
    }

    /// The URL of a path of this server.
    pub(crate) fn url_of(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// Sends a call. An answer with a status of 400 or more is a failure.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Failure> {
        let answer = self.raw(call).await?;
        if answer.status.is_client_error() || answer.status.is_server_error() {
            return Err(self.refusal(&answer));
        }
        Ok(answer)
    }

    /// Sends a call and answers whatever comes.
    pub(crate) async fn raw(&self, call: Call) -> Result<Answer, Failure> {
        let url = call.url(&self.base);
        self.transport.send(call, url, self.token.as_deref()).await
    }

    /// Sends a call and reads its answer.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: Call) -> Result<Got<T>, Failure> {
        self.send(call).await?.read()
    }

    /// Pages of a list, until it ends or `limit` items are there.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        call: Call,
        limit: usize,
    ) -> Result<Listing<T>, Failure> {
        self.pages_from(call, None, limit).await
    }

    /// As [`Api::pages`], from where an earlier list ended.
    pub(crate) async fn pages_from<T: DeserializeOwned>(
        &self,
        call: Call,
        mut cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<T>, Failure> {
        let mut items: Vec<Got<T>> = Vec::new();
        loop {
            let wanted = limit.saturating_sub(items.len()).min(PAGE_MAX);
            let page = call.clone().query("limit", wanted).query_opt("cursor", cursor.as_deref());
            let Got { view, .. } = self.fetch::<Page<Box<RawValue>>>(page).await?;
            cursor = view.next_cursor;
            for item in &view.items {
                items.push(Got::parse(item.get().as_bytes())?);
            }
            if cursor.is_none() || view.items.is_empty() || items.len() >= limit {
                return Ok(Listing { items, next_cursor: cursor });
            }
        }
    }

    /// The failure that an answer with a status of 400 or more is.
    pub(crate) fn refusal(&self, answer: &Answer) -> Failure {
        problem::failure(answer, self.token.is_some())
    }
}

/// Items asked for at once.
const PAGE_MAX: usize = 200;

/// Something that a server answered: as it came, for programs, and as our type, for tables.
#[derive(Debug)]
pub(crate) struct Got<T> {
    pub(crate) raw: Value,
    pub(crate) view: T,
}

impl<T: DeserializeOwned> Got<T> {
    /// Reads JSON. A newer server may add to what we know, not change it.
    fn parse(body: &[u8]) -> Result<Self, Failure> {
        let strange = |error: serde_json::Error| strange_answer(&error.to_string());
        let raw = serde_json::from_slice(body).map_err(strange)?;
        let view = serde_json::from_slice(body).map_err(strange)?;
        Ok(Self { raw, view })
    }
}

/// A list, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<Got<T>>,
    /// Where it goes on.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// The form that programs read: that of the API.
    pub(crate) fn to_json(&self) -> Value {
        let items: Vec<&Value> = self.items.iter().map(|item| &item.raw).collect();
        match &self.next_cursor {
            Some(cursor) => json!({ "items": items, "next_cursor": cursor }),
            None => json!({ "items": items }),
        }
    }
}

fn strange_answer(problem: &str) -> Failure {
    let message = format!("the server's answer makes no sense: {problem}");
    let todo = "check that --server names an aob server of about this version";
    Failure::new(Exit::Failed, "strange_answer", message, todo)
}
