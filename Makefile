# `make demo` and `make test` set up everything they need in .venv; see CONTRIBUTING.md.

# The newest Python that all pinned packages are built for comes first; `make PYTHON=/path/to/python` overrides.
CANDIDATES := python3.13 python3.12 python3.11 python3 python
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

BIN := .venv/bin
READY := .venv/ready
BENCH_BIN := .venv-bench/bin
BENCH_READY := .venv-bench/ready
SECONDS ?= 600

.PHONY: help demo test lint bench fuzz clean

help:
	@echo "make demo    tell the story of 23 October 2025 from simulated bytes, into demo-report/"
	@echo "make test    run the tests"
	@echo "make lint    ruff, mypy, import-linter"
	@echo "make bench   measure against other packages"
	@echo "make fuzz    throw damaged bytes at formats, and at files and archives, each for SECONDS=$(SECONDS)"
	@echo "make clean   remove environments, caches, compiled kernels and the demo's report"

demo: $(READY)
	@$(BIN)/testigos demo --out demo-report

# Tests of one file share costly fixtures, so a file stays on one worker.
test: $(READY)
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@echo "ruff, mypy and import-linter have nothing to say"

bench: $(BENCH_READY)
	@$(BENCH_BIN)/python bench/run.py $(ARGS)

fuzz: $(READY)
	@$(BIN)/python -m pip install --quiet --require-hashes -r bench/fuzz-constraints.txt
	@$(BIN)/python bench/fuzz.py --seconds $(SECONDS) $(ARGS)
	@$(BIN)/python bench/fuzz_files.py --seconds $(SECONDS)

# $(call environment,folder,requirements): a fresh virtual environment with exactly these packages and this one.
# Debian splits ensurepip from Python; the pip beside that Python then fills the environment from outside.
define environment
	@test -n "$(PYTHON)" || { echo "Testigos needs Python 3.11 or newer; none of these is: $(CANDIDATES)." \
		"Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Setting up $(1) with $$($(PYTHON) --version) …" >&2
	@if $(PYTHON) -m venv --clear $(1) >/dev/null 2>&1; then set -- $(1)/bin/python -m pip; else \
		$(PYTHON) -m venv --clear --without-pip $(1) && set -- $(PYTHON) -m pip --python $(1)/bin/python; fi && \
		"$$@" install --quiet --disable-pip-version-check --require-hashes $(2) && \
		"$$@" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(1)/ready
endef

$(READY): constraints.txt pyproject.toml
	$(call environment,.venv,-r constraints.txt)

$(BENCH_READY): bench/constraints.txt pyproject.toml
	$(call environment,.venv-bench,-r bench/constraints.txt)

clean:
	rm -rf .venv .venv-bench demo-report dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
