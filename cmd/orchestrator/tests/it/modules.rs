//! Modules of the optimizer: who may add which, and what becomes of them.

use aob_api::Role;
use aob_ir::Digest;
use aob_optimizer::{PublicKey, signed_message};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{OURS, Stack};

const PATH: &str = "/v1/optimizer/modules";
/// A module that works.
const PASSES: &[u8] = include_bytes!("../../../../optimizer/prebuilt/passes.wasm");
/// WebAssembly, and nothing in it.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

fn public(seed: u8) -> PublicKey {
    PublicKey(pair(seed).public_key().as_ref().try_into().expect("32 bytes"))
}

/// A request that adds a module, signed by the key of this seed.
fn signed(bytes: &[u8], seed: u8) -> Value {
    let digest = Digest::of(bytes);
    json!({
        "digest": digest,
        "module": STANDARD.encode(bytes),
        "signature": hex::encode(pair(seed).sign(&signed_message(&digest))),
        "passes": ["dead-path-pruning", "http-coalescing"],
    })
}

#[tokio::test]
async fn a_module_is_added_enabled_and_disabled_without_a_restart() {
    let stack = Stack::with_keys([public(1)]).await;
    assert_eq!(stack.get(PATH).await.json(), json!({"items": []}));
    let added = stack.post(PATH, &signed(PASSES, 1)).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let view = added.json();
    let digest = Digest::of(PASSES).to_string();
    assert_eq!(view["digest"], json!(digest));
    assert_eq!(view["enabled"], json!(false));
    assert_eq!(view["bytes"], json!(PASSES.len()));
    assert_eq!(view["signed_by"], json!(public(1).to_string()));
    assert_eq!(view["added_by"], "user:ada");
    assert_eq!(stack.get(PATH).await.json()["items"], json!([view]));

    // Whoever makes plans reads it as an artifact.
    let artifact = stack.get(&format!("/v1/artifacts/{digest}")).await;
    assert_eq!(artifact.status, StatusCode::OK);
    for (verb, enabled) in [("enable", true), ("enable", true), ("disable", false)] {
        let got = stack.post(&format!("{PATH}/{digest}/{verb}"), &json!({})).await;
        assert_eq!(got.json()["enabled"], json!(enabled), "{}", got.text);
    }

    // Added again: what is said of it is replaced, and it stays as it is unless something is said.
    let mut again = signed(PASSES, 1);
    again["passes"] = json!(["common-subexpressions"]);
    for (said, stands) in [(json!(true), true), (Value::Null, true), (json!(false), false)] {
        again["enabled"] = said;
        let view = stack.post(PATH, &again).await.json();
        assert_eq!(view["enabled"], json!(stands));
        assert_eq!(view["passes"], json!(["common-subexpressions"]));
    }

    // Another workspace has none of it.
    let theirs = stack.ask(&stack.foreign, Method::GET, PATH, None).await;
    assert_eq!(theirs.json(), json!({"items": []}));
    let path = format!("{PATH}/{digest}/enable");
    let theirs = stack.ask(&stack.foreign, Method::POST, &path, Some(&json!({}))).await;
    assert_eq!(theirs.code(), "module_not_found");
}

#[tokio::test]
async fn what_is_not_trusted_or_cannot_run_is_refused_and_not_stored() {
    let stack = Stack::with_keys([public(1), public(2)]).await;
    let with = |edit: fn(&mut Value)| {
        let mut body = signed(PASSES, 1);
        edit(&mut body);
        body
    };
    let digest_of_another = |body: &mut Value| body["digest"] = json!(Digest::of(b"another"));
    for (what, body, code) in [
        ("a stranger's", signed(PASSES, 3), "module_refused"),
        ("another digest", with(digest_of_another), "module_refused"),
        ("other bytes", with(|b| b["module"] = json!(STANDARD.encode(EMPTY))), "module_refused"),
        ("no signature", with(|b| b["signature"] = json!("00".repeat(64))), "module_refused"),
        ("nothing in it", signed(EMPTY, 2), "module_refused"),
        ("no WebAssembly", signed(b"(module)", 2), "module_refused"),
        ("too long", signed(&vec![0; (4 << 20) + 1], 2), "module_refused"),
        ("a digest that is none", with(|b| b["digest"] = json!("sha256:1")), "invalid_request"),
        ("no base64", with(|b| b["module"] = json!("?")), "invalid_request"),
        ("a short signature", with(|b| b["signature"] = json!("00")), "invalid_request"),
        ("no passes", with(|b| b["passes"] = json!([])), "invalid_request"),
        ("a name with spaces", with(|b| b["passes"] = json!(["a b"])), "invalid_request"),
        ("a name twice", with(|b| b["passes"] = json!(["a", "a"])), "invalid_request"),
        ("an unknown key", with(|b| b["trust"] = json!(true)), "invalid_request"),
    ] {
        let got = stack.post(PATH, &body).await;
        assert_eq!((got.status.as_u16(), &*got.code()), (422, code), "{what}: {}", got.text);
    }
    assert_eq!(stack.get(PATH).await.json(), json!({"items": []}));
    let stored = stack.get(&format!("/v1/artifacts/{}", Digest::of(EMPTY))).await;
    assert_eq!(stored.code(), "artifact_not_found");
    for name in [Digest::of(EMPTY).to_string(), "nonsense".to_owned()] {
        let got = stack.post(&format!("{PATH}/{name}/enable"), &json!({})).await;
        assert_eq!(got.code(), "module_not_found", "{name}");
    }
}

#[tokio::test]
async fn a_server_that_trusts_nobody_takes_no_modules() {
    let stack = Stack::new().await;
    let got = stack.post(PATH, &signed(PASSES, 1)).await;
    assert_eq!(got.code(), "module_refused");
    assert!(got.text.contains("--optimizer-key"), "{}", got.text);
}

#[tokio::test]
async fn only_admins_add_modules_and_everybody_who_reads_workflows_sees_them() {
    let stack = Stack::with_keys([public(1)]).await;
    stack.post(PATH, &signed(PASSES, 1)).await;
    let token = stack.key(OURS, "dev", &[Role::Developer]).await;
    let listed = stack.ask(&token, Method::GET, PATH, None).await;
    assert_eq!(listed.json()["items"].as_array().map(Vec::len), Some(1));
    let added = stack.ask(&token, Method::POST, PATH, Some(&signed(PASSES, 1))).await;
    assert_eq!(added.status, StatusCode::FORBIDDEN);
}
