-- Workspaces as small numbers: other tables carry the number, never the id.
create table tenants (
    no integer primary key,               -- at most 2^23 - 1, see segments.id
    workspace blob not null unique,       -- 16 bytes
    feed_floor integer not null default 0 -- highest feed position of a segment that was deleted
) strict;
