# Three Rings. `make test` sets itself up and runs every test; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test lint unit unit-core unit-waiting simulation db db-first db-rest pbx pbx-stories pbx-paced pbx-load browser bench soak lock clean

help:
	@echo "make demo   a call centre to look at: simulated PBX, PostgreSQL, the service, the pages (HTTP=127.0.0.1:8080)"
	@echo "make test   everything that CI runs: lint, unit, real PostgreSQL, real Asterisk, real Chromium"
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make unit   the tests that need nothing but Python, with coverage"
	@echo "make simulation  days of a branch on a virtual clock, 2,000 of them (SEEDS=100000 for more)"
	@echo "make db     the tests on a real PostgreSQL (from a wheel)"
	@echo "make pbx    the tests on a real Asterisk with SIPp (Debian, as root)"
	@echo "make browser  the pages in a real Chromium, some with the real Asterisk"
	@echo "make bench  speed, beside the peers"
	@echo "make soak   a real PBX at 20 calls/s while everything is killed in turn (KILLS=100 SEED=1), an hour; writes docs/soak.md"
	@echo "make lock   renew requirements.txt and requirements-dev.txt"

setup: $(VENV)/.ready

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Three Rings needs Python 3.11 or later; say: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@exec $(BIN)/threerings demo $(if $(HTTP),--http $(HTTP))

test: lint
	@$(MAKE) --no-print-directory --output-sync=target -j4 unit-core unit-waiting db-first db-rest  # one works, the others mostly wait
	@$(MAKE) --no-print-directory simulation pbx browser
	@$(BIN)/coverage combine --quiet --keep
	@$(BIN)/coverage report --include='telephony/calls/*,telephony/standard/*,telephony/agi/codec.py,telephony/agi/answering.py,telephony/agi/vocabulary.py,telephony/ami/codec.py,telephony/ami/layout.py,telephony/ami/translate.py,telephony/ami/snapshot.py,telephony/queuelog/grammar.py,telephony/queuelog/place.py,telephony/queuelog/reading.py,telephony/queuelog/stays.py,telephony/queuelog/matching.py,telephony/queuelog/reconcile.py,telephony/queuelog/boots.py,telephony/queuelog/shipping/parcel.py,telephony/queuelog/shipping/gathering.py,telephony/cel/*,telephony/crm/answer.py,telephony/crm/remembering.py,telephony/customers/*,telephony/cases/customer_rows.py,telephony/journal/record.py,telephony/journal/files.py,telephony/cases/asked.py,telephony/cases/callback.py,telephony/cases/changes.py,telephony/cases/forms.py,telephony/cases/kinds.py,telephony/cases/model.py,telephony/cases/person.py,telephony/cases/rules.py,telephony/cases/seats.py,telephony/cases/steps.py,telephony/people/*,telephony/pbxfiles/*,telephony/regularfile.py,telephony/screenpop/board.py,telephony/screenpop/messages.py,telephony/screenpop/pop.py,telephony/screenpop/standing.py,handlers/http/pages/overview_plot.py,telephony/webhooks/addresses.py,telephony/webhooks/deciding.py,telephony/webhooks/signing.py,telephony/screenpop/crm.py,handlers/http/pages/casework/steps.py' --fail-under=100
	@$(BIN)/coverage report --fail-under=95

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: unit-core unit-waiting

WAITING = tests/agi tests/handlers  # for sockets, processes and time limits

unit-core: setup
	@rm -f .coverage.core
	COVERAGE_FILE=.coverage.core $(BIN)/coverage run -m pytest -q -m "not db and not pbx and not browser" $(WAITING:%=--ignore %) --ignore tests/simulation

unit-waiting: setup
	@rm -f .coverage.waiting
	COVERAGE_FILE=.coverage.waiting $(BIN)/coverage run -m pytest -q -m "not db and not pbx and not browser" $(WAITING) --ignore tests/handlers/test_recovery.py

simulation: setup
	$(if $(SEEDS),THREERINGS_SEEDS=$(SEEDS)) $(BIN)/pytest -q -n 2 tests/simulation tests/handlers/test_recovery.py  # long computing, without the cost of coverage

db: db-first db-rest

FIRST = $(wildcard tests/db/test_[a-l]*.py)  # each half has a PostgreSQL of its own

db-first: setup
	@rm -f .coverage.db-first
	COVERAGE_FILE=.coverage.db-first $(BIN)/coverage run -m pytest -q -m db $(FIRST)

db-rest: setup
	@rm -f .coverage.db-rest
	COVERAGE_FILE=.coverage.db-rest $(BIN)/coverage run -m pytest -q -m db $(FIRST:%=--ignore %)

pbx: pbx-stories pbx-paced pbx-load

pbx-stories: setup
	$(BIN)/pytest -q -n 3 --dist loadfile -m "pbx and not browser and not load and not paced"  # mostly waiting; each PBX has addresses of its own

pbx-paced: setup
	$(BIN)/pytest -q -n 2 --dist loadfile -m "pbx and paced"

pbx-load: setup
	$(BIN)/pytest -q -m "pbx and load"

browser: setup
	$(BIN)/pytest -q -n 2 -m browser  # each worker has a Chromium of its own

soak: setup
	$(BIN)/python -m tests.soak --kills $(or $(KILLS),100) --seed $(or $(SEED),1) --report docs/soak.md

bench: setup
	$(BIN)/python -m tests.bench

lock: setup
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --extra dev --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
