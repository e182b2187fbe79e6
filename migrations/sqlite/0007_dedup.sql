-- Dedup keys of runs that are not over.
create table dedup (
    tenant integer not null,
    key text not null,
    run blob not null,
    primary key (tenant, key)
) strict, without rowid;

create index dedup_by_run on dedup (run);
