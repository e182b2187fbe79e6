//! The model's modules of the optimizer.

use super::model::Model;
use crate::{ModuleRow, WorkspaceId};

impl Model {
    /// See [`Modules::module_put`](crate::Modules::module_put).
    pub fn module_put(&mut self, workspace: WorkspaceId, row: &ModuleRow) -> ModuleRow {
        let place = self.modules.entry((workspace, row.digest.clone()));
        let stored = place
            .and_modify(|stored| {
                let (bytes, enabled) = (stored.bytes, stored.enabled);
                *stored = ModuleRow { bytes, enabled, ..row.clone() };
            })
            .or_insert_with(|| row.clone());
        stored.clone()
    }

    /// See [`Modules::module`](crate::Modules::module).
    pub fn module(&self, workspace: WorkspaceId, digest: &str) -> Option<ModuleRow> {
        self.modules.get(&(workspace, digest.to_owned())).cloned()
    }

    /// See [`Modules::modules`](crate::Modules::modules).
    pub fn modules(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Vec<ModuleRow> {
        let own = self.modules.iter().filter(|((of, _), _)| *of == workspace);
        let rows = own.map(|(_, row)| row);
        let rows = rows.filter(|row| after.is_none_or(|after| row.digest.as_str() > after));
        rows.take(limit as usize).cloned().collect()
    }

    /// See [`Modules::module_enable`](crate::Modules::module_enable).
    pub fn module_enable(
        &mut self,
        workspace: WorkspaceId,
        digest: &str,
        enabled: bool,
    ) -> Option<ModuleRow> {
        let row = self.modules.get_mut(&(workspace, digest.to_owned()))?;
        row.enabled = enabled;
        Some(row.clone())
    }
}
