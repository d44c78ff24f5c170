# `make demo`, `make dev` and `make test` set up all they need: Python 3.11 is enough.
PYTHON ?= python3.11
VENV := .venv
INSTALLED := $(VENV)/.installed

.PHONY: demo dev test check lock secrets dashboards clean

demo: $(INSTALLED)  ## Generate 30 months of a lender's extracts and run them.
	$(VENV)/bin/credit-risk demo

dev: $(INSTALLED)  ## Start Dagit on what was run.
	$(VENV)/bin/credit-risk dev

test: $(INSTALLED)  ## Run every test.
	$(VENV)/bin/python -m pytest

check: $(INSTALLED)  ## Lint, types, and whether Dagster can load the code location.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/dagster definitions validate -w workspace.yaml

$(INSTALLED): requirements.lock requirements-uv.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements-uv.lock
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.lock
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation --editable .
	touch $(INSTALLED)

lock: $(INSTALLED)  ## Resolve the dependencies again.
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev --output-file requirements.lock pyproject.toml
	echo uv | $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --output-file requirements-uv.lock -

secrets:  ## Write .env with random passwords for docker-compose.yaml; keep those that are there.
	$(PYTHON) deploy/write_secrets.py

dashboards: $(INSTALLED)  ## Write Grafana's dashboards anew.
	$(VENV)/bin/python -m credit_risk_dagster.observability.dashboards

clean:
	rm -rf $(VENV)
