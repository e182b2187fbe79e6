-- The log. Rows are appended at the end of their workspace's range of ids, so an insert moves no
-- payload, and the ids of a workspace are its feed in the order of commit.
create table segments (
    id integer primary key,    -- tenant << 40 | position in the workspace's feed
    stream blob not null,      -- 16 bytes
    ordinal integer not null,  -- from 1, without gaps
    first_seq integer not null,
    last_seq integer not null,
    at_ms integer not null,    -- time of the last event
    prev_hash blob not null,   -- 32 bytes
    hash blob not null,        -- 32 bytes
    events text not null       -- JSON array, verbatim what was hashed
) strict;

create unique index segments_by_stream on segments (stream, ordinal);

-- One row per event.
create view events as
select
    s.stream as stream,
    s.ordinal as ordinal,
    s.first_seq + e.key as seq,
    e.value as event
from segments s, json_each(s.events) e;
