//! `aob config`: the profiles.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::{Got, Listing};
use crate::config::{Profile, ProfileName, Profiles, Server, Settings};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Cell, List, Tint};

/// Choose between servers: each profile is a server and an API key.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Use(Use),
    /// List the profiles.
    #[command(visible_alias = "ls", after_long_help = example!("aob config list"))]
    List,
    /// Show which server the next command talks to, and where that is written.
    #[command(after_long_help = example!("aob config show"))]
    Show,
}

/// Make a profile the current one. With --server or --token it is written first.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob config use prod --server https://aob.example.com --token \"$KEY\""))]
pub(crate) struct Use {
    /// The profile.
    name: ProfileName,
    /// Base URL of the server's approval pages.
    #[arg(long, value_name = "URL")]
    approvals: Option<Server>,
}

impl Config {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Use(choice) => choice.run(context),
            Self::List => list(context),
            Self::Show => show(context),
        }
    }
}

impl Use {
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        let places = context.global.places();
        let mut profiles = Profiles::load(&places)?;
        let (server, token) = (context.global.server.clone(), context.global.token.clone());
        match (server, token) {
            (None, None) => {
                profiles.get(&self.name)?;
            }
            (Some(server), token) => {
                let profile = Profile { server, token, approvals: None };
                profiles.put(self.name.clone(), profile);
            }
            (None, Some(token)) => {
                let known = profiles.get(&self.name)?.clone();
                profiles.put(self.name.clone(), Profile { token: Some(token), ..known });
            }
        }
        if self.approvals.is_some() {
            let known = profiles.get(&self.name)?.clone();
            profiles.put(self.name.clone(), Profile { approvals: self.approvals, ..known });
        }
        let server = profiles.get(&self.name)?.server.clone();
        profiles.current = Some(self.name.clone());
        profiles.store(&places)?;
        context.out.note(&format!("profile {} ({server}) is the current one", self.name));
        Ok(Exit::Ok)
    }
}

/// A profile as the list shows it.
struct Row {
    name: String,
    server: String,
    current: bool,
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let profiles = Profiles::load(&context.global.places())?;
    let item = |(name, profile): (&ProfileName, &Profile)| {
        let current = profiles.current.as_ref() == Some(name);
        let raw = json!({
            "name": name.as_str(),
            "server": profile.server,
            "has_token": profile.token.is_some(),
            "current": current,
        });
        let (name, server) = (name.to_string(), profile.server.to_string());
        Got { raw, view: Row { name, server, current } }
    };
    let items = Listing { items: profiles.iter().map(item).collect(), next_cursor: None };
    let list = List {
        titles: &["PROFILE", "SERVER", "CURRENT"],
        narrow: 3,
        cells: &|Row { name, server, current }: &Row| {
            let mark = if *current { Cell::new("*").tinted(Tint::Good) } else { Cell::new("") };
            vec![Cell::new(name), Cell::new(server), mark]
        },
        name: &|row| row.name.clone(),
        empty: "there are no profiles yet; `aob dev` writes one",
    };
    context.out.list(&list, &items)?;
    Ok(Exit::Ok)
}

fn show(context: &Context) -> Result<Exit, Failure> {
    let Settings { server, token, approvals } = context.settings()?;
    let places = context.global.places();
    let current = Profiles::load(&places)?.current;
    let profile = context.global.profile.clone().or(current);
    let file = places.config_file()?;
    let out = context.out;
    if out.is_json() {
        let mut shown = json!({
            "server": server,
            "has_token": token.is_some(),
            "profile": profile.map(String::from),
            "file": file,
        });
        if let Some(approvals) = approvals {
            shown["approvals"] = json!(approvals);
        }
        out.json(&shown)?;
        return Ok(Exit::Ok);
    }
    let profile = profile.map_or("none".to_owned(), String::from);
    let token = if token.is_some() { "set" } else { "not set" };
    out.data(&format!(
        "server   {server}\ntoken    {token}\nprofile  {profile}\nfile     {}\n",
        file.display()
    ))?;
    Ok(Exit::Ok)
}
