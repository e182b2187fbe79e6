//! Workflow documents by digest.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, text, texts};
use crate::{
    CHAIN_MAX, Catalog, ChainRow, PatchedDocument, StoreResult, StoredDocument, TimeMs, WorkspaceId,
};

const DOCUMENTS_PUT: &str = "insert into documents (workspace, digest, document, created_ms)
    select $1, digest, document, $4
    from unnest($2::text[], $3::text[]) with ordinality as t (digest, document, place)
    order by digest, place on conflict do nothing";

const PATCHES_PUT: &str =
    "insert into document_patches (workspace, digest, parent, operations, created_ms)
    select $1, digest, parent, operations, $5
    from unnest($2::text[], $3::text[], $4::text[]) with ordinality
        as t (digest, parent, operations, place)
    where not exists (
        select from documents d where d.workspace = $1 and d.digest = t.digest)
    order by digest, place on conflict do nothing";

/// From the wanted document to the nearest one that is stored whole: workspace, digest, steps.
const CHAIN: &str = "with recursive chain (step, digest, parent, operations, document) as (
        select 0::bigint, $2::text collate \"C\", p.parent, p.operations, d.document
        from (select) one
        left join documents d on d.workspace = $1 and d.digest = $2
        left join document_patches p
            on p.workspace = $1 and p.digest = $2 and d.digest is null
        union all
        select c.step + 1, c.parent, p.parent, p.operations, d.document
        from chain c
        left join documents d on d.workspace = $1 and d.digest = c.parent
        left join document_patches p
            on p.workspace = $1 and p.digest = c.parent and d.digest is null
        where c.parent is not null and c.step < $3
    )
    select digest, parent, operations, document from chain order by step";

#[async_trait]
impl Catalog for PostgresStore {
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()> {
        let put = || {
            sqlx::query(DOCUMENTS_PUT)
                .bind(workspace.0)
                .bind(texts(documents.iter().map(|(digest, _)| digest)))
                .bind(texts(documents.iter().map(|(_, document)| document)))
                .bind(now_ms)
        };
        self.api.within(workspace, put, "documents", |_| Ok(())).await.map(drop)
    }

    async fn documents_put_patched(
        &self,
        workspace: WorkspaceId,
        documents: &[PatchedDocument],
        now_ms: TimeMs,
    ) -> StoreResult<()> {
        let put = || {
            sqlx::query(PATCHES_PUT)
                .bind(workspace.0)
                .bind(texts(documents.iter().map(|document| &document.digest)))
                .bind(texts(documents.iter().map(|document| &document.parent)))
                .bind(texts(documents.iter().map(|document| &document.operations)))
                .bind(now_ms)
        };
        self.api.within(workspace, put, "document_patches", |_| Ok(())).await.map(drop)
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> StoreResult<Option<StoredDocument>> {
        let query =
            || sqlx::query(CHAIN).bind(workspace.0).bind(text(digest)).bind(i64::from(CHAIN_MAX));
        let rows = self.api.within(workspace, query, "documents", chain_row).await?;
        StoredDocument::of_rows(rows)
    }
}

fn chain_row(columns: &mut Columns<'_>) -> Result<ChainRow, Failure> {
    let digest = columns.text("digest")?;
    let (parent, operations) = (columns.maybe_text("parent")?, columns.maybe_text("operations")?);
    let document = columns.maybe_text("document")?;
    Ok(ChainRow { digest, patch: parent.zip(operations), document })
}
