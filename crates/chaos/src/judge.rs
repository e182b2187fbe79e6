//! What must hold after a restart, and at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Ended};
use crate::chance::now;
use crate::documents::Kind;
use crate::ledger::Started;
use crate::service::Service;

/// How long what is left may take at the end: a lease that nobody renews runs out first.
const END: Duration = Duration::from_secs(60);

/// What waits for somebody or something that the restart cannot bring. The rest must move by itself.
const WAITS: [&str; 5] = ["signal", "approval", "outcome_unknown", "paused", "join"];
/// What waits for a moment that is known. `running` and `stopping`: on a
/// runner outside, while its lease lasts or until it is fenced.
const UNTIL: [&str; 4] = ["timer", "backoff", "running", "stopping"];
/// How runners of the product are called: what they run ends, or is lost with them.
const OWN_RUNNERS: [&str; 2] = ["local-", "runner-"];
/// What stands for something else that waits.
const STANDS: [&str; 2] = ["child_run", "map_items"];

/// Waits until every run that is not over has ended or waits with a reason; answers how long that
/// took. What has not after `limit` is a fault.
///
/// # Errors
/// At the end of the load.
pub fn settle(api: &Api, limit: Duration) -> Result<Duration, Ended> {
    let since = now();
    for run in api.ledger.open_runs() {
        let mut path = format!("runs/{}", run.run);
        loop {
            let (_, view) = api.get(&path)?;
            if is_over(&view) {
                api.ledger.over(&run.run);
                break;
            }
            let Some(restless) = restless(api, &run.run)? else { break };
            if since.elapsed() > limit {
                api.ledger.fault(format!("run {} has not settled: {restless}", run.run));
                break;
            }
            path = format!("runs/{}", run.run);
            api.get_settled(&path)?;
        }
    }
    Ok(since.elapsed())
}

/// True where the run is in a final state.
fn is_over(view: &Value) -> bool {
    matches!(view["status"].as_str(), Some("completed" | "failed" | "cancelled"))
}

/// What should move by itself and has not yet; `None`: everything waits with a reason.
fn restless(api: &Api, run: &str) -> Result<Option<Value>, Ended> {
    let (_, explained) = api.get(&format!("runs/{run}/explain"))?;
    let waits = explained["waits"].as_array().cloned().unwrap_or_default();
    if waits.is_empty() {
        return Ok(Some(explained));
    }
    for wait in waits {
        let reason = wait["reason"].as_str().unwrap_or_default();
        let said = ["message", "owner", "remedy", "since"];
        let said = said.iter().all(|field| wait[field].as_str().is_some_and(|s| !s.is_empty()));
        let stuck_join = reason == "join" && !wait["message"].to_string().contains("waits for");
        let known = WAITS.contains(&reason) || STANDS.contains(&reason);
        let owner = wait["owner"].as_str().unwrap_or_default();
        let own = OWN_RUNNERS.iter().any(|name| owner.starts_with(name));
        let dated = UNTIL.contains(&reason) && wait["until"].is_string() && !own;
        if !said || stuck_join || !(known || dated) {
            return Ok(Some(wait));
        }
        if reason == "child_run" {
            let child = wait["owner"].as_str().unwrap_or_default().trim_start_matches("run ");
            if let Some(restless) = restless(api, child)? {
                return Ok(Some(restless));
            }
        }
    }
    Ok(None)
}

/// Lets everything end: tells what was not told, and has what is parked tried again.
///
/// # Errors
/// At the end of the load.
pub fn finish(api: &Api) -> Result<(), Ended> {
    let since = now();
    loop {
        let open = api.ledger.open_runs();
        let Some(first) = open.first() else { return Ok(()) };
        if since.elapsed() > END {
            let (_, explained) = api.get(&format!("runs/{}/explain", first.run))?;
            api.ledger.fault(format!("{} runs do not end, such as {explained}", open.len()));
            return Ok(());
        }
        for run in &open {
            let (_, view) = api.get(&format!("runs/{}", run.run))?;
            if is_over(&view) {
                api.ledger.over(&run.run);
                continue;
            }
            if !run.told {
                crate::load::tell(api, run, true)?;
            }
            retry_parked(api, run, &view)?;
        }
        if let Some(first) = api.ledger.open_runs().first() {
            api.get_settled(&format!("runs/{}", first.run))?;
        }
    }
}

fn retry_parked(api: &Api, run: &Started, view: &Value) -> Result<(), Ended> {
    for (id, node) in view["nodes"].as_object().into_iter().flatten() {
        if node["status"] == "parked" {
            let key = format!("r-{}-{id}-{}", run.key, node["attempts"]);
            let path = format!("runs/{}/retry", run.run);
            let (status, answer) = api.post(&path, &key, &json!({"instance": id}))?;
            if status != 200 {
                api.ledger.fault(format!("retry of {} {id}: {answer}", run.run));
            }
        }
    }
    Ok(())
}

/// Every log is whole and correct, and holds what was acknowledged, once.
///
/// # Errors
/// At the end of the load.
pub fn logs(api: &Api, service: &Service) -> Result<(), Ended> {
    let runs = api.ledger.all_runs();
    for run in &runs {
        let (_, verified) = api.get(&format!("runs/{}/verify", run.run))?;
        if verified["ok"] != true {
            api.ledger.fault(format!("run {}: {verified}", run.run));
        }
        let log = Log::read(api, &run.run)?;
        log.check_start(api, run);
        log.check_attempts(api);
        log.check_acknowledged(api);
        if run.kind == Kind::Calls {
            log.check_calls(api, service);
        }
    }
    check_keys(api, &runs)
}

/// One run for each key.
fn check_keys(api: &Api, runs: &[Started]) -> Result<(), Ended> {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut path = "runs?limit=1000".to_owned();
    loop {
        let (_, page) = api.get(&path)?;
        for run in page["items"].as_array().into_iter().flatten() {
            let own = run["parent"].is_null();
            if let (true, Some(key), Some(id)) =
                (own, run["labels"]["key"].as_str(), run["id"].as_str())
            {
                by_key.entry(key.to_owned()).or_default().push(id.to_owned());
            }
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("runs?limit=1000&cursor={cursor}");
    }
    for run in runs {
        let found = by_key.get(&run.key);
        if found.is_none_or(|found| *found != [run.run.clone()]) {
            api.ledger.fault(format!("key {} started {found:?}, not {}", run.key, run.run));
        }
    }
    Ok(())
}

/// A run's events.
struct Log {
    run: String,
    events: Vec<Value>,
}

impl Log {
    fn read(api: &Api, run: &str) -> Result<Self, Ended> {
        let (_, page) = api.get(&format!("runs/{run}/events?limit=1000"))?;
        let events = page["items"].as_array().cloned().unwrap_or_default();
        if page["next_after"] != page["head_seq"] {
            api.ledger.fault(format!("run {run} has more events than these tests expect"));
        }
        Ok(Self { run: run.to_owned(), events })
    }

    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |event| event["type"] == kind).map(|event| &event["data"])
    }

    fn check_start(&self, api: &Api, run: &Started) {
        let created: Vec<&Value> = self.of("run_created").collect();
        if created.len() != 1 || created[0]["labels"]["key"] != run.key {
            api.ledger.fault(format!("run {}: its start is not in its log", self.run));
        }
    }

    /// An attempt ends once, however often its result came.
    fn check_attempts(&self, api: &Api) {
        let mut ends: BTreeMap<(&str, u64), u32> = BTreeMap::new();
        for kind in ["node_completed", "node_failed", "retry_scheduled"] {
            for data in self.of(kind) {
                let instance = data["instance"].as_str().unwrap_or_default();
                if let Some(attempt) = data["attempt"].as_u64().filter(|attempt| *attempt > 0) {
                    *ends.entry((instance, attempt)).or_default() += 1;
                }
            }
        }
        for ((instance, attempt), count) in ends.into_iter().filter(|(_, count)| *count > 1) {
            let run = &self.run;
            api.ledger.fault(format!("run {run}: {instance} #{attempt} ended {count} times"));
        }
    }

    fn check_acknowledged(&self, api: &Api) {
        let once = |what: &str, count: usize| {
            if count != 1 {
                api.ledger.fault(format!("run {}: {what} is there {count} times", self.run));
            }
        };
        for told in api.ledger.signals.lock().expect("no panics").iter() {
            if told.run == self.run {
                let found = self.of("signal_received").filter(|data| {
                    data["signal"] == told.what && data["payload"]["value"] == told.value
                });
                once(&format!("signal {}", told.what), found.count());
            }
        }
        for told in api.ledger.decisions.lock().expect("no panics").iter() {
            if told.run == self.run {
                let found = self
                    .of("approval_decided")
                    .filter(|data| data["ticket"] == told.what && data["outcome"] == told.value);
                once(&format!("decision {}", told.what), found.count());
            }
        }
        for told in api.ledger.patches.lock().expect("no panics").iter() {
            if told.run == self.run {
                let found = self.of("patch_applied").filter(|data| data["patch"] == told.what);
                once(&format!("patch {}", told.what), found.count());
            }
        }
        for answered in api.ledger.results.lock().expect("no panics").iter() {
            if answered.run == self.run {
                let of_it = |data: &&Value| {
                    data["instance"] == answered.instance && data["attempt"] == answered.attempt
                };
                let taken = self.of("node_completed").filter(of_it);
                let taken = taken.filter(|data| data["output"]["value"] == answered.output);
                let late = self.of("late_result_discarded").filter(of_it);
                let at = format!("result of {} #{}", answered.instance, answered.attempt);
                once(&at, taken.count() + late.count().min(1));
            }
        }
    }

    /// Each effect was asked for, in the name of one key.
    fn check_calls(&self, api: &Api, service: &Service) {
        let mut keys: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for data in self.of("node_scheduled") {
            let instance = data["instance"].as_str().unwrap_or_default();
            keys.entry(instance).or_default().push(&data["job"]["idempotency_key"]);
        }
        for data in self.of("node_completed") {
            let instance = data["instance"].as_str().unwrap_or_default();
            let Some(keys) = keys.get(instance) else { continue };
            let key = keys[0].as_str().unwrap_or_default();
            if keys.iter().any(|other| *other != key) || service.calls(key) == 0 {
                api.ledger.fault(format!("run {}: {instance} called with {keys:?}", self.run));
            }
        }
    }
}
