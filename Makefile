# Tarn, from a fresh clone: `make run` starts it, `make check` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
INSTALL := $(PIP) install --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run test fuzz soak check lint roles messages screenshots bench bench-large bench-import bench-deliveries requirements clean

help: ## Show what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: $(VENV)/.runtime ## Start Tarn with its demo: web server, worker and PostgreSQL.
	@exec $(BIN)/python manage.py serve --demo

test: $(VENV)/.development ## Run the tests on an embedded PostgreSQL of their own.
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

fuzz: $(VENV)/.development ## Look for a 5xx with many made-up requests; takes half an hour.
	TARN_FUZZ_EXAMPLES=2500 $(BIN)/python -m pytest -n 2 --dist loadfile \
	  tests/contract/test_hostile_input.py tests/contract/test_schema.py $(ARGS)

soak: $(VENV)/.development ## Kill PostgreSQL, imports and couriers again and again; takes some minutes.
	TARN_SOAK_KILLS=50 TARN_SOAK_CUSTOMERS=10000 TARN_SOAK_EVENTS=10000 $(BIN)/python -m pytest tests/contract/test_outage.py \
	  tests/customers/imports/test_kill.py tests/customers/test_outgoing.py tests/billing/webhooks/test_soak.py $(ARGS)

check: lint test ## Everything a change must pass.

lint: $(VENV)/.development ## Style, types, layers and migrations.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

messages: $(VENV)/.runtime ## Renew what there is to translate in locale/, and compile it.
	$(BIN)/python manage.py messages

screenshots: $(VENV)/.development ## Make a picture of every screen, or of SCREENS=<expression>: light, dark, phone and wide, in DIR.
	TARN_SHOTS=$(or $(DIR),/tmp/tarn-shots) TARN_SCREENS='$(SCREENS)' TARN_SCREENSHOTS=1 $(BIN)/python -m pytest -q tests/browser/test_screenshots.py

roles: $(VENV)/.runtime ## Write docs/roles.md anew from the table in the code.
	$(BIN)/python manage.py roles > docs/roles.md

bench: $(VENV)/.runtime benchmarks/.venv/.installed ## Measure Tarn beside its peers; writes benchmarks/RESULTS.md.
	$(BIN)/python -m benchmarks --write $(ARGS)

bench-large: $(VENV)/.runtime ## Measure a million customers, some minutes; writes benchmarks/RESULTS.md.
	$(BIN)/python -m benchmarks.large --write $(ARGS)

bench-deliveries: $(VENV)/.runtime ## Measure how many webhooks a worker delivers, and how soon; writes benchmarks/RESULTS.md.
	$(BIN)/python -m benchmarks.deliveries --write $(ARGS)

bench-import: $(VENV)/.runtime ## Measure imports beside COPY; writes benchmarks/RESULTS.md.
	$(BIN)/python -m benchmarks.imports --write $(ARGS)

requirements: $(VENV)/.development ## Renew requirements*.txt from requirements*.in.
	cd $(CURDIR) && for name in requirements requirements-dev; do \
	  $(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --strip-extras \
	    --allow-unsafe --output-file $$name.txt $$name.in; done

clean: ## Remove what was built; the data in .data stays.
	rm -rf $(VENV) benchmarks/.venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is newer than the requirements it stands for, so a second run installs nothing.
$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing what Tarn runs on (once, about half a minute) ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt | $(BIN)/python
	@echo "Installing what the checks need (once, about a minute) ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

benchmarks/.venv/.installed: benchmarks/requirements.txt | $(BIN)/python
	@echo "Installing what the peers run on (once) ..."
	@$(BIN)/python -m venv benchmarks/.venv
	@benchmarks/.venv/bin/python -m pip --disable-pip-version-check -q install \
	  --require-hashes -r benchmarks/requirements.txt
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "Tarn needs Python 3.11 or newer; $(PYTHON) was not found." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tarn needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }
