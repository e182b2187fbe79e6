//! What `aob dev` says when it is ready.

use std::net::SocketAddr;
use std::path::Path;

use owo_colors::OwoColorize;
use serde_json::json;

use super::profile::Written;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Format;

/// What there is to say.
pub(super) struct Facts<'a> {
    pub(super) server: &'a str,
    /// Where the approval pages are.
    pub(super) approvals: &'a str,
    pub(super) data: &'a Path,
    pub(super) profile: Written,
    pub(super) demo_address: Option<SocketAddr>,
}

/// Prints the addresses, where the data is, and what to type next. The last line is `ready`.
pub(super) fn ready(context: &Context, facts: &Facts<'_>) -> Result<(), Failure> {
    let out = context.out;
    let demo = facts.demo_address.map(|address| format!("http://{address}"));
    if out.is_json() {
        // One line, so that whoever started this can read it while it runs.
        let line = json!({
            "server": facts.server,
            "approvals": facts.approvals,
            "data": facts.data,
            "profile": facts.profile.name,
            "config": facts.profile.file,
            "demo": demo,
        });
        return out.line(&line.to_string());
    }
    if out.format == Format::Name {
        return out.line(facts.server);
    }
    out.data(&text(facts, demo.as_deref()))
}

fn text(facts: &Facts<'_>, demo: Option<&str>) -> String {
    let Facts { server, approvals, data, profile, .. } = facts;
    let current = if profile.current { "the current one" } else { "use it with --profile local" };
    let mut text = format!("{} {}\n", "aob dev".bold(), env!("CARGO_PKG_VERSION"));
    text.push_str(&format!("  server     {}\n", server.green()));
    let key = data.join("key");
    text.push_str(&format!(
        "  approvals  {} (sign in with the key in {})\n",
        format!("{approvals}/").green(),
        key.display()
    ));
    text.push_str(&format!("  data       {}\n", data.display()));
    text.push_str(&format!(
        "  profile    {} ({current}), in {}\n",
        profile.name,
        profile.file.display()
    ));
    if let Some(demo) = demo {
        text.push_str(&format!("  demo       {demo} ({} nodes may call it)\n", "http"));
    }
    let option = if profile.current { "" } else { " --profile local" };
    let commands = match demo {
        Some(_) => [
            format!("aob run start onboarding --inputs '{}' --follow{option}", first_inputs()),
            format!("aob approve{option}"),
            format!("aob run list{option}"),
        ],
        None => [
            format!("aob workflow validate FILE{option}"),
            format!("aob run start FILE --follow{option}"),
            format!("aob run list{option}"),
        ],
    };
    text.push_str("in another terminal:\n");
    for command in commands {
        text.push_str(&format!("  {}\n", command.cyan()));
    }
    text.push_str("ready\n");
    text
}

fn first_inputs() -> &'static str {
    super::EXAMPLES.first().map_or("{}", |example| example.inputs().trim())
}
