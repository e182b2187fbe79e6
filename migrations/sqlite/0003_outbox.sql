-- Segments whose effects are not all acknowledged. Inserted and deleted, never updated.
create table outbox (
    stream blob not null,
    ordinal integer not null,
    tenant integer not null,
    at_ms integer not null,    -- the segment's time
    primary key (stream, ordinal)
) strict, without rowid;
