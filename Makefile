# Everything a person or a CI does here is a target; `make help` lists them.
# Needs Python 3.11 or newer and make. Everything else comes from hash-locked files into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# One more than there are cores: tests wait for the processes that they have begun a good part of their time.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
PYTEST_ARGS ?=
SECONDS ?= 60
SEED ?= 7
WEB ?= 2
WORKERS_SOAK ?= 2
MERCHANTS ?= 40
ROWS ?= 100000
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
NODE := $(VENV)/.node

.DEFAULT_GOAL := help
.PHONY: help run demo test soak check lint types contracts witness crashes bills-day bench bench-quick browser openapi format lock audit clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(RUNTIME) ## Start web, worker and simulator on this machine; prints what to do next
	@$(BIN)/wxbackend run

demo: $(RUNTIME) ## Take one payment against the running stack and print its timeline
	@$(BIN)/wxbackend demo

test: $(DEVELOPMENT) $(NODE) browser ## Run the tests; soak, crashes and bench go further
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

soak: $(DEVELOPMENT) ## Load, mischief and kill -9 on the whole product, then the books (SECONDS, SEED, WEB, WORKERS_SOAK, MERCHANTS)
	$(BIN)/python -m tests.soak --seconds $(SECONDS) --seed $(SEED) --web $(WEB) --workers $(WORKERS_SOAK) --merchants $(MERCHANTS)

check: lint types contracts test ## Lint, types, import contracts and the tests

lint: $(DEVELOPMENT) ## Style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEVELOPMENT) ## Strict types
	$(BIN)/mypy

contracts: $(DEVELOPMENT) ## Who may import whom
	$(BIN)/lint-imports

witness: $(DEVELOPMENT) ## Hold both sides of the wire against ../shared/wechatpay-openapi (WXBACKEND_WITNESS names another folder)
	$(BIN)/python -m pytest -n $(WORKERS) tests/witness

crashes: $(DEVELOPMENT) ## Kill the product at every COMMIT and every socket, on both databases; `make test` takes a share of it
	WXBACKEND_CRASHES=all $(BIN)/python -m pytest -n $(WORKERS) -rP tests/crashes

bills-day: $(DEVELOPMENT) ## Reconcile a bill of 100,000 payments with every kind of difference planted (ROWS)
	$(BIN)/python -m tests.bill_day --rows $(ROWS)

bench: $(DEVELOPMENT) ## Measure every figure against this machine's floors and write docs/performance.md
	$(BIN)/python -m bench --write docs/performance.md

bench-quick: $(DEVELOPMENT) ## The same in about two minutes: fewer rounds, and it prints what it leaves out
	$(BIN)/python -m bench --quick

openapi: $(RUNTIME) ## Write docs/openapi.json from the schemas
	@WXBACKEND_CONFIG=config/development.toml $(BIN)/wxbackend openapi

format: $(DEVELOPMENT) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: $(DEVELOPMENT) ## Known vulnerabilities in what is pinned
	$(BIN)/pip-audit --disable-pip -r requirements/runtime.txt

lock: ## Pin the requirements anew (needs uv)
	uv pip compile $(LOCK) pyproject.toml -o requirements/runtime.txt
	uv pip compile $(LOCK) --constraint requirements/runtime.txt --extra celery pyproject.toml -o requirements/celery.txt
	uv pip compile $(LOCK) --constraint requirements/celery.txt --group test --group quality pyproject.toml -o requirements/development.txt
	uv pip compile $(LOCK) --no-deps requirements/node.in -o requirements/node.txt
	uv pip compile $(LOCK) requirements/build.in -o requirements/build.txt
LOCK := --quiet --upgrade --python-version 3.11 --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

clean: ## Remove what was installed and made; keys and databases below var/ stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache tests/mini_program/node_modules

# --- what the targets need ---------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements/build.txt requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the product needs into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): requirements/development.txt $(RUNTIME)
	@echo "Installing what the tests need into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements/development.txt
	@touch $@

# Node runs the mini program's tests; PyPI carries one for machines that have none.
$(NODE): requirements/node.txt | $(BIN)/python
	@command -v node >/dev/null 2>&1 || $(PIP) install --require-hashes -r requirements/node.txt
	@touch $@

# Chromium for the pages: installed where we may, otherwise those tests fail by name and say what to install.
browser:
	@command -v chromium >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "Installing Chromium for the browser tests …"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		else \
			echo "No chromium here: the browser tests will fail. Install it with: apt-get install chromium"; \
		fi; }
