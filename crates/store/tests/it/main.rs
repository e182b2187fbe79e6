//! The store's adapters against the port's suite, against each other, and against a kill.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod file;
#[cfg(test)]
mod mem;
#[cfg(test)]
mod sqlite;
