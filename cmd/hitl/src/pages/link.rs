//! Signed links: where a message leads to. A link says which ticket is meant and nothing else; whoever
//! follows it, a scanner of mails included, sees the page only once signed in.

use aob_edge::{Peer, Refusal, is_signed, sign};
use aob_engine::WorkspaceId;
use aob_store::{SigningKey, TimeMs};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, response::IntoResponse as _};
use uuid::Uuid;

use super::{Chrome, Notice, is_ticket, look_at, ticket_path};
use crate::app::App;

/// What links are signed as.
const AS_LINK: &str = "aob.link.1";

/// A link to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Whose key signs it.
    pub(crate) workspace: WorkspaceId,
    /// Where it leads to.
    pub(crate) ticket: String,
    /// Until when.
    pub(crate) until_ms: TimeMs,
}

impl Link {
    fn fields(&self) -> [String; 2] {
        [self.ticket.clone(), self.until_ms.to_string()]
    }

    /// What stands behind `/l/`.
    pub(crate) fn write(&self, key: &SigningKey) -> String {
        let [ticket, until] = self.fields();
        let signature = sign(key, AS_LINK, &[ticket.as_bytes(), until.as_bytes()]);
        format!("{}.{ticket}.{until}.{signature}", self.workspace.0.simple())
    }

    /// What a link says, with its signature, which nobody has looked at yet.
    pub(crate) fn read(text: &str) -> Option<(Self, &str)> {
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let (workspace, ticket, until, signature) = (next()?, next()?, next()?, next()?);
        let link = Self {
            workspace: WorkspaceId(Uuid::try_parse(workspace).ok()?),
            ticket: is_ticket(ticket).then(|| ticket.to_owned())?,
            until_ms: until.parse().ok()?,
        };
        next().is_none().then_some((link, signature))
    }

    pub(crate) fn is_signed(&self, key: &SigningKey, signature: &str) -> bool {
        let [ticket, until] = self.fields();
        is_signed(key, AS_LINK, &[ticket.as_bytes(), until.as_bytes()], signature)
    }
}

/// Follows a link.
pub(crate) async fn follow(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(text): Path<String>,
) -> Response {
    let followed = async {
        if let Some(Extension(peer)) = peer {
            app.authenticator.may_try(peer)?;
        }
        let Some((link, signature)) = Link::read(&text) else { return Ok(None) };
        let key = app.signer.key_known(link.workspace).await?;
        Ok::<_, Refusal>(key.filter(|key| link.is_signed(key, signature)).map(|_| link))
    };
    match followed.await {
        Ok(Some(link)) if link.until_ms > app.now().0 => look_at(&ticket_path(&link.ticket)),
        Ok(Some(_)) => Notice::old_link().page(&Chrome::default()),
        Ok(None) => {
            if let Some(Extension(peer)) = peer {
                app.authenticator.failed(peer);
            }
            Notice::no_link().page(&Chrome::default())
        }
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_what_was_signed_and_nothing_else() {
        let key = SigningKey([5; 32]);
        let workspace = WorkspaceId(Uuid::from_u128(7));
        let link = Link { workspace, ticket: "tk_1".to_owned(), until_ms: 99 };
        let text = link.write(&key);
        let (read, signature) = Link::read(&text).unwrap();
        assert_eq!(read, link);
        assert!(read.is_signed(&key, signature));
        assert!(!read.is_signed(&SigningKey([6; 32]), signature));
        let later = Link { until_ms: 100, ..link.clone() };
        assert!(!later.is_signed(&key, signature));
        let other = Link { ticket: "tk_2".to_owned(), ..link };
        assert!(!other.is_signed(&key, signature));
        for text in ["", "x.y", "....", &text.replace("tk_1", "../x"), &format!("{text}.0")] {
            assert!(Link::read(text).is_none(), "{text}");
        }
    }
}
