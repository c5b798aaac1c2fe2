# Used as they are by people and by .ci/run. Nothing but python3 (3.11 or later) is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
PYTEST_ARGS ?= -n 4 --dist worksteal

.PHONY: setup run test test-postgresql lint format served refresh-discovery

$(VENV)/.synced: uv.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gstack needs Python 3.11 or later: make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --quiet --compile-bytecode --python $(BIN)/python
	$(BIN)/python -m compileall -q src
	touch $@

setup: $(VENV)/.synced

run: setup
	$(BIN)/gstack serve

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-postgresql: setup
	$(BIN)/python -m pytest $(PYTEST_ARGS) --database=postgresql

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

served: setup
	$(BIN)/python tools/served_table.py --write

refresh-discovery: setup
	$(BIN)/python tools/refresh_discovery.py
