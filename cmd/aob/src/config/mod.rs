//! Which server a command talks to, and as whom: flag, then environment, then profile.

mod file;
mod places;
mod server;

pub(crate) use self::file::{Profile, ProfileName, Profiles};
pub(crate) use self::places::Places;
pub(crate) use self::server::Server;
use crate::failure::Failure;
use crate::grammar::Global;

/// Where `aob dev` listens unless told otherwise.
pub(crate) const DEV_PORT: u16 = 7700;
/// The profile that `aob dev` writes.
pub(crate) const DEV_PROFILE: &str = "local";

/// A server, and the token that it knows the caller by.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) server: Server,
    pub(crate) token: Option<String>,
    /// Where its approval pages are, if that is known.
    pub(crate) approvals: Option<Server>,
}

impl Settings {
    /// What the options, the environment and the profiles say together.
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        let profile = Self::profile(global)?;
        let server = match (&global.server, &profile) {
            (Some(server), _) => server.clone(),
            (None, Some(profile)) => profile.server.clone(),
            (None, None) => default_server(),
        };
        // A token is shown to no server but the one it was stored for.
        let stored = profile.filter(|profile| profile.server == server);
        let approvals = stored.as_ref().and_then(|profile| profile.approvals.clone());
        let token = global.token.clone().or(stored.and_then(|profile| profile.token));
        Ok(Self { server, token, approvals })
    }

    fn profile(global: &Global) -> Result<Option<Profile>, Failure> {
        let places = global.places();
        let profiles = Profiles::load(&places)?;
        match global.profile.as_ref().or(profiles.current.as_ref()) {
            None => Ok(None),
            Some(name) => profiles.get(name).cloned().map(Some),
        }
    }
}

/// The server of `aob dev` with its default port.
fn default_server() -> Server {
    format!("http://127.0.0.1:{DEV_PORT}/").parse().expect("a literal URL")
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("server", &self.server).finish_non_exhaustive()
    }
}
