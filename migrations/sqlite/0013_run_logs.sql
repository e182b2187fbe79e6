-- Log lines of functions: chunks, numbered per run in the order in which they came.
create table run_logs (
    run blob not null,
    n integer not null,
    tenant integer not null,
    instance text not null,
    attempt integer not null,
    first integer not null,        -- number of the first line within the attempt, from 0
    lines integer not null,        -- how many
    missing integer not null,      -- lines of the attempt right before `first` that never came
    at_ms integer not null,
    text text not null,            -- JSON: an array of strings
    primary key (run, n)
) strict, without rowid;

-- Where an attempt stands: repetitions and gaps.
create index run_logs_of_attempt on run_logs (run, instance, attempt, first);

-- How much of a run is kept.
create table run_log_totals (
    run blob primary key,
    tenant integer not null,
    last_n integer not null,
    bytes integer not null
) strict, without rowid;
