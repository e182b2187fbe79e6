//! The Postgres adapter: the port's suite, the reference model, and what a network and rivals do.
//! Needs a server: `scripts/services run -- cargo test -p aob-store --features postgres`.

#[cfg(test)]
mod differential;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod link;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod rivals;
#[cfg(test)]
mod server;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod wall;
