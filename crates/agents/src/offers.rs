//! Offers: the messages of jobs of pools.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::jobs::JobMessage;
use aob_bus::{Header, Topic};
use aob_coordinator::{Offers, ReadError, engine_workspace};
use aob_engine::WorkspaceId;
use aob_ir::Digest;
use aob_store::{Store, StoreError};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::{AgentTopics, JobTokens, Offered};

/// The header that shows whose offer a message is.
pub const OFFER_HEADER: &str = "aob-offer";

/// Offers the jobs of some pools on their topics.
#[derive(Debug)]
pub struct PoolOffers {
    topics: AgentTopics,
    store: Arc<dyn Store>,
    tokens: Arc<JobTokens>,
    /// Names of workspaces, which do not change.
    names: Mutex<BTreeMap<WorkspaceId, Arc<str>>>,
}

impl PoolOffers {
    /// Offers on these topics; `None`: there are none.
    pub fn on(
        topics: &AgentTopics,
        store: Arc<dyn Store>,
        tokens: Arc<JobTokens>,
    ) -> Option<Arc<dyn Offers>> {
        let names = Mutex::default();
        let offers = || Self { topics: topics.clone(), store, tokens, names };
        (!topics.is_empty()).then(|| Arc::new(offers()) as Arc<dyn Offers>)
    }

    async fn name(&self, workspace: WorkspaceId) -> Result<Arc<str>, StoreError> {
        if !self.topics.names_workspaces() {
            return Ok("".into());
        }
        let known = self.names.lock().get(&workspace).cloned();
        if let Some(name) = known {
            return Ok(name);
        }
        let all = self.store.workspaces().await?;
        let mut names = self.names.lock();
        names.extend(
            all.into_iter().map(|row| (engine_workspace(row.workspace), row.name.as_str().into())),
        );
        Ok(Arc::clone(names.entry(workspace).or_insert_with(|| "".into())))
    }
}

#[async_trait]
impl Offers for PoolOffers {
    async fn topic(&self, workspace: WorkspaceId, pool: &str) -> Result<Option<Topic>, ReadError> {
        let name = self.name(workspace).await.map_err(unread)?;
        Ok(self.topics.of(&name, pool).map(|topics| topics.jobs))
    }

    async fn headers(&self, job: &JobMessage, payload: &[u8]) -> Result<Vec<Header>, ReadError> {
        let (digest, pool) = (Digest::of(payload), Arc::clone(&job.pool));
        let claims = Offered { job: job.key(), digest, pool };
        let token = self.tokens.offer(job.workspace, &claims).await;
        let token = token.map_err(|refusal| ReadError(format!("{refusal:?}")))?;
        let value = Bytes::copy_from_slice(token.as_bytes());
        Ok(vec![Header { name: OFFER_HEADER.into(), value }])
    }
}

fn unread(error: StoreError) -> ReadError {
    ReadError(error.to_string())
}
