//! Everybody who works with the stack while faults happen, and what is said of it at the end.

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::chance::{Chance, now, pass, say};
use crate::faults::{Fault, Injector, PROCESSES};
use crate::follow::{self, Seen};
use crate::stack::Problem;
use crate::{Api, Ended, Gateway, Ledger, Service, client, judge, runner};

/// Clients that start runs.
const CLIENTS: u64 = 4;
/// Runners of the test, by long poll.
const RUNNERS: u64 = 2;
/// How long after the last fault everything has ended or says what it waits for.
const SETTLE: Duration = Duration::from_secs(30);
/// Faults between two looks at whether everything has settled.
const FAULTS_A_ROUND: usize = 5;
/// How long rows of the outbox may stay after that.
const OUTBOX: Duration = Duration::from_secs(30);

/// What there was in the middle of something when faults hit.
#[derive(Debug, Default)]
struct InFlight {
    requests: usize,
    jobs: usize,
    calls: usize,
    settled_max: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Field {
    /// Draws everything.
    pub seed: u64,
    /// The way to the API.
    pub gateway: Gateway,
    /// The way to the streams.
    pub streams: Gateway,
    /// What `http` nodes call.
    pub service: Service,
    /// The clients.
    pub api: Api,
    /// Where the programs are.
    pub programs: std::path::PathBuf,
}

/// Ends everybody, also where something panics.
struct Ending<'a>(&'a Field);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.api.ledger.end();
        self.0.gateway.close();
        self.0.streams.close();
    }
}

impl Field {
    /// Injects `plan` under load and judges what is left. What was seen, and what went wrong.
    pub fn suffer(&self, injector: &mut Injector, plan: &[Fault]) -> (String, Vec<Problem>) {
        let (seen, mut in_flight) = (Mutex::new(Seen::default()), InFlight::default());
        let done = thread::scope(|scope| {
            let _ending = Ending(self);
            for number in 0..CLIENTS {
                let chance = Chance::of(self.seed, 100 + number);
                scope.spawn(|| client(&self.api, &self.service.address, chance));
            }
            for number in 0..RUNNERS {
                let chance = Chance::of(self.seed, 200 + number);
                scope.spawn(move || runner::work(&self.api, &format!("tester-{number}"), chance));
            }
            scope.spawn(|| follow::follow(&self.api, &self.streams.address, &seen));
            let mut program = self.program(injector)?;
            let done = self.rounds(injector, plan, &mut in_flight);
            done.and_then(|()| self.judged(injector, &seen)).and_then(|()| program.is_there())
        });
        let ledger = &self.api.ledger;
        let mut problems = std::mem::take(&mut *ledger.faults.lock().expect("no panics"));
        problems.extend(done.err());
        if in_flight.requests == 0 || in_flight.jobs + in_flight.calls == 0 {
            problems.push(format!("nothing was under way when faults hit: {in_flight:?}"));
        }
        (self.report(injector, &seen, &in_flight), problems)
    }

    /// Everything answers at these addresses from here on.
    ///
    /// # Errors
    /// If a process of the stack was never started.
    pub fn connect(&self, injector: &Injector) -> Result<(), Problem> {
        let stack = &injector.stack;
        let (one, two) = (stack.url("api")?, stack.url("api2")?);
        self.gateway.to([&*one, &*two]);
        self.streams.to([&*stack.url("fanout")?]);
        Ok(())
    }

    fn rounds(
        &self,
        injector: &mut Injector,
        plan: &[Fault],
        in_flight: &mut InFlight,
    ) -> Result<(), Problem> {
        let mut chance = Chance::of(self.seed, 0);
        for round in plan.chunks(FAULTS_A_ROUND) {
            self.api.ledger.load(true);
            for fault in round {
                pass(chance.moment(6, 11));
                let (requests, jobs) = self.api.ledger.in_flight();
                in_flight.requests += requests;
                in_flight.jobs += jobs;
                in_flight.calls += self.service.under_way();
                say(&format!("{fault}"));
                let hit = injector.inject(*fault, &mut chance);
                self.connect(injector)?;
                if let Err(problem) = hit {
                    self.api.ledger.fault(format!("{fault}: {problem}"));
                }
            }
            self.api.ledger.load(false);
            let settled = judge::settle(&self.api, SETTLE).map_err(ended)?;
            in_flight.settled_max = in_flight.settled_max.max(settled);
            say(&format!("settled after {} ms", settled.as_millis()));
            for name in PROCESSES {
                if !injector.stack.is_alive(name) {
                    return Err(format!("{name} has ended by itself"));
                }
            }
        }
        Ok(())
    }

    /// Lets everything end and judges it.
    fn judged(&self, injector: &Injector, seen: &Mutex<Seen>) -> Result<(), Problem> {
        self.api.ledger.load(false);
        self.api.ledger.quiet();
        judge::finish(&self.api).map_err(ended)?;
        judge::logs(&self.api, &self.service).map_err(ended)?;
        follow::read_all(&self.api, &self.streams.address, seen);
        self.nothing_is_owed(injector)
    }

    /// After the last run has ended, no effect waits to be performed, and no lease is left.
    fn nothing_is_owed(&self, injector: &Injector) -> Result<(), Problem> {
        let since = now();
        loop {
            let left = injector
                .stack
                .sql("select (select count(*) from outbox), (select count(*) from leases)")?;
            if left == "0|0" {
                return Ok(());
            }
            if since.elapsed() > OUTBOX {
                return Err(format!("rows of outbox and leases that nobody takes away: {left}"));
            }
            pass(Duration::from_millis(100));
        }
    }

    /// `aob runner --exec` with a shell script.
    fn program(&self, injector: &Injector) -> Result<Program, Problem> {
        let script = "script=read line; echo \"{\\\"line\\\": $line}\"";
        let server = format!("http://{}", self.api.address);
        let args = ["runner", "--exec", script, "--pool", "sh", "--server", &server];
        let mut command = Command::new(self.programs.join("aob"));
        command.args(args).args(["--token", &self.api.token]);
        // Points strike the stack, and this is a customer's.
        command.env_remove("AOB_POINTS");
        let log = std::fs::File::create(injector.stack.folder.join("processes/program.log"));
        let log = log.map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Program(command.spawn().map_err(|error| format!("aob runner: {error}"))?))
    }

    fn report(&self, injector: &Injector, seen: &Mutex<Seen>, in_flight: &InFlight) -> String {
        let ledger: &Arc<Ledger> = &self.api.ledger;
        let count = |list: &Mutex<Vec<crate::Told>>| list.lock().expect("no panics").len();
        let seen = seen.lock().expect("no panics");
        let mut text = String::new();
        for (fault, hits) in &injector.hits {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{hits:>5}  {fault}");
        }
        let _ = write!(
            text,
            "acknowledged: runs {}, signals {}, decisions {}, patches {}, results {}\n\
             requests sent again {}, streams read {}, resumed {}\n\
             when faults hit: {} requests, {} jobs, {} calls; settled within {} ms",
            ledger.all_runs().len(),
            count(&ledger.signals),
            count(&ledger.decisions),
            count(&ledger.patches),
            ledger.results.lock().expect("no panics").len(),
            ledger.repeated.load(std::sync::atomic::Ordering::SeqCst),
            seen.streams,
            seen.resumed,
            in_flight.requests,
            in_flight.jobs,
            in_flight.calls,
            in_flight.settled_max.as_millis(),
        );
        text
    }
}

fn ended(_: Ended) -> Problem {
    "the clients gave up".to_owned()
}

/// A process that is killed when dropped.
struct Program(Child);

impl Program {
    /// Whether it lives.
    fn is_there(&mut self) -> Result<(), Problem> {
        match self.0.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("aob runner has ended by itself: {status}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
