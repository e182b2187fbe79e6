-- The newest snapshot of each stream; its bytes are in the CAS.
create table snapshots (
    stream blob primary key,
    tenant integer not null,
    ordinal integer not null,
    format integer not null,
    digest text not null
) strict, without rowid;
