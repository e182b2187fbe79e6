//! Random programs: two stores must answer the same steps alike, one by one, and show alike what is
//! there at the end.

mod execute;
mod observe;
mod steps;

use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::execute::Executor;
pub use self::steps::{Step, program};
use super::{Subject, block_on};

/// Programs that a test runs. For a longer search raise it, run the test, put it back.
pub const PROGRAMS: u32 = 300;

/// Runs [`PROGRAMS`] random programs, each against two fresh stores, and shrinks the first one that
/// tells them apart.
///
/// # Panics
/// Where the stores differ.
pub fn compare(reference: impl Fn() -> Subject, tested: impl Fn() -> Subject) {
    let config = Config { cases: PROGRAMS, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&program(), |steps| {
        let expected = answers(&reference(), &steps);
        let found = answers(&tested(), &steps);
        let Some(index) = (0..expected.len()).find(|index| expected[*index] != found[*index])
        else {
            return Ok(());
        };
        let (step, expected, found) = (steps.get(index), &expected[index], &found[index]);
        let told = format!("step {index}: {step:?}\nexpected {expected}\nfound {found}");
        Err(TestCaseError::fail(told))
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
}

/// What a store answered to each step, and what it shows at the end.
pub fn answers(subject: &Subject, steps: &[Step]) -> Vec<String> {
    block_on(async {
        let mut executor = Executor::new(subject);
        let mut seen = Vec::new();
        for step in steps {
            seen.push(executor.step(step).await);
        }
        seen.push(format!("{:#?}", observe::everything(subject).await));
        seen
    })
}
