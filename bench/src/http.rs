//! D1: one `POST /runs` per request against a real `aob dev`, each answered when it is durable.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aob_engine::Blob;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::commands::binary;
use crate::machine::{Samples, Watch, cpu_of_process};
use crate::report::{Report, Row};
use crate::stack::compile;
use crate::starts::{batches, chain};
use crate::{Options, probes};

/// Connections that each wait for an answer before they ask again.
const CONNECTIONS: usize = 64;
/// Starts per second of the measurement of latency.
const PACE: u64 = 500;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::start(folder.path())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let starts = options.volume(30_000).max(CONNECTIONS);
    runtime.block_on(server.starts(CONNECTIONS * 4))?;
    let (watch, cpu) = (Watch::start(), cpu_of_process(server.child.id()));
    runtime.block_on(server.starts(starts))?;
    let seconds = watch.elapsed().as_secs_f64();
    let cpu_us = (cpu_of_process(server.child.id()) - cpu).as_secs_f64() * 1e6 / starts as f64;
    let paced = runtime.block_on(server.paced(options.volume(2_000)))?;
    drop(server);
    let batches = batches(&compile(&chain(1))?, &Blob::of(json!({"n": 1})), starts);
    let probe = probes::sqlite(&batches)?;
    report.add(Row {
        id: "D1",
        what: format!("POST /runs, {CONNECTIONS} connections; latency at {PACE}/s"),
        value: starts as f64 / seconds,
        unit: "starts/s",
        p50_us: Some(paced.us(0.5)),
        p99_us: Some(paced.us(0.99)),
        cpu_us: Some(cpu_us),
        ratio: Some(probe / seconds),
        probe: "sqlite rows",
        gate: ">= 0.12",
    });
    Ok(())
}

/// A running `aob dev` with a workflow of one inline node.
struct Server {
    child: Child,
    authority: String,
    token: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Self> {
        let aob = || -> Result<Command> {
            let mut command = Command::new(binary()?);
            command.env("HOME", folder).env_remove("XDG_CONFIG_HOME").stderr(Stdio::null());
            Ok(command)
        };
        let mut child = aob()?
            .args(["dev", "--port", "0", "-o", "json", "--data"])
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout is a pipe")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("aob dev did not start")?;
        let config = ready["config"].as_str().context("it names its profile")?;
        let config: toml::Table = std::fs::read_to_string(config)?.parse()?;
        let token = config["profiles"]["local"]["token"].as_str().context("a token")?.to_owned();
        let server = ready["server"].as_str().context("it names its address")?;
        let authority = server.trim_start_matches("http://").to_owned();
        let workflow = folder.join("one.json");
        std::fs::write(&workflow, chain(1).to_string())?;
        let created = aob()?
            .args(["workflow", "create", "--tag", "one"])
            .arg(&workflow)
            .stdout(Stdio::null())
            .status()?;
        ensure!(created.success(), "the workflow was not created");
        Ok(Self { child, authority, token })
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let authorization = format!("Bearer {}", self.token);
        Ok(Connection { sender, authority: self.authority.clone(), authorization })
    }

    /// This many starts as fast as the connections go.
    async fn starts(&self, count: usize) -> Result<()> {
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let mut connection = self.connect().await?;
            clients.spawn(async move {
                for _ in 0..count / CONNECTIONS {
                    connection.start().await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = clients.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Starts at a fixed pace, each timed from when it was due, so that one that waits for another
    /// counts the wait.
    async fn paced(&self, count: usize) -> Result<Samples> {
        let (give, idle) = tokio::sync::mpsc::channel(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            give.send(self.connect().await?).await?;
        }
        let idle = std::sync::Arc::new(tokio::sync::Mutex::new(idle));
        let mut clock = tokio::time::interval(Duration::from_micros(1_000_000 / PACE));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..count {
            clock.tick().await;
            let (give, idle, watch) = (give.clone(), idle.clone(), Watch::start());
            requests.spawn(async move {
                let mut connection = idle.lock().await.recv().await.context("a connection")?;
                connection.start().await?;
                let took = watch.elapsed();
                give.send(connection).await?;
                anyhow::Ok(took)
            });
        }
        let mut samples = Samples::new();
        while let Some(took) = requests.join_next().await {
            samples.add(took??);
        }
        Ok(samples)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; there is nothing else to do about either.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One keep-alive connection.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    authorization: String,
}

impl Connection {
    async fn start(&mut self) -> Result<()> {
        const BODY: &[u8] = br#"{"workflow":"one","inputs":{"n":1}}"#;
        let request = hyper::Request::post("/v1/runs")
            .header("host", &self.authority)
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(BODY)))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(())
    }
}
