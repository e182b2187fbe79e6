-- Attempts that are outstanding. Born unheld, claimed once, deleted by the append that ends them.
create table leases (
    run blob not null,
    instance text not null,
    attempt integer not null,
    tenant integer not null,
    pool text not null,
    name text not null,
    priority integer not null,     -- 0 high, 1 medium, 2 low
    seq integer not null,          -- of the event that scheduled it
    by_topic integer not null,     -- 0: runners find it by long poll
    scheduled_ms integer not null,
    holder text,
    granted_ms integer,
    until_ms integer,
    progress_ms integer,
    progress text,                 -- JSON
    cancelling integer not null default 0,
    primary key (run, instance, attempt)
) strict, without rowid;

-- What a long poll looks through.
create index leases_to_claim on leases (tenant, pool, name, priority, scheduled_ms)
where holder is null and by_topic = 0;
