-- Segments whose effects are not all acknowledged. Inserted and deleted, never updated.
create table outbox (
    stream uuid not null,
    ordinal bigint not null,
    workspace uuid not null,
    at_ms bigint not null,      -- the segment's time
    primary key (stream, ordinal)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
