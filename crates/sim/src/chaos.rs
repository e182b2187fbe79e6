//! Faults that come by themselves: crashes, restarts, stalls, outages, clocks that jump.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::gate::{Gate, SKEW_MS_MAX};
use crate::site::Site;
use crate::weather::Strike;

/// Starts what comes by itself; it ends with the storm.
pub(crate) fn start(site: &Arc<Site>) {
    for (strike, mean) in site.world.weather.strikes.clone() {
        let site = Arc::clone(site);
        tokio::spawn(async move {
            let mean_ms = u64::try_from(mean.as_millis()).unwrap_or(u64::MAX / 4);
            loop {
                let ms = site.world.draw(|dice| dice.within(0..=mean_ms * 2));
                sleep(Duration::from_millis(ms)).await;
                if !site.world.is_stormy() {
                    return;
                }
                hit(&site, strike);
            }
        });
    }
}

fn hit(site: &Site, strike: Strike) {
    let world = &site.world;
    let ms =
        |least: u64, most: u64| Duration::from_millis(world.draw(|dice| dice.within(least..=most)));
    match strike {
        Strike::Crash => {
            if let Some(live) = site.any() {
                world.fault(strike.count());
                live.gate.kill();
            }
        }
        Strike::Restart => {
            let index = world.draw(|dice| dice.count(0..=site.restarts.len() - 1));
            if site.coordinator_at(index).is_some() {
                world.fault(strike.count());
                site.restarts[index].notify_waiters();
            }
        }
        Strike::Stall => {
            if let Some(live) = site.any() {
                world.fault(strike.count());
                let time = ms(500, 60_000);
                live.gate.stall(time);
                if time > Duration::from_secs(10) {
                    // The group does not wait that long for a member.
                    live.bus.evict();
                }
            }
        }
        Strike::RunnerStall => {
            let index = world.draw(|dice| dice.count(0..=world.weather.runners - 1));
            if let Some(gate) = site.runner_at(index).filter(|gate| !gate.is_dead()) {
                world.fault(strike.count());
                gate.stall(ms(16_000, 90_000));
            }
        }
        Strike::Outage => {
            let gates = some(site);
            if !gates.is_empty() {
                world.fault(strike.count());
                let time = ms(1_000, 40_000);
                gates.iter().for_each(|gate| gate.cut(time));
            }
        }
        Strike::ClockJump => {
            if let Some(gate) = some(site).first() {
                world.fault(strike.count());
                gate.skew(world.draw(|dice| dice.number(-SKEW_MS_MAX..=SKEW_MS_MAX)));
            }
        }
    }
}

/// One process, or all of them.
fn some(site: &Site) -> Vec<Arc<Gate>> {
    let mut gates = site.gates();
    if !gates.is_empty() && site.world.draw(|dice| dice.percent(70)) {
        let index = site.world.draw(|dice| dice.count(0..=gates.len() - 1));
        gates = vec![gates.swap_remove(index)];
    }
    gates
}
