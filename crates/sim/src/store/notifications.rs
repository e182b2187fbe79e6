//! Endpoints and deliveries, behind the gate.

use aob_store::*;
use async_trait::async_trait;

use super::SimStore;

#[async_trait]
impl Notifications for SimStore {
    async fn endpoint_put(&self, workspace: WorkspaceId, row: &EndpointRow) -> StoreResult<()> {
        self.call(|model| model.endpoint_put(workspace, row)).await
    }

    async fn endpoints(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<EndpointRow>> {
        self.call(|model| model.endpoints(workspace, after, limit)).await
    }

    async fn endpoint(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<EndpointRow>> {
        self.call(|model| model.endpoint(workspace, id)).await
    }

    async fn endpoint_disable(
        &self,
        workspace: WorkspaceId,
        id: &str,
        why: Option<&str>,
    ) -> StoreResult<Option<EndpointRow>> {
        self.call(|model| model.endpoint_disable(workspace, id, why)).await
    }

    async fn endpoint_remove(&self, workspace: WorkspaceId, id: &str) -> StoreResult<bool> {
        self.call(|model| model.endpoint_remove(workspace, id)).await
    }

    async fn deliveries_put(
        &self,
        workspace: WorkspaceId,
        rows: &[DeliveryRow],
    ) -> StoreResult<()> {
        self.call(|model| model.deliveries_put(workspace, rows)).await
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
    ) -> StoreResult<Vec<DeliveryRow>> {
        self.call(|model| model.deliveries(workspace, filter)).await
    }

    async fn deliveries_next(&self) -> StoreResult<Option<TimeMs>> {
        self.call(|model| model.deliveries_next()).await
    }

    async fn deliveries_claim(
        &self,
        claim: &DeliveryClaim,
    ) -> StoreResult<Vec<(WorkspaceId, DeliveryRow)>> {
        self.call(|model| model.deliveries_claim(claim)).await
    }

    async fn delivery_move(
        &self,
        workspace: WorkspaceId,
        of: (&str, u32),
        to: &DeliveryMove,
    ) -> StoreResult<bool> {
        self.call(|model| model.delivery_move(workspace, of, to)).await
    }

    async fn deliveries_expire(&self, before_ms: TimeMs) -> StoreResult<u64> {
        self.call(|model| model.deliveries_expire(before_ms)).await
    }
}
