//! What is durable, as nobody but the simulator sees it: every committed event, the state that it
//! leads to, and what is still on its way to somebody who must react.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use aob_api::jobs::JobMessage;
use aob_engine::{
    Blob, Blobs, CommandId, Decision, Event, EventKind, InstanceId, Request, RunId, RunState,
    Timestamp, apply, decide,
};
use aob_ir::{Digest, Ir};
use aob_store::{StreamAppend, StreamId};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::counts::Count;
use crate::paths::Paths;
use crate::world::World;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    runs: BTreeMap<RunId, RunLog>,
    irs: BTreeMap<Digest, Arc<Ir>>,
    /// Which root a run id was minted for.
    minted: BTreeMap<RunId, usize>,
    /// Appends that were sent, and whose outcome their sender does not know.
    unknown: BTreeSet<(StreamId, [u8; 32])>,
    /// Committed events that nobody has reacted to.
    news: VecDeque<(RunId, u64)>,
    /// Told when there are news.
    pub(crate) told: Arc<Notify>,
    /// How often each effect reached the world: by root run, path of the run, and instance.
    effects: BTreeMap<(RunId, String, InstanceId), u64>,
    /// Attempts under a lease that were begun.
    begun: BTreeSet<(RunId, InstanceId, u32)>,
}

/// The log of one run.
#[derive(Debug)]
pub(crate) struct RunLog {
    /// Which scenario it belongs to.
    pub(crate) root: usize,
    /// The root run above it, or itself.
    top: RunId,
    /// Empty for a root; below it the path of the parent, `>` and the instance that opened it.
    pub(crate) path: Arc<str>,
    pub(crate) events: Vec<Event>,
    /// The JSON text of each.
    pub(crate) texts: Vec<Box<str>>,
    pub(crate) state: RunState,
    /// It has opened a child run.
    pub(crate) opened_child: bool,
    /// Commands that caused events.
    pub(crate) commands: BTreeSet<CommandId>,
    blobs: BTreeMap<Digest, Arc<Blob>>,
    /// Segments so far.
    ordinal: u64,
    paths: Paths,
    scheduled: BTreeSet<(InstanceId, u32)>,
}

impl RunLog {
    fn new(root: usize, top: RunId, path: Arc<str>) -> Self {
        Self {
            root,
            top,
            path,
            events: Vec::new(),
            texts: Vec::new(),
            state: RunState::default(),
            opened_child: false,
            commands: BTreeSet::new(),
            blobs: BTreeMap::new(),
            ordinal: 0,
            paths: Paths::default(),
            scheduled: BTreeSet::new(),
        }
    }

    /// Instances that were handed out to runners.
    pub(crate) fn handed_out(&self) -> impl Iterator<Item = &InstanceId> {
        self.scheduled.iter().map(|(instance, _)| instance)
    }

    /// Seq of the last event.
    pub(crate) fn seq(&self) -> u64 {
        self.events.len() as u64
    }
}

/// Payloads of a run, and nothing else.
struct Inline<'r>(&'r BTreeMap<Digest, Arc<Blob>>, &'r dyn Fn(&Digest) -> Option<Arc<Blob>>);

impl Blobs for Inline<'_> {
    fn get(&self, digest: &Digest) -> Option<Arc<Blob>> {
        self.0.get(digest).cloned().or_else(|| self.1(digest))
    }
}

impl Ledger {
    /// Makes a workflow known, so that commands can be decided here too.
    pub(crate) fn knows(&mut self, ir: &Arc<Ir>) {
        self.irs.insert(ir.digest, Arc::clone(ir));
    }

    /// The workflow with this digest.
    pub(crate) fn ir(&self, digest: &Digest) -> Option<Arc<Ir>> {
        self.irs.get(digest).cloned()
    }

    /// A client is about to create `run` for a root.
    pub(crate) fn mints(&mut self, run: RunId, root: usize) {
        self.minted.insert(run, root);
    }

    /// Every run, by id.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (RunId, &RunLog)> {
        self.runs.iter().map(|(run, log)| (*run, log))
    }

    /// One run.
    pub(crate) fn run(&self, run: RunId) -> Option<&RunLog> {
        self.runs.get(&run)
    }

    /// The runs that were created for a root: one, if all is well.
    pub(crate) fn roots(&self, root: usize) -> Vec<RunId> {
        let own = |(run, log): (&RunId, &RunLog)| {
            (log.root == root && self.minted.contains_key(run)).then_some(*run)
        };
        self.runs.iter().filter_map(own).collect()
    }

    /// The next event that somebody may react to.
    pub(crate) fn next_news(&mut self) -> Option<(RunId, u64)> {
        self.news.pop_front()
    }

    /// The sender of these appends does not learn what became of them.
    pub(crate) fn unknown(&mut self, appends: &[StreamAppend]) {
        let first = |append: &StreamAppend| Some((append.stream, append.segments.first()?.hash));
        self.unknown.extend(appends.iter().filter_map(first));
    }

    /// These segments are durable, perhaps for the second time.
    pub(crate) fn committed(&mut self, world: &World, by: &str, append: &StreamAppend) {
        let run = RunId(append.stream.0);
        let known = self.runs.get(&run).map_or(0, |log| log.ordinal);
        if let Some(first) = append.segments.first()
            && self.unknown.remove(&(append.stream, first.hash))
        {
            let was_made = first.ordinal <= known;
            let count = if was_made { Count::UnknownCommitted } else { Count::UnknownAbsent };
            world.counts.add(count);
        }
        for (digest, document) in &append.rows.documents {
            match aob_ir::compile_text(document) {
                Ok(compiled) if compiled.ir.digest.to_string() == *digest => {
                    self.knows(&compiled.ir);
                }
                Ok(_) | Err(_) => world.violation(format!("{run}: {digest} is another document")),
            }
        }
        for segment in append.segments.iter().filter(|segment| segment.ordinal > known) {
            let texts: Vec<&RawValue> = match serde_json::from_str(&segment.events) {
                Ok(texts) => texts,
                Err(error) => {
                    world.violation(format!("{run}: segment {}: {error}", segment.ordinal));
                    return;
                }
            };
            for text in texts {
                match serde_json::from_str::<Event>(text.get()) {
                    Ok(event) => self.event(world, run, event, text.get()),
                    Err(error) => {
                        let ordinal = segment.ordinal;
                        world.violation(format!("{run}: segment {ordinal}: {error}: {text}"));
                        return;
                    }
                }
            }
            if let Some(log) = self.runs.get_mut(&run) {
                log.ordinal = segment.ordinal;
                let head = segment.hash[0];
                world.tell(|| {
                    let (ordinal, last) = (segment.ordinal, segment.last_seq);
                    format!("{by}: {run} segment {ordinal} to seq {last} ({head:02x})")
                });
            }
        }
        self.told.notify_one();
    }

    fn event(&mut self, world: &World, run: RunId, event: Event, text: &str) {
        if !self.runs.contains_key(&run) {
            let Some((root, top, path)) = self.place(run, &event) else {
                world.violation(format!("{run}: nobody asked for this run"));
                return;
            };
            let rival = self.roots(root).into_iter().find(|rival| {
                path.is_empty() && self.runs.get(rival).is_some_and(|log| !log.state.is_terminal())
            });
            if let Some(rival) = rival {
                world.violation(format!("{run} is created while {rival} holds its dedup key"));
            }
            self.runs.insert(run, RunLog::new(root, top, path));
        }
        let Some(log) = self.runs.get_mut(&run) else { return };
        log.paths.count(&world.counts, &log.state, &event);
        log.opened_child |= matches!(event.kind, EventKind::ChildStarted(_));
        if let EventKind::NodeScheduled(data) = &event.kind {
            log.scheduled.insert((data.instance.clone(), data.attempt));
        }
        event.kind.payloads(&mut |payload| {
            if let Some(blob) = payload.inline() {
                log.blobs.insert(blob.digest(), Arc::clone(blob));
            }
        });
        apply(&mut log.state, &event);
        log.commands.insert(event.command.clone());
        self.news.push_back((run, event.seq));
        log.events.push(event);
        log.texts.push(text.into());
    }

    /// The scenario, root run and path of a run that begins.
    fn place(&self, run: RunId, event: &Event) -> Option<(usize, RunId, Arc<str>)> {
        if let Some(root) = self.minted.get(&run) {
            return Some((*root, run, "".into()));
        }
        let EventKind::RunCreated(created) = &event.kind else { return None };
        let link = created.parent.as_ref()?;
        let parent = self.runs.get(&link.run)?;
        let path = format!("{}>{}", parent.path, link.instance).into();
        Some((parent.root, parent.top, path))
    }

    /// A runner begins an attempt: the root and path of its run, if it may.
    pub(crate) fn executes(&mut self, world: &World, job: &JobMessage) -> Option<(usize, String)> {
        let key = job.key();
        let Some(log) = self.runs.get(&job.run) else {
            world.violation(format!("{key} executes, but its run is not durable"));
            return None;
        };
        if !log.scheduled.contains(&(key.instance.clone(), key.attempt)) {
            world.violation(format!("{key} executes, but no durable event asks for it"));
            return None;
        }
        if job.leased && !self.begun.insert((job.run, key.instance.clone(), key.attempt)) {
            world.violation(format!("{key} executes twice although it has a lease"));
        }
        Some((log.root, log.path.to_string()))
    }

    /// The effect of an attempt reached the world.
    pub(crate) fn executed(&mut self, world: &World, job: &JobMessage) {
        let Some(log) = self.runs.get(&job.run) else { return };
        let key = (log.top, log.path.to_string(), job.instance.clone());
        world.tell(|| format!("effect of {}", job.key()));
        *self.effects.entry(key).or_default() += 1;
    }

    /// How often each effect of a root run and its children reached the world.
    pub(crate) fn effects(&self, top: RunId) -> BTreeMap<(String, InstanceId), u64> {
        let own = self.effects.iter().filter(|((of, _, _), _)| *of == top);
        own.map(|((_, path, id), count)| ((path.clone(), id.clone()), *count)).collect()
    }

    /// True if `request` would change the run as it stands; `None`: that cannot be said here.
    pub(crate) fn would_change(
        &self,
        run: RunId,
        request: &Request,
        now_ms: i64,
        stored: &dyn Fn(&Digest) -> Option<Arc<Blob>>,
    ) -> Option<bool> {
        let log = self.runs.get(&run)?;
        let ir = self.irs.get(&log.state.digest()?)?;
        let blobs = Inline(&log.blobs, stored);
        match decide(&log.state, ir, request, &blobs, Timestamp(now_ms)) {
            Decision::Append { .. } => Some(true),
            Decision::NoChange(_) | Decision::Rejected(_) => Some(false),
            Decision::Need(_) | Decision::NeedDocuments(_) => None,
        }
    }
}
