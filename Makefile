# The whole of the project's daily work. Every target sets up what it needs, on a machine with only Python.

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := state pipelines http_edge
PYTHON_CANDIDATES := python3.13 python3.12 python3.11 python3
# Tests wait for brokers half of their time: two processes share two cores well. Each starts a broker of its own; the
# embedded one answers every question for records at once, so that whoever waits keeps a core busy: one is enough there.
TEST_PROCESSES ?= $(if $(shell command -v java || command -v docker),2,1)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check simulate chaos rehearsal mutants docs site format bench lock clean audit sbom

help: ## List the targets
	@echo 'Targets (`make demo` and `make test` are all a newcomer needs):'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Pass options on with ARGS, e.g. make demo ARGS="--limit 5000". PYTHON=/path/to/python picks the interpreter.'

setup: $(VENV)/installed ## Create .venv from the lock file (every other target does it by itself)

demo: $(VENV)/installed ## One real year of retail through a fresh stack, then the audit (ARGS=--stay: keep it running)
	$(BIN)/giftcert demo --data completejourney $(ARGS)

test: $(VENV)/installed ## All tests, on a real broker where there is one, and the coverage gates
	$(BIN)/python -m pytest --ignore=tests/bench --cov --cov-report= \
	  --numprocesses $(TEST_PROCESSES) --dist loadfile $(ARGS)
	$(BIN)/coverage report --skip-covered --skip-empty
	@echo 'Gate: state/ at least 95 %'
	@$(BIN)/coverage report --format=total --include='state/*' --fail-under=95
	@echo 'Gate: everything at least 85 %'
	@$(BIN)/coverage report --format=total --fail-under=85

check: $(VENV)/installed ## Lint, format, types, direction of imports, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_architecture.py

simulate: $(VENV)/installed ## A thousand simulated histories, a million commands, every law checked after each
	$(BIN)/giftcert simulate --seeds 1000 --at-least-commands 1000000 $(ARGS)

chaos: $(VENV)/installed ## Hundreds of faults on three real brokers under load (35 minutes; ARGS=--short: five)
	$(BIN)/python -m tests.chaos $(ARGS)

rehearsal: $(VENV)/installed ## Upgrades, rollbacks and drains of pods under load, and what callers feel of them (five minutes)
	$(BIN)/python -m tests.rehearsal $(ARGS)

mutants: $(VENV)/installed ## Deliberate defects, each of which the simulation or the chaos run has to catch
	$(BIN)/python -m tests.mutants $(ARGS)

docs: $(VENV)/installed ## Rewrite the generated tables of the documentation, and parts of the chart
	$(BIN)/python -m tests.write_docs
	$(BIN)/python -m tests.helm.write_chart

site: $(VENV)/installed ## The documentation as pages, in build/site; a dead link or anchor ends it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)
	@echo 'Open it with: $(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site'

format: $(VENV)/installed ## Format the code and fix what the linter can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(VENV)/installed ## Known vulnerabilities of what is locked (needs the index; unreachable is not passed)
	$(BIN)/python -m tests.supply_chain audit $(ARGS)

sbom: $(VENV)/installed ## The bill of materials of what runs in production, build/sbom.json
	$(BIN)/python -m tests.supply_chain sbom

bench: $(VENV)/installed ## The benchmarks (not part of `make test`)
	$(BIN)/python -m pytest tests/bench -o python_files='bench_*.py test_*.py' --timeout=0 -s $(ARGS)

# The parts of it that the image is made with: the same pins, what runs apart from what builds.
LOCK_PART := $(BIN)/uv pip compile --universal --python-version 3.11 --constraint requirements.lock \
  --generate-hashes --no-config --custom-compile-command 'make lock' --quiet --no-annotate

# Reads the old file as a preference, so pins move only with ARGS=--upgrade.
lock: $(VENV)/locked ## Write the lock files anew from pyproject.toml (ARGS=--upgrade moves every pin)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
	  --generate-hashes --no-config --custom-compile-command 'make lock' --quiet \
	  --output-file requirements.lock $(ARGS)
	$(LOCK_PART) pyproject.toml --output-file requirements-runtime.lock
	printf 'hatchling\n' | $(LOCK_PART) - --output-file requirements-build.lock

clean: ## Remove what the targets made: .venv, caches, coverage, build
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is laid anew when the lock changes, so that it never holds what the lock does not. An interpreter found
# inside a virtual environment (perhaps this one) is traced back to the one it was made from.
$(VENV)/locked: requirements.lock
	@python=''; \
	for candidate in $(or $(PYTHON),$(PYTHON_CANDIDATES)); do \
	  python=$$("$$candidate" -c 'import sys; print(sys._base_executable if sys.version_info >= (3, 11) else "")' 2>/dev/null) \
	    && test -n "$$python" && break; \
	  python=''; \
	done; \
	if test -z "$$python"; then \
	  echo 'No Python 3.11 or newer found (tried: $(or $(PYTHON),$(PYTHON_CANDIDATES))).' >&2; \
	  echo 'Install one, or name it: make PYTHON=/path/to/python3.12' >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version) ($$python)"; \
	rm -rf $(VENV); \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'Could not create a virtual environment: on Debian and Ubuntu install python3-venv.' >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/installed: $(VENV)/locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
