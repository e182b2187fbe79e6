//! The client as its users see it: which connections it makes, and what it makes of answers.

#[cfg(test)]
mod exchange;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod net;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod server;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod vectors;
