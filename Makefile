# Everything from a fresh machine with Python 3.11 or newer, pip and make:
#   make sweep      train the first sweep and print where its report is
#   make test       run the tests
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install sweep tutorial benchmark coverage gallery test test-slow lint format types check clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed  ## create .venv and install sweeplab with the pinned versions

.venv/installed: pyproject.toml constraints.txt hatch_build.py $(wildcard src/sweeplab/compiled/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sweeplab needs Python 3.11 or newer: make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

sweep: install  ## train experiments/quickstart.yaml and build its report; no download
	$(BIN)/sweeplab train experiments/quickstart.yaml

tutorial: install  ## train the tutorial's own model on MNIST, ten seeds
	$(BIN)/sweeplab train experiments/tutorial.yaml

gallery: install  ## train every experiment and write docs/gallery.md; needs MNIST
	$(BIN)/python docs/gallery.py

benchmark: install  ## time every way to train the same grid, and write docs/benchmarks.json
	$(BIN)/python benchmarks

coverage: install  ## hold the report's statistics against known truths; needs MNIST, takes long
	$(BIN)/python benchmarks/coverage
	$(BIN)/python benchmarks/coverage/draws.py

test: install  ## run the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: install  ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow

lint: install  ## check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: install  ## mend style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: install  ## check types
	$(BIN)/mypy

check: lint types test  ## all that CI checks

clean:  ## remove what was installed and cached
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
