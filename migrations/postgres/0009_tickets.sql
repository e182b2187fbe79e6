-- Approvals.
create table tickets (
    workspace uuid not null,
    ticket text collate "C" not null,
    run uuid not null,
    instance text not null,
    status text collate "C" not null,
    message text not null,
    subject_hash text not null,
    detail text not null,       -- JSON
    created_ms bigint not null,
    expires_ms bigint,
    decided_ms bigint,
    primary key (workspace, ticket)
);

create index tickets_by_time on tickets (workspace, created_ms, ticket);
create index tickets_by_status on tickets (workspace, status, created_ms, ticket);
create index tickets_by_run on tickets (run, created_ms, ticket);
