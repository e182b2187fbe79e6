-- What each role may do at all. Partitions are reached through their table only.
grant select, insert, delete on segments, outbox, dedup to aob_log;
grant select, insert, update, delete
on wakeups, leases, runs, tickets, idempotency, snapshots to aob_log;
grant select, insert on committers to aob_log;
grant select, insert on workspaces to aob_log;
grant select on api_keys, events to aob_log;
grant usage on sequence feed_positions to aob_log;

grant select on segments, events, runs, tickets, idempotency, snapshots, committers to aob_api;
grant select, insert on documents, tags to aob_api;
grant select, insert, update on api_keys to aob_api;
