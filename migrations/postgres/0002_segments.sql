-- The log. The feed of a workspace is read by committer: one connection holds a committer's number
-- and commits one statement after the other, so the positions of a number become visible in their
-- order. Across numbers they do not, and nothing relies on it.
create table segments (
    stream uuid not null,
    ordinal bigint not null,    -- from 1, without gaps
    workspace uuid not null,
    first_seq bigint not null,
    last_seq bigint not null,
    at_ms bigint not null,      -- time of the last event
    position bigint not null,   -- from feed_positions
    committer smallint not null,
    prev_hash bytea not null,   -- 32 bytes
    hash bytea not null,        -- 32 bytes
    events json not null,       -- array, verbatim what was hashed; may hold \u0000, so not jsonb
    primary key (stream, ordinal)
) partition by hash (stream);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table segments_%s partition of segments
            for values with (modulus 8, remainder %s)
            with (autovacuum_vacuum_insert_scale_factor = 0.05)', part, part);
    end loop;
end
$$;

create index segments_by_feed on segments (workspace, committer, position);

create sequence feed_positions;

-- The numbers that committers ever had.
create table committers (
    committer smallint primary key
);
