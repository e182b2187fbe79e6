-- Documents that are stored as what differs from another one.
create table document_patches (
    tenant integer not null,
    digest text not null,      -- of the result
    parent text not null,      -- digest of what the operations apply to
    operations text not null,  -- JSON Patch
    created_ms integer not null,
    primary key (tenant, digest)
) strict;

-- Versions of a tag: a linear history. A tag without a head does not exist.
alter table tags add column kind text not null default 'created'; -- created, patched, moved
alter table tags add column predecessor integer;                  -- null: the first
alter table tags add column source text;
alter table tags add column description text;
alter table tags add column dropped_by integer;                   -- null: a redo may come here
update tags set predecessor = version - 1 where version > 1;
create index tags_by_predecessor on tags (tenant, tag, predecessor, version);

-- Where each tag stands.
create table tag_heads (
    tenant integer not null,
    tag text not null,
    revision integer not null, -- number of the last move
    version integer not null,  -- the cursor
    tip integer not null,      -- the version made last
    canary_version integer,
    canary_percent integer,
    primary key (tenant, tag)
) strict, without rowid;

-- Every move of a tag, numbered from 1.
create table tag_moves (
    tenant integer not null,
    tag text not null,
    revision integer not null,
    kind text not null,        -- created, patched, moved, undone, redone, canary
    from_version integer not null,
    to_version integer not null,
    canary_version integer,    -- after the move
    canary_percent integer,
    actor text not null,
    at_ms integer not null,
    primary key (tenant, tag, revision)
) strict, without rowid;

insert into tag_heads (tenant, tag, revision, version, tip)
    select tenant, tag, max(version), max(version), max(version) from tags group by tenant, tag;
insert into tag_moves (tenant, tag, revision, kind, from_version, to_version, actor, at_ms)
    select tenant, tag, version, 'created', version - 1, version, actor, created_ms from tags;

-- Patches of workflows. A pending row is owed a decision.
create table workflow_patches (
    tenant integer not null,
    id text not null,          -- rises with time
    tag text not null,
    base text not null,        -- digest that it was made against
    operations text not null,  -- JSON Patch
    description text,
    author text not null,
    origin text not null,      -- person, agent, optimizer
    status text not null,      -- pending, applied, rejected
    version integer,           -- applied: the tag's version that holds it
    digest text,               -- applied: the result's
    problem text,              -- rejected: why, as JSON
    created_ms integer not null,
    decided_ms integer,
    primary key (tenant, id)
) strict;

create index workflow_patches_by_tag on workflow_patches (tenant, tag, id);
create index workflow_patches_pending on workflow_patches (tenant, tag, id, created_ms)
    where status = 'pending';
