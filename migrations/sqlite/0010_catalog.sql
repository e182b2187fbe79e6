-- Workflow documents by digest, tags by version.
create table documents (
    tenant integer not null,
    digest text not null,
    document text not null,    -- canonical JSON
    created_ms integer not null,
    primary key (tenant, digest)
) strict;

create table tags (
    tenant integer not null,
    tag text not null,
    version integer not null,  -- from 1
    digest text not null,
    actor text not null,
    created_ms integer not null,
    primary key (tenant, tag, version)
) strict, without rowid;
