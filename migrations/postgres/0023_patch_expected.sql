-- The version that a patch asks its tag to be at when it is decided.
alter table workflow_patches add column expected bigint;
