//! A notifier over memory, receivers that do what they are told, and a day in a moment.

mod mail;
mod receiver;
mod sending;
mod sharing;
mod smtp;
mod world;
