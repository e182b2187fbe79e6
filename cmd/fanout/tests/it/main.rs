//! Streams from outside: gapless over lost connections, bounded, ended, authorized.

mod lines;
mod runs;
mod stack;
mod workspaces;
