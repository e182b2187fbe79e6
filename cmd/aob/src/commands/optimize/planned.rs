//! What `plan` and `apply` share: the document, the passes, the recorded runs, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{EventPage, GraphView, WorkflowView};
use aob_engine::{Blob, Event, Payload, Place};
use aob_ir::{Digest, Ir};
use aob_optimizer::{Counts, Metric, Per, Plan, Proof, RecordedRun, Saving, plan, prove};
use clap::Args;
use owo_colors::OwoColorize;
use serde_json::{Value, json};

use super::pool::{Pool, Whose};
use crate::client::{Api, Call, RunRef};
use crate::commands::workflow::parsed;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::{Failure, Finding};
use crate::input::{Source, WorkflowRef, document};
use crate::output::plain;

/// Events of a page.
const PAGE: u32 = 1_000;

/// What is optimized, by which passes, and what it is held against.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The workflow: a file, - for standard input, a tag, TAG@VERSION or a digest.
    #[arg(value_name = "FILE|TAG|-", required_unless_present = "run")]
    workflow: Option<WorkflowRef>,
    /// A run that goes on, instead: the document that it follows.
    #[arg(long, value_name = "RUN", conflicts_with = "workflow")]
    run: Option<RunRef>,
    /// Replay these finished runs on both graphs, with what their jobs gave, and compare what they do
    /// and give.
    #[arg(long, value_name = "RUN", num_args = 1..)]
    against: Vec<RunRef>,
    /// Only these passes, in this order.
    #[arg(long = "pass", value_name = "PASS")]
    passes: Vec<String>,
    /// Whose passes: those that are built in, or also those of the modules that the workspace has
    /// enabled. Left out: `workspace` for tags and digests, `builtin` for files.
    #[arg(long, value_name = "WHOSE")]
    modules: Option<Whose>,
}

/// What is optimized, as it was found.
pub(super) enum Subject {
    /// A document in a file, or one that has only a digest.
    Document,
    /// A tag that was at this version.
    Tag { tag: String, version: u64 },
    /// A run.
    Run { id: String },
}

/// A plan, with its proof where one was asked for.
pub(super) struct Planned {
    pub(super) subject: Subject,
    pub(super) plan: Plan,
    pub(super) proof: Option<Proof>,
}

impl Asked {
    /// Plans, and proves.
    pub(super) fn planned(&self, context: &Context) -> Result<Planned, Failure> {
        let (document, subject) = self.document(context)?;
        let pool = self.pool(context)?;
        let passes = pool.passes(&self.passes)?;
        let plan = plan(&document, &passes).map_err(|problems| self.invalid(problems.0))?;
        if self.against.is_empty() {
            return Ok(Planned { subject, plan, proof: None });
        }
        let api = context.api()?;
        let recorded = block_on(async {
            let mut recorded = Vec::with_capacity(self.against.len());
            for run in &self.against {
                recorded.push(record(&api, run).await?);
            }
            Ok(recorded)
        })?;
        let proof = prove(&plan.before, &plan.after, &recorded);
        Ok(Planned { subject, plan, proof: Some(proof) })
    }

    /// The command line of a verb with the same arguments.
    pub(super) fn command(&self, verb: &str) -> String {
        let workflow = match (&self.workflow, &self.run) {
            (Some(WorkflowRef::Document(Source::Stdin)), _) => "-".to_owned(),
            (Some(WorkflowRef::Document(source)), _) => source.name(),
            (Some(WorkflowRef::Stored(name)), _) => name.clone(),
            (None, Some(run)) => format!("--run {run}"),
            (None, None) => String::new(),
        };
        let passes = self.passes.iter().map(|pass| format!(" --pass {pass}"));
        let modules = self.modules.iter().map(|whose| format!(" --modules {}", whose.name()));
        let against = self.against.iter().map(|run| format!(" --against {run}"));
        let options: String = passes.chain(modules).chain(against).collect();
        format!("aob optimize {verb} {workflow}{options}")
    }

    /// Whether a file was named.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.workflow, Some(WorkflowRef::Document(_)))
    }

    /// The modules that the plan asks.
    fn pool(&self, context: &Context) -> Result<Pool, Failure> {
        let mut pool = Pool::builtin()?;
        let by_default = match &self.workflow {
            Some(WorkflowRef::Document(_)) => Whose::Builtin,
            Some(WorkflowRef::Stored(_)) | None => Whose::Workspace,
        };
        if self.modules.unwrap_or(by_default) == Whose::Workspace {
            block_on(pool.add_enabled(context))?;
        }
        Ok(pool)
    }

    /// The document, and where it was found.
    fn document(&self, context: &Context) -> Result<(Value, Subject), Failure> {
        match (&self.workflow, &self.run) {
            (Some(WorkflowRef::Document(source)), _) => {
                Ok((parsed(&document(source)?, source)?, Subject::Document))
            }
            (Some(WorkflowRef::Stored(name)), _) => {
                let (name, version) = match name.rsplit_once('@') {
                    Some((tag, version)) => (tag, version.parse::<u64>().ok()),
                    None => (&**name, None),
                };
                let call = Call::get(&["workflows", name]).query_opt("version", version);
                let got = block_on(context.api()?.fetch::<WorkflowView>(call))?;
                let subject = match got.view.version {
                    Some(at) => Subject::Tag { tag: at.tag, version: at.version },
                    None => Subject::Document,
                };
                Ok((got.raw["document"].clone(), subject))
            }
            (None, Some(run)) => block_on(followed(&context.api()?, run)),
            (None, None) => {
                Err(Failure::usage("nothing to optimize", "name a file, a tag or a run"))
            }
        }
    }

    fn invalid(&self, problems: Vec<aob_ir::Diagnostic>) -> Failure {
        let findings = problems.into_iter().map(|problem| Finding {
            pointer: problem.pointer,
            message: problem.message,
            hint: problem.hint,
            example: problem.example,
        });
        let todo = match (&self.workflow, &self.run) {
            (Some(WorkflowRef::Document(source)), _) => Source::validate(source),
            (Some(WorkflowRef::Stored(name)), _) => format!("aob workflow show {name}"),
            (None, Some(run)) => format!("aob run status {run}"),
            (None, None) => String::new(),
        };
        Failure::new(Exit::Usage, "invalid_document", "the workflow is not valid", todo)
            .with_findings(findings.collect())
    }
}

/// The document that a run follows.
async fn followed(api: &Api, run: &RunRef) -> Result<(Value, Subject), Failure> {
    let id = api.run_id(run).await?;
    let graph = api.fetch::<GraphView>(Call::get(&["runs", &id, "graph"])).await?.view;
    let call = Call::get(&["workflows", &graph.digest.to_string()]);
    let got = api.fetch::<WorkflowView>(call).await?;
    Ok((got.raw["document"].clone(), Subject::Run { id }))
}

/// Reads the whole log of a run, with the payloads that it does not carry.
async fn record(api: &Api, run: &RunRef) -> Result<RecordedRun, Failure> {
    let id = api.run_id(run).await?;
    let mut events: Vec<Event> = Vec::new();
    let mut after = 0;
    loop {
        let call = Call::get(&["runs", &id, "events"]).query("after", after).query("limit", PAGE);
        let page = api.send(call).await?.read::<EventPage>()?.view;
        let read = page.items.iter().map(|item| serde_json::from_str(item.0.get()));
        let read: Result<Vec<Event>, _> = read.collect();
        let read = read.map_err(|error| {
            let message = format!("the log of {id} holds an event that is not known here: {error}");
            Failure::new(Exit::Failed, "unknown_event", message, "use the server's version of aob")
        })?;
        if read.is_empty() {
            break;
        }
        events.extend(read);
        after = page.next_after;
    }
    let mut absent: BTreeMap<Digest, ()> = BTreeMap::new();
    for event in &events {
        event.kind.payloads(&mut |payload: &Payload| {
            if matches!(payload.place, Place::Cas) {
                absent.insert(payload.digest, ());
            }
        });
    }
    let mut blobs = BTreeMap::new();
    for digest in absent.into_keys() {
        let text = api.send(Call::get(&["artifacts", &digest.to_string()])).await?.body;
        let text = String::from_utf8_lossy(&text).into_owned();
        blobs.extend(Blob::parse(text).ok().map(|blob| (digest, blob)));
    }
    RecordedRun::of(&events, blobs).map_err(|error| {
        let todo = "name runs that are over: aob run list --status completed";
        Failure::new(Exit::Usage, "not_replayable", format!("{id}: {error}"), todo)
    })
}

impl Planned {
    /// Whether what was asked for was proved.
    pub(super) fn stands(&self) -> bool {
        self.proof.as_ref().is_none_or(Proof::holds)
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { plan, proof, subject: _ } = self;
        let steps = plan.steps.iter().map(|step| {
            json!({
                "pass": step.pass,
                "rule": step.rewrite.rule,
                "reason": step.rewrite.reason,
                "nodes": step.rewrite.nodes,
                "saving": step.rewrite.saving,
                "operations": step.rewrite.operations,
                "base": step.base,
                "result": step.result,
                "module": step.module,
                "fuel": step.fuel,
            })
        });
        let notes = plan.notes.iter().map(|note| json!({"pass": note.pass, "why": note.why}));
        json!({
            "before": plan.before.digest,
            "after": plan.after.digest,
            "steps": steps.collect::<Vec<_>>(),
            "notes": notes.collect::<Vec<_>>(),
            "proof": proof.as_ref().map(proof_json),
            "document": plan.document(),
        })
    }

    /// The plan as text.
    pub(super) fn show(&self) -> String {
        let mut text = String::new();
        let mut line = |part: String| {
            text.push_str(&plain(&part));
            text.push('\n');
        };
        for (number, step) in self.plan.steps.iter().enumerate() {
            let rewrite = &step.rewrite;
            line(format!("{}. {}  saves {}", number + 1, rewrite.rule, saving(rewrite.saving)));
            line(format!("   {}", rewrite.reason));
            for operation in &rewrite.operations {
                line(format!("   {}", operation_text(operation)));
            }
        }
        for note in &self.plan.notes {
            line(format!("note: {} changes nothing: {}", note.pass, note.why));
        }
        if self.plan.steps.is_empty() {
            line("nothing to save: no pass finds anything".to_owned());
        } else {
            line(size(&self.plan.before, &self.plan.after));
        }
        if let Some(proof) = &self.proof {
            for part in proof_lines(proof) {
                line(part);
            }
        }
        coloured(&text)
    }
}

fn size(before: &Ir, after: &Ir) -> String {
    let of = |ir: &Ir| (ir.nodes.len(), ir.edges.len());
    let ((nodes, edges), (nodes_after, edges_after)) = (of(before), of(after));
    format!(
        "{nodes} nodes, {edges} edges -> {nodes_after} nodes, {edges_after} edges  {}",
        after.digest
    )
}

fn saving(saving: Saving) -> String {
    let what = match (saving.metric, saving.amount) {
        (Metric::Jobs, 1) => "job",
        (Metric::Jobs, _) => "jobs",
        (Metric::Instances, 1) => "instance",
        (Metric::Instances, _) => "instances",
        (Metric::Edges, 1) => "edge to decide",
        (Metric::Edges, _) => "edges to decide",
        (Metric::Steps, 1) => "job that waits for another",
        (Metric::Steps, _) => "jobs that wait for others",
    };
    let per = match saving.per {
        Per::Run => "a run",
        Per::Turn => "every turn after the first",
        Per::DroppedItem => "every item that is dropped",
        Per::Hit => "a run that finds an earlier result",
    };
    format!("{} {what} in {per}", saving.amount)
}

fn operation_text(operation: &Value) -> String {
    let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
    let path = text("path");
    match &*text("op") {
        "remove" => format!("- {path}"),
        "add" => format!("+ {path} {}", operation["value"]),
        _ => format!("~ {path} {}", operation["value"]),
    }
}

fn proof_json(proof: &Proof) -> Value {
    let counts = |counts: Counts| {
        json!({
            "jobs": counts.jobs,
            "instances": counts.instances,
            "edges": counts.edges,
        })
    };
    json!({
        "holds": proof.holds(),
        "equal": proof.equal,
        "different": proof.different.iter().map(|(run, difference)| {
            json!({"run": run, "difference": difference.to_string()})
        }).collect::<Vec<_>>(),
        "unproven": proof.unproven.iter().map(|(run, why)| json!({"run": run, "why": why})).collect::<Vec<_>>(),
        "before": counts(proof.before),
        "after": counts(proof.after),
    })
}

fn proof_lines(proof: &Proof) -> Vec<String> {
    let all = proof.equal.len() + proof.different.len() + proof.unproven.len();
    let mut lines =
        vec![format!("replayed on both graphs: {} of {all} runs equal", proof.equal.len())];
    if !proof.equal.is_empty() {
        let (before, after) = (proof.before, proof.after);
        lines.push(format!(
            "   jobs {} -> {}, instances {} -> {}",
            before.jobs, after.jobs, before.instances, after.instances
        ));
    }
    let different = proof.different.iter();
    lines.extend(different.map(|(run, difference)| format!("different: {run}: {difference}")));
    lines.extend(proof.unproven.iter().map(|(run, why)| format!("unproven: {run}: {why}")));
    lines
}

/// Additions, removals and changes in the colours of a diff; the stream drops them where none belong.
fn coloured(text: &str) -> String {
    let paint = |line: &str| match line.trim_start().get(..2) {
        Some("+ ") => line.green().to_string(),
        Some("- ") => line.red().to_string(),
        Some("~ ") => line.yellow().to_string(),
        Some(_) | None if line.starts_with("different:") => line.red().to_string(),
        Some(_) | None => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(paint).collect();
    lines.join("\n") + "\n"
}

/// The digest of a document, as commands print it.
pub(super) fn digest(ir: &Arc<Ir>) -> String {
    ir.digest.to_string()
}
