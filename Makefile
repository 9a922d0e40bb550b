# Everything starts from a bare clone with Python 3.11 or later and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PARIVISION_HOME ?= $(CURDIR)/.parivision
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: install demo test check format up bench-serving dev clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## create .venv with the pinned versions and precompiled bytecode

$(STAMP): requirements-lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "PariVision needs Python 3.11 or later; set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-lock.txt && \
	  uv pip install --quiet --python $(BIN)/python --no-deps -e . ; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-lock.txt && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . ; \
	fi
	@$(BIN)/python -m compileall -q parivision_assets parivision_assets_tests app
	@touch $(STAMP)

demo: install ## a synthetic league, from raw files to three promoted models
	@$(BIN)/parivision demo

test: install ## the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: install ## lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install ## rewrite the code in the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

up: install ## everything: Dagster, the API, VirtualBets, drift reports, MLflow; Ctrl-C stops it
	@$(BIN)/parivision up

bench-serving: install ## the API beside three other ways of serving the same champion (needs wrk and a home: make demo)
	@$(BIN)/python benchmarks/serving.py

dev: install ## Dagster UI and daemon on http://localhost:3070
	@$(BIN)/parivision dev

clean: ## remove the environment, caches and the local home
	rm -rf $(VENV) .parivision build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
