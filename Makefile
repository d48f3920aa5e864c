# AquaVolt. `make run` shows the demo campus; `make test` and `make check` are what CI runs. See README.md.
#
#   make run      the demo campus on http://127.0.0.1:8000          PORT=8000 DATA=demo-data STORE=influx
#   make services real mosquitto and InfluxDB 2 on free ports        SERVICES=services-data
#   make setup    all of it: program, browser files, test tools     PYTHON=python3 VENV=.venv
#   make test     all tests, on real parts                          TEST="tests/rules -k shard" JOBS=
#   make check    ruff, mypy --strict, import-linter                make format   mend what ruff can
#   make bench    benchmarks as tables                              BENCH="--quick --out docs/benchmarks.md"
#   make clean    remove what setup made

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
STORE ?=
DATA ?= demo-data$(addprefix -,$(STORE))
SERVICES ?= services-data
TEST ?=
# Much of the time tests wait for real servers, so that two at a time take little more than half as long.
JOBS ?= --numprocesses auto --maxprocesses 4 --dist worksteal
BENCH ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt
PROGRAM := $(VENV)/.program
TOOLS := $(VENV)/.tools
PAGES := api/web/vendor/.complete
AXE := node_modules/axe-core/axe.min.js

.DEFAULT_GOAL := help
.PHONY: help setup run services influxd test check bench format clean test-packages
.DELETE_ON_ERROR:

help:
	@sed -n '3,9s/^# *//p' Makefile

setup: $(PROGRAM) $(TOOLS) $(PAGES) $(AXE)
	@echo "ready: $(BIN)/aquavolt"

$(PROGRAM): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" sh deploy/preflight.sh build
	@echo "==> virtual environment in $(VENV): $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "==> Python packages, versions as in constraints.txt (about 70 MB to fetch the first time)"
	@$(PIP) pip
	@$(PIP) --build-constraint constraints.txt --editable .
	@touch $@

$(TOOLS): $(PROGRAM)
	@echo "==> test tools (as much again)"
	@$(PIP) --group dev
	@touch $@

$(PAGES): package.json package-lock.json api/web/vendor.py | $(PROGRAM)
	@echo "==> browser files from npm"
	@PYTHON="$(PYTHON)" sh deploy/preflight.sh build
	@npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@$(BIN)/python -m api.web.vendor
	@touch $@

# What the browser tests look for faults with; no page has it.
$(AXE): package.json package-lock.json | $(PAGES)
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

run: $(PROGRAM) $(PAGES)
	@$(if $(filter influx,$(STORE)),$(BIN)/python -m deploy.services --data $(SERVICES)) \
	    $(BIN)/aquavolt demo --port $(PORT) --data $(DATA)

services: $(PROGRAM)
	@$(BIN)/python -m deploy.services --data $(SERVICES)

# A real InfluxDB 2 for the tests: built once, unless there is one or the machine lacks what that needs.
influxd: $(PROGRAM)
	@$(BIN)/python -m deploy.services.ready

test-packages:
	@PYTHON="$(PYTHON)" sh deploy/preflight.sh test

test: setup test-packages influxd
	@$(BIN)/python -m pytest $(JOBS) $(TEST)

check: setup
	@echo "==> ruff"; $(BIN)/ruff format --check . && $(BIN)/ruff check .
	@echo "==> mypy --strict"; $(BIN)/mypy
	@echo "==> import-linter"; $(BIN)/lint-imports --config pyproject.toml

format: setup
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# The fuzzer and what simulates water networks have wheels for few systems; where there are none, the benchmark says so.
bench: setup test-packages influxd
	@$(PIP) --only-binary atheris --group fuzz || true
	@$(PIP) --only-binary :all: --group sets || true
	@$(BIN)/python -m bench $(BENCH)

clean:
	rm -rf $(VENV) node_modules api/web/vendor .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
