# One short command each. Every target sets up what it needs on a machine with Python and make.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Without byte code every import compiles again, and Ray takes 19 s to start in place of 5.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .tools/bin/uv)
SYNC := $(UV) sync --frozen --quiet --compile-bytecode --extra platform --extra engines --extra simulators \
	--extra models --extra boosting --extra live --extra confluent --extra sources --extra verify
RUN := .venv/bin
TV_HOME ?= $(CURDIR)/data
PORT ?= 3000
# The platforms of the tests wait more than they compute: one worker more than processors.
WORKERS ?= $(shell expr $$(python3 -c "import os; print(os.cpu_count())") + 1)
INSTANCE := $(if $(TV_POSTGRES),dagster-postgres.yaml,dagster.yaml)

.PHONY: help setup check test bench demo dev library extras sky docs clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

.tools/bin/uv:
	@# From the root folder, so that .python-version does not choose an interpreter that lacks uv.
	@(cd / && python3 -m venv $(CURDIR)/.tools) && .tools/bin/python -m pip install --quiet uv

.venv/.synced: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	@echo "installing into .venv (a few minutes on a fresh machine)"
	@$(SYNC)
	@$(RUN)/python -m compileall -q quant_core resources quant_assets
	@touch $@

setup: .venv/.synced ## Install everything that development needs

check: setup ## Lint, types, layers, docstrings, conventions
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/python .pre-commit-hooks/conventions.py

test: setup ## Run the tests
	$(RUN)/pytest -n $(WORKERS)

library: $(filter .tools/bin/uv,$(UV)) ## Run tournaments where neither Dagster, Ray nor MLflow is installed
	@UV_PROJECT_ENVIRONMENT=.venv-library $(UV) sync --frozen --quiet --compile-bytecode --no-default-groups --extra engines
	.venv-library/bin/python docs/examples/tournament.py
	.venv-library/bin/python docs/examples/stages.py

extras: $(filter .tools/bin/uv,$(UV)) ## Prove what runs where each optional package is missing (half an hour)
	@python3 docs/scripts/extras.py --uv $(UV)

demo: setup ## Run the demo tournament on sample data
	$(RUN)/quant demo --out demo

dev: setup ## Start the Dagster UI and daemon on http://localhost:3000 (PORT, TV_HOME, TV_POSTGRES)
	@mkdir -p $(TV_HOME)/dagster && cp $(INSTANCE) $(TV_HOME)/dagster/dagster.yaml
	@echo "the UI comes up on http://localhost:$(PORT) in half a minute; data go to $(TV_HOME); Ctrl-C ends it"
	@cd $(TV_HOME) && TV_HOME=$(TV_HOME) DAGSTER_HOME=$(TV_HOME)/dagster PYTHONWARNINGS=ignore \
		$(CURDIR)/$(RUN)/dagster dev --workspace $(CURDIR)/workspace.yaml --port $(PORT)

bench: setup ## Measure against peers; RETURNS=FILE takes real returns, TICKS='FILE...' real quotes
	@$(SYNC) --inexact --group bench
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; \
		ticks=$$(grep -q -e '"--ticks"' $$script && echo '$(if $(TICKS),--ticks $(TICKS))'); \
		$(RUN)/python $$script $(if $(RETURNS),--returns $(RETURNS)) $$ticks || exit 1; done

sky: $(filter .tools/bin/uv,$(UV)) ## Check the SkyPilot files in an environment of their own
	@UV_PROJECT_ENVIRONMENT=.venv-sky $(UV) sync --frozen --quiet --compile-bytecode --no-default-groups --extra sky
	.venv-sky/bin/python sky/check.py

docs: setup ## Build the documentation site into site/
	@$(SYNC) --inexact --group docs
	$(RUN)/mkdocs build --strict --quiet

clean: ## Remove environments and caches, not data
	rm -rf .venv .venv-library .venv-extras .venv-sky .tools .mypy_cache .pytest_cache .ruff_cache site
