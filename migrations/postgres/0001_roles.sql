-- The two roles of the product; neither owns a table nor bypasses row-level security. They cannot
-- log in: an operator gives them a password, or makes members of them that have one.
--   aob_log  committer, relay, timers, claims: the log's machinery, over all workspaces
--   aob_api  everything that serves a caller: one workspace per transaction
-- Roles belong to the whole server, so databases that are set up at once meet here.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['aob_log', 'aob_api'] loop
        begin
            execute format('create role %I nologin', wanted);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
end
$$;

-- The workspace of the transaction: `set local aob.workspace`. Unset, it is none at all.
create function current_workspace() returns uuid
language sql stable parallel safe
return nullif(current_setting('aob.workspace', true), '')::uuid;
