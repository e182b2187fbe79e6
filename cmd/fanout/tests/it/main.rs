//! Streams from outside: gapless over lost connections, bounded, ended, authorized.

mod runs;
mod stack;
mod workspaces;
