-- Modules of the optimizer that workspaces have; their bytes are in the CAS.
create table optimizer_modules (
    workspace blob not null,   -- 16 bytes
    digest text not null,
    passes text not null,      -- JSON array of names
    signature blob not null,
    bytes integer not null,
    enabled integer not null,
    actor text not null,
    created_ms integer not null,
    primary key (workspace, digest)
) strict, without rowid;
