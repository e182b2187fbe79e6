-- Dedup keys of runs that are not over.
create table dedup (
    workspace uuid not null,
    key text collate "C" not null,
    run uuid not null,
    primary key (workspace, key)
) with (autovacuum_vacuum_scale_factor = 0.01);

create index dedup_by_run on dedup (run);
