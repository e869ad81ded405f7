# `make help` lists what there is to do. Everything happens in this checkout: .build and .venv.

# Not --disable-index-store: without the index `swift build --build-tests` finds no tests (Swift 6.3 on Linux), and a
# build with other flags than the tests' would compile everything twice.
export SWIFT_FLAGS = --explicit-target-dependency-import-check error

.DEFAULT_GOAL := help
.PHONY: help bootstrap build release test soak lint format docs demo bench clean
.PHONY: cluster-up cluster-down cluster-faults cluster-fault cluster-audit cluster-test

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## Install what is missing: Debian packages, the Python environment of the tests
	@scripts/bootstrap

build: ## Build for debugging: .build/debug/arobust
	swift build $(SWIFT_FLAGS)

release: ## Build for use, as one file: .build/release/arobust
	swift build $(SWIFT_FLAGS) --configuration release --static-swift-stdlib --product arobust

test: bootstrap ## Run all tests, the last line is "N passed, N failed"
	@scripts/test

MINUTES ?= 30
soak: bootstrap build ## Crash tests with random seeds for MINUTES (30), or until one fails
	@scripts/soak --minutes $(MINUTES)

lint: ## Check the format of all Swift files
	swift format lint --strict --recursive --parallel Sources Tests Benchmarks Examples Package.swift

format: ## Format all Swift files
	swift format --in-place --recursive --parallel Sources Tests Benchmarks Examples Package.swift

# The plugin and its modules stay in .build; the next build without AROBUST_DOCS drops it again.
docs: ## Generate the libraries' documentation; the last lines say where it is
	AROBUST_DOCS=1 swift package $(SWIFT_FLAGS) generate-documentation \
		--target Agent --target Collectors --target Diagnosis --target MasterClients --target ZMQBridge

demo: bootstrap build ## Report a real training to the real DLRover master, and read back what it got
	@demo/run

bench: bootstrap release ## Measure what reporting costs
	swift build $(SWIFT_FLAGS) --configuration release --static-swift-stdlib --product BusBenchmark
	@scripts/bench

NODES ?= 4
cluster-up: ## Start NODES (4) nodes and three masters in containers; see docs/clusters.md
	@python3 -m cluster up --nodes $(NODES)

cluster-down: ## Remove them, and all that they stored
	@python3 -m cluster down

cluster-faults: ## List what can be done to the cluster
	@python3 -m cluster faults

cluster-fault: ## Do FAULT to it, at TARGET (a random one), and mend it
	@python3 -m cluster fault $(FAULT) $(if $(TARGET),--target $(TARGET))

cluster-audit: ## Hold what the masters stored against what the trainers wrote
	@python3 -m cluster audit

cluster-test: ## All of that on a cluster of its own: every fault, then the verdict (SEED repeats one)
	@python3 -m cluster test --nodes $(NODES) $(if $(SEED),--seed $(SEED)) $(if $(BREAK),--break $(BREAK))

clean: ## Remove what was built (.venv stays)
	swift package clean
	rm -rf .build/logs
