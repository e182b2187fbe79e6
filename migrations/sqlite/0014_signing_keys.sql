-- What a workspace signs with, a key for each purpose (webhook URLs).
create table signing_keys (
    workspace blob not null,   -- 16 bytes
    purpose text not null,
    secret blob not null,      -- 32 random bytes
    primary key (workspace, purpose)
) strict, without rowid;
