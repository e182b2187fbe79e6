-- One row per event, seen with the rights of whoever reads.
create view events with (security_invoker = true) as
select
    s.stream,
    s.workspace,
    s.ordinal,
    s.first_seq + e.place - 1 as seq,
    e.event
from segments s, json_array_elements(s.events) with ordinality as e (event, place);
