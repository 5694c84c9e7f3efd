# `make run` starts the house, `make test` runs the tests: each makes its own .venv from uv.lock.
.PHONY: run test coverage check format bench chaos clean
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
SYNC := UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --frozen --inexact --quiet

COMPILE := $(BIN)/python -m compileall -q bot adapters skills workers

run: .venv/.house
	@$(BIN)/butler up

test: .venv/.tests
	@$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder

# The same, measured: each process of each house costs twice to three times as much then.
coverage: .venv/.tests
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n 2 --dist loadfile
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@$(BIN)/coverage json --quiet -o - | $(BIN)/python -m tests.branches

check: .venv/.tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.tests
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

# The figures of docs/figures.md, from whole processes against loopback servers that answer at once.
bench: .venv/.tests
	@$(BIN)/python -m benchmarks

# The long crash tests; `make test` runs a short version of each.
chaos: .venv/.tests
	@BUTLERS_CHAOS=long $(BIN)/pytest -q -m crash

clean:
	@rm -rf .venv .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.house: uv.lock pyproject.toml | .venv/bin/uv
	@$(SYNC) --no-dev
	@$(COMPILE)
	@touch $@

.venv/.tests: uv.lock pyproject.toml | .venv/bin/uv
	@$(SYNC)
	@$(COMPILE)
	@touch $@ .venv/.house

.venv/bin/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing. On Debian and Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version). Name another one: make PYTHON=python3.13 run" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv >&2
