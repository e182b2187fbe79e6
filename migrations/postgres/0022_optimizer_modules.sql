-- Modules of the optimizer that workspaces have; their bytes are in the CAS.
create table optimizer_modules (
    workspace uuid not null,
    digest text collate "C" not null,
    passes text not null,       -- JSON array of names
    signature bytea not null,
    bytes bigint not null,
    enabled boolean not null,
    actor text not null,
    created_ms bigint not null,
    primary key (workspace, digest)
);

alter table optimizer_modules enable row level security;
alter table optimizer_modules force row level security;
create policy one_workspace on optimizer_modules to aob_api
using (workspace = (select current_workspace()))
with check (workspace = (select current_workspace()));

grant select, insert, update on optimizer_modules to aob_api;
