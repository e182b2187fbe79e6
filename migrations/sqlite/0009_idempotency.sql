-- Answers to API commands, by the key that the client sent. Rows are appended; only the narrow
-- index is in the order of the clients' random keys.
create table idempotency (
    id integer primary key,
    tenant integer not null,
    endpoint text not null,
    key text not null,
    body_hash blob not null,   -- 32 bytes
    status integer not null,
    response text not null,
    expires_ms integer not null
) strict;

create unique index idempotency_by_key on idempotency (tenant, key, endpoint);
create index idempotency_by_expiry on idempotency (expires_ms);
