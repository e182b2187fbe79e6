-- Who is told of tickets, and what is sent to them.
create table notify_endpoints (
    workspace uuid not null,
    id text collate "C" not null,
    name text not null,
    kind text not null,         -- webhook slack email
    target text not null,       -- URL, or addresses separated by commas; it may be a secret
    events text not null,       -- JSON array of names; empty: all
    approvers text not null,    -- JSON array of roles and people; empty: all tickets
    disabled text,              -- why nothing is sent any more
    actor text not null,
    created_ms bigint not null,
    primary key (workspace, id)
);

create table notify_deliveries (
    workspace uuid not null,
    id text collate "C" not null,
    endpoint text collate "C" not null,
    ticket text collate "C" not null,
    run uuid not null,
    event text not null,
    facts text not null,        -- JSON
    at_ms bigint not null,
    status text not null,       -- pending delivered failed dropped
    due_ms bigint not null,
    attempts bigint not null,
    error text,
    settled_ms bigint,
    primary key (workspace, id)
) with (fillfactor = 70);

create index notify_deliveries_due on notify_deliveries (due_ms, id) where status = 'pending';
create index notify_deliveries_by_time on notify_deliveries (workspace, at_ms, id);
create index notify_deliveries_settled on notify_deliveries (settled_ms)
where settled_ms is not null;

alter table notify_endpoints enable row level security;
alter table notify_endpoints force row level security;
alter table notify_deliveries enable row level security;
alter table notify_deliveries force row level security;
create policy one_workspace on notify_endpoints to aob_api
using (workspace = (select current_workspace()))
with check (workspace = (select current_workspace()));
create policy one_workspace on notify_deliveries to aob_api
using (workspace = (select current_workspace()))
with check (workspace = (select current_workspace()));
-- What is due is found for all workspaces at once.
create policy all_workspaces on notify_deliveries to aob_log using (true) with check (true);

grant select, insert, update, delete on notify_endpoints to aob_api;
grant select, insert on notify_deliveries to aob_api;
grant select, update, delete on notify_deliveries to aob_log;
