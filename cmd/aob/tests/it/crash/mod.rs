//! `aob dev` is killed again and again while clients are at work, and nothing that it acknowledged
//! is lost.

mod approvals;
mod patches;
mod world;

use self::world::World;

/// Groups of kills over one data directory each, by the seed that draws the moments.
const SEEDS: [u64; 6] = [11, 23, 37, 41, 59, 73];
/// Kills of a group.
const KILLS: u32 = 10;

/// Where `AOB_CRASH_SEED` is set, that seed alone: to see again what a failure named.
#[expect(clippy::disallowed_methods, reason = "how a person repeats the seed of a failure")]
fn seeds(all: &[u64]) -> Vec<u64> {
    let one = std::env::var("AOB_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    one.map_or_else(|| all.to_vec(), |seed| vec![seed])
}

#[test]
fn what_was_acknowledged_survives_kills() {
    for seed in seeds(&SEEDS[..1]) {
        World::new(seed).suffer(6);
    }
}

#[test]
#[ignore = "60 kills: `make test-full`"]
fn what_was_acknowledged_survives_sixty_kills() {
    for seed in seeds(&SEEDS) {
        World::new(seed).suffer(KILLS);
    }
}
