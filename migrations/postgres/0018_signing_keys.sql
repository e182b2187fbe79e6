-- The keys with which workspaces sign, one per purpose.
create table signing_keys (
    workspace uuid not null,
    purpose text collate "C" not null,
    secret bytea not null,      -- 32 bytes
    primary key (workspace, purpose)
);

alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy one_workspace on signing_keys to aob_api
using (workspace = (select current_workspace()))
with check (workspace = (select current_workspace()));

grant select, insert on signing_keys to aob_api;
