# Everything one needs: run, test, check, bench. Each target makes what it needs on a fresh machine with Python ≥ 3.11.
PYTHON ?= python3
TEMPLATE ?= discrete
HOST ?= 127.0.0.1
PORT ?= 8000
DB ?=
BIN := .venv/bin
STAMPS := .venv/stamps
SOURCES := $(shell find engine runtime web -name '*.py' -not -path '*/node_modules/*' 2>/dev/null)
FRONTEND := $(shell find web/frontend -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: run test test-fast check format bench setup frontend clean

run: $(STAMPS)/installed $(STAMPS)/compiled $(STAMPS)/frontend
	@$(BIN)/dougong run --ensure $(TEMPLATE) --demo --host $(HOST) --port $(PORT) $(if $(DB),--db "$(DB)")

test: $(STAMPS)/dev $(STAMPS)/compiled $(STAMPS)/frontend $(STAMPS)/chromium
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

test-fast: $(STAMPS)/dev $(STAMPS)/compiled
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --ignore tests/browser $(ARGS)

check: $(STAMPS)/dev $(STAMPS)/frontend
	@$(BIN)/ruff format --check engine runtime web templates_catalog tests
	@$(BIN)/ruff check engine runtime web templates_catalog tests
	@$(BIN)/mypy
	@$(BIN)/python web/frontend/npm.py run check
	@$(BIN)/dougong validate $$(ls templates_catalog/*.yaml)

format: $(STAMPS)/dev
	@$(BIN)/ruff format engine runtime web templates_catalog tests
	@$(BIN)/ruff check --fix engine runtime web templates_catalog tests

# make bench ARGS="P1 P4 --rows 100000"; PEERS=1 puts other products beside ours
bench: $(STAMPS)/dev $(STAMPS)/compiled $(STAMPS)/frontend
	@$(BIN)/python -m tests.bench $(ARGS)

setup: $(STAMPS)/dev $(STAMPS)/compiled $(STAMPS)/frontend $(STAMPS)/chromium

frontend: $(STAMPS)/frontend

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dougong needs Python 3.11 or newer: make run PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv

$(STAMPS)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing Dougong into .venv …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/installed
	@echo "Installing the tools for tests and checks …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Python keeps compiled modules by itself, unless PYTHONDONTWRITEBYTECODE says not to: then every start would compile all.
$(STAMPS)/compiled: $(SOURCES) | $(STAMPS)/installed
	@$(BIN)/python -m compileall -q -x node_modules engine runtime web
	@touch $@

$(STAMPS)/frontend: $(FRONTEND) | $(STAMPS)/installed
	@echo "Building the pages' scripts and styles …"
	@$(BIN)/python web/frontend/npm.py ci --no-audit --no-fund --loglevel=error
	@$(BIN)/python web/frontend/npm.py run build --silent -- --logLevel error
	@touch $@

$(STAMPS)/chromium: | $(STAMPS)/dev
	@$(BIN)/python -m tests.browser.chromium
	@touch $@

clean:
	@rm -rf .venv build web/static/dist web/frontend/node_modules .pytest_cache .mypy_cache .ruff_cache
