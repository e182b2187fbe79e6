-- The document that a patch makes of a run's graph is stored by the append that applies it.
grant insert on documents to aob_log;
create policy all_workspaces on documents to aob_log using (true) with check (true);
