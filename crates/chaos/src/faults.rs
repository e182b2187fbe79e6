//! What can happen to the stack, and that it did.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aob_points::Point;

use crate::chance::{Chance, pass};
use crate::stack::{Problem, Stack};
use crate::strikes::{Strike, strike};

/// The processes that are ended. Two of them answer the API and two take results in, so a run is
/// worked on by several at any time.
pub const PROCESSES: [&str; 7] =
    ["api", "api2", "coordinator", "coordinator2", "runner", "fanout", "hitl"];
/// Longer than a lease (15 s) and than Kafka waits for a member (10 s).
const PAST_THE_LEASE: Duration = Duration::from_millis(17_500);
/// The lock that a committer holds: see the store's `committer.rs`.
const COMMITTERS: &str = "select count(pg_terminate_backend(pid)) from (select distinct pid from \
    pg_locks where locktype = 'advisory' and classid = 6385506 and pid <> pg_backend_pid()) held";

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// kill -9 of this process, and its start.
    Kill(&'static str),
    /// kill -9 of all processes at once.
    KillAll,
    /// The process is stopped past its leases and its place in the consumer group, and goes on.
    Pause(&'static str),
    /// Postgres stops as in a crash, and recovers.
    PostgresCrash,
    /// The connections of all committers are ended.
    Committers,
    /// The broker is killed and is back.
    KafkaRestart,
    /// The broker is away for a while.
    KafkaOutage,
    /// The cache is emptied.
    RedisFlush,
    /// The cache is killed and comes back empty.
    RedisKill,
    /// The blob store is killed and is back.
    S3Kill,
    /// Whoever reaches the point first is struck.
    Point(Point, Strike),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(name) => write!(f, "kill {name}"),
            Self::Pause(name) => write!(f, "pause {name}"),
            Self::KillAll => f.write_str("kill all"),
            Self::PostgresCrash => f.write_str("crash of postgres"),
            Self::Committers => f.write_str("end of committers' connections"),
            Self::KafkaRestart => f.write_str("restart of kafka"),
            Self::KafkaOutage => f.write_str("outage of kafka"),
            Self::RedisFlush => f.write_str("flush of redis"),
            Self::RedisKill => f.write_str("kill of redis"),
            Self::S3Kill => f.write_str("kill of s3"),
            Self::Point(point, strike) => write!(f, "{strike} at {}", point.name()),
        }
    }
}

impl Fault {
    /// Everything but kills of single processes, once.
    pub const OTHERS: [Self; 10] = [
        Self::PostgresCrash,
        Self::Committers,
        Self::KafkaRestart,
        Self::RedisFlush,
        Self::S3Kill,
        Self::Pause("runner"),
        Self::KillAll,
        Self::RedisKill,
        Self::Pause("coordinator"),
        Self::KafkaOutage,
    ];

    /// How many processes it kills.
    pub fn kills(self) -> usize {
        match self {
            Self::Kill(_) => 1,
            Self::KillAll => PROCESSES.len(),
            Self::Point(_, strike) => usize::from(strike == Strike::Kill),
            Self::Pause(_)
            | Self::PostgresCrash
            | Self::Committers
            | Self::KafkaRestart
            | Self::KafkaOutage
            | Self::RedisFlush
            | Self::RedisKill
            | Self::S3Kill => 0,
        }
    }
}

/// Makes faults happen, and counts those that hit.
#[derive(Debug)]
pub struct Injector {
    /// What they happen to.
    pub stack: Stack,
    /// Where points are armed; `None`: they cannot be.
    pub points: Option<PathBuf>,
    /// How long an outage of Kafka is.
    pub outage: Duration,
    /// How often each has hit.
    pub hits: BTreeMap<Fault, usize>,
}

impl Injector {
    /// Makes it happen and undoes it: everything is there again when this returns.
    ///
    /// # Errors
    /// If it hit nothing, or what it hit does not come back.
    pub fn inject(&mut self, fault: Fault, chance: &mut Chance) -> Result<(), Problem> {
        let stack = &self.stack;
        match fault {
            Fault::Kill(name) => {
                stack.signal(name, "KILL")?;
                stack.again(name)?;
            }
            Fault::KillAll => {
                for name in PROCESSES {
                    stack.signal(name, "KILL")?;
                }
                for name in PROCESSES {
                    stack.again(name)?;
                }
            }
            Fault::Pause(name) => {
                stack.signal(name, "STOP")?;
                pass(PAST_THE_LEASE);
                stack.signal(name, "CONT")?;
            }
            Fault::PostgresCrash => away(stack, "postgres", chance.moment(6, 10))?,
            Fault::Committers => {
                let ended = stack.sql(COMMITTERS)?;
                if ended == "0" {
                    return Err("no committer held a connection".to_owned());
                }
            }
            Fault::KafkaRestart => away(stack, "kafka", Duration::ZERO)?,
            Fault::KafkaOutage => away(stack, "kafka", self.outage)?,
            Fault::RedisFlush => {
                if stack.redis("dbsize")? == "0" {
                    return Err("the cache was empty".to_owned());
                }
                stack.redis("flushall")?;
            }
            Fault::RedisKill => away(stack, "redis", chance.moment(6, 11))?,
            Fault::S3Kill => away(stack, "s3", chance.moment(6, 11))?,
            Fault::Point(point, how) => {
                let folder = self.points.as_ref().ok_or("no folder to arm points in")?;
                strike(stack, folder, point, how)?;
            }
        }
        *self.hits.entry(fault).or_default() += 1;
        Ok(())
    }
}

fn away(stack: &Stack, service: &str, time: Duration) -> Result<(), Problem> {
    stack.service("kill", service)?;
    pass(time);
    stack.service("again", service)
}
