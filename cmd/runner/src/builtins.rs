//! The functions that every runner has: `echo`, `sleep`, `fail`; and the way to `http`.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::FailureMessage;
use aob_engine::JobType;
use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use crate::attempt::Attempt;
use crate::execute::{Executor, Outcome, ReadyJob};
use crate::http::HttpExecutor;

/// Executes built-in functions and `http` jobs.
#[derive(Debug, Clone)]
pub struct Builtins {
    http: Arc<HttpExecutor>,
}

impl Builtins {
    /// With this executor for `http` jobs.
    pub fn new(http: HttpExecutor) -> Self {
        Self { http: Arc::new(http) }
    }
}

#[async_trait]
impl Executor for Builtins {
    async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        match job.message.job_type {
            JobType::Http => self.http.execute(job, attempt).await,
            JobType::Function => function(job, attempt).await,
            JobType::Agent => unknown("agent"),
        }
    }
}

async fn function(job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
    match &*job.message.name {
        "echo" => Outcome::Completed(job.args().to_owned()),
        "sleep" => sleep(job.own_args(), attempt).await,
        "fail" => fail(job.own_args()),
        name => unknown(name),
    }
}

fn unknown(name: &str) -> Outcome {
    let message = format!("this runner does not serve `{name}`");
    FailureMessage::permanent("unknown_function", message).into()
}

async fn sleep(args: Option<&RawValue>, attempt: &Attempt) -> Outcome {
    #[derive(Deserialize)]
    struct Args {
        ms: u64,
    }
    let Args { ms } = match read_args("sleep", args) {
        Ok(args) => args,
        Err(failure) => return failure.into(),
    };
    tokio::select! {
        biased;
        () = attempt.cancel_token().cancelled() => Outcome::Cancelled,
        () = tokio::time::sleep(Duration::from_millis(ms)) => {
            Outcome::completed(&json!({ "slept_ms": ms }))
        }
    }
}

fn fail(args: Option<&RawValue>) -> Outcome {
    #[derive(Deserialize)]
    struct Args {
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        retryable: bool,
    }
    let args: Args = match read_args("fail", args) {
        Ok(args) => args,
        Err(failure) => return failure.into(),
    };
    let message = args.message.unwrap_or_else(|| "failed on purpose".to_owned());
    let code = args.code.as_deref().unwrap_or("failed");
    FailureMessage { retryable: args.retryable, ..FailureMessage::permanent(code, message) }.into()
}

fn read_args<T: DeserializeOwned>(
    name: &str,
    args: Option<&RawValue>,
) -> Result<T, FailureMessage> {
    serde_json::from_str(args.map_or("{}", RawValue::get)).map_err(|error| {
        FailureMessage::permanent("invalid_args", format!("`{name}` cannot use its args: {error}"))
    })
}
