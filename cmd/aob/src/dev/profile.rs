//! The profile that `aob dev` leaves for the next command.

use std::path::PathBuf;

use crate::config::{DEV_PROFILE, Profile, ProfileName, Profiles};
use crate::context::Context;
use crate::failure::Failure;

/// What was written, and where.
pub(super) struct Written {
    pub(super) name: ProfileName,
    pub(super) file: PathBuf,
    /// True: commands use it unless told otherwise.
    pub(super) current: bool,
}

/// Writes the profile `local`. It becomes the current one unless the person has chosen another.
pub(super) fn write(
    context: &Context,
    (server, approvals): (&str, &str),
    token: &str,
) -> Result<Written, Failure> {
    let places = context.global.places();
    let mut profiles = Profiles::load(&places)?;
    let wrong = |problem: String| Failure::usage(problem, "report this as a bug");
    let name: ProfileName = DEV_PROFILE.parse().map_err(wrong)?;
    let server = server.parse().map_err(wrong)?;
    let approvals = Some(approvals.parse().map_err(wrong)?);
    profiles.put(name.clone(), Profile { server, token: Some(token.to_owned()), approvals });
    let current = profiles.current.get_or_insert_with(|| name.clone()) == &name;
    profiles.store(&places)?;
    Ok(Written { name, file: places.config_file()?, current })
}
