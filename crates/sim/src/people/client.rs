//! How a client asks: again and again until it gets an answer, which it then compares with what is
//! durable.

use std::sync::Arc;
use std::time::Duration;

use aob_coordinator::{Reply, Resolved, Submission, SubmitError, WorkflowError, WorkflowRef};
use aob_engine::{
    Actor, Blob, Command, CommandId, Fidelity, RejectionCode, Request, RunId, StartRun,
};
use aob_store::IdempotencyKey;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::change::Manner;
use super::{Order, People};
use crate::counts::Count;
use crate::gate::SKEW_MS_MAX;
use crate::site::Live;

/// How long a client waits for an answer before it asks somebody else.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long idempotency keys are kept.
const KEY_MS: i64 = 86_400_000;
/// Milliseconds between cancel and fence.
const GRACE_MS: u64 = 30_000;

impl People {
    /// Asks until there is an answer, and judges it.
    pub(super) async fn insist(&self, ask: Order) {
        let request = Request {
            id: CommandId(ask.id.as_str().into()),
            actor: Actor(ask.actor.into()),
            command: ask.command.clone(),
        };
        loop {
            let before = self.seq(ask.run);
            let submission = || Submission {
                workspace: self.site.workspace,
                run: ask.run,
                request: request.clone(),
                key: self.key_of(&ask),
                dedup: None,
                ir: None,
                token: (),
            };
            if let Some(reply) = self.submit(submission()).await {
                self.judge(ask.run, &request, before, &reply);
                return;
            }
            let ms = self.site.world.draw(|dice| dice.within(100..=3_000));
            sleep(Duration::from_millis(ms)).await;
        }
    }

    /// The idempotency key of a command. What would count again when it came again has one; of the
    /// others, those whose name says so.
    fn key_of(&self, ask: &Order) -> Option<IdempotencyKey> {
        let by_hand = ask.id.starts_with("repair:");
        (by_hand || ask.id.len().is_multiple_of(2)).then(|| IdempotencyKey {
            endpoint: format!("POST /v1/runs/{}", ask.run),
            key: ask.id.clone(),
            body_hash: [0; 32],
            status: 200,
            response: ask.run.to_string(),
            expires_ms: self.site.world.now_ms() + KEY_MS,
        })
    }

    fn seq(&self, run: RunId) -> u64 {
        self.site.world.ledger.lock().run(run).map_or(0, |log| log.seq())
    }

    /// One try at some coordinator; `None`: no answer, which says nothing.
    async fn submit(&self, submission: Submission<()>) -> Option<Reply> {
        let live = self.site.any()?;
        live.gate.wait().await;
        let reply = tokio::select! {
            biased;
            () = live.gate.dead.cancelled() => return None,
            reply = timeout(PATIENCE, live.coordinator.handle.submit(submission)) => reply.ok()?,
        };
        match reply {
            Err(SubmitError::Unavailable(_) | SubmitError::Overloaded) => None,
            reply => Some(reply),
        }
    }

    /// An answer must be true: what it says is done is durable, and what it says changes nothing
    /// changes nothing where nothing happened since.
    fn judge(&self, run: RunId, request: &Request, before: u64, reply: &Reply) {
        let world = &self.site.world;
        world.tell(|| format!("answer to {} of {run}: {}", request.id, brief(reply)));
        let ledger = world.ledger.lock();
        let log = ledger.run(run);
        match reply {
            Ok(outcome) if outcome.changed => {
                let known = log.is_some_and(|log| {
                    log.commands.contains(&request.id) && log.seq() >= outcome.seq
                });
                if !known {
                    world.violation(format!("{} is acknowledged and not durable", request.id));
                }
            }
            Ok(_) | Err(SubmitError::Rejected(_)) => {
                if reply.is_err() {
                    world.counts.add(Count::Refused);
                }
                if let Command::Patch(_) | Command::RevertPatch(_) = &request.command {
                    world.counts.add(answer_to_patch(reply));
                }
                if let (Command::Patch(proposal), Err(_)) = (&request.command, reply)
                    && Manner::named(&proposal.description) == Manner::Hostile
                {
                    world.counts.add(Count::HostileRefused);
                }
                if log.is_none_or(|log| log.seq() != before) {
                    return;
                }
                let stored = |digest: &aob_ir::Digest| self.site.stored(digest);
                // A clock that is ahead sees the time of a ticket end before it does.
                let ahead_ms = if is_out_of_time(reply) { SKEW_MS_MAX } else { 0 };
                let at_ms = world.now_ms() + ahead_ms;
                let changes = ledger.would_change(run, request, at_ms, &stored);
                if changes == Some(true) {
                    let (id, said) = (&request.id, brief(reply));
                    world.violation(format!("{id} of {run}: answered `{said}`, but it counts"));
                }
            }
            Err(SubmitError::NotFound(_)) => {
                if log.is_some() && before > 0 {
                    world.violation(format!("{run} is not found, but it is there"));
                }
            }
            Err(SubmitError::Key(_)) => {
                let starts = matches!(request.command, Command::Start(_));
                if !starts && log.is_none_or(|log| !log.commands.contains(&request.id)) {
                    world.violation(format!("{} is said to be done and is not", request.id));
                }
            }
            Err(SubmitError::Dedup(_) | SubmitError::Overloaded | SubmitError::Unavailable(_)) => {}
        }
    }

    /// Creates a root run: each try in a new id, as the API mints it, and all under one key.
    pub(super) async fn start_run(self: &Arc<Self>, root: usize) {
        let world = &self.site.world;
        sleep(Duration::from_millis(world.draw(|dice| dice.within(0..=10_000)))).await;
        if world.hits(Count::CommandRepeated) {
            // The same request again, or another one with the same dedup key.
            let client = world.draw(|dice| dice.pick(&["a", "b"]));
            let people = Arc::clone(self);
            self.spawn(async move { people.create(root, client).await });
        }
        self.create(root, "a").await;
    }

    async fn create(&self, root: usize, client: &str) {
        loop {
            if let Some(live) = self.site.any()
                && let Some(run) = self.try_create(root, client, &live).await
            {
                let ledger = self.site.world.ledger.lock();
                if ledger.run(run).is_none() {
                    self.site.world.violation(format!("{run} is said to exist, and does not"));
                }
                return;
            }
            let ms = self.site.world.draw(|dice| dice.within(100..=3_000));
            sleep(Duration::from_millis(ms)).await;
        }
    }

    async fn try_create(&self, root: usize, client: &str, live: &Live) -> Option<RunId> {
        let resolved = self.resolve(root, live).await?;
        let now_ms = live.gate.now_ms();
        let run = self.mint(root, now_ms);
        let start = StartRun {
            run,
            workspace: self.site.workspace,
            tag: resolved.tag,
            inputs: Blob::of(self.site.scenarios[root].inputs.clone()),
            parent: None,
            depth: 0,
            labels: [("root".into(), root.to_string().into())].into(),
            priority: None,
            fidelity: fidelity_of(run),
            limits: None,
            budget: None,
            cancel_grace_ms: GRACE_MS,
            children: resolved.children,
            cancelled: false,
        };
        let request = Request {
            id: CommandId(format!("start:{run}").into()),
            actor: Actor("user:alice".into()),
            command: Command::Start(Box::new(start)),
        };
        let key = IdempotencyKey {
            endpoint: "POST /v1/runs".to_owned(),
            key: format!("root-{root}-{client}"),
            body_hash: [0; 32],
            status: 201,
            response: run.to_string(),
            expires_ms: now_ms + KEY_MS,
        };
        let submission = Submission {
            workspace: self.site.workspace,
            run,
            request: request.clone(),
            key: Some(key),
            dedup: Some(format!("root-{root}")),
            ir: Some(resolved.ir),
            token: (),
        };
        let reply = self.submit(submission).await?;
        self.judge(run, &request, 0, &reply);
        match reply {
            Ok(outcome) => Some(outcome.run),
            Err(SubmitError::Key(row)) => row.response.parse().ok(),
            Err(SubmitError::Dedup(holder)) => Some(holder),
            Err(error) => {
                self.site.world.violation(format!("root {root} is not created: {error:?}"));
                None
            }
        }
    }

    /// The workflow of a root, as a server resolves the document that came with the request.
    async fn resolve(&self, root: usize, live: &Live) -> Option<Resolved> {
        let document = WorkflowRef::Document(Box::new(self.site.scenarios[root].document()));
        let now_ms = live.gate.now_ms();
        let workflows = &live.coordinator.workflows;
        let resolved = tokio::select! {
            biased;
            () = live.gate.dead.cancelled() => return None,
            resolved = workflows.resolve(self.site.workspace, &document, now_ms) => resolved,
        };
        match resolved {
            Ok(resolved) => Some(resolved),
            Err(WorkflowError::Store(_)) => None,
            Err(error) => {
                self.site.world.violation(format!("root {root} does not compile: {error:?}"));
                None
            }
        }
    }

    fn mint(&self, root: usize, now_ms: i64) -> RunId {
        let world = &self.site.world;
        let mut random = [0_u8; 10];
        for byte in &mut random {
            *byte = u8::try_from(world.draw(|dice| dice.within(0..=255))).unwrap_or(0);
        }
        let millis = u64::try_from(now_ms).unwrap_or(0);
        let run = RunId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid());
        world.ledger.lock().mints(run, root);
        run
    }
}

/// What an answer to a patch shows that appends nothing.
fn answer_to_patch(reply: &Reply) -> Count {
    let Err(SubmitError::Rejected(rejection)) = reply else { return Count::PatchRepeated };
    let too_late = |code: &str| {
        matches!(code, "history_fixed" | "edge_into_started" | "edge_decided" | "limits_fixed")
    };
    if rejection.code == RejectionCode::RunTerminal {
        Count::PatchToEnded
    } else if rejection.code == RejectionCode::PatchConflict {
        Count::PatchConflict
    } else if rejection.problems.iter().any(|problem| too_late(&problem.code)) {
        Count::PatchTooLate
    } else {
        Count::PatchRefused
    }
}

/// True for an answer that rests on the time of a ticket being over.
fn is_out_of_time(reply: &Reply) -> bool {
    matches!(reply, Err(SubmitError::Rejected(why)) if why.code == RejectionCode::TicketExpired)
}

/// A reply in a few words.
fn brief(reply: &Reply) -> String {
    match reply {
        Ok(outcome) if outcome.changed => format!("done at seq {}", outcome.seq),
        Ok(outcome) => format!("nothing changed at seq {}", outcome.seq),
        Err(error) => Value::from(error.to_string()).to_string(),
    }
}

/// Every fourth run tells all.
fn fidelity_of(run: RunId) -> Fidelity {
    if run.0.as_u128().is_multiple_of(4) { Fidelity::Full } else { Fidelity::Fast }
}
