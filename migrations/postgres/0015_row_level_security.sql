-- The second wall between workspaces: whoever forgets a condition sees nothing of others.
do $$
declare
    walled text;
begin
    foreach walled in array array[
        'segments', 'outbox', 'wakeups', 'leases', 'runs', 'dedup', 'tickets', 'idempotency',
        'documents', 'tags', 'workspaces', 'api_keys', 'snapshots'
    ] loop
        execute format('alter table %I enable row level security', walled);
        execute format('alter table %I force row level security', walled);
        execute format(
            'create policy one_workspace on %I to aob_api
            using (workspace = (select current_workspace()))
            with check (workspace = (select current_workspace()))', walled);
    end loop;
    for part in 0..7 loop
        execute format('alter table segments_%s enable row level security', part);
        execute format('alter table segments_%s force row level security', part);
    end loop;
    -- The log's machinery serves all workspaces. Documents and tags are none of its business.
    foreach walled in array array[
        'segments', 'outbox', 'wakeups', 'leases', 'runs', 'dedup', 'tickets', 'idempotency',
        'workspaces', 'api_keys', 'snapshots'
    ] loop
        execute format(
            'create policy all_workspaces on %I to aob_log using (true) with check (true)', walled);
    end loop;
end
$$;

-- Names no workspace: the numbers of committers.
alter table committers enable row level security;
alter table committers force row level security;
create policy everybody on committers to aob_log, aob_api using (true) with check (true);
