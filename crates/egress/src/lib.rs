//! The one HTTP client of the product. Nothing else opens outgoing HTTP connections.
//!
//! ```text
//! URL -> Target (parsed once) -> Policy (scheme, port, method, list, name)
//!     -> Resolver (once) -> every answer judged -> Connector (that very address, judged again)
//!     -> TLS under the name -> request -> head within its caps -> body, capped after decoding
//!     -> redirect? the same from the start, at most three times
//! ```
//! What is not public is not reached, unless the configuration lists its origin. An error tells
//! whether any byte of the request was sent, because that decides if it may be tried again.
#![warn(missing_docs)]

mod body;
mod client;
mod connect;
mod decode;
mod error;
mod headers;
mod hosts;
mod network;
mod policy;
mod pool;
mod redirect;
mod refusal;
mod request;
mod resolve;
mod target;
mod tls;
mod wire;

pub use aob_address::AddressKind;
pub use body::BodyStream;
pub use client::{Client, ClientConfig, Workspace};
pub use connect::{Connection, Connector, Io, TcpConnector};
pub use error::{Cap, ConnectStage, EgressError, Source};
pub use network::{Network, ParseNetworkError};
pub use policy::{Allow, ParseAllowError, Policy, PublicHosts};
pub use redirect::MAX_REDIRECTS;
pub use refusal::Refusal;
pub use request::{Request, Response, StreamingResponse};
pub use resolve::{Resolver, SystemResolver};
pub use target::{MAX_URL_BYTES, Scheme};
pub use tls::Trust;
