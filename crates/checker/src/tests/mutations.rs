//! For each rule, good logs with one thing wrong.

use aob_engine::{
    ApprovalOutcome, CommandId, EdgeState, EventKind, Fidelity, HandledBy, InstanceId, Place,
    Timestamp,
};
use serde_json::json;

use super::build::{Log, payload};
use super::logs;

/// A log that breaks a rule.
pub(super) struct Mutation {
    pub(super) name: &'static str,
    pub(super) rule: &'static str,
    pub(super) log: fn() -> Log,
    pub(super) change: fn(&mut Log),
}

macro_rules! mutations {
    ($($rule:literal $name:literal $log:ident $change:expr;)+) => {
        pub(super) const ALL: &[Mutation] = &[$(Mutation {
            name: $name, rule: $rule, log: logs::$log, change: $change,
        }),+];
    };
}

mutations! {
    "I-01" "an event is missing" diamond |log| { log.events.remove(3); };
    "I-01" "an event is there twice" diamond |log| log.repeat("node_completed", 0);
    "I-04" "the run is created twice" diamond |log| log.repeat_renumbered("run_created", 0);
    "I-04" "an instance begins after the end" paused |log| log.move_to_end("node_scheduled", 1);
    "I-05" "the run ends twice" diamond |log| log.repeat_renumbered("run_completed", 0);
    "I-06" "time goes back" diamond |log| log.events[5].at = Timestamp(1);
    "I-07" "a command commits twice" diamond |log| {
        let first = log.events[0].command.clone();
        log.events[6].command = first;
    };
    "I-07" "an event has no command" diamond |log| log.events[6].command = CommandId("".into());
    "I-13" "a result is applied twice" paused |log| log.repeat_renumbered("node_completed", 0);
    "I-13" "a failed item succeeds too" mapped |log| {
        let at = log.find("node_failed", 0);
        let mut event = log.events[log.find("node_completed", 0)].clone();
        if let EventKind::NodeCompleted(data) = &mut event.kind {
            data.instance = "m[0]/f".parse().unwrap();
        }
        log.insert(at + 1, event);
    };
    "I-14" "the run fails with an instance open" compensated |log| {
        log.remove("node_cancelled", 0);
    };
    "I-14" "an instance ends twice" waits |log| log.repeat_renumbered("node_skipped", 0);
    "I-15" "a result of the attempt before" diamond |log| {
        log.edit("node_completed", 2, |kind| {
            if let EventKind::NodeCompleted(data) = kind { data.attempt = 1; }
        });
    };
    "I-15" "a skip after another attempt" passed_over |log| log.edit("node_skipped", 1, |kind| {
        if let EventKind::NodeSkipped(data) = kind { data.attempt = 2; }
    });
    "I-15" "a result of nothing" paused |log| log.remove("node_scheduled", 1);
    "I-15" "a late result of an attempt that never was" diamond |log| {
        let at = log.find("node_scheduled", 1);
        let mut event = log.events[log.find("late_result_discarded", 0)].clone();
        if let EventKind::LateResultDiscarded(data) = &mut event.kind { data.attempt = 9; }
        log.insert(at + 1, event);
    };
    "I-16" "a node starts before its edge is taken" paused |log| {
        log.edge("a->b", |edge| edge.is = EdgeState::Dead);
    };
    "I-16" "a node starts twice" diamond |log| log.repeat_renumbered("timer_or_schedule", 0);
    "I-16" "a node that nobody knows" paused |log| log.rename("node_scheduled", 1, "zz");
    "I-16" "a node in a scope that it does not live in" paused |log| {
        log.rename("node_scheduled", 1, "a[1]/b");
    };
    "I-17" "a join fires before all its edges" diamond |log| log.move_before("node_completed", 3, 2);
    "I-17" "a join leaves an input out" diamond |log| {
        log.output("node_completed", 3, &json!({"b": "b"}));
    };
    "I-16" "an item runs twice" mapped |log| log.rename("node_scheduled", 2, "m[1]/f");
    "I-17" "an item beyond the list" mapped |log| log.rename("node_scheduled", 2, "m[3]/f");
    "I-17" "a list in another order" mapped |log| {
        log.output("node_completed", 2, &json!([{"error": 1}, "two", "one"]));
    };
    "I-17" "a list with a hole" mapped |log| log.remove("node_completed", 1);
    "I-16" "a skip although an edge is taken" waits |log| {
        log.edge("h->no", |edge| edge.is = EdgeState::Taken);
    };
    "I-18" "a node is forgotten" waits |log| log.remove("node_skipped", 1);
    "I-18" "a route out of a loop is forgotten" looped |log| {
        log.drop_edge("h->r");
    };
    "I-19" "an attempt is left out" diamond |log| log.edit("node_scheduled", 3, |kind| {
        if let EventKind::NodeScheduled(data) = kind { data.attempt = 3; }
    });
    "I-19" "a retry of what is not retryable" diamond |log| log.edit("retry_scheduled", 0, |kind| {
        if let EventKind::RetryScheduled(data) = kind { data.failure.retryable = false; }
    });
    "I-19" "a retry sooner than the backoff" diamond |log| log.edit("retry_scheduled", 0, |kind| {
        if let EventKind::RetryScheduled(data) = kind { data.retry_at.0 -= 200; }
    });
    "I-19" "more attempts than declared" diamond |log| log.edit("node_scheduled", 0, |kind| {
        if let EventKind::NodeScheduled(data) = kind { data.attempts_max = 9; }
    });
    "I-19" "a retryable failure is not retried" compensated |log| log.edit("node_failed", 0, |kind| {
        if let EventKind::NodeFailed(data) = kind { data.failure.retryable = true; }
    });
    "I-20" "another key for the second attempt" diamond |log| log.edit("node_scheduled", 3, |kind| {
        if let EventKind::NodeScheduled(data) = kind { data.job.idempotency_key = "k".into(); }
    });
    "I-21" "more instances than the limit" diamond |log| log.edit("run_created", 0, |kind| {
        if let EventKind::RunCreated(data) = kind { data.limits.max_instances = 3; }
    });
    "I-21" "nested deeper than the limit" diamond |log| log.edit("run_created", 0, |kind| {
        if let EventKind::RunCreated(data) = kind { data.depth = 99; }
    });
    "I-21" "more iterations than the limit" looped |log| log.edit("loop_iterated", 0, |kind| {
        if let EventKind::LoopIterated(data) = kind { data.iteration = 4; }
    });
    "I-22" "the run completes with an attempt out" paused |log| log.remove("node_completed", 1);
    "I-22" "the run completes with edges to decide" passed_over |log| {
        log.remove("edges_decided", 0);
    };
    "I-24" "an instance begins after the cancel" cancelled |log| {
        log.move_before("cancel_requested", 0, 1);
    };
    "I-24" "a retry after the run failed" compensated |log| {
        let mut event = logs::diamond().events[5].clone();
        if let EventKind::RetryScheduled(data) = &mut event.kind {
            data.instance = InstanceId::top("d");
        }
        log.insert(log.find("node_cancelling", 0), event);
    };
    "I-25" "a cancelled run completes" cancelled |log| {
        let end = logs::paused().events.pop().unwrap();
        let last = log.events.len() - 1;
        log.events[last].kind = end.kind;
    };
    "I-25" "an attempt is dropped without being asked to stop" compensated |log| {
        log.remove("node_cancelling", 0);
    };
    "I-25" "the run is cancelled though nobody asked" cancelled |log| {
        log.remove("cancel_requested", 0);
    };
    "I-26" "the run ends before its child" cancelled |log| log.remove("node_cancelled", 2);
    "I-31" "more agents than allotted" diamond |log| log.agents();
    "I-37" "a timer fires early" waits |log| log.edit("timer_started", 0, |kind| {
        if let EventKind::TimerStarted(data) = kind { data.due.0 += 1; }
    });
    "I-37" "a retry starts early" diamond |log| log.edit("retry_scheduled", 0, |kind| {
        if let EventKind::RetryScheduled(data) = kind { data.retry_at.0 += 20; }
    });
    "I-37" "a redispatch is early" diamond |log| log.edit("node_scheduled", 3, |kind| {
        if let EventKind::NodeScheduled(data) = kind { data.redispatch_at.0 += 1; }
    });
    "I-37" "a ticket expires early" expiry |log| log.edit("approval_requested", 0, |kind| {
        if let EventKind::ApprovalRequested(data) = kind {
            data.expires_at = data.expires_at.map(|at| at.plus_ms(1));
        }
    });
    "I-37" "an escalation is early" waits |log| log.edit("approval_requested", 0, |kind| {
        if let EventKind::ApprovalRequested(data) = kind { data.escalations[0].at.0 += 1; }
    });
    "I-37" "a fence is early" compensated |log| {
        log.edit("node_scheduled", 2, |kind| {
            if let EventKind::NodeScheduled(data) = kind { data.job.leased = false; }
        });
        log.edit("node_cancelling", 0, |kind| {
            if let EventKind::NodeCancelling(data) = kind {
                data.fence_at = data.fence_at.map(|at| at.plus_ms(1));
            }
        });
    };
    "I-39" "a ticket is decided twice" waits |log| log.repeat_renumbered("approval_decided", 0);
    "I-39" "too few votes" waits |log| log.remove("approval_voted", 0);
    "I-39" "one person votes twice" waits |log| log.edit("approval_voted", 0, |kind| {
        if let EventKind::ApprovalVoted(data) = kind { data.by.0 = "user:erin".into(); }
    });
    "I-39" "a vote after the decision" waits |log| log.move_before("approval_decided", 0, 1);
    "I-39" "a vote after the time" waits |log| log.edit("approval_requested", 0, |kind| {
        if let EventKind::ApprovalRequested(data) = kind {
            data.expires_at = Some(data.escalations[0].at.plus_ms(1));
        }
    });
    "I-40" "who started it approves" waits |log| log.edit("approval_requested", 0, |kind| {
        if let EventKind::ApprovalRequested(data) = kind {
            data.four_eyes = true;
            data.barred = vec![aob_engine::Actor("user:alice".into())];
        }
    });
    "I-39" "the replaced ticket was approved" edited |log| {
        log.edit("approval_decided", 0, |kind| if let EventKind::ApprovalDecided(data) = kind {
            data.outcome = ApprovalOutcome::Expired;
        });
    };
    "I-40" "who edits asks other people" edited |log| log.edit("approval_requested", 1, |kind| {
        if let EventKind::ApprovalRequested(data) = kind { data.approvers.clear(); }
    });
    "I-40" "who edits approves in spite of four eyes" edited |log| {
        for nth in [0, 1] {
            log.edit("approval_requested", nth, |kind| {
                if let EventKind::ApprovalRequested(data) = kind { data.four_eyes = true; }
            });
        }
    };
    "I-41" "a field is edited that may not be" edited |log| log.edit("approval_requested", 0, |kind| {
        if let EventKind::ApprovalRequested(data) = kind { data.editable = vec!["/m".into()]; }
    });
    "I-41" "a fixed field is edited" edited |log| log.edit("approval_requested", 0, |kind| {
        if let EventKind::ApprovalRequested(data) = kind { data.fixed = vec!["/n/below".into()]; }
    });
    "I-41" "another ticket asks than was said" edited |log| log.edit("approval_edited", 0, |kind| {
        if let EventKind::ApprovalEdited(data) = kind { data.next = aob_engine::TicketId("tk_9".into()); }
    });
    "I-16" "an instance asks again that does not ask" edited |log| {
        log.edit("approval_requested", 1, |kind| {
            if let EventKind::ApprovalRequested(data) = kind {
                data.instance = Some(InstanceId::top("ok"));
            }
        });
    };
    "I-40" "an agent decides" waits |log| log.edit("approval_voted", 0, |kind| {
        if let EventKind::ApprovalVoted(data) = kind { data.by.0 = "agent:a1".into(); }
    });
    "I-40" "somebody decides who was not asked" waits |log| log.remove("approval_escalated", 0);
    "I-42" "a rejected node goes on" waits |log| log.edit("approval_decided", 0, |kind| {
        if let EventKind::ApprovalDecided(data) = kind { data.outcome = ApprovalOutcome::Rejected; }
    });
    "I-42" "an expired node goes on" waits |log| log.edit("approval_decided", 0, |kind| {
        if let EventKind::ApprovalDecided(data) = kind { data.outcome = ApprovalOutcome::Expired; }
    });
    "D-01" "an edge is decided twice" passed_over |log| log.edit("edges_decided", 0, |kind| {
        if let EventKind::EdgesDecided(data) = kind { data.edges[0].id = "c->x".into(); }
    });
    "D-01" "an edge that nobody drew" diamond |log| log.edge("a->b", |edge| edge.id = "a->z".into());
    "D-01" "an edge of another node" diamond |log| log.edge("b->d", |edge| edge.id = "c->d".into());
    "D-01" "an edge decided in the wrong scope" looped |log| {
        log.edge("l->after", |edge| edge.leaves = 0);
    };
    "D-02" "a success takes another outcome's edge" waits |log| {
        log.edge("h->no", |edge| edge.is = EdgeState::Taken);
    };
    "D-02" "a plain edge is not taken" paused |log| {
        log.edge("a->b", |edge| edge.is = EdgeState::Dead);
    };
    "D-02" "a conditional takes two edges" passed_over |log| {
        log.edge("c->y", |edge| edge.is = EdgeState::Taken);
    };
    "D-02" "a failure says that an edge handles it" compensated |log| {
        log.edit("node_failed", 0, |kind| {
            if let EventKind::NodeFailed(data) = kind { data.handled_by = HandledBy::Edge; }
        });
    };
    "D-03" "an edge is left undecided" diamond |log| log.drop_edge("b->d");
    "D-03" "edges of what is decided" passed_over |log| {
        log.repeat_renumbered("edges_decided", 0);
    };
    "D-04" "an iteration is left out" looped |log| log.edit("loop_iterated", 0, |kind| {
        if let EventKind::LoopIterated(data) = kind { data.iteration = 3; }
    });
    "D-04" "an iteration before the one before is over" looped |log| {
        log.move_before("loop_iterated", 0, 1);
    };
    "D-04" "an iteration begins elsewhere" looped |log| log.edit("loop_iterated", 0, |kind| {
        if let EventKind::LoopIterated(data) = kind { data.head = "l".into(); }
    });
    "D-05" "an instance begins in a pause" paused |log| log.remove("run_resumed", 0);
    "D-05" "the run is paused twice" paused |log| log.repeat_renumbered("run_paused", 0);
    "D-06" "signals out of order" waits |log| log.edit("node_completed", 1, |kind| {
        if let EventKind::NodeCompleted(data) = kind { data.signal = Some("s2".into()); }
    });
    "D-06" "a signal that did not come" waits |log| log.edit("node_completed", 1, |kind| {
        if let EventKind::NodeCompleted(data) = kind { data.signal = Some("s9".into()); }
    });
    "D-06" "a signal is received twice" waits |log| log.repeat_renumbered("signal_received", 0);
    "D-07" "an unhandled failure does not stop the run" compensated |log| {
        log.remove("run_failing", 0);
    };
    "D-07" "the run fails for another node" compensated |log| log.edit("run_failing", 0, |kind| {
        if let EventKind::RunFailing(data) = kind { data.source = Some(InstanceId::top("a")); }
    });
    "D-07" "the run fails for another reason" compensated |log| log.edit("run_failed", 0, |kind| {
        if let EventKind::RunFailed(data) = kind { data.failure.code = "other".into(); }
    });
    "D-08" "undone in the order of completion" compensated |log| {
        log.swap_instances("b.compensate", "a.compensate");
    };
    "D-08" "something is not undone" compensated |log| log.without("a.compensate");
    "D-08" "what was not done is undone" compensated |log| log.without_instance_end("b");
    "D-08" "undone although the run goes on" compensated |log| log.remove("run_failing", 0);
    "D-09" "too many items at once" mapped |log| log.move_before("node_scheduled", 2, 1);
    "D-09" "more failures than tolerated" mapped |log| {
        log.edit("map_expanded", 0, |kind| {
            if let EventKind::MapExpanded(data) = kind { data.tolerated = 0; }
        });
    };
    "D-10" "a person decides what is not parked" parked |log| log.remove("node_parked", 1);
    "D-10" "more attempts for what is not parked" parked |log| log.remove("node_parked", 0);
    "D-11" "a result that counts is discarded" diamond |log| {
        let event = log.events[log.find("late_result_discarded", 0)].clone();
        log.insert(log.find("node_scheduled", 1) + 1, event);
    };
    "D-12" "another attempt is sent again" diamond |log| log.edit("attempt_redispatched", 0, |kind| {
        if let EventKind::AttemptRedispatched(data) = kind { data.attempt = 1; }
    });
    "D-12" "another attempt is asked to stop" raced |log| log.edit("node_cancelling", 0, |kind| {
        if let EventKind::NodeCancelling(data) = kind { data.attempt = 2; }
    });
    "D-13" "an irreversible attempt is repeated" parked |log| {
        let mut retry = logs::diamond().events[5].clone();
        let at = log.find("node_parked", 0);
        retry.at = log.events[at].at;
        if let EventKind::RetryScheduled(data) = &mut retry.kind {
            data.instance = InstanceId::top("p");
            data.failure.lost = true;
        }
        log.insert(at, retry);
    };
    "D-13" "a lost irreversible attempt counts as failed" compensated |log| {
        log.edit("node_failed", 0, |kind| {
            if let EventKind::NodeFailed(data) = kind { data.failure.lost = true; }
        });
        log.edit("node_scheduled", 3, |kind| {
            if let EventKind::NodeScheduled(data) = kind {
                data.job.effect = aob_ir::EffectClass::Irreversible;
            }
        });
    };
    "I-22" "the run completes while a patch is open" patched |log| {
        log.remove("patch_rejected", 0);
    };
    "I-27" "a patch gives another document" patched |log| log.edit("patch_applied", 0, |kind| {
        if let EventKind::PatchApplied(data) = kind { data.result = data.base; }
    });
    "I-27" "a revision is left out" patched |log| log.edit("patch_applied", 1, |kind| {
        if let EventKind::PatchApplied(data) = kind { data.revision += 1; }
    });
    "I-28" "a patch is planned against another document" patched |log| {
        log.edit("patch_planned", 1, |kind| {
            if let EventKind::PatchPlanned(data) = kind { data.base = data.result; }
        });
    };
    "I-28" "a patch is applied without a plan" patched |log| log.remove("patch_planned", 0);
    "I-29" "an edge is taken back that nothing removes" patched |log| {
        log.edit("patch_applied", 3, |kind| {
            if let EventKind::PatchApplied(data) = kind {
                let edge = json!({"id": "validate->save", "to": "save"});
                data.withdrawn.push(serde_json::from_value(edge).unwrap());
            }
        });
    };
    "I-29" "a patch changes what has started" altered |_| {};
    "I-30" "a patch gives no workflow" patched |log| log.edit("patch_applied", 0, |kind| {
        let gone = payload(&json!([{"op": "remove", "path": "/nodes/save"}]));
        if let EventKind::PatchApplied(data) = kind {
            data.operations = serde_json::from_str(&gone.to_string()).unwrap();
        }
    });
    "I-31" "an agent is forgotten" patched |log| {
        let agent = json!({"path": "gone", "config": log.ir.digest});
        log.edit("patch_applied", 0, |kind| {
            if let EventKind::PatchApplied(data) = kind {
                data.agents.insert(serde_json::from_value(agent.clone()).unwrap());
            }
        });
    };
    "I-32" "nobody approves what grows" patched |log| log.edit("approval_decided", 1, |kind| {
        if let EventKind::ApprovalDecided(data) = kind { data.outcome = ApprovalOutcome::Cancelled; }
    });
    "I-32" "the optimizer's patch grows what the graph may do" patched |log| {
        log.edit("patch_proposed", 3, |kind| {
            if let EventKind::PatchProposed(data) = kind {
                data.origin = aob_engine::PatchOrigin::Optimizer;
            }
        });
    };
    "I-33" "a patch leads around an approval" led_around |_| {};
    "I-33" "a patch lets anybody approve" weakened |_| {};
    "I-33" "a patch changes what follows a timeout" rerouted |_| {};
    "I-34" "a patch is proposed twice" patched |log| log.edit("patch_proposed", 1, |kind| {
        if let EventKind::PatchProposed(data) = kind { data.patch = aob_engine::PatchId("validate".into()); }
    });
    "I-34" "a patch is applied twice" patched |log| log.repeat_renumbered("patch_applied", 0);
    "I-41" "another subject is approved than applied" patched |log| {
        log.edit("approval_requested", 0, |kind| {
            if let EventKind::ApprovalRequested(data) = kind {
                data.subject_hash = aob_ir::Digest::of(b"other");
            }
        });
    };
    "D-14" "a reference to another event" diamond |log| log.edit("run_completed", 0, |kind| {
        if let EventKind::RunCompleted(data) = kind { data.output.place = Place::Event(2); }
    });
    "D-15" "a value that is not its digest's" diamond |log| log.edit("node_completed", 0, |kind| {
        let other: aob_engine::Payload = serde_json::from_str(&payload(&json!(7)).to_string()).unwrap();
        if let EventKind::NodeCompleted(data) = kind { data.output.digest = other.digest; }
    });
    "D-16" "a timer completes without its timer" waits |log| log.remove("timer_started", 0);
    "D-16" "a function of another effect" diamond |log| log.edit("node_scheduled", 0, |kind| {
        if let EventKind::NodeScheduled(data) = kind { data.job.effect = aob_ir::EffectClass::None; }
    });
    "D-17" "a decision goes on after it stopped" cancelled |log| {
        let at = log.find("continued", 0);
        let command = log.events[at].command.clone();
        log.events[at + 1].command = command;
    };
    "I-56" "a call is not reserved" budgeted |log| log.remove("budget_reserved", 0);
    "I-56" "a call is reserved twice" budgeted |log| log.repeat_renumbered("budget_reserved", 0);
    "I-56" "a call is settled twice" budgeted |log| log.repeat_renumbered("budget_settled", 0);
    "I-56" "a call has no room" budgeted |log| log.edit("budget_reserved", 1, |kind| {
        if let EventKind::BudgetReserved(data) = kind { data.amounts.tokens = 31; }
    });
    "I-56" "what is not settled is forgotten" budgeted |log| {
        log.edit("budget_reserved", 2, |kind| {
            if let EventKind::BudgetReserved(data) = kind { data.amounts.tokens = 51; }
        });
    };
    "I-56" "a raise that nobody made" budgeted |log| log.remove("budget_raised", 0);
    "I-56" "an agent raises a budget" budgeted |log| log.edit("budget_raised", 0, |kind| {
        if let EventKind::BudgetRaised(data) = kind { data.by = aob_engine::Actor("agent:a".into()); }
    });
    "I-56" "a warning is no news" budgeted |log| log.repeat_renumbered("budget_warned", 0);
    "I-56" "a child run is given too much" budgeted |log| log.edit("child_started", 0, |kind| {
        if let EventKind::ChildStarted(data) = kind
            && let Some(budget) = &mut data.budget
        {
            budget.calls = Some(11);
        }
    });
    "I-56" "a child run is bounded by nothing" budgeted |log| log.edit("child_started", 0, |kind| {
        if let EventKind::ChildStarted(data) = kind { data.budget = None; }
    });
    "I-56" "a child run returns twice" budgeted |log| log.repeat_renumbered("budget_returned", 0);
    "I-56" "a parked instance names no budget" budgeted |log| log.edit("node_parked", 0, |kind| {
        if let EventKind::NodeParked(data) = kind { data.budget = None; }
    });
    "I-56" "a run tells a parent that it has not" budgeted |log| {
        log.edit("run_completed", 0, |kind| {
            if let EventKind::RunCompleted(data) = kind { data.spent = Some(aob_engine::Spent::default()); }
        });
    };
    "D-17" "a decision that fits no segment" diamond |log| {
        let warning = logs::passed_over().events[1].clone();
        for _ in 0..1_001 {
            log.insert(1, aob_engine::Event { at: log.events[0].at, ..warning.clone() });
        }
        for event in &mut log.events[1..1_002] {
            event.command = CommandId("big".into());
        }
    };
    "D-18" "the run returns something else" diamond |log| {
        log.run_output(&json!({"b": 0}));
    };
    "D-18" "the run leaves a terminal out" waits |log| log.run_output(&json!({}));
    "D-19" "an instance does not say that it opens" told_in_full |log| log.remove("node_started", 1);
    "D-19" "another instance says so" told_in_full |log| log.rename("node_started", 0, "b");
    "D-19" "an instance says so unasked" told_in_full |log| log.edit("run_created", 0, |kind| {
        if let EventKind::RunCreated(data) = kind { data.fidelity = Fidelity::Fast; }
    });
}
