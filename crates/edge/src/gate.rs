//! What every request passes before its endpoint, and before a byte of its body is read.

use std::sync::Arc;

use aob_api::{ErrorCode, Problem};
use aob_points::{Point, Struck, reach};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::body::{BodyLimit, refuse_announced_length};
use crate::{Authenticator, Peer, Permission, Refusal};

/// Bytes of a body where a route does not say otherwise: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The gate in front of one endpoint.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Recognises API keys.
    pub authenticator: Arc<Authenticator>,
    /// What the caller needs; `None`: the endpoint is open to everybody.
    pub permission: Option<Permission>,
    /// Bytes of the body at most.
    pub body_bytes_max: usize,
    /// The same for agents, where that is less.
    pub agent_body_bytes_max: usize,
}

fn struck(struck: Struck) -> Refusal {
    Problem::new(ErrorCode::Unavailable, struck.to_string()).into()
}

impl Gate {
    /// The middleware: authentication, then authorization, then the announced size of the body.
    pub async fn pass(State(gate): State<Self>, mut request: Request, next: Next) -> Response {
        let passing = async {
            gate.open(&mut request).await?;
            reach(Point::AuthenticatedAfter).await.map_err(struck)?;
            let response = next.run(request).await;
            reach(Point::AnswerBefore).await.map_err(struck)?;
            Ok::<_, Refusal>(response)
        };
        passing.await.unwrap_or_else(IntoResponse::into_response)
    }

    async fn open(&self, request: &mut Request) -> Result<(), Refusal> {
        let mut limit = self.body_bytes_max;
        if let Some(permission) = self.permission {
            let peer = request.extensions().get::<Peer>().copied();
            let caller = self.authenticator.authenticate(request.headers(), peer).await?;
            caller.require(permission)?;
            if caller.is_agent() {
                limit = limit.min(self.agent_body_bytes_max);
            }
            request.extensions_mut().insert(caller);
        }
        refuse_announced_length(request.headers(), limit)?;
        request.extensions_mut().insert(BodyLimit(limit));
        Ok(())
    }
}
