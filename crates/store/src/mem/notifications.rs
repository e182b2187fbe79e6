//! The model's endpoints and deliveries.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::model::page;
use super::{MemStore, Model};
use crate::{
    DeliveryClaim, DeliveryFilter, DeliveryMove, DeliveryRow, EndpointRow, Notifications,
    StoreResult, TimeMs, WorkspaceId,
};

impl Model {
    /// See [`Notifications::endpoint_put`](crate::Notifications::endpoint_put).
    pub fn endpoint_put(&mut self, workspace: WorkspaceId, row: &EndpointRow) {
        self.endpoints.entry((workspace, row.id.clone())).or_insert_with(|| row.clone());
    }

    /// See [`Notifications::endpoints`](crate::Notifications::endpoints).
    pub fn endpoints(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Vec<EndpointRow> {
        let own = self.endpoints.iter().filter(|((of, _), _)| *of == workspace);
        let rows = own.map(|(_, row)| row);
        let rows = rows.filter(|row| after.is_none_or(|after| row.id.as_str() > after));
        rows.take(page(limit)).cloned().collect()
    }

    /// See [`Notifications::endpoint`](crate::Notifications::endpoint).
    pub fn endpoint(&self, workspace: WorkspaceId, id: &str) -> Option<EndpointRow> {
        self.endpoints.get(&(workspace, id.to_owned())).cloned()
    }

    /// See [`Notifications::endpoint_disable`](crate::Notifications::endpoint_disable).
    pub fn endpoint_disable(
        &mut self,
        workspace: WorkspaceId,
        id: &str,
        why: Option<&str>,
    ) -> Option<EndpointRow> {
        let row = self.endpoints.get_mut(&(workspace, id.to_owned()))?;
        row.disabled = why.map(str::to_owned);
        Some(row.clone())
    }

    /// See [`Notifications::endpoint_remove`](crate::Notifications::endpoint_remove).
    pub fn endpoint_remove(&mut self, workspace: WorkspaceId, id: &str) -> bool {
        self.endpoints.remove(&(workspace, id.to_owned())).is_some()
    }

    /// See [`Notifications::deliveries_put`](crate::Notifications::deliveries_put).
    pub fn deliveries_put(&mut self, workspace: WorkspaceId, rows: &[DeliveryRow]) {
        for row in rows {
            self.deliveries.entry((workspace, row.id.clone())).or_insert_with(|| row.clone());
        }
    }

    /// See [`Notifications::deliveries`](crate::Notifications::deliveries).
    pub fn deliveries(&self, workspace: WorkspaceId, filter: &DeliveryFilter) -> Vec<DeliveryRow> {
        let is = |asked: &Option<String>, has: &String| asked.as_ref().is_none_or(|it| it == has);
        let own = self.deliveries.iter().filter(|((of, _), _)| *of == workspace);
        let mut rows: Vec<&DeliveryRow> = own
            .map(|(_, row)| row)
            .filter(|row| is(&filter.endpoint, &row.endpoint) && is(&filter.ticket, &row.ticket))
            .filter(|row| is(&filter.status, &row.status))
            .filter(|row| filter.run.is_none_or(|run| run == row.run))
            .filter(|row| {
                let before = filter.before.as_ref();
                before.is_none_or(|(at, id)| (row.at_ms, &row.id) < (*at, id))
            })
            .collect();
        rows.sort_by(|one, other| (other.at_ms, &other.id).cmp(&(one.at_ms, &one.id)));
        rows.into_iter().take(page(filter.limit)).cloned().collect()
    }

    /// See [`Notifications::deliveries_next`](crate::Notifications::deliveries_next).
    pub fn deliveries_next(&self) -> Option<TimeMs> {
        let pending = self.deliveries.values().filter(|row| row.status == "pending");
        pending.map(|row| row.due_ms).min()
    }

    /// See [`Notifications::deliveries_claim`](crate::Notifications::deliveries_claim).
    pub fn deliveries_claim(&mut self, claim: &DeliveryClaim) -> Vec<(WorkspaceId, DeliveryRow)> {
        let mut due: Vec<_> = self
            .deliveries
            .iter()
            .filter(|(_, row)| row.status == "pending" && row.due_ms <= claim.now_ms)
            .filter(|(_, row)| !claim.except.contains(&row.endpoint))
            .map(|(key, row)| (row.due_ms, row.id.clone(), row.endpoint.clone(), key.clone()))
            .collect();
        due.sort();
        let mut of_endpoint: BTreeMap<String, u32> = BTreeMap::new();
        due.retain(|(_, _, endpoint, _)| {
            let count = of_endpoint.entry(endpoint.clone()).or_default();
            *count += 1;
            *count <= claim.per_endpoint
        });
        due.truncate(page(claim.limit));
        let mut claimed = Vec::with_capacity(due.len());
        for (_, _, _, key) in due {
            let Some(row) = self.deliveries.get_mut(&key) else { continue };
            row.due_ms = claim.until_ms;
            row.attempts += 1;
            claimed.push((key.0, row.clone()));
        }
        claimed
    }

    /// See [`Notifications::delivery_move`](crate::Notifications::delivery_move).
    pub fn delivery_move(
        &mut self,
        workspace: WorkspaceId,
        (id, attempt): (&str, u32),
        to: &DeliveryMove,
    ) -> bool {
        let Some(row) = self.deliveries.get_mut(&(workspace, id.to_owned())) else { return false };
        if row.status != "pending" || row.attempts != attempt {
            return false;
        }
        match to {
            DeliveryMove::Again { due_ms, error } => {
                row.due_ms = *due_ms;
                row.error = Some(error.clone());
            }
            DeliveryMove::Settled { status, at_ms, error } => {
                row.status = (*status).to_owned();
                row.settled_ms = Some(*at_ms);
                row.error = error.clone();
            }
        }
        true
    }

    /// See [`Notifications::deliveries_expire`](crate::Notifications::deliveries_expire).
    pub fn deliveries_expire(&mut self, before_ms: TimeMs) -> u64 {
        let before = self.deliveries.len();
        self.deliveries.retain(|_, row| row.settled_ms.is_none_or(|at| at >= before_ms));
        (before - self.deliveries.len()) as u64
    }
}

#[async_trait]
impl Notifications for MemStore {
    async fn endpoint_put(&self, workspace: WorkspaceId, row: &EndpointRow) -> StoreResult<()> {
        self.with(|model| model.endpoint_put(workspace, row));
        Ok(())
    }

    async fn endpoints(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<EndpointRow>> {
        Ok(self.with(|model| model.endpoints(workspace, after, limit)))
    }

    async fn endpoint(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<EndpointRow>> {
        Ok(self.with(|model| model.endpoint(workspace, id)))
    }

    async fn endpoint_disable(
        &self,
        workspace: WorkspaceId,
        id: &str,
        why: Option<&str>,
    ) -> StoreResult<Option<EndpointRow>> {
        Ok(self.with(|model| model.endpoint_disable(workspace, id, why)))
    }

    async fn endpoint_remove(&self, workspace: WorkspaceId, id: &str) -> StoreResult<bool> {
        Ok(self.with(|model| model.endpoint_remove(workspace, id)))
    }

    async fn deliveries_put(
        &self,
        workspace: WorkspaceId,
        rows: &[DeliveryRow],
    ) -> StoreResult<()> {
        self.with(|model| model.deliveries_put(workspace, rows));
        Ok(())
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
    ) -> StoreResult<Vec<DeliveryRow>> {
        Ok(self.with(|model| model.deliveries(workspace, filter)))
    }

    async fn deliveries_next(&self) -> StoreResult<Option<TimeMs>> {
        Ok(self.with(|model| model.deliveries_next()))
    }

    async fn deliveries_claim(
        &self,
        claim: &DeliveryClaim,
    ) -> StoreResult<Vec<(WorkspaceId, DeliveryRow)>> {
        Ok(self.with(|model| model.deliveries_claim(claim)))
    }

    async fn delivery_move(
        &self,
        workspace: WorkspaceId,
        of: (&str, u32),
        to: &DeliveryMove,
    ) -> StoreResult<bool> {
        Ok(self.with(|model| model.delivery_move(workspace, of, to)))
    }

    async fn deliveries_expire(&self, before_ms: TimeMs) -> StoreResult<u64> {
        Ok(self.with(|model| model.deliveries_expire(before_ms)))
    }
}
