-- Approvals.
create table tickets (
    tenant integer not null,
    ticket text not null,
    run blob not null,
    instance text not null,
    status text not null,
    message text not null,
    subject_hash text not null,
    detail text not null,      -- JSON
    created_ms integer not null,
    expires_ms integer,
    decided_ms integer,
    primary key (tenant, ticket)
) strict, without rowid;

create index tickets_by_time on tickets (tenant, created_ms);
create index tickets_by_status on tickets (tenant, status, created_ms);
create index tickets_by_run on tickets (tenant, run, created_ms);
