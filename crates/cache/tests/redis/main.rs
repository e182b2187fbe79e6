//! The Redis adapter: the port's suite, and what happens where the server is empty, wrong or down.
//! Needs a server: `scripts/services run redis -- cargo test -p aob-cache --features redis`.

#[cfg(test)]
mod failures;
#[cfg(test)]
mod link;
#[cfg(test)]
mod server;
#[cfg(test)]
mod suite;
