//! From a request to start a run to the command that does.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{
    CANARY_LABEL, Dedup, DedupPolicy, ErrorCode, LABEL_BYTES_MAX, LABEL_PREFIX_RESERVED,
    LABELS_MAX, Problem, ProblemItem, RawText, RunLinks, StartRun, StartedRun, VERSION_LABEL,
    WorkflowUsed,
};
use aob_coordinator::{
    Choice, ChosenVersion, Committed, PatchRefusal, Proposed, Resolved, Submission, SubmitError,
    WorkflowRef,
};
use aob_edge::{BodyHash, Caller, Refusal, new_run_id};
use aob_engine::{Blob, Command, CommandId, Request, RunId, StartRun as StartCommand};
use aob_ir::{Digest, Ir};
use aob_materializer::Patch;
use aob_store::{IdempotencyRow, RunRow};
use serde_json::Value;

use crate::api::Parts;
use crate::endpoints::workflows::patches::{author_of, refusal};
use crate::errors::{invalid_workflow, run_not_found, submit_error, workflow_error};
use crate::idempotency::{Once, same_body};

/// Bytes of a dedup key.
const DEDUP_KEY_BYTES_MAX: usize = 256;
/// Patches of one run.
const PATCHES_MAX: usize = 20;

/// A run about to be started.
#[derive(Debug)]
pub(crate) struct Prepared {
    submission: Submission<()>,
    policy: DedupPolicy,
    workflow: WorkflowUsed,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Started {
    /// It runs.
    New(StartedRun, Committed),
    /// Another run holds its dedup key, and that is what the client wants.
    Attached(StartedRun),
    /// The request had been carried out before.
    Before(IdempotencyRow),
}

impl Parts {
    /// Checks everything that can be checked before the run exists.
    pub(crate) async fn prepare(
        &self,
        caller: &Caller,
        start: StartRun,
        once: &Once,
        hash: BodyHash,
    ) -> Result<Prepared, Refusal> {
        check_fields(&start)?;
        let run = new_run_id(&self.entropy, self.now_ms());
        let resolved = self.resolve(caller, &start, run).await?;
        let inputs = match &start.inputs {
            Some(inputs) => Blob::new(inputs.0.clone()),
            None => Blob::of(Value::Object(serde_json::Map::new())),
        };
        check_inputs(&resolved.ir, &inputs)?;
        self.rates.take(caller.workspace(), resolved.ir.tier, self.now_ms())?;
        let workflow = used(&resolved);
        let lasting = serde_json::json!({
            "id": run, "workflow": workflow, "links": RunLinks::of(run),
        });
        let policy = start.dedup.as_ref().map(|dedup| dedup.policy).unwrap_or_default();
        let command = StartCommand {
            run,
            workspace: caller.workspace(),
            tag: resolved.tag,
            inputs,
            parent: None,
            depth: 0,
            labels: labels(start.labels, resolved.version),
            priority: start.priority,
            fidelity: start.fidelity.unwrap_or_default(),
            limits: None,
            budget: start.budget.map(|budget| budget.caps()),
            cancel_grace_ms: self.cancel_grace_ms,
            children: resolved.children,
            cancelled: false,
        };
        let request = Request {
            id: CommandId(format!("start:{run}").into()),
            actor: caller.actor(),
            command: Command::Start(Box::new(command)),
        };
        let submission = Submission {
            workspace: caller.workspace(),
            run,
            request,
            key: self.key_row(once, hash, 201, lasting.to_string()),
            dedup: start.dedup.map(|Dedup { key, .. }| key),
            ir: Some(resolved.ir),
            token: (),
        };
        Ok(Prepared { submission, policy, workflow })
    }

    /// Starts a run that was prepared.
    pub(crate) async fn launch(
        &self,
        caller: &Caller,
        prepared: Prepared,
        hash: BodyHash,
    ) -> Result<Started, Refusal> {
        let Prepared { submission, policy, workflow } = prepared;
        match self.coordinator.handle.try_submit(submission).await {
            Ok(committed) => {
                let started = StartedRun {
                    id: committed.run,
                    status: committed.status.as_str().to_owned(),
                    workflow,
                    links: RunLinks::of(committed.run),
                    attached: false,
                    output: None,
                    output_ref: None,
                    error: None,
                };
                Ok(Started::New(started, committed))
            }
            Err(SubmitError::Key(row)) => same_body(row, hash).map(Started::Before),
            Err(SubmitError::Dedup(holder)) if policy == DedupPolicy::Attach => {
                let row = self.reads.run_row(caller, holder).await?;
                Ok(Started::Attached(attached(holder, row)?))
            }
            Err(error) => Err(submit_error(error)),
        }
    }

    async fn resolve(
        &self,
        caller: &Caller,
        start: &StartRun,
        run: RunId,
    ) -> Result<Resolved, Refusal> {
        let reference = workflow_ref(start)?;
        let workspace = caller.workspace();
        let id = run.to_string();
        let key = Some(start.canary_key.as_deref().unwrap_or(&id));
        let workflows = &self.coordinator.workflows;
        let resolved = workflows.resolve_for(workspace, &reference, key, self.now_ms());
        let resolved = resolved.await.map_err(|error| workflow_error(error, "/workflow"))?;
        self.patched(caller, resolved, &start.patches).await
    }

    /// The workflow with patches for one run.
    async fn patched(
        &self,
        caller: &Caller,
        resolved: Resolved,
        patches: &[RawText],
    ) -> Result<Resolved, Refusal> {
        let (workspace, workflows) = (caller.workspace(), &self.coordinator.workflows);
        let mut ir = Arc::clone(&resolved.ir);
        if patches.is_empty() {
            return Ok(resolved);
        }
        let (author, rules) = (&author_of(caller, None)?, &self.coordinator.rules);
        for (index, operations) in patches.iter().enumerate() {
            let below = |refused| below(refusal(refused, "/patches"), index);
            let patch = Patch::parse(operations.0.get(), rules.budget_of(author));
            let patch = &patch.map_err(|errors| below(PatchRefusal::Malformed(errors)))?;
            let proposed = Proposed { patch, against: ir.digest, author, rules };
            let plan = workflows.plan_patch(workspace, &ir, proposed).await.map_err(below)?;
            ir = plan.validated.ir;
        }
        let stored = workflows.store(workspace, &ir, self.now_ms()).await;
        stored.map_err(|error| workflow_error(error, "/patches"))?;
        let children = workflows.children(workspace, &ir).await;
        let children = children.map_err(|error| workflow_error(error, "/patches"))?;
        Ok(Resolved { ir, children, ..resolved })
    }
}

/// A refusal that names which of the patches it is about.
fn below(refusal: Refusal, index: usize) -> Refusal {
    let Refusal(mut problem) = refusal;
    if let Some(detail) = &mut problem.detail {
        *detail = format!("patch {index}: {detail}");
    }
    for item in &mut problem.errors {
        if let Some(rest) = item.pointer.as_deref().and_then(|at| at.strip_prefix("/operations")) {
            item.pointer = Some(format!("/patches/{index}{rest}"));
        }
    }
    Refusal(problem)
}

/// How the run that holds a dedup key is answered.
fn attached(run: RunId, row: RunRow) -> Result<StartedRun, Refusal> {
    let digest: Digest = row.digest.parse().map_err(|_| run_not_found(&run.to_string()))?;
    Ok(StartedRun {
        id: run,
        status: row.status,
        workflow: WorkflowUsed::labelled(row.tag, digest, |name| {
            row.labels.get(name).map(String::as_str)
        }),
        links: RunLinks::of(run),
        attached: true,
        output: None,
        output_ref: None,
        error: None,
    })
}

/// What a run is started with.
fn used(resolved: &Resolved) -> WorkflowUsed {
    WorkflowUsed {
        tag: resolved.tag.as_deref().map(str::to_owned),
        version: resolved.version.map(|chosen| chosen.version),
        canary: resolved.version.is_some_and(|chosen| chosen.choice == Choice::Trial),
        digest: resolved.ir.digest,
    }
}

/// The client's labels; while a version is on trial also which one the run got, so that both
/// groups can be listed.
fn labels(
    labels: BTreeMap<String, String>,
    chosen: Option<ChosenVersion>,
) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut labels: BTreeMap<Arc<str>, Arc<str>> =
        labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    let group = chosen.and_then(|chosen| match chosen.choice {
        Choice::Named => None,
        Choice::Control => Some((chosen.version, "false")),
        Choice::Trial => Some((chosen.version, "true")),
    });
    if let Some((version, trial)) = group {
        labels.insert(VERSION_LABEL.into(), version.to_string().into());
        labels.insert(CANARY_LABEL.into(), trial.into());
    }
    labels
}

/// What the schema of the body cannot say.
fn check_fields(start: &StartRun) -> Result<(), Refusal> {
    let mut errors = start.budget.map_or_else(Vec::new, |budget| budget.problems("/budget"));
    match (&start.workflow, &start.tag) {
        (None, None) => errors.push(
            ProblemItem::at("", "missing_key", "the body lacks the key `workflow`")
                .with_hint("name a tag, a version of one, a digest, or give a document")
                .with_example(&serde_json::json!({"workflow": "onboarding", "inputs": {}})),
        ),
        (Some(_), Some(_)) => errors.push(
            ProblemItem::at("/tag", "conflicting_keys", "`workflow` and `tag` are both given")
                .with_hint("give one of them"),
        ),
        (Some(_), None) | (None, Some(_)) => {}
    }
    if let Some(Dedup { key, .. }) = &start.dedup
        && !(1..=DEDUP_KEY_BYTES_MAX).contains(&key.len())
    {
        let message = format!("a dedup key has 1 to {DEDUP_KEY_BYTES_MAX} bytes");
        errors.push(ProblemItem::at("/dedup/key", "out_of_range", message));
    }
    if start.labels.len() > LABELS_MAX {
        let message = format!("a run has at most {LABELS_MAX} labels");
        errors.push(ProblemItem::at("/labels", "out_of_range", message));
    }
    if start.patches.len() > PATCHES_MAX {
        let message = format!("a run is started with at most {PATCHES_MAX} patches");
        errors.push(ProblemItem::at("/patches", "out_of_range", message));
    }
    if let Some(key) = &start.canary_key
        && !(1..=DEDUP_KEY_BYTES_MAX).contains(&key.len())
    {
        let message = format!("a canary key has 1 to {DEDUP_KEY_BYTES_MAX} bytes");
        errors.push(ProblemItem::at("/canary_key", "out_of_range", message));
    }
    for (key, value) in &start.labels {
        if key.is_empty() || key.len() > LABEL_BYTES_MAX || value.len() > LABEL_BYTES_MAX {
            let message = format!("key and value of a label have at most {LABEL_BYTES_MAX} bytes");
            let key = key.replace('~', "~0").replace('/', "~1");
            errors.push(ProblemItem::at(format!("/labels/{key}"), "out_of_range", message));
        } else if key.starts_with(LABEL_PREFIX_RESERVED) {
            let message =
                format!("labels that begin with `{LABEL_PREFIX_RESERVED}` are the server's");
            errors.push(ProblemItem::at(format!("/labels/{key}"), "reserved", message));
        }
    }
    match errors.first() {
        None => Ok(()),
        Some(first) => {
            let problem = Problem::new(ErrorCode::InvalidRequest, first.message.clone());
            Err(problem.with_errors(errors).into())
        }
    }
}

/// What the body names.
fn workflow_ref(start: &StartRun) -> Result<WorkflowRef, Refusal> {
    if let Some(tag) = &start.tag {
        return Ok(named(tag));
    }
    let text = start.workflow.as_ref().map_or("", |text| text.0.get()).trim();
    match text.as_bytes().first() {
        Some(b'"') => {
            let name: String = serde_json::from_str(text).unwrap_or_default();
            Ok(named(&name))
        }
        Some(b'{') => {
            let document = aob_ir::parse_document(text);
            let document = document.map_err(|found| invalid_workflow(found, "/workflow"))?;
            Ok(WorkflowRef::Document(Box::new(document)))
        }
        Some(_) | None => {
            let message = "`/workflow` is neither a name nor a document";
            let item = ProblemItem::at("/workflow", "wrong_type", message)
                .with_hint("name a tag or a digest, or give a document")
                .with_example(&Value::String("onboarding".to_owned()));
            let problem = Problem::new(ErrorCode::InvalidRequest, message);
            Err(problem.with_errors(vec![item]).into())
        }
    }
}

/// A digest, a version of a tag, or a tag.
pub(crate) fn named(name: &str) -> WorkflowRef {
    if let Ok(digest) = name.parse::<Digest>() {
        return WorkflowRef::Digest(digest);
    }
    let version = name.rsplit_once('@').and_then(|(tag, number)| Some((tag, number.parse().ok()?)));
    match version {
        Some((tag, version)) => WorkflowRef::Tag { tag: tag.to_owned(), version: Some(version) },
        None => WorkflowRef::Tag { tag: name.to_owned(), version: None },
    }
}

/// Inputs against the workflow's schema; the engine checks again.
fn check_inputs(ir: &Ir, inputs: &Blob) -> Result<(), Refusal> {
    let Some(schema) = &ir.inputs_schema else { return Ok(()) };
    let problems = schema.validate(inputs.value());
    let Some(first) = problems.first() else { return Ok(()) };
    let detail = match problems.len() {
        1 => first.message.clone(),
        more => format!("{} (and {} more)", first.message, more - 1),
    };
    let errors = problems.iter().map(|problem| {
        ProblemItem::at(format!("/inputs{}", problem.pointer), "invalid_input", &*problem.message)
    });
    let problem = Problem::new(ErrorCode::InvalidInputs, detail)
        .with_hint("the workflow declares what it takes under `inputs`");
    Err(problem.with_errors(errors.collect()).into())
}
