//! The port's contract as named cases, which every adapter passes.
//!
//! An adapter runs them with one line: [`conformance_suite!`](crate::conformance_suite) and an
//! expression that makes a fresh [`Subject`].

pub mod append;
pub mod catalog;
pub mod dedup;
pub mod feed;
pub mod fixtures;
pub mod heads;
pub mod idempotency;
pub mod identity;
pub mod leases;
pub mod modules;
pub mod notifications;
pub mod outbox;
pub mod patches;
pub mod program;
pub mod retention;
pub mod run_logs;
pub mod runs;
pub mod snapshots;
pub mod tags;
pub mod tenancy;
pub mod tickets;
pub mod wakeups;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::{ManualClock, Store, StoreResult};

/// An empty store under test.
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock that it was given.
    pub clock: ManualClock,
    /// What must outlive it: a directory, a server.
    pub keep: Box<dyn Any + Send>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Runs one case on a runtime of its own.
///
/// # Panics
/// Where the store breaks the contract.
pub fn check(subject: Subject, case: impl AsyncFnOnce(&Subject) -> StoreResult<()>) {
    if let Err(error) = block_on(case(&subject)) {
        panic!("the store failed: {error}");
    }
}

/// Runs a future on a single-threaded runtime of its own.
///
/// # Panics
/// Where the runtime cannot be built.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// Makes one `#[test]` of each case, for the adapter whose fresh [`Subject`] the expression makes.
#[macro_export]
macro_rules! conformance_suite {
    ($subject:expr) => {
        $crate::conformance_cases!([$crate::conformance_tests] $subject);
    };
}

/// Calls a macro with all cases by topic.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ([$($callback:tt)*] $($argument:expr)?) => {
        $($callback)*! {
            ($($argument)?)
            append: [
                a_first_segment_is_read_back,
                a_segment_follows_its_predecessor,
                several_segments_go_in_together,
                several_segments_are_all_or_nothing,
                many_streams_go_in_together,
                an_empty_batch_has_no_outcomes,
                no_segments_is_a_conflict,
                a_list_that_does_not_chain_is_a_conflict,
                a_first_segment_has_no_predecessor,
                ordinal_zero_is_a_conflict,
                a_gap_is_a_conflict,
                a_stale_writer_conflicts,
                another_hash_before_is_a_conflict,
                the_same_bytes_again_are_committed,
                the_same_bytes_are_committed_after_others_followed,
                the_same_bytes_write_nothing_twice,
                other_bytes_in_the_same_place_conflict,
                a_partly_written_list_conflicts,
                a_stream_named_twice_conflicts_once,
                outcomes_stand_in_the_order_given,
                a_conflict_writes_nothing,
                documents_go_with_their_segment,
                ordinals_beyond_all_bounds_conflict,
                text_survives_as_it_is,
                a_mebibyte_survives,
                concurrent_writers_commit_one_of_each_pair,
            ],
            heads: [
                an_unknown_stream_is_empty,
                heads_stand_in_the_order_given,
                a_stream_knows_its_workspace,
                segments_are_paged_by_ordinal,
                segments_are_paged_by_seq,
                a_seq_inside_a_segment_finds_it,
                limits_of_zero_are_empty,
                the_clock_is_the_composers,
                a_chain_verifies_page_by_page,
            ],
            idempotency: [
                a_key_is_read_back,
                a_taken_key_stops_a_new_stream,
                a_taken_key_stops_an_existing_stream,
                the_head_comes_before_the_key_on_an_existing_stream,
                the_key_comes_before_the_head_of_a_new_stream,
                the_first_of_a_batch_takes_the_key,
                endpoints_do_not_share_keys,
                a_key_named_twice_counts_once,
                a_conflict_stores_no_key,
                the_same_bytes_are_not_stopped_by_their_own_key,
                keys_expire_when_told,
            ],
            dedup: [
                a_held_key_names_its_run,
                a_terminal_run_releases_its_key,
                a_step_keeps_the_key,
                a_run_born_terminal_holds_nothing,
                the_first_of_a_batch_holds_the_key,
                an_existing_stream_ignores_the_key,
                idempotency_is_judged_before_dedup,
                dedup_is_judged_before_the_head,
                the_same_bytes_are_not_stopped_by_their_own_dedup,
                a_conflict_holds_nothing,
            ],
            wakeups: [
                a_wakeup_is_due_at_its_time,
                an_earlier_one_replaces,
                a_later_one_does_not,
                an_equal_one_does_not,
                a_past_one_is_replaced,
                no_timer_leaves_it_alone,
                a_terminal_run_has_none,
                the_last_ordinal_is_recorded,
                due_ones_are_ordered_and_limited,
                a_sweep_moves_only_what_it_read,
                a_sweep_moves_nothing_once_the_log_has_gone_on,
                a_sweep_deletes_only_what_it_read,
            ],
            outbox: [
                a_row_stands_for_each_named_segment,
                rows_wait_for_their_age,
                rows_are_ordered_by_stream_and_limited,
                done_rows_go_with_the_next_append,
                done_rows_go_alone,
                older_rows_are_reported,
                own_rows_are_not_older,
                done_rows_are_not_older,
                ordinals_of_others_are_ignored,
            ],
            leases: [
                a_lease_is_born_unheld,
                a_claim_is_granted_once,
                the_holder_may_claim_again,
                an_absent_lease_is_refused,
                a_claim_by_pool_takes_what_it_serves,
                a_claim_by_pool_orders_and_limits,
                a_topic_lease_is_not_found_by_pool,
                a_renewal_keeps_it_held,
                progress_moves_only_with_a_report,
                a_cancelled_lease_says_so,
                another_holder_has_lost,
                a_dropped_lease_is_lost,
                put_and_drop_in_one_append_leaves_none,
                an_existing_lease_is_left_alone,
                leases_of_a_run_are_ordered,
                a_dead_holders_leases_expire,
            ],
            runs: [
                a_run_is_read_back,
                a_step_replaces_the_row,
                every_column_may_change,
                runs_are_listed_newest_first,
                runs_are_paged,
                runs_are_filtered_by_status,
                runs_are_filtered_by_tag_and_digest,
                runs_are_filtered_by_parent,
                runs_are_filtered_by_labels,
                filters_combine,
                digests_of_any_form_survive,
            ],
            tickets: [
                a_ticket_is_read_back,
                a_ticket_is_replaced,
                tickets_are_listed_oldest_first,
                tickets_are_filtered,
                tickets_are_paged,
                an_unknown_cursor_is_an_error,
            ],
            catalog: [
                documents_are_stored_once,
                a_patched_document_is_its_base_and_patches,
                a_patch_never_replaces,
                a_chain_has_a_bound_and_an_end,
            ],
            tags: [
                a_tag_counts_versions,
                a_tag_that_stands_there_is_unchanged,
                an_expected_version_guards,
                a_tag_is_read_at_a_version,
                tags_are_listed_by_name,
                versions_are_listed_newest_first,
                undo_and_redo_have_ends,
                a_version_after_undo_drops_the_redo,
                every_move_is_recorded,
                a_trial_is_of_a_version,
                versions_go_in_together,
                a_stale_write_is_nothing,
                a_key_answers_once,
                of_two_movers_one_wins,
                walks_follow_an_undo_stack,
            ],
            patches: [
                a_patch_is_read_back,
                patches_are_listed_newest_first,
                pending_patches_are_found,
                a_sweep_finds_tags_with_pending_patches,
                patches_are_settled_with_the_tag,
                a_stale_write_settles_nothing,
                a_key_hands_in_once,
            ],
            identity: [
                a_workspace_is_made_once,
                a_workspace_id_is_used_once,
                workspaces_are_listed,
                a_key_is_found_by_its_public_part,
                a_key_is_never_overwritten,
                keys_are_listed,
                a_key_is_revoked_once,
                a_signing_key_is_made_once,
                a_signing_key_is_not_made_by_looking,
                signing_keys_are_apart,
            ],
            modules: [
                a_module_is_read_back,
                a_module_that_is_added_again_stays_enabled,
                a_module_is_enabled_and_disabled,
                modules_are_listed,
                modules_are_per_workspace,
            ],
            notifications: [
                an_endpoint_is_read_back,
                an_endpoint_is_disabled_enabled_and_removed,
                endpoints_are_listed,
                endpoints_are_per_workspace,
                a_delivery_is_put_once,
                deliveries_are_listed_newest_first,
                a_claim_takes_what_is_due,
                a_claim_is_fair_to_endpoints,
                an_abandoned_claim_comes_back,
                only_the_last_try_settles,
                of_two_claims_one_gets_it,
                settled_deliveries_expire,
                deliveries_are_per_workspace,
            ],
            feed: [
                a_feed_starts_empty,
                a_feed_is_gapless_per_run,
                a_feed_resumes_after_each_entry,
                a_feed_ends_now,
                a_feed_outlives_its_last_entry,
                a_bad_cursor_is_an_error,
                the_same_bytes_appear_once,
            ],
            snapshots: [
                a_snapshot_is_read_back,
                a_newer_snapshot_replaces,
                an_older_snapshot_does_not,
            ],
            run_logs: [
                lines_are_read_back,
                repeated_lines_count_once,
                lines_that_never_came_are_counted,
                the_oldest_lines_go,
                lines_stay_in_their_workspace,
            ],
            retention: [
                finished_runs_are_found,
                every_row_of_a_run_goes,
                other_runs_stay,
                a_long_run_goes_whole,
                an_unknown_run_is_not_deleted,
                a_deleted_runs_dedup_key_is_free,
                a_deleted_run_is_not_continued,
            ],
            tenancy: [
                reads_stay_in_their_workspace,
                lists_stay_in_their_workspace,
                a_stream_is_not_continued_from_elsewhere,
                the_same_bytes_from_elsewhere_conflict,
                keys_and_dedup_are_per_workspace,
                tags_and_documents_are_per_workspace,
                tickets_are_per_workspace,
                snapshots_are_per_workspace,
                a_run_is_not_deleted_from_elsewhere,
                pools_are_per_workspace,
                api_keys_are_revoked_at_home,
            ],
        }
    };
}

/// One `#[test]` of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    (($subject:expr) $($topic:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        $(mod $topic {
            use super::*;

            $(#[test]
            fn $case() {
                $crate::conformance::check($subject, $crate::conformance::$topic::$case);
            })*
        })*
    };
}

/// The names of all cases, by topic.
#[cfg(test)]
macro_rules! case_names {
    (() $($topic:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        &[$((
            stringify!($topic),
            include_str!(concat!(stringify!($topic), ".rs")),
            &[$(stringify!($case)),*],
        )),*]
    };
}

#[cfg(test)]
mod tests {
    /// Name, source and listed cases of each topic.
    const TOPICS: &[(&str, &str, &[&str])] = crate::conformance_cases!([case_names]);

    #[test]
    fn every_case_of_every_topic_is_listed() {
        for (topic, source, listed) in TOPICS {
            let written: Vec<&str> = source
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn "))
                .filter_map(|line| line.split('(').next())
                .collect();
            assert_eq!(&written, listed, "{topic}");
        }
    }
}
