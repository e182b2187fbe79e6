//! One simulation: a storm over an installation, then calm, then judgement.

use std::fmt::Write as _;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use crate::chaos;
use crate::counts::Counts;
use crate::generator::{Dice, Options, Scenario};
use crate::people::People;
use crate::site::Site;
use crate::topic::Watcher;
use crate::verdict;
use crate::weather::Weather;
use crate::world::World;

/// Virtual time after the storm by which everything must have come to an end.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);
/// How often it is looked whether everything has come to an end.
const LOOK: Duration = Duration::from_secs(5);

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Decides everything.
    pub seed: u64,
    /// What goes wrong; `None`: drawn from the seed.
    pub weather: Option<Weather>,
    /// The root runs; empty: drawn from the seed.
    pub scenarios: Vec<Scenario>,
    /// Keep the steps of the trace as text.
    pub tell: bool,
}

impl Setup {
    /// The simulation of `seed`.
    pub fn of(seed: u64) -> Self {
        Self { seed, weather: None, scenarios: Vec::new(), tell: false }
    }
}

/// What came of a simulation.
#[derive(Debug)]
pub struct Outcome {
    /// What is wrong; empty if all is well.
    pub violations: Vec<String>,
    /// What happened how often.
    pub counts: Counts,
    /// Equal for equal seeds.
    pub trace_hash: u64,
    /// Root runs.
    pub roots: u64,
    /// Runs, children included.
    pub runs: u64,
    /// Events of all logs.
    pub events: u64,
    /// Virtual time that passed.
    pub elapsed: Duration,
    /// The steps of the trace, if they were kept.
    pub steps: Vec<String>,
    /// Every log, one event per line, where something is wrong or the steps are kept.
    pub logs: String,
}

/// Simulates.
///
/// # Panics
/// If the machine cannot give the process a timer.
pub fn simulate(setup: &Setup) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing that can be missing");
    let (mut outcome, world) = runtime.block_on(play(setup));
    // All tasks go with it.
    drop(runtime);
    if world.strong_count() > 0 {
        outcome.violations.push("the simulated world outlives its simulation".to_owned());
    }
    outcome
}

/// Plays it, and answers what came of it and the world, which nobody may hold any more once all
/// tasks are gone: a million simulations have to fit into memory.
async fn play(setup: &Setup) -> (Outcome, Weak<World>) {
    let weather = setup.weather.clone().unwrap_or_else(|| Weather::draw(setup.seed));
    let scenarios =
        if setup.scenarios.is_empty() { scenarios(setup.seed) } else { setup.scenarios.clone() };
    let world = World::new(setup.seed, weather, setup.tell);
    let site = Site::new(&world, scenarios);
    compile(&site);
    let watcher = Watcher::start(&site);
    site.start();
    let people = People::new(&site);
    people.start();
    chaos::start(&site);
    sleep(world.weather.storm).await;
    world.calm();
    verdict::explained(&site);
    site.gates().iter().for_each(|gate| gate.heal());
    if !settle(&site, &people).await {
        verdict::stuck(&site);
    }
    verdict::judge(&site, &watcher).await;
    verdict::explained(&site);
    let outcome = outcome(setup, &world, &site);
    site.close();
    (outcome, Arc::downgrade(&world))
}

/// The root runs of a seed.
fn scenarios(seed: u64) -> Vec<Scenario> {
    let mut dice = Dice::of(seed, &["roots"]);
    let count = dice.weighted(&[(5, 1_u64), (3, 2), (2, 4)]);
    let mut scenario = |root: u64| {
        let wide = dice.percent(1);
        let options = Options {
            size: wide.then_some(6),
            wide,
            unserved: dice.percent(6),
            ..Options::default()
        };
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(root);
        Scenario::generate(seed, options)
    };
    (0..count).map(&mut scenario).collect()
}

/// Compiles all workflows, children included, for the simulator's own use.
fn compile(site: &Site) {
    let mut ledger = site.world.ledger.lock();
    for (root, scenario) in site.scenarios.iter().enumerate() {
        match aob_ir::compile(&scenario.document()) {
            Ok(compiled) => {
                for text in compiled.ir.inline_children.values() {
                    if let Ok(child) = aob_ir::compile_text(text) {
                        ledger.knows(&child.ir);
                    }
                }
                ledger.knows(&compiled.ir);
            }
            Err(problems) => {
                site.world.violation(format!("root {root} does not compile: {problems:?}"));
            }
        }
    }
}

/// Waits until nothing moves any more; false where that takes too long.
async fn settle(site: &Arc<Site>, people: &People) -> bool {
    let calm_at = site.world.elapsed();
    while site.world.elapsed() < calm_at + PATIENCE && !site.world.is_spinning() {
        sleep(LOOK).await;
        if !people.is_busy() && verdict::is_settled(site) {
            // What is still on its way over the bus may arrive.
            sleep(Duration::from_secs(120)).await;
            if !people.is_busy() && verdict::is_settled(site) {
                return true;
            }
        }
    }
    false
}

fn outcome(setup: &Setup, world: &World, site: &Site) -> Outcome {
    let violations = world.violations();
    let ledger = world.ledger.lock();
    let mut logs = String::new();
    if setup.tell || !violations.is_empty() {
        for (run, log) in ledger.runs() {
            let _ = writeln!(logs, "# run {run}, root {}, path `{}`", log.root, log.path);
            for text in &log.texts {
                let _ = writeln!(logs, "{text}");
            }
        }
    }
    let counts = Counts::default();
    counts.merge(&world.counts);
    Outcome {
        violations,
        counts,
        trace_hash: world.trace_hash(),
        roots: site.scenarios.len() as u64,
        runs: ledger.runs().count() as u64,
        events: ledger.runs().map(|(_, log)| log.seq()).sum(),
        elapsed: world.elapsed(),
        steps: if setup.tell { world.steps() } else { Vec::new() },
        logs,
    }
}
