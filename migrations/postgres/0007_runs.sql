-- Runs as lists show them, newest first by id. No index holds a column that a step changes.
create table runs (
    workspace uuid not null,
    run uuid not null,
    status text not null,
    name text not null,
    tag text,
    digest text not null,
    parent uuid,
    labels text,                -- JSON object; null: none
    created_ms bigint not null,
    updated_ms bigint not null,
    finished_ms bigint,
    seq bigint not null,
    error text,
    output text,                -- JSON
    completed boolean not null generated always as (status = 'completed') stored,
    primary key (workspace, run)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create index runs_by_parent on runs (workspace, parent, run) where parent is not null;

-- Most runs are completed; lists of any other states read only this index.
create index runs_uncompleted on runs (workspace, run) where not completed;

create index runs_finished on runs (workspace, finished_ms) where finished_ms is not null;
