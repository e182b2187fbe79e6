-- A lower bound of each stream's earliest timer.
create table wakeups (
    stream blob primary key,
    tenant integer not null,
    due_ms integer not null,
    ordinal integer not null   -- of the segment that wrote it
) strict, without rowid;

create index wakeups_by_due on wakeups (due_ms);
