# Everything the README names. `make test` is what CI runs.

CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto
RUNS ?= 20000
SEED ?= 1

.PHONY: demo test test-full fix sim bench fuzz setup docs

## Runs the onboarding example from start to end on the embedded stack.
demo: setup
	$(CARGO) build --release --locked -p aob
	target/release/aob demo

## Installs what the build needs, then checks formatting, lints, layers, generated files and runs
## a sample of every suite.
test: setup
	$(CARGO) fmt --all --check
	$(CARGO) run -q --locked -p xtask -- check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --workspace

## The volumes: 20,000 simulated runs, 60 kills, 20,000 store programs.
test-full: test
	$(MAKE) sim RUNS=20000
	AOB_TEST_VOLUME=full $(CARGO) test --locked --release -p aob --test it -- --include-ignored kill
	AOB_TEST_VOLUME=full $(CARGO) test --locked --release -p aob-store

## Simulates RUNS runs with faults, from SEED on.
sim: setup
	$(CARGO) run --release --locked -p aob-sim -- --runs $(RUNS) --seed $(SEED)

## Prints the benchmark table and writes it as JSON.
bench: setup
	$(CARGO) build --release --locked -p aob
	$(CARGO) run --release --locked -p aob-bench

## Formats and regenerates what is generated.
fix: setup
	$(CARGO) run -q -p xtask -- codegen
	$(CARGO) fmt --all

## A C compiler is all that the build needs besides Rust.
setup:
	@command -v cc >/dev/null || { \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends build-essential; }
