# Quip. `make help` lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO_FLAGS := --release --locked --workspace --exclude quip-python
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test check bench tools sim sim-long fuzz soak forks native clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.stamp: $(RUST_SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "building into $(VENV): the first time takes a few minutes"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

native: $(VENV)/.stamp ## build the native code and install everything into .venv

run: native ## start a mining single-node dev chain with its RPC (ARGS="..." adds options)
	$(BIN)/quip-network-node cpu --genesis-config dev --listen 127.0.0.1 --auto-mine $(ARGS)

test: native ## run all tests
	cargo test $(CARGO_FLAGS) --quiet
	$(BIN)/python -m pytest -n 2 --dist worksteal -rs --ignore tests/tools

check: native ## format, lint, types, layers, tidiness
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets --quiet -- -D warnings
	$(BIN)/python -m pytest tests/test_tidy.py

bench: native ## measure, write docs/benchmarks.md (ONLY="sync hostile": some; PROTOTYPE=DIR adds an outside kernel)
	$(BIN)/python -m benchmarks $(ONLY)

.tools/.stamp: tests/tools/package.json tests/tools/install.sh
	bash tests/tools/install.sh $(PYTHON)

tools: native .tools/.stamp ## unmodified clients of Ethereum (ethers, viem, web3, cast, forge) against a node and anvil
	$(BIN)/python -m pytest tests/tools -rs

sim: native ## play one seed of the simulated network: SEED=1 (TRACE=1 prints every event)
	@$(BIN)/python -m sim $(or $(SEED),1) $(if $(TRACE),--trace)

sim-long: native ## thousands of seeds on two cores: SEED=1000 is the first, COUNT=4000 how many
	@$(BIN)/python -m sim $(or $(SEED),1000) --count $(or $(COUNT),4000) --jobs 2

FUZZ_SECONDS ?= 600

fuzz: native ## atheris over every decoder (FUZZ_SECONDS each), then random tests a hundred times as long (hours)
	$(BIN)/pip install --quiet --disable-pip-version-check $$($(BIN)/python -c \
	    "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['fuzz'])")
	cd tests && PYTHONPATH=.. ../$(BIN)/python -m fuzz $(FUZZ_SECONDS)
	TEST_FUZZ=100 $(BIN)/python -m pytest -n 2 --timeout 7200 tests/unit tests/property

soak: native ## the long runs: 1,000 kills of store and signer, damage, power loss
	TEST_CRASH_ROUNDS=1000 TEST_SIGNER_KILLS=1000 TEST_DAMAGE_ROUNDS=2000 \
	    $(BIN)/python -m pytest -n 2 --timeout 7200 tests/functional tests/unit/wallet

forks: native ## two real nodes mine with a link that is cut: MINUTES=60, SEED=1 (WRITE=1 replaces docs/forks.md)
	$(BIN)/python -m benchmarks forks --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1) $(if $(WRITE),--write)

clean: ## remove what was built
	rm -rf $(VENV) target .tools
