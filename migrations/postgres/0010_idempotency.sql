-- Answers to API commands, by the key that the client sent.
create table idempotency (
    workspace uuid not null,
    key text collate "C" not null,
    endpoint text collate "C" not null,
    stream uuid not null,       -- whose append answered
    body_hash bytea not null,   -- 32 bytes
    status bigint not null,
    response text not null,
    expires_ms bigint not null,
    primary key (workspace, key, endpoint)
) with (autovacuum_vacuum_scale_factor = 0.02);

create index idempotency_by_expiry on idempotency (expires_ms);
