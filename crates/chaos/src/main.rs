//! `aob-chaos`: kills the production stack under load, and says what it lost. Nothing, it hopes.
//!
//! ```text
//! make chaos RUNS=60 SEED=1
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aob_chaos::faults::{Fault, Injector, PROCESSES};
use aob_chaos::field::Field;
use aob_chaos::stack::Stack;
use aob_chaos::strikes::cases;
use aob_chaos::{Api, Chance, Gateway, Ledger, Service, say};
use clap::Parser;

/// Kills of a group: clients of their own, and a judgement.
const GROUP: usize = 60;

/// Kills the production stack under load, and judges what is left.
#[derive(Debug, Parser)]
#[command(name = "aob-chaos")]
struct Args {
    /// Draws the load, and the moments and order of faults; each group of 60 kills has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kills of processes, drawn; each process at least once where there are enough of them.
    #[arg(long, default_value_t = 7)]
    kills: usize,
    /// Other faults of a group: outages, restarts, pauses. The first so many of the list.
    #[arg(long, default_value_t = Fault::OTHERS.len())]
    others: usize,
    /// Named points at which somebody is struck, drawn: of programs built with `aob-points/armed`.
    #[arg(long, default_value_t = 0)]
    points: usize,
    /// Where points are armed.
    #[arg(long, env = "AOB_POINTS")]
    points_folder: Option<PathBuf>,
    /// Only faults whose name has this in it, as often as `--kills` says.
    #[arg(long)]
    only: Option<String>,
    /// Seconds that Kafka is away in an outage.
    #[arg(long, default_value_t = 30)]
    outage: u64,
    /// Where the stack is.
    #[arg(long, env = "AOB_STACK")]
    stack: PathBuf,
    /// A key of it, which may do everything.
    #[arg(long, env = "AOB_TOKEN", hide_env_values = true)]
    token: String,
    /// Postgres, as its owner.
    #[arg(long, env = "AOB_TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: String,
    /// Redis.
    #[arg(long, env = "AOB_TEST_REDIS_URL", hide_env_values = true)]
    redis: String,
    /// Where the service listens that `http` nodes call; the runner must be allowed to.
    #[arg(long, env = "AOB_CHAOS_SERVICE")]
    service: String,
}

fn main() -> ExitCode {
    match suffer(Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            say(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Injects what was asked for; how much went wrong.
fn suffer(args: Args) -> Result<usize, String> {
    let stack = Stack { folder: args.stack, postgres: args.postgres, redis: args.redis };
    more(&stack)?;
    let service = Service::at(&args.service, args.seed);
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let outage = Duration::from_secs(args.outage);
    let (mut kills, mut wrong, mut seed) = (0, 0, args.seed);
    while wrong == 0 && (kills < args.kills && args.only.is_none() || seed == args.seed) {
        let (gateway, streams) = (Gateway::open(), Gateway::open());
        let pages = stack.url("hitl")?.trim_start_matches("http://").to_owned();
        let api = Api {
            address: gateway.address.clone(),
            token: args.token.clone(),
            pages: Some(pages),
            ledger: Arc::new(Ledger::default()),
        };
        let programs = program.parent().unwrap_or(&program).to_owned();
        let field = Field { seed, gateway, streams, service: service.clone(), api, programs };
        let mut injector = Injector {
            stack: stack.clone(),
            points: args.points_folder.clone(),
            outage,
            hits: BTreeMap::new(),
        };
        field.connect(&injector)?;
        let plan = match &args.only {
            Some(name) => only(name, args.kills),
            None => {
                let points = if seed == args.seed { args.points } else { 0 };
                plan(seed, (args.kills.saturating_sub(kills)).min(GROUP), args.others, points)
            }
        };
        let (report, mut problems) = field.suffer(&mut injector, &plan);
        let missed = plan.iter().filter(|fault| !injector.hits.contains_key(fault));
        problems.extend(missed.map(|fault| format!("{fault} never hit")));
        say(&report);
        problems.iter().for_each(|problem| say(&format!("WRONG (seed {seed}): {problem}")));
        kills += injector.hits.iter().map(|(fault, hits)| fault.kills() * hits).sum::<usize>();
        wrong += problems.len();
        say(&format!("seed {seed}: {kills} kills so far, {wrong} wrong"));
        seed += 1;
    }
    Ok(wrong)
}

/// A second process of each kind that decides.
fn more(stack: &Stack) -> Result<(), String> {
    stack.more("api2", &["orchestrator", "--roles", "api,relay,timers"])?;
    stack.more("coordinator2", &["orchestrator", "--roles", "coordinator,relay,timers,patches"])
}

/// Faults in an order that the seed draws.
fn plan(seed: u64, kills: usize, others: usize, points: usize) -> Vec<Fault> {
    let mut chance = Chance::of(seed, 1);
    let mut plan: Vec<Fault> = Fault::OTHERS.into_iter().take(others).collect();
    plan.extend(PROCESSES.iter().cycle().take(kills).map(|name| Fault::Kill(name)));
    let mut cases: Vec<_> = cases().collect();
    shuffle(&mut cases, &mut chance);
    plan.extend(cases.into_iter().take(points).map(|(point, how)| Fault::Point(point, how)));
    shuffle(&mut plan, &mut chance);
    plan
}

fn shuffle<T>(list: &mut [T], chance: &mut Chance) {
    for last in (1..list.len()).rev() {
        list.swap(last, chance.below(last as u64 + 1) as usize);
    }
}

/// Faults of this name, one after the other.
fn only(name: &str, count: usize) -> Vec<Fault> {
    let all = Fault::OTHERS.into_iter().chain(PROCESSES.map(Fault::Kill));
    let all = all.chain(cases().map(|(point, how)| Fault::Point(point, how)));
    let wanted: Vec<Fault> = all.filter(|fault| fault.to_string().contains(name)).collect();
    wanted.into_iter().cycle().take(count).collect()
}
