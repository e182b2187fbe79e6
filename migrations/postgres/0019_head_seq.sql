-- Where a stream's log ends at the moment of the call, which is later than the statement's snapshot:
-- for a statement that has just waited for a lock.
create function head_seq(of uuid) returns bigint
language plpgsql volatile as $$
begin
    return coalesce((
        select s.last_seq from segments s where s.stream = head_seq.of order by s.ordinal desc limit 1
    ), 0);
end
$$;
