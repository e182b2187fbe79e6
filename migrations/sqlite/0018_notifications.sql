-- Who is told of tickets, and what is sent to them.
create table notify_endpoints (
    workspace blob not null,   -- 16 bytes
    id text not null,
    name text not null,
    kind text not null,        -- webhook slack email
    target text not null,      -- URL, or addresses separated by commas; it may be a secret
    events text not null,      -- JSON array of names; empty: all
    approvers text not null,   -- JSON array of roles and people; empty: all tickets
    disabled text,             -- why nothing is sent any more
    actor text not null,
    created_ms integer not null,
    primary key (workspace, id)
) strict, without rowid;

create table notify_deliveries (
    workspace blob not null,   -- 16 bytes
    id text not null,
    endpoint text not null,
    ticket text not null,
    run blob not null,         -- 16 bytes
    event text not null,
    facts text not null,       -- JSON
    at_ms integer not null,
    status text not null,      -- pending delivered failed dropped
    due_ms integer not null,
    attempts integer not null,
    error text,
    settled_ms integer,
    primary key (workspace, id)
) strict, without rowid;

create index notify_deliveries_due on notify_deliveries (due_ms, id) where status = 'pending';
create index notify_deliveries_by_time on notify_deliveries (workspace, at_ms, id);
create index notify_deliveries_settled on notify_deliveries (settled_ms)
where settled_ms is not null;
