-- Workflow documents by digest, tags by version.
create table documents (
    workspace uuid not null,
    digest text collate "C" not null,
    document text not null,     -- canonical JSON
    created_ms bigint not null,
    primary key (workspace, digest)
);

create table tags (
    workspace uuid not null,
    tag text collate "C" not null,
    version bigint not null,    -- from 1
    digest text not null,
    actor text not null,
    created_ms bigint not null,
    primary key (workspace, tag, version)
);
