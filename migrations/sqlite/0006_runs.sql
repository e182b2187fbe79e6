-- Runs as lists show them, newest first by id.
create table runs (
    tenant integer not null,
    run blob not null,
    status text not null,
    name text not null,
    tag text,
    digest any not null,       -- 32 bytes where it is a SHA-256, else the text
    parent blob,
    labels text,               -- JSON object; null: none
    created_ms integer not null,
    updated_ms integer not null,
    finished_ms integer,
    seq integer not null,
    error text,
    output text,               -- JSON
    primary key (tenant, run)
) strict, without rowid;

create index runs_by_parent on runs (tenant, parent, run) where parent is not null;

-- Most runs are completed; lists of any other states read only this index. The step of a run that
-- leaves its status alone does not touch it.
create index runs_uncompleted on runs (tenant, run) where status <> 'completed';
