-- Ends an append that lost a race half-way, as a serialization failure: nothing of it is written, and
-- it is tried again.
create function append_lost_a_race() returns boolean
language plpgsql volatile as $$
begin
    raise exception 'the append lost a race' using errcode = 'serialization_failure';
end
$$;
