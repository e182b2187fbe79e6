//! The modules of a plan: the one that is built in, and those that the workspace has enabled. Each is
//! compiled once, and asked as often as passes are tried.

use aob_api::ModuleView;
use aob_ir::Digest;
use aob_optimizer::{
    Host, Limits, Module, ModuleError, Passes, PublicKey, Signature, Trust, builtin, builtin_passes,
};
use clap::ValueEnum;

use crate::client::{Api, Call};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Whose passes a plan tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Whose {
    /// Those that are built in.
    Builtin,
    /// These, then those of the modules that the workspace has enabled.
    Workspace,
}

impl Whose {
    /// As it is written on a command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Workspace => "workspace",
        }
    }
}

/// Modules, compiled, with the passes that each is asked for.
pub(super) struct Pool {
    host: Host,
    modules: Vec<(Module, Vec<String>)>,
}

impl Pool {
    /// The built-in passes.
    pub(super) fn builtin() -> Result<Self, Failure> {
        let unusable = |error: ModuleError| {
            let todo = "report this with the output of `aob --version`";
            Failure::new(Exit::Failed, "optimizer_unusable", error.to_string(), todo)
        };
        let host = Host::new(Limits::default()).map_err(unusable)?;
        let module = builtin(&host).map_err(unusable)?;
        let names = builtin_passes().into_iter().map(str::to_owned).collect();
        Ok(Self { host, modules: vec![(module, names)] })
    }

    /// Adds the modules that the workspace has enabled. One that nobody who is trusted has signed is
    /// left out, with a note; one that is not what the server says ends the plan.
    pub(super) async fn add_enabled(&mut self, context: &Context) -> Result<(), Failure> {
        let api = context.api()?;
        let call = Call::get(&["optimizer", "modules"]);
        let listing = api.pages::<ModuleView>(call, usize::MAX).await?;
        for view in listing.items.into_iter().map(|got| got.view).filter(|view| view.enabled) {
            match &view.signed_by {
                Some(key) => {
                    let module = self.fetched(&api, &view, key).await?;
                    self.modules.push((module, view.passes));
                }
                None => {
                    let digest = &view.digest;
                    let why = "no key that the server trusts has signed it";
                    context.out.note(&format!("module {digest} is not asked: {why}"));
                }
            }
        }
        Ok(())
    }

    async fn fetched(&self, api: &Api, view: &ModuleView, key: &str) -> Result<Module, Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            let message = format!("the module {} cannot be used: {error}", view.digest);
            let todo = format!("aob optimizer disable {}", view.digest);
            Failure::new(Exit::Failed, "module_unusable", message, todo)
        };
        let digest: Digest = view.digest.parse().map_err(|error| unusable(&error))?;
        let signature: Signature = view.signature.parse().map_err(|error| unusable(&error))?;
        let key: PublicKey = key.parse().map_err(|error| unusable(&error))?;
        let bytes = api.send(Call::get(&["artifacts", &view.digest])).await?.body;
        let trust = Trust { digests: [digest].into(), keys: [key].into() };
        self.host.load(&bytes, &signature, &trust).map_err(|error| unusable(&error))
    }

    /// The passes of these names, in this order; of no name: all, in the order of the modules.
    pub(super) fn passes(&self, only: &[String]) -> Result<Vec<(&str, &dyn Passes)>, Failure> {
        let all = || {
            self.modules.iter().flat_map(|(module, names)| {
                names.iter().map(move |name| (name.as_str(), module as &dyn Passes))
            })
        };
        if only.is_empty() {
            return Ok(all().collect());
        }
        let mut passes = Vec::new();
        for name in only {
            let before = passes.len();
            passes.extend(all().filter(|(known, _)| known == name));
            if passes.len() == before {
                let known: Vec<&str> = all().map(|(known, _)| known).collect();
                let message = format!("there is no pass `{name}`");
                return Err(Failure::usage(message, format!("name one of {}", known.join(", "))));
            }
        }
        Ok(passes)
    }
}
