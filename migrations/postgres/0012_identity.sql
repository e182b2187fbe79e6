-- Workspaces that people made, and their API keys (hashes of the secrets only).
create table workspaces (
    workspace uuid primary key,
    name text collate "C" not null unique,
    created_ms bigint not null
);

create table api_keys (
    key_id text collate "C" primary key,
    workspace uuid not null,
    secret_hash bytea not null, -- 32 bytes
    name text not null,
    roles text not null,        -- JSON array
    created_ms bigint not null,
    expires_ms bigint,
    revoked_ms bigint
);

create index api_keys_by_workspace on api_keys (workspace, key_id);
