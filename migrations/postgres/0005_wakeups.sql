-- A lower bound of each stream's earliest timer.
create table wakeups (
    stream uuid primary key,
    due_ms bigint not null,
    ordinal bigint not null,    -- of the segment that wrote it
    written_ms bigint not null, -- its writer's clock
    workspace uuid not null
) with (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0
);

create index wakeups_by_due on wakeups (due_ms, stream);
