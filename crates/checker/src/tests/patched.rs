//! Logs of runs whose graph was patched.

use aob_ir::Digest;
use aob_materializer::{Budget, Patch};
use serde_json::{Value, json};

use super::build::{Log, edges, payload};
use super::logs::{edge, function};

/// A patch on its way into a log.
pub(super) struct Change {
    pub(super) id: &'static str,
    pub(super) operations: Value,
    pub(super) reverts: Option<&'static str>,
}

impl Change {
    pub(super) fn of(id: &'static str, operations: Value) -> Self {
        Self { id, operations, reverts: None }
    }

    fn patch(&self) -> Patch {
        Patch::from_value(self.operations.clone()).unwrap()
    }
}

/// The document of a log, as its patches make it.
pub(super) struct Document {
    value: Value,
    revision: u32,
}

impl Document {
    pub(super) fn of(log: &Log) -> Self {
        Self { value: serde_json::from_str(&log.ir.canonical).unwrap(), revision: 0 }
    }

    fn digest(&self) -> Digest {
        aob_ir::compile(&self.value).unwrap().ir.digest
    }

    fn after(&self, change: &Change) -> Value {
        aob_materializer::apply(self.value.clone(), &change.patch(), &Budget::DOCUMENT).unwrap()
    }

    /// `patch_proposed` and `patch_planned`; `approval`: why it needs one.
    pub(super) fn planned(&self, log: &mut Log, change: &Change, approval: Option<&str>) {
        let mut proposed = json!({
            "patch": change.id,
            "origin": "person",
            "by": "user:alice",
            "base": self.digest(),
            "operations": payload(&change.operations),
        });
        if let Some(reverts) = change.reverts {
            proposed["reverts"] = reverts.into();
        }
        log.add("patch_proposed", proposed);
        let seq = log.events.len();
        let result = aob_ir::compile(&self.after(change)).unwrap().ir.digest;
        let mut planned = json!({
            "patch": change.id,
            "base": self.digest(),
            "result": result,
            "operations": by_seq(&change.operations, seq),
            "subject_hash": subject(change),
        });
        if let Some(approval) = approval {
            planned["approval"] = approval.into();
            planned["growth"] =
                json!([{"power": {"kind": "function", "name": "mail@default"}, "granted": false}]);
        }
        log.add("patch_planned", planned);
    }

    /// `patch_applied`, with what `consequences` says besides.
    pub(super) fn applied(&mut self, log: &mut Log, change: &Change, consequences: &Value) {
        let base = self.digest();
        let after = self.after(change);
        let back =
            aob_materializer::inverse(self.value.clone(), &change.patch(), &Budget::DOCUMENT);
        let back: Value = serde_json::to_value(back.unwrap()).unwrap();
        self.value = after;
        self.revision += 1;
        let mut applied = json!({
            "patch": change.id,
            "revision": self.revision,
            "base": base,
            "result": self.digest(),
            "operations": payload(&change.operations),
            "inverse": payload(&back),
        });
        for (key, value) in consequences.as_object().into_iter().flatten() {
            applied[key] = value.clone();
        }
        log.add("patch_applied", applied);
    }

    /// A patch that needs no approval.
    pub(super) fn change(&mut self, log: &mut Log, change: &Change, consequences: &Value) {
        self.planned(log, change, None);
        self.applied(log, change, consequences);
    }
}

fn by_seq(value: &Value, seq: usize) -> Value {
    let mut reference = payload(value);
    if let Some(members) = reference.as_object_mut() {
        members.remove("value");
    }
    reference["seq"] = seq.into();
    reference
}

pub(super) fn subject(change: &Change) -> Digest {
    Digest::of(change.id.as_bytes())
}

pub(super) fn insert(between: (&str, &str), node: &str) -> Value {
    let (from, to) = between;
    json!([
        {"op": "add", "path": "/nodes/-", "value": function(node)},
        {"op": "remove", "path": format!("/edges/{from}->{to}")},
        {"op": "add", "path": "/edges/-", "value": edge(from, node)},
        {"op": "add", "path": "/edges/-", "value": edge(node, to)},
    ])
}

pub(super) fn append(after: &str, node: &str) -> Value {
    json!([
        {"op": "add", "path": "/nodes/-", "value": function(node)},
        {"op": "add", "path": "/edges/-", "value": edge(after, node)},
    ])
}

/// `fetch` leads to `save`; `validate` is put between them while `fetch` runs. A patch is taken back,
/// one is withdrawn, and one that was proposed before the end of `save` runs after it.
pub(super) fn patched() -> Log {
    let mut log = Log::begin(
        "patched",
        &json!({"nodes": [function("fetch"), function("save")], "edges": [edge("fetch", "save")]}),
    );
    let mut document = Document::of(&log);
    log.scheduled("fetch", 1);
    log.next(10);
    let validate = Change::of("validate", insert(("fetch", "save"), "validate"));
    document.change(&mut log, &validate, &json!({}));
    log.next(10);
    document.change(&mut log, &Change::of("extra", append("save", "extra")), &json!({}));
    log.next(10);
    let back = json!([{"op": "remove", "path": "/edges/save->extra"}, {"op": "remove", "path": "/nodes/extra"}]);
    let revert = Change { id: "no-extra", operations: back, reverts: Some("extra") };
    document.change(&mut log, &revert, &json!({}));
    log.add("patch_reverted", json!({"patch": "extra", "by": "no-extra"}));
    for id in ["mail", "other"] {
        log.next(10);
        let change = Change::of(id, append("save", id));
        document.planned(&mut log, &change, Some("it calls something new"));
        let ticket = json!({
            "patch": id, "ticket": format!("tk_{id}"), "message": "may it?",
            "subject": payload(&change.operations), "subject_hash": subject(&change), "quorum": 1,
            "expires_at": log.in_ms(60_000),
        });
        log.add("approval_requested", ticket);
    }
    log.next(10);
    log.add(
        "approval_decided",
        json!({"ticket": "tk_other", "outcome": "cancelled", "by": "user:alice"}),
    );
    log.add(
        "patch_rejected",
        json!({"patch": "other", "code": "withdrawn", "message": "no", "by": "user:alice"}),
    );
    finish(&mut log, &mut document);
    log
}

/// The nodes end, and the patch that waits is approved after the last of them.
fn finish(log: &mut Log, document: &mut Document) {
    log.next(10).completed(
        "fetch",
        1,
        &json!(1),
        edges(&[("fetch->validate", "validate", "taken")]),
    );
    log.scheduled("validate", 1);
    log.next(10).completed("validate", 1, &json!(2), edges(&[("validate->save", "save", "taken")]));
    log.scheduled("save", 1);
    log.next(10).completed("save", 1, &json!(3), json!([]));
    log.next(10);
    log.add("approval_voted", json!({"ticket": "tk_mail", "by": "user:bob", "vote": "approve"}));
    log.add(
        "approval_decided",
        json!({"ticket": "tk_mail", "outcome": "approved", "by": "user:bob"}),
    );
    let mail = Change::of("mail", append("save", "mail"));
    let growth = json!([{"power": {"kind": "function", "name": "mail@default"}, "granted": false}]);
    document.applied(log, &mail, &json!({"growth": growth, "routes": ["save"]}));
    log.add(
        "edges_decided",
        json!({"instance": "save", "edges": edges(&[("save->mail", "mail", "taken")])}),
    );
    log.scheduled("mail", 1);
    log.next(10).completed("mail", 1, &json!(4), json!([]));
    log.run_completed(&json!(4));
}

/// A patch changes what `fetch` does, which has been handed out: a log that breaks a rule.
pub(super) fn altered() -> Log {
    let mut log = Log::begin(
        "altered",
        &json!({"nodes": [function("fetch"), function("save")], "edges": [edge("fetch", "save")]}),
    );
    let mut document = Document::of(&log);
    log.scheduled("fetch", 1);
    log.next(10);
    let other = json!([{"op": "add", "path": "/nodes/fetch/config/args", "value": 1}]);
    document.change(&mut log, &Change::of("other", other), &json!({}));
    log
}

/// While `fetch` runs, a patch concerns the approval `ok`, behind which `pay` stands.
fn gated(name: &'static str, operations: Value) -> Log {
    let gate = json!({
        "id": "ok", "type": "hitl", "timeout_ms": 1_000,
        "config": {"message": "may it?", "approvers": [{"user": "ada"}, {"user": "bob"}]},
    });
    let pay = json!({
        "id": "pay", "type": "http",
        "config": {"url": "https://pay.example.com/", "method": "POST"},
    });
    let mut late = edge("ok", "save");
    late["on"] = "timeout".into();
    let edges = json!([edge("fetch", "ok"), edge("ok", "pay"), late]);
    let nodes = json!([function("fetch"), gate, pay, function("save")]);
    let mut log = Log::begin(name, &json!({"nodes": nodes, "edges": edges}));
    let mut document = Document::of(&log);
    log.scheduled("fetch", 1);
    log.next(10);
    document.change(&mut log, &Change::of("other", operations), &json!({}));
    log
}

/// A patch asks for one more vote, and puts something behind the approval.
pub(super) fn guarded() -> Log {
    let mut operations = insert(("ok", "pay"), "check");
    let quorum = json!({"op": "add", "path": "/nodes/ok/config/quorum", "value": 2});
    operations.as_array_mut().unwrap().push(quorum);
    gated("guarded", operations)
}

/// A patch leads around an approval: a log that breaks a rule.
pub(super) fn led_around() -> Log {
    let around = json!([
        {"op": "remove", "path": "/edges/ok->pay"},
        {"op": "add", "path": "/edges/-", "value": edge("fetch", "pay")},
    ]);
    gated("led_around", around)
}

/// A patch lets anybody approve: a log that breaks a rule.
pub(super) fn weakened() -> Log {
    let weaker = json!([{"op": "remove", "path": "/nodes/ok/config/approvers"}]);
    gated("weakened", weaker)
}

/// A patch changes what follows where nobody approves in time: a log that breaks a rule.
pub(super) fn rerouted() -> Log {
    gated("rerouted", json!([{"op": "remove", "path": "/edges/ok->save"}]))
}
