//! A data directory, the server on it, and everybody who works with it.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use aob_chaos::{Api, Chance, Gateway, Ledger, Service, client, judge, pass, runner, say};

use crate::shell::Home;
use crate::stack::{Dev, Starting};

/// How long after a restart everything has ended or says what it waits for.
const SETTLE: Duration = Duration::from_secs(10);
/// Clients that start runs.
const CLIENTS: u64 = 4;

/// What the kills hit, summed over a group.
#[derive(Debug, Default)]
struct Hits {
    kills: u32,
    /// Kills before the server was ready.
    starting: u32,
    /// Kills right after a restart, before anything was looked at.
    recovering: u32,
    requests: usize,
    jobs: usize,
    calls: usize,
    /// The longest time that everything took to settle.
    settled_ms: u128,
}

pub(crate) struct World {
    seed: u64,
    home: Home,
    gateway: Gateway,
    service: Service,
    ledger: Arc<Ledger>,
}

/// Ends everybody, also where a test fails.
struct Ending<'a>(&'a World);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.ledger.end();
        self.0.gateway.close();
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut home = Home::new();
        // What a failure leaves is looked at.
        home.keep(true);
        let (gateway, service) = (Gateway::open(), Service::open(seed));
        Self { seed, home, gateway, service, ledger: Arc::default() }
    }

    /// Kills the server so many times under load, and judges what is left.
    pub(crate) fn suffer(mut self, kills: u32) {
        let (seed, directory) = (self.seed, self.home.path().display().to_string());
        say(&format!("seed {seed}, data directory {directory}/d"));
        let hits = self.run(kills);
        let faults = std::mem::take(&mut *self.ledger.faults.lock().expect("no panics"));
        say(&format!("{hits:?}, {}", self.volume()));
        let shown = faults.join("\n");
        assert!(faults.is_empty(), "seed {seed}, data directory {directory}/d:\n{shown}");
        assert_eq!(hits.kills, kills);
        assert!(hits.requests > 0 && hits.jobs + hits.calls > 0, "seed {seed}: idle: {hits:?}");
        self.home.keep(false);
    }

    fn volume(&self) -> String {
        let ledger = &self.ledger;
        format!(
            "runs {}, signals {}, decisions {}, patches {}, results {}, repeated requests {}",
            ledger.runs.lock().expect("no panics").len(),
            ledger.signals.lock().expect("no panics").len(),
            ledger.decisions.lock().expect("no panics").len(),
            ledger.patches.lock().expect("no panics").len(),
            ledger.results.lock().expect("no panics").len(),
            ledger.repeated.load(Ordering::SeqCst),
        )
    }

    fn run(&self, kills: u32) -> Hits {
        // The first start writes the key that all clients use.
        let first = self.start().ready();
        let token = std::fs::read_to_string(self.home.path().join("d/key")).expect("a key");
        let address = self.gateway.address.clone();
        let (token, ledger) = (token.trim().to_owned(), Arc::clone(&self.ledger));
        let api = Api { address, token, pages: None, ledger };
        let program = self.program(&api);
        let hits = thread::scope(|scope| {
            let _ending = Ending(self);
            for number in 0..CLIENTS {
                let (api, chance) = (api.clone(), Chance::of(self.seed, 100 + number));
                scope.spawn(move || client(&api, &self.service.address, chance));
            }
            for number in 0..2 {
                let (api, chance) = (api.clone(), Chance::of(self.seed, 200 + number));
                scope.spawn(move || runner::work(&api, &format!("tester-{number}"), chance));
            }
            self.cycles(&api, first, kills)
        });
        drop(program);
        hits
    }

    fn cycles(&self, api: &Api, first: Dev, kills: u32) -> Hits {
        let mut chance = Chance::of(self.seed, 0);
        let mut hits = Hits::default();
        let mut dev = self.up(first);
        while hits.kills < kills {
            self.ledger.load(true);
            pass(chance.moment(4, 10));
            self.count(&mut hits);
            self.gateway.down();
            dev.end("KILL");
            hits.kills += 1;
            let mut starting = self.start();
            if chance.percent(15) && hits.kills < kills {
                pass(chance.moment(0, 8));
                starting.end("KILL");
                (hits.kills, hits.starting) = (hits.kills + 1, hits.starting + 1);
                starting = self.start();
            }
            dev = self.up(starting.ready());
            if chance.percent(20) && hits.kills < kills {
                hits.recovering += 1;
                continue;
            }
            self.ledger.load(false);
            let settled = judge::settle(api, SETTLE).expect("the load is not over");
            hits.settled_ms = hits.settled_ms.max(settled.as_millis());
        }
        self.ledger.load(false);
        self.ledger.quiet();
        judge::finish(api).expect("the load is not over");
        judge::logs(api, &self.service).expect("the load is not over");
        self.verify_by_command(api);
        hits
    }

    /// The same check as a person types it.
    fn verify_by_command(&self, api: &Api) {
        let server = format!("http://{}", api.address);
        for run in self.ledger.runs.lock().expect("no panics").keys().take(3) {
            let args = ["run", "verify", run, "--server", &server, "--token", &api.token];
            let done = self.home.aob(&args);
            if done.code != 0 {
                self.ledger.fault(format!("aob run verify {run}: {}{}", done.stdout, done.stderr));
            }
        }
    }

    fn start(&self) -> Starting {
        Dev::launch(&self.home, &["--allow-host", &self.service.address], "dev.log")
    }

    fn up(&self, dev: Dev) -> Dev {
        self.gateway.to([dev.server()]);
        dev
    }

    fn count(&self, hits: &mut Hits) {
        let (requests, jobs) = self.ledger.in_flight();
        hits.requests += requests;
        hits.jobs += jobs;
        hits.calls += self.service.under_way();
    }

    /// `aob runner --exec` with a shell script.
    fn program(&self, api: &Api) -> Program {
        let script = "script=read line; echo \"{\\\"line\\\": $line}\"";
        let server = format!("http://{}", api.address);
        let args = ["runner", "--exec", script, "--pool", "sh", "--server", &server];
        let mut command = self.home.command(&[&args[..], &["--token", &api.token]].concat());
        let log = std::fs::File::create(self.home.path().join("runner.log")).expect("a log");
        Program(command.stderr(log).spawn().expect("it starts"))
    }
}

/// A process that is killed when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
