# Every recipe runs with Node 24 (npm's, from package-lock.json) and the tools of the set-up first in PATH.
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/.toolchain/bin:$(PATH)
export ONCE JSON
# npm keeps compiled code for its next run, by default under /tmp, and leaves it there.
export NODE_COMPILE_CACHE := $(CURDIR)/.toolchain/tmp/compile-cache

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test check bench soak fuzz chaos clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Fetch what the demo needs: Node 24, npm packages, HAProxy, the Temporal CLI
	@scripts/setup/all.sh

setup-test: ## And what the tests need: HAProxy 2.6, 3.0 and 3.2
	@scripts/setup/all.sh test

demo: ## Run everything on this machine until Ctrl-C (ONCE=1: send the example requests and end; JSON=1: as JSON)
	@scripts/demo.sh $(ARGS)

test: ## Compiler, linter and all tests (ARGS="--project unit" for a part of the tests)
	@scripts/test.sh $(ARGS)

check: setup ## Compiler and linter
	@npm run --silent check

bench: ## Benchmarks (ARGS="NAME --json" for one of them)
	@scripts/bench.sh main $(ARGS)

soak: ## An agent under half load for long: does it keep its memory and answer everything? (ARGS="--minutes 30")
	@scripts/bench.sh soak $(ARGS)

fuzz: ## Hostile frames and connections against node-spoe (FOR=60 seconds, SEED=1 to repeat a run)
	@FOR=$(FOR) SEED=$(SEED) scripts/fuzz.sh $(ARGS)

chaos: ## Faults at random under load: is an event lost, or doubled? (MINUTES=10, SEED=1 to repeat a run, HAPROXY_VERSION=3.2)
	@MINUTES=$(MINUTES) SEED=$(SEED) HAPROXY_VERSION=$(HAPROXY_VERSION) scripts/chaos.sh $(ARGS)

clean: ## Remove what runs and builds leave: .data, dist
	@rm -rf .data dist node-spoe/dist coverage

distclean: clean ## And what the set-up fetched: node_modules, .toolchain
	@rm -rf node_modules node-spoe/node_modules tools/node/node_modules .toolchain
