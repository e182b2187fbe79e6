//! The demo's agent: a runner by long poll, as every agent is one, with a script for a model.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{FailureMessage, PayloadMessage, RawText, ResultPatchMessage};
use aob_runner::cli::{Server, https_api};
use aob_runner::{
    ApiPayloads, Attempt, Executor, MapSecrets, Outcome, PollConfig, Poller, ReadyJob, RunnerApi,
    Secret, Worker, WorkerDeps,
};
use async_trait::async_trait;
use http::{HeaderName, HeaderValue};
use owo_colors::OwoColorize;
use serde_json::{Value, json};
use url::Url;

use super::script::{Conversation, ToolCall, conversation};
use super::{SCRIPT, broken_example, say};
use crate::client::{Api, Call};
use crate::commands::{WallClock, with_sources};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Out, plain};

/// What it is called.
const NAME: &str = "demo-agent";
/// How long it may take to stop; there is nothing that it would do meanwhile.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// The agent at work for a server.
pub(super) fn poller(
    out: Out,
    api: Api,
    server: SocketAddr,
    token: String,
) -> Result<Poller, Failure> {
    let conversation = conversation(SCRIPT).map_err(broken_example)?;
    let url = Url::parse(&format!("http://{server}"));
    let url = url.map_err(|error| unusable(&error))?;
    let https = https_api(Server { url, token: Some(Secret::new(token)) });
    let https: Arc<dyn RunnerApi> = Arc::new(https.map_err(|error| unusable(&error))?);
    let deps = WorkerDeps {
        executor: Arc::new(Agent { out, api, conversation }),
        payloads: Arc::new(ApiPayloads(Arc::clone(&https))),
        secrets: Arc::new(MapSecrets::default()),
        clock: Arc::new(WallClock),
    };
    let worker = Worker::new(NAME.into(), deps, STOP_GRACE);
    let names = ["agent", "sanctions_check"].map(Arc::from);
    Ok(Poller::new(PollConfig::new(NAME, "default", names), https, worker))
}

fn unusable(error: &dyn std::error::Error) -> Failure {
    let message = format!("the demo's agent cannot work: {}", with_sources(error));
    Failure::new(Exit::Failed, "demo", message, "report this as a bug")
}

#[derive(Debug)]
struct Agent {
    out: Out,
    api: Api,
    conversation: Conversation,
}

#[async_trait]
impl Executor for Agent {
    async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        if &*job.message.name == "sanctions_check" {
            self.tell("looks for the name on the sanctions lists: clear", attempt);
            return Outcome::completed(&json!({ "result": "clear" }));
        }
        match self.converse(job, attempt).await {
            Ok(answer) => Outcome::completed(&answer),
            Err(failure) => {
                FailureMessage::permanent(failure.code(), failure.message().to_owned()).into()
            }
        }
    }
}

impl Agent {
    /// Plays the script to its end; the last turn is the answer.
    async fn converse(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Result<Value, Failure> {
        let mut answer = Value::Null;
        for turn in &self.conversation.turns {
            answer = serde_json::from_str(&turn.text).unwrap_or(Value::Null);
            self.tell(&turn.text, attempt);
            for call in &turn.tool_calls {
                self.use_tool(call, job, attempt).await?;
            }
        }
        Ok(answer)
    }

    async fn use_tool(
        &self,
        call: &ToolCall,
        job: &ReadyJob<'_>,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let run = job.message.run.to_string();
        match &*call.name {
            "propose_patch" => self.propose(&call.arguments, job, attempt).await,
            "show_graph" => {
                let graph = self.api.fetch::<Value>(Call::get(&["runs", &run, "graph"])).await?;
                let nodes = graph.view["nodes"].as_array().map_or(0, Vec::len);
                self.tell(&format!("looks at the graph of its run: {nodes} nodes"), attempt);
                Ok(())
            }
            name => {
                self.tell(&format!("uses {name} {}", call.arguments), attempt);
                Ok(())
            }
        }
    }

    /// Plans a patch, and adds it to the result where no rule is against it.
    async fn propose(
        &self,
        patch: &Value,
        job: &ReadyJob<'_>,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let count = patch["operations"].as_array().map_or(0, Vec::len);
        self.tell(&format!("proposes a patch of {count} operations"), attempt);
        let run = job.message.run.to_string();
        let mut plan = Call::post(&["runs", &run, "patches"]).query("dry_run", true).body(patch);
        if let Some(token) = &job.message.token
            && let Ok(token) = HeaderValue::from_str(token)
        {
            plan = plan.header(HeaderName::from_static("aob-job-token"), token);
        }
        if let Err(refusal) = self.api.send(plan).await {
            let found = refusal.findings().first();
            let said = found.map_or(refusal.message(), |finding| &finding.message);
            let hint = found.and_then(|finding| finding.hint.as_deref());
            let hint = hint.map_or(String::new(), |hint| format!(" ({hint})"));
            self.tell(&format!("is refused: {said}{hint}"), attempt);
            return Ok(());
        }
        let proposed = ResultPatchMessage {
            operations: PayloadMessage::Inline(RawText::of(&patch["operations"]).0),
            base: None,
            description: patch["description"].as_str().unwrap_or_default().into(),
        };
        attempt.propose(proposed).map_err(|error| unusable(&error))
    }

    /// Says something to whoever watches, and in the run's log lines.
    fn tell(&self, text: &str, attempt: &Attempt) {
        attempt.log(text);
        // Where nobody can be told, the run goes on all the same.
        let _ = say(self.out, &format!("  {} {}", "agent".magenta(), plain(text)));
    }
}
