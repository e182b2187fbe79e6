//! Clients that start runs, send signals, decide approvals, and cancel.

use serde_json::{Value, json};

use crate::api::{Api, Ended};
use crate::chance::Chance;
use crate::documents::{KINDS, Kind, one_step_more};
use crate::ledger::{Started, Told};

/// Runs that wait for a person at once, at most: each is looked at after each restart.
const WAITING_MAX: usize = 12;

/// One client: works while load is wanted.
pub fn client(api: &Api, service: &str, mut chance: Chance) {
    while api.ledger.enter() {
        let done = turn(api, service, &mut chance);
        api.ledger.leave();
        if done.is_err() {
            return;
        }
    }
}

fn turn(api: &Api, service: &str, chance: &mut Chance) -> Result<(), Ended> {
    let waiting = untold(api);
    if !waiting.is_empty() && (waiting.len() > WAITING_MAX || chance.percent(40)) {
        let run = &waiting[chance.below(waiting.len() as u64) as usize];
        return tell(api, run, chance.percent(80));
    }
    let started =
        start(api, service, KINDS[chance.below(KINDS.len() as u64) as usize], chance.next())?;
    if chance.percent(4) {
        let path = format!("runs/{}/cancel", started.run);
        let (status, answer) = api.post(&path, &format!("c-{}", started.key), &json!({}))?;
        expect(api, matches!(status, 200 | 202 | 409), "cancel", &started.run, &answer);
    }
    Ok(())
}

/// Starts a run and keeps what was acknowledged.
fn start(api: &Api, service: &str, kind: Kind, number: u64) -> Result<Started, Ended> {
    let key = format!("s-{number:016x}");
    let body = json!({"workflow": kind.document(service), "inputs": kind.inputs(number >> 12),
        "labels": {"key": key}});
    let (status, answer) = api.post("runs", &key, &body)?;
    expect(api, status == 201, "start", &key, &answer);
    let run = answer["id"].as_str().unwrap_or_default().to_owned();
    let told = !matches!(kind, Kind::Waits | Kind::Asks | Kind::Patched);
    let started = Started { run, kind, key, told, over: false };
    api.ledger.started(started.clone());
    Ok(started)
}

/// Runs that wait for a signal or an approval and have got none.
pub(crate) fn untold(api: &Api) -> Vec<Started> {
    api.ledger.open_runs().into_iter().filter(|run| !run.told).collect()
}

/// Sends what a run waits for. An approval may not be asked for yet: then it stays for later.
pub(crate) fn tell(api: &Api, run: &Started, approve: bool) -> Result<(), Ended> {
    match run.kind {
        Kind::Waits => signal(api, run),
        Kind::Asks => decide(api, run, approve),
        Kind::Patched => patch(api, run).and_then(|()| signal(api, run)),
        Kind::Steps | Kind::Outside | Kind::Calls | Kind::Nested | Kind::Wide => Ok(()),
    }
}

/// Patches the run. Another client may be doing the same, with the same key.
fn patch(api: &Api, run: &Started) -> Result<(), Ended> {
    let (key, body) = (format!("p-{}", run.key), one_step_more(&run.key));
    let (status, answer) = api.post(&format!("runs/{}/patches", run.run), &key, &body)?;
    if status == 201 {
        let what = answer["id"].as_str().unwrap_or_default().to_owned();
        api.ledger.patched(Told { run: run.run.clone(), what, value: Value::Null });
    } else {
        // A run that was cancelled, or has had its signal, takes none.
        expect(api, matches!(status, 409 | 422), "patch", &run.run, &answer);
    }
    Ok(())
}

fn signal(api: &Api, run: &Started) -> Result<(), Ended> {
    let (key, value) = (format!("g-{}", run.key), json!({"for": run.key}));
    let (status, answer) = api.post(&format!("runs/{}/signals/go", run.run), &key, &value)?;
    if status == 200 {
        let told = Told { run: run.run.clone(), what: format!("key:{key}"), value };
        api.ledger.signalled(told);
    } else {
        // A run that was cancelled takes none.
        expect(api, status == 409, "signal", &run.run, &answer);
    }
    api.ledger.told(&run.run);
    Ok(())
}

fn decide(api: &Api, run: &Started, approve: bool) -> Result<(), Ended> {
    let (_, page) = api.get(&format!("approvals?run={}", run.run))?;
    let Some(ticket) = page["items"][0]["ticket"].as_str() else { return Ok(()) };
    let (decision, outcome) =
        if approve { ("approve", "approved") } else { ("reject", "rejected") };
    let body = json!({"decision": decision, "reason": run.key});
    // About half of them, the same each time.
    let by_page = run.key.ends_with(|digit: char| matches!(digit, '0'..='7'));
    let (status, answer) = match &api.pages {
        Some(pages) if by_page => {
            let taken = api.decide_on(pages, ticket, decision)?;
            (if taken { 200 } else { 409 }, Value::Null)
        }
        Some(_) | None => {
            let path = format!("approvals/{ticket}/decision");
            api.post(&path, &format!("d-{}", run.key), &body)?
        }
    };
    if status == 200 {
        let (ticket, value) = (ticket.to_owned(), json!(outcome));
        let told = Told { run: run.run.clone(), what: ticket, value };
        api.ledger.decided(told);
    } else {
        // Another client was first, or the run was cancelled. The same key with another body is
        // another client's too.
        expect(api, matches!(status, 409 | 422), "decision", &run.run, &answer);
    }
    api.ledger.told(&run.run);
    Ok(())
}

fn expect(api: &Api, fits: bool, what: &str, whose: &str, answer: &Value) {
    if !fits {
        api.ledger.fault(format!("{what} of {whose}: {answer}"));
    }
}
