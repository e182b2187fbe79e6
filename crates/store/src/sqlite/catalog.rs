//! Workflow documents by digest.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect};
use super::session::Session;
use super::sql;
use crate::{
    CHAIN_MAX, Catalog, ChainRow, PatchedDocument, StoreResult, StoredDocument, TimeMs, WorkspaceId,
};

const PATCH_PUT: &str =
    "insert into document_patches (tenant, digest, parent, operations, created_ms)
    select ?1, ?2, ?3, ?4, ?5
    where not exists (select 1 from documents where tenant = ?1 and digest = ?2)
    on conflict do nothing";

/// From the wanted document to the nearest one that is stored whole: `workspace, digest`, steps.
const CHAIN: &str = "with recursive
    owner (tenant) as (select no from tenants where workspace = ?1),
    chain (step, digest, parent, operations, document) as (
        select 0, ?2, p.parent, p.operations, d.document
        from owner o
        left join documents d on d.tenant = o.tenant and d.digest = ?2
        left join document_patches p
            on p.tenant = o.tenant and p.digest = ?2 and d.digest is null
        union all
        select c.step + 1, c.parent, p.parent, p.operations, d.document
        from chain c cross join owner o
        left join documents d on d.tenant = o.tenant and d.digest = c.parent
        left join document_patches p
            on p.tenant = o.tenant and p.digest = c.parent and d.digest is null
        where c.parent is not null and c.step < ?3
    )
    select digest, parent, operations, document from chain order by step";

#[async_trait]
impl Catalog for SqliteStore {
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()> {
        let documents = documents.to_vec();
        let bytes = documents.iter().map(|(_, document)| document.len()).sum();
        let work = move |session: &mut Session<'_>| {
            let tenant = session.tenant(workspace)?;
            for (digest, document) in &documents {
                let mut put = session.statement(sql::DOCUMENT_PUT)?;
                put.execute(params![tenant, digest, document, now_ms])?;
            }
            Ok(())
        };
        answer(self.writer.write(bytes, work).await)
    }

    async fn documents_put_patched(
        &self,
        workspace: WorkspaceId,
        documents: &[PatchedDocument],
        now_ms: TimeMs,
    ) -> StoreResult<()> {
        let documents = documents.to_vec();
        let bytes = documents.iter().map(|document| document.operations.len()).sum();
        let work = move |session: &mut Session<'_>| {
            let tenant = session.tenant(workspace)?;
            for PatchedDocument { digest, parent, operations } in &documents {
                let mut put = session.statement(PATCH_PUT)?;
                put.execute(params![tenant, digest, parent, operations, now_ms])?;
            }
            Ok(())
        };
        answer(self.writer.write(bytes, work).await)
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> StoreResult<Option<StoredDocument>> {
        let digest = digest.to_owned();
        let rows = self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached(CHAIN)?;
            collect(statement.query(params![workspace, digest, CHAIN_MAX])?, "documents", chain_row)
        });
        StoredDocument::of_rows(rows.await?)
    }
}

fn chain_row(columns: &mut Columns<'_>) -> Result<ChainRow, Failure> {
    let digest = columns.take("digest")?;
    let parent: Option<String> = columns.take("parent")?;
    let operations: Option<String> = columns.take("operations")?;
    Ok(ChainRow { digest, patch: parent.zip(operations), document: columns.take("document")? })
}
