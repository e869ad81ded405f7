# `make help` lists the targets. Everything stays in this checkout, in .build and .venv.

# All builds use the same flags: different ones would compile everything again. Building without the editors' index takes a fifth
# less time; Tests/XCTMain.swift makes the tests run without it.
export SWIFT_FLAGS = --explicit-target-dependency-import-check error --disable-index-store

.DEFAULT_GOAL := help
.PHONY: help bootstrap build release deb wheel test test-long test-packages test-torch swift-test fuzz sanitize siege soak soak-rotation lint format docs proto site demo bench bench-build bench-scale bench-counts clean
.PHONY: cluster-up cluster-down cluster-faults cluster-fault cluster-audit cluster-test

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## Install what is missing: Debian packages, the Python environment of the tests
	@scripts/bootstrap

build: ## Build arobust alone, for debugging: .build/debug/arobust
	swift build $(SWIFT_FLAGS) --product arobust

# Two packages build in one folder: without the flag, SwiftPM would take the plan that the other one left there.
RELEASE_FLAGS = $(SWIFT_FLAGS) --configuration release --static-swift-stdlib --disable-build-manifest-caching

release: ## Build for production, as a single file: .build/release/arobust
	swift build $(RELEASE_FLAGS) --product arobust

wheel: bootstrap release ## Build the Python wheel, with the executable and its libraries: .build/wheel
	@scripts/wheel --check

deb: release ## Make Debian's package of the release build: .build/arobust_VERSION_amd64.deb
	@scripts/make-deb

test: bootstrap ## Run all tests; the last line is "N passed, N failed"
	@scripts/test

swift-test: ## Build and run the Swift tests alone, or those that match FILTER
	scripts/build-tests $(SWIFT_FLAGS)
	swift test --skip-build $(SWIFT_FLAGS) --enable-swift-testing --disable-xctest $(if $(FILTER),--filter $(FILTER))

test-long: bootstrap build ## Run the end-to-end tests that are too many for `make test`: more cases of the same kinds
	.venv/bin/pytest Tests/EndToEnd -m "long and not package" -n 2 --dist worksteal

test-packages: bootstrap build ## Test Debian's package in a spare Debian: installed, upgraded, purged, under systemd
	.venv/bin/pytest Tests/EndToEnd -m package

soak: bootstrap build ## Run crash tests with random seeds for MINUTES (30), or until one fails
	@scripts/soak --minutes $(or $(MINUTES),30)

fuzz: ## Fuzz each target of Tests/Fuzz for MINUTES (2), or TARGET alone; the first build takes a quarter of an hour
	@scripts/fuzz --minutes $(or $(MINUTES),2) $(if $(TARGET),--target $(TARGET))

sanitize: ## Run the tests of the bus, the journal and the ledger under the thread and the address sanitizer
	@scripts/sanitize

siege: bootstrap build ## Attack an agent that does everything for MINUTES (10): nothing may grow, the books must balance
	@scripts/siege --minutes $(or $(MINUTES),10)

test-torch: bootstrap build ## Real trainings that hang, and one under restarts of the agent: installs torch, 5.4 GB, into .venv-torch
	@scripts/test-torch

SEEDS ?= 10000
soak-rotation: ## Run SEEDS (10,000) random schedules of writing, rotating and killing a log collector
	ROTATION_SEEDS=$(SEEDS) $(MAKE) swift-test FILTER=RotationScheduleTests

lint: ## Check the format of all Swift files
	swift format lint --strict --recursive --parallel Sources Tests Benchmarks Examples Package.swift

format: ## Format all Swift files
	swift format --in-place --recursive --parallel Sources Tests Benchmarks Examples Package.swift

# The plugin and its modules stay in .build; the next build without AROBUST_DOCS drops it again.
docs: ## Generate the libraries' documentation; the last lines say where it is
	AROBUST_DOCS=1 swift package $(SWIFT_FLAGS) generate-documentation \
		--target Agent --target Collectors --target Diagnosis --target MasterClients --target ZMQBridge

proto: ## Generate Sources/OTLPMessages from Protos, or with CHECK=1 only compare; needs protoc
	@scripts/proto $(if $(CHECK),--check)

site: bootstrap ## Build the documents as a site that needs no network: .build/site
	@scripts/site

demo: bootstrap build ## Report a real training to the real DLRover master and a console, read back what they got; KEEP=1 leaves the page up
	@demo/run $(if $(KEEP),--keep)

bench: bootstrap release bench-build ## Measure what reporting costs
	@scripts/bench

bench-scale: bootstrap release ## Measure up to 64 agents at one master, and compute what 10,000 nodes cost
	@scripts/bench-scale measure --out .build/scale.json
	@scripts/bench-scale check .build/scale.json
	@scripts/bench-scale simulate

bench-counts: release bench-build ## Check counts of the release build: system calls, allocations, instructions
	@scripts/bootstrap --counts
	@scripts/bench-counts --build release

# In the folder of this package and with its flags and versions: what both need is compiled once. Most of arobust is not needed.
bench-build: ## Build the programs of Benchmarks for production: .build/release/BusBenchmark and MatcherBenchmark
	@[ -e Package.resolved ] || swift package resolve
	@cp Package.resolved Benchmarks
	swift build --package-path Benchmarks --scratch-path .build --force-resolved-versions $(RELEASE_FLAGS) --product BusBenchmark
	swift build --package-path Benchmarks --scratch-path .build --force-resolved-versions $(RELEASE_FLAGS) --product MatcherBenchmark

NODES ?= 4
cluster-up: ## Start NODES (4) nodes and five masters in containers; see docs/clusters.md
	@python3 -m cluster up --nodes $(NODES)

cluster-down: ## Remove the cluster, and everything it stored
	@python3 -m cluster down

cluster-faults: ## List the faults that can be injected
	@python3 -m cluster faults

cluster-fault: ## Inject FAULT at TARGET (default: a random one), and repair it
	@python3 -m cluster fault $(FAULT) $(if $(TARGET),--target $(TARGET))

cluster-audit: ## Compare what the masters stored with what the trainers wrote
	@python3 -m cluster audit

cluster-test: ## Start a second cluster, inject every fault, print the verdict (SEED repeats a run)
	@python3 -m cluster test --nodes $(NODES) $(if $(SEED),--seed $(SEED)) $(if $(BREAK),--break $(BREAK))

clean: ## Remove build results (.venv stays)
	swift package clean
	rm -rf .build/logs
