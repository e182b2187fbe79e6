# Everything the README names. `make test` is what CI runs.

CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto
# What is built once is built faster, and smaller, without what a second build would reuse.
ifdef CI
export CARGO_INCREMENTAL = 0
endif
RUNS ?= 1000
SEED ?= 1
PROFILE ?= release

.PHONY: demo test test-full sim chaos fuzz-patches fix bench stack programs setup

# Everything that is left out of `aob`: the adapters of the production stack, its programs, and the
# points at which crash suites strike, of which optimised builds have none whatever is said here.
# Always all of them, and always for the whole workspace: another choice of features would build
# half of what others have made a second time.
ADAPTERS = aob-store/postgres,aob-cache/redis,aob-bus/kafka,aob-cas/s3,aob-production/adapters,aob-orchestrator/production,aob-runner/production,aob-fanout/production,aob-hitl/production,aob-points/armed

## Runs the onboarding example from start to end on the embedded stack.
demo: setup
	$(CARGO) build --release --locked -p aob
	target/release/aob demo

# What a commit passes does not depend on the day: properties draw the same cases each time here,
# and others, more of them, in `test-full`.
test: export PROPTEST_RNG_SEED = 1

## Installs what the build needs, then checks formatting, lints, layers, generated files and runs
## a sample of every suite.
test: setup
	$(CARGO) fmt --all --check
	$(CARGO) run -q --locked -p xtask -- check
	$(CARGO) run -q --locked -p xtask -- wasm verify
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --workspace --all-targets --features $(ADAPTERS) -- -D warnings
	scripts/services run -- \
		$(CARGO) test --locked --no-fail-fast --workspace --features $(ADAPTERS)
	$(CARGO) test --locked -p aob-sim --features seeded-bugs --test it bugs
	$(MAKE) programs
	scripts/sdk-test
	scripts/pages-test
	port=$$(scripts/services port) && AOB_DEMO_PORT=$$port AOB_RUNNER_ALLOW=127.0.0.1:$$port \
		scripts/stack run -- scripts/examples
	NEWEST=none AOB_SDK_REMOTE=1 scripts/stack run -- scripts/sdk-test tests/test_stack.py
	scripts/chaos --kills 4 --others 5 --points 8

## As `test`, optimised, with everything that is ignored by default. Of the simulations, three out of
## five patch a run.
test-full: test
	PROPTEST_CASES=5000 $(CARGO) test --locked --profile full --workspace -- --include-ignored
	$(MAKE) sim PROFILE=full RUNS=35000 SIM_FLAGS=--require-all
	$(MAKE) fuzz-patches RUNS=100000
	scripts/chaos --kills 0 --others 0 --points 99
	$(MAKE) chaos RUNS=60

## Simulates the whole system under faults: `make sim RUNS=20000 SEED=1`.
sim: setup
	$(CARGO) build --profile $(PROFILE) --locked -p aob-sim
	target/$(PROFILE)/aob-sim --runs $(RUNS) --seed $(SEED) $(SIM_FLAGS) --commit "$$(git rev-parse --short HEAD)"

## Kills the processes of the production stack under load, and says what was lost:
## `make chaos RUNS=2000 SEED=1`.
chaos: setup programs
	scripts/chaos --kills $(RUNS) --seed $(SEED)

## Validates mixtures of hostile patches: `make fuzz-patches RUNS=1000000 SEED=1`.
fuzz-patches: setup
	$(CARGO) run --profile full --locked -p aob-fuzz --bin fuzz-patches -- --runs $(RUNS) --seed $(SEED)

## Prints the benchmark table and writes it to target/bench.json.
bench: setup
	$(CARGO) build --release --locked -p aob
	$(CARGO) run --release --locked -p aob-bench -- --json target/bench.json

## Starts the production stack on this machine, with a key, until Ctrl-C.
stack: setup programs
	scripts/stack foreground

programs:
	$(CARGO) build --locked --workspace --bins --features $(ADAPTERS)

## Formats and regenerates what is generated.
fix: setup
	$(CARGO) run -q -p xtask -- codegen
	$(CARGO) fmt --all

## A C and a C++ compiler are all that the build needs besides Rust; librdkafka is built with them.
setup:
	@command -v c++ >/dev/null || scripts/packages build-essential
