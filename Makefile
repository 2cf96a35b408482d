# The environment is made once and again only when what is installed changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.docs_installed
WORKERS ?= 2

.PHONY: run install install-docs test test-all lint format bench docs reference clean

run: $(STAMP)
	$(BIN)/paysim run scenarios/nl/achterhoek_four_models.yaml

install: $(STAMP)

# What builds the site and runs the notebooks.
install-docs: $(DOCS_STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

# Neighbouring tests stay with one worker, so that what a file shares is made once.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: $(STAMP)
	$(PYTEST)

test-all: $(DOCS_STAMP)
	$(PYTEST) -m ""

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# The site, from the pages as they are; every warning is an error.
docs: $(DOCS_STAMP)
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs docs/_build

# Pages that tools write from the code and the data.
reference: $(STAMP)
	$(BIN)/python tools/write_cli.py
	$(BIN)/python tools/write_keys.py
	$(BIN)/python tools/write_numbers.py
	$(BIN)/python tools/write_components.py
	$(BIN)/python tools/write_library.py
	$(BIN)/python tools/write_notebooks.py
	$(BIN)/python tools/draw_diagrams.py

clean:
	rm -rf $(VENV) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
