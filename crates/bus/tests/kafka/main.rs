//! The Kafka adapter: the port's suite, and what only brokers do.
//! Needs a broker: `scripts/services run kafka -- cargo test -p aob-bus --features kafka --test kafka`.

#[cfg(test)]
mod broker;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod suite;
