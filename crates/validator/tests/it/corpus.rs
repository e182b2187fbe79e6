//! The red team's corpus: hostile patches that must not pass, benign ones that must.

use std::collections::BTreeSet;

use aob_validator::{Code, Severity};

use crate::case::{Case, Expect, cases};

/// How a case ended, in the words of [`Expect`].
fn ended(case: &Case) -> (Option<Expect>, String) {
    match case.judge() {
        Err(rejected) => {
            let errors = rejected.problems.iter().filter(|p| p.severity == Severity::Error);
            let codes: Vec<&str> = errors.map(|problem| problem.code).collect();
            assert!(!codes.is_empty(), "a refusal says why: {rejected}");
            let wanted = match &case.expect {
                Some(Expect::Rejected(code)) if codes.contains(&code.as_str()) => code.clone(),
                _ => codes[0].to_owned(),
            };
            (Some(Expect::Rejected(wanted)), rejected.to_string())
        }
        Ok(validated) => match &validated.approval {
            None => (None, format!("{:?}", validated.diff)),
            Some(need) => {
                let codes: Vec<&str> = need.reasons.iter().map(|reason| reason.code).collect();
                let wanted = match &case.expect {
                    Some(Expect::Approval(code)) if codes.contains(&code.as_str()) => code.clone(),
                    _ => codes[0].to_owned(),
                };
                (Some(Expect::Approval(wanted)), format!("{:?}", need.reasons))
            }
        },
    }
}

fn misjudged(kind: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, case) in cases(kind) {
        let (end, detail) = ended(&case);
        if end != case.expect {
            wrong.push(format!("{name}: expected {:?}, got {end:?}\n    {detail}", case.expect));
        }
    }
    wrong
}

#[test]
fn hostile_patches_are_refused_or_wait_for_an_approval() {
    let all = cases("hostile");
    assert!(all.len() >= 200, "{}", all.len());
    assert!(all.iter().all(|(_, case)| case.expect.is_some()));
    let wrong = misjudged("hostile");
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn benign_patches_are_applied() {
    let all = cases("benign");
    assert!(all.len() >= 60, "{}", all.len());
    assert!(all.iter().all(|(_, case)| case.expect.is_none()));
    let wrong = misjudged("benign");
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn every_code_occurs() {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (_, case) in cases("hostile").into_iter().chain(cases("benign")) {
        match case.judge() {
            Err(rejected) => seen.extend(rejected.problems.iter().map(|problem| problem.code)),
            Ok(validated) => {
                seen.extend(validated.warnings.iter().map(|problem| problem.code));
                let reasons = validated.approval.iter().flat_map(|need| &need.reasons);
                seen.extend(reasons.map(|problem| problem.code));
            }
        }
    }
    // Reached by more sub-workflows than a file of cases should hold.
    let elsewhere = [Code::TooManySubWorkflows];
    let missing: Vec<&Code> = Code::ALL
        .iter()
        .filter(|code| !seen.contains(code.as_str()) && !elsewhere.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
