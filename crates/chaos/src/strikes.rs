//! Striking whoever reaches a named point first: see `aob_points`.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use aob_points::Point;

use crate::chance::{now, pass};
use crate::faults::PROCESSES;
use crate::stack::{Problem, Stack};

/// How long a point may take to be reached under load.
const REACHED: Duration = Duration::from_secs(30);
/// How long a stalled place stalls: longer than the relay leaves young rows to their writer.
const STALL: Duration = Duration::from_millis(2_500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strike {
    /// The process dies.
    Kill,
    /// What stands there fails.
    Error,
    /// It waits for a while.
    Stall,
}

impl Strike {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Error, Self::Stall];

    /// As in the file that arms a point.
    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Error => "error",
            Self::Stall => "stall",
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Every point with everything that can happen there.
pub fn cases() -> impl Iterator<Item = (Point, Strike)> {
    let each = |point: &Point| Strike::ALL.map(|strike| (*point, strike));
    let all = Point::ALL.iter().flat_map(each);
    all.filter(|(point, strike)| point.can_fail() || *strike != Strike::Error)
}

/// Strikes at a point, and brings back who died of it.
///
/// # Errors
/// If nobody reached it, or who died does not come back.
pub fn strike(stack: &Stack, folder: &Path, point: Point, how: Strike) -> Result<(), Problem> {
    if matches!(point, Point::RelayTaken | Point::RelayPerformed) {
        // Something has to be left for it.
        let left = hit(folder, Point::PublishBefore, Strike::Error)?;
        std::fs::remove_file(left).map_err(|error| error.to_string())?;
    }
    let hit = hit(folder, point, how)?;
    match how {
        Strike::Kill => {
            let dead = until(REACHED, || PROCESSES.into_iter().find(|name| !stack.is_alive(name)));
            let dead = dead.ok_or("nobody died of it")?;
            stack.again(dead)?;
        }
        Strike::Error => {}
        Strike::Stall => pass(STALL),
    }
    std::fs::remove_file(hit).map_err(|error| error.to_string())
}

/// Arms a point and waits until it was reached; the file that says so.
fn hit(folder: &Path, point: Point, how: Strike) -> Result<std::path::PathBuf, Problem> {
    let at = |end: &str| folder.join(format!("{}.{end}", point.name()));
    // Whole, or not there.
    let (new, armed, hit) = (at("new"), at("armed"), at("hit"));
    let write = std::fs::write(&new, how.word()).and_then(|()| std::fs::rename(&new, &armed));
    write.map_err(|error| format!("{}: {error}", armed.display()))?;
    if until(REACHED, || hit.exists().then_some(())).is_some() {
        return Ok(hit);
    }
    std::fs::remove_file(armed).map_err(|error| error.to_string())?;
    Err("nobody reached it".to_owned())
}

fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let since = now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if since.elapsed() > limit {
            return None;
        }
        pass(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_enough_cases() {
        assert!(cases().count() >= 84, "{}", cases().count());
    }
}
