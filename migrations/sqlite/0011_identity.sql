-- Workspaces that people made, and their API keys (hashes of the secrets only).
create table workspaces (
    workspace blob primary key, -- 16 bytes
    name text not null unique,
    created_ms integer not null
) strict, without rowid;

create table api_keys (
    key_id text primary key,
    workspace blob not null,
    secret_hash blob not null,  -- 32 bytes
    name text not null,
    roles text not null,        -- JSON array
    created_ms integer not null,
    expires_ms integer,
    revoked_ms integer
) strict, without rowid;

create index api_keys_by_workspace on api_keys (workspace);
