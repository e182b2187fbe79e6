-- The newest snapshot of each stream; its bytes are in the CAS.
create table snapshots (
    stream uuid primary key,
    workspace uuid not null,
    ordinal bigint not null,
    format bigint not null,
    digest text not null
) with (fillfactor = 80);
