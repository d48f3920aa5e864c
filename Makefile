# AquaVolt. `make run` shows the demo campus; `make test` and `make check` are what CI runs. See README.md.
#
#   make setup    virtual environment, Python packages, browser files     make run     demo campus (PORT=8000 DATA=demo-data)
#   make test     all tests on real parts                                 make bench   benchmarks, printed as tables
#   make check    ruff, mypy --strict, import-linter                      make clean   remove what setup made

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
DATA ?= demo-data
TEST ?=
BIN := $(VENV)/bin
VENDOR := api/web/vendor/.complete

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench format clean preflight test-packages

help:
	@sed -n '3,5s/^# *//p' Makefile

setup: $(VENV)/.complete $(VENDOR)

preflight:
	@PYTHON="$(PYTHON)" sh deploy/preflight.sh build

$(VENV)/.complete: pyproject.toml constraints.txt | preflight
	@echo "==> virtual environment in $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)
	@echo "==> Python packages (exact versions in constraints.txt)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev --editable .
	@touch $@

$(VENDOR): package.json package-lock.json api/web/vendor.py $(VENV)/.complete
	@echo "==> browser files from npm"
	@npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@$(BIN)/python -m api.web.vendor
	@touch $@

run: setup
	@$(BIN)/aquavolt demo --port $(PORT) --data $(DATA)

test-packages:
	@PYTHON="$(PYTHON)" sh deploy/preflight.sh test

test: setup test-packages
	@$(BIN)/python -m pytest $(TEST)

check: setup
	@echo "==> ruff"; $(BIN)/ruff format --check . && $(BIN)/ruff check .
	@echo "==> mypy --strict"; $(BIN)/mypy
	@echo "==> import-linter"; $(BIN)/lint-imports --config pyproject.toml

format: setup
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: setup test-packages
	@$(BIN)/python -m bench

clean:
	rm -rf $(VENV) node_modules api/web/vendor .mypy_cache .pytest_cache .ruff_cache
