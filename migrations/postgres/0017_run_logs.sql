-- Log lines of functions: chunks in the order of commit, and what each run has of them.
create table run_logs (
    run uuid not null,
    n bigint not null,          -- from 1, in the order of commit
    workspace uuid not null,
    instance text collate "C" not null,
    attempt bigint not null,
    first bigint not null,      -- number of the first line within the attempt
    lines bigint not null,
    missing bigint not null,    -- lines right before it that never came
    at_ms bigint not null,
    text text not null,         -- JSON array of strings
    primary key (run, n)
);

create index run_logs_by_attempt on run_logs (run, instance, attempt, first);

create table run_log_totals (
    run uuid primary key,
    workspace uuid not null,
    last_n bigint not null,
    bytes bigint not null       -- of text that is kept
) with (fillfactor = 70);

-- Keeps one chunk unless the attempt has its lines already; what is too much goes from the old end.
create function run_log_put(chunk run_logs, bytes_max bigint) returns void
language plpgsql volatile as $$
declare
    total run_log_totals;
    ended bigint;
    oldest record;
begin
    insert into run_log_totals values (chunk.run, chunk.workspace, 0, 0) on conflict do nothing;
    select * into total from run_log_totals t where t.run = chunk.run for update;
    select l.first + l.lines into ended from run_logs l
    where l.run = chunk.run and l.instance = chunk.instance and l.attempt = chunk.attempt
    order by l.first desc limit 1;
    chunk.missing := chunk.first - coalesce(ended, 0);
    if total.workspace <> chunk.workspace or chunk.missing < 0 then
        return;
    end if;
    chunk.n := total.last_n + 1;
    insert into run_logs select chunk.*;
    total.bytes := total.bytes + octet_length(chunk.text);
    while total.bytes > bytes_max loop
        select l.n, octet_length(l.text) as bytes into oldest from run_logs l
        where l.run = chunk.run order by l.n limit 1;
        exit when oldest.n = chunk.n;
        delete from run_logs l where l.run = chunk.run and l.n = oldest.n;
        total.bytes := total.bytes - oldest.bytes;
    end loop;
    update run_log_totals t set last_n = chunk.n, bytes = total.bytes where t.run = chunk.run;
end
$$;

alter table run_logs enable row level security;
alter table run_logs force row level security;
alter table run_log_totals enable row level security;
alter table run_log_totals force row level security;
create policy one_workspace on run_logs to aob_api
using (workspace = (select current_workspace()));
create policy all_workspaces on run_logs to aob_log using (true) with check (true);
create policy all_workspaces on run_log_totals to aob_log using (true) with check (true);

grant select, insert, delete on run_logs to aob_log;
grant select, insert, update, delete on run_log_totals to aob_log;
grant select on run_logs to aob_api;
