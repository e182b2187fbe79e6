//! Hosts that are not public: refused before anything is sent there.
//!
//! The runner's egress client judges every address that it connects to; this says so earlier, by
//! the same table. Only origins that the base did not have are judged: what an operator opened for
//! a workflow stays open.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use aob_address::{AddressKind, classify, is_local_name};
use aob_ir::NodeKind;
use serde_json::Value;
use url::{Host, Url};

use crate::power::Destination;
use crate::world::{Item, World};
use crate::{Code, Problem};

/// Judges the hosts that are new in `result`.
pub(crate) fn check(
    base: &World<'_>,
    result: &World<'_>,
    open_origins: &BTreeSet<Arc<str>>,
) -> Vec<Problem> {
    let known: BTreeSet<String> =
        base.items.iter().filter_map(|item| origin(base, item)).map(|(origin, _)| origin).collect();
    let mut problems = Vec::new();
    for item in &result.items {
        let Some((origin, host)) = origin(result, item) else { continue };
        if known.contains(&origin) || open_origins.contains(origin.as_str()) {
            continue;
        }
        if let Some(kind) = kind(&host) {
            let message = format!("`{host}` is not a public host ({kind})");
            let pointer = format!("{}/config/{}", item.pointer, url_place(result, item));
            let problem = Problem::error(Code::PrivateHost, pointer, message)
                .with_hint("call a public host by its name, over https")
                .with_example(r#""https://api.example.com/orders/${inputs.id}""#);
            problems.push(problem);
        }
    }
    problems
}

/// Where the URL stands in the config: in a batch that of the first request.
fn url_place(world: &World<'_>, item: &Item) -> &'static str {
    let is_batch = world.spec(item).pointer("/config/batch").is_some();
    if is_batch { "batch/0/url" } else { "url" }
}

/// Origin and host of an `http` node, as far as they are known.
fn origin(world: &World<'_>, item: &Item) -> Option<(String, Host)> {
    let NodeKind::Http { config } = &world.node(item).kind else { return None };
    let destination = Destination::of(config, &item.path);
    if destination.is_computed {
        // The host may be known where only the port is not.
        let url = config.source().get("url").and_then(Value::as_str)?;
        let (literal, _) = url.split_once(":${")?;
        let host = Url::parse(literal).ok()?.host()?.to_owned();
        return Some((literal.to_owned(), host));
    }
    let host = Url::parse(&destination.origin).ok()?.host()?.to_owned();
    Some((destination.origin, host))
}

/// Why a host is not public; `None`: it is.
fn kind(host: &Host) -> Option<&'static str> {
    let address = match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            return is_local_name(&name).then_some("a local name");
        }
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
    };
    let kind = classify(address, false);
    (kind != AddressKind::Public).then(|| kind.as_str())
}
