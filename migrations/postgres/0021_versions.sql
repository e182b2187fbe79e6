-- Documents that are stored as what differs from another one.
create table document_patches (
    workspace uuid not null,
    digest text collate "C" not null,   -- of the result
    parent text collate "C" not null,   -- digest of what the operations apply to
    operations text not null,           -- JSON Patch
    created_ms bigint not null,
    primary key (workspace, digest)
);

-- Versions of a tag: a linear history. A tag without a head does not exist.
alter table tags
    add column kind text not null default 'created',    -- created, patched, moved
    add column predecessor bigint,                      -- null: the first
    add column source text,
    add column description text,
    add column dropped_by bigint;                       -- null: a redo may come here
alter table tags no force row level security;
update tags set predecessor = version - 1 where version > 1;
alter table tags force row level security;
create index tags_by_predecessor on tags (workspace, tag, predecessor, version);

-- Where each tag stands.
create table tag_heads (
    workspace uuid not null,
    tag text collate "C" not null,
    revision bigint not null,   -- number of the last move
    version bigint not null,    -- the cursor
    tip bigint not null,        -- the version made last
    canary_version bigint,
    canary_percent bigint,
    primary key (workspace, tag)
) with (fillfactor = 80);

-- Every move of a tag, numbered from 1.
create table tag_moves (
    workspace uuid not null,
    tag text collate "C" not null,
    revision bigint not null,
    kind text not null,         -- created, patched, moved, undone, redone, canary
    from_version bigint not null,
    to_version bigint not null,
    canary_version bigint,      -- after the move
    canary_percent bigint,
    actor text not null,
    at_ms bigint not null,
    primary key (workspace, tag, revision)
);

alter table tags no force row level security;
insert into tag_heads (workspace, tag, revision, version, tip)
    select workspace, tag, max(version), max(version), max(version) from tags
    group by workspace, tag;
insert into tag_moves (workspace, tag, revision, kind, from_version, to_version, actor, at_ms)
    select workspace, tag, version, 'created', version - 1, version, actor, created_ms from tags;
alter table tags force row level security;

-- Patches of workflows. A pending row is owed a decision.
create table workflow_patches (
    workspace uuid not null,
    id text collate "C" not null,       -- rises with time
    tag text collate "C" not null,
    base text not null,                 -- digest that it was made against
    operations text not null,           -- JSON Patch
    description text,
    author text not null,
    origin text not null,               -- person, agent, optimizer
    status text not null,               -- pending, applied, rejected
    version bigint,                     -- applied: the tag's version that holds it
    digest text,                        -- applied: the result's
    problem text,                       -- rejected: why, as JSON
    created_ms bigint not null,
    decided_ms bigint,
    primary key (workspace, id)
);

create index workflow_patches_by_tag on workflow_patches (workspace, tag, id);
create index workflow_patches_pending on workflow_patches (workspace, tag, id)
    where status = 'pending';

do $$
declare
    walled text;
begin
    foreach walled in array array[
        'document_patches', 'tag_heads', 'tag_moves', 'workflow_patches'
    ] loop
        execute format('alter table %I enable row level security', walled);
        execute format('alter table %I force row level security', walled);
        execute format(
            'create policy one_workspace on %I to aob_api
            using (workspace = (select current_workspace()))
            with check (workspace = (select current_workspace()))', walled);
    end loop;
end
$$;
-- The sweep looks for patches that nobody decides.
create policy all_workspaces on workflow_patches to aob_log using (true) with check (true);

grant select on workflow_patches to aob_log;
grant select, insert on document_patches, tag_moves to aob_api;
grant select, insert, update on tag_heads, workflow_patches to aob_api;
grant update on tags to aob_api;
-- A key that a change of a tag or a patch answers, which no stream stands for.
grant insert on idempotency to aob_api;
