-- Attempts that are outstanding. Born unheld, claimed once, deleted by the append that ends them. A
-- heartbeat changes no indexed column.
create table leases (
    run uuid not null,
    instance text collate "C" not null,
    attempt bigint not null,
    workspace uuid not null,
    pool text collate "C" not null,
    name text collate "C" not null,
    priority smallint not null,    -- 0 high, 1 medium, 2 low
    seq bigint not null,           -- of the event that scheduled it
    by_topic boolean not null,     -- false: runners find it by long poll
    scheduled_ms bigint not null,
    holder text collate "C",
    granted_ms bigint,
    until_ms bigint,
    progress_ms bigint,
    progress text,                 -- JSON
    cancelling boolean not null default false,
    claimable boolean not null generated always as (holder is null and not by_topic) stored,
    primary key (run, instance, attempt)
) with (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0
);

-- What a long poll looks through. The generated column keeps `holder` itself out of all indexes.
create index leases_to_claim
on leases (workspace, pool, name, priority, scheduled_ms, run, instance, attempt)
where claimable;
