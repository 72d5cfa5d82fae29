# Retune: build, demo and tests. `make` lists the targets.
SHELL := /bin/bash -euo pipefail
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv/airflow
EXCHANGE := .venv/exchange
BENCH := .venv/bench
UV := .venv/uv/bin/uv
PYTHON := $(CURDIR)/$(VENV)/bin/python
# Maven's own libraries use what newer JDKs warn about.
MAVEN := MAVEN_OPTS="--sun-misc-unsafe-memory-access=allow $${MAVEN_OPTS:-}" JAVA_HOME="$$(./retune java-home)" ./mvnw -B -q
JAVA_SOURCES := pom.xml $(shell find tasks -name pom.xml -o -path '*/src/main/*' -type f)
SCRIPTS := retune mvnw .ci/run tasks/train-aot-caches.sh examples/credit-default/make.sh
LOCK := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

# Each task of Airflow would compile what it imports if Python were not allowed to keep bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: target/built ## Build the Java steps; nothing where nothing has changed

target/built: $(JAVA_SOURCES)
	@echo "Building the steps"
	@$(MAVEN) package -Dmaven.test.skip=true
	@mkdir -p $(@D) && touch $@

.PHONY: demo
demo: ## Take three days through the loop in a real Airflow and stay up; EXIT=1 stops by itself
	@$(MAKE) -s --no-print-directory -j2 build $(VENV)/installed
	@cd airflow && exec $(PYTHON) -m demo $(if $(EXIT),--exit)

.PHONY: clean-demo
clean-demo: ## Forget the demo's days, models and logs
	@rm -rf .retune

.PHONY: test
test: $(VENV)/installed-dev ## Test everything: Java, Python, formats, types, scripts
	$(MAVEN) verify
	@mkdir -p target && touch target/built
	tasks/train-aot-caches.sh
	$(MAKE) --no-print-directory lint
	cd airflow && $(PYTHON) -m pytest
	rm -rf target/demo && RETUNE_STATE=$(CURDIR)/target/demo $(MAKE) --no-print-directory demo EXIT=1
	$(PYTHON) docs/check.py target/demo/store

.PHONY: test-python
test-python: build $(EXCHANGE)/installed ## Exchange models with real PyTorch, both ways; installs it first (3 GB)
	cd tasks/learning/src/test/python && $(CURDIR)/$(EXCHANGE)/bin/python -m pytest

.PHONY: bench
bench: build $(BENCH)/installed ## Measure beside Python: NAMES="evaluation copula", TABLE=rows.csv; installs PyTorch and SDV first (3 GB)
	@$(MAVEN) -Pbench package -Dmaven.test.skip=true -pl bench -am
	@tasks/train-aot-caches.sh
	@$(BENCH)/bin/python bench/bench.py $(NAMES) $(if $(TABLE),--table $(TABLE)) $(if $(SMOKE),--smoke)

.PHONY: lint
lint: $(VENV)/installed-dev ## Check Python and the scripts: ruff, mypy, shellcheck
	cd airflow && $(PYTHON) -m ruff format --check . ../docs ../bench && $(PYTHON) -m ruff check . ../docs ../bench
	cd airflow && $(PYTHON) -m mypy dags demo config ../docs/check.py ../bench/bench.py
	$(VENV)/bin/shellcheck $(SCRIPTS)

.PHONY: fast
fast: $(VENV)/installed-dev ## The inner loop: the core's tests and the DAGs' structure, in seconds
	@$(MAVEN) -o test -pl tasks/core
	@cd airflow && $(PYTHON) -m pytest tests/test_dags.py tests/test_loops.py tests/test_steps.py

.PHONY: format
format: $(VENV)/installed-dev ## Format Java and Python
	@$(MAVEN) spotless:apply
	@cd airflow && $(PYTHON) -m ruff format . ../docs ../bench && $(PYTHON) -m ruff check --fix . ../docs ../bench

.PHONY: catalogue
catalogue: ## Write the steps' catalogue and reference again from their declarations
	@export RETUNE_CATALOGUE=write; $(MAVEN) test -pl tasks/loop -am -Dtest=CatalogueTest -Dsurefire.failIfNoSpecifiedTests=false

.PHONY: lock
lock: $(UV) ## Pin what the requirements name, by hash
	cd airflow && for name in requirements-uv requirements requirements-dev; do \
	  ../$(LOCK) $$name.in -o $$name.lock; \
	done
	$(LOCK) bench/requirements.in -o bench/requirements.lock

$(VENV)/installed: airflow/requirements.lock $(UV)
	@echo "Installing Airflow"
	@$(UV) venv -q --clear $(VENV) --python .venv/uv/bin/python
	@$(UV) pip install -q --python $(PYTHON) --compile-bytecode --require-hashes -r $<
	@touch $@

$(VENV)/installed-dev: airflow/requirements-dev.lock $(VENV)/installed
	@$(UV) pip install -q --python $(PYTHON) --compile-bytecode --require-hashes -r $<
	@touch $@

$(EXCHANGE)/installed: tasks/learning/src/test/python/requirements.lock $(UV)
	@$(UV) venv -q --clear $(EXCHANGE) --python .venv/uv/bin/python
	@$(UV) pip install -q --python $(EXCHANGE)/bin/python --require-hashes -r $<
	@touch $@

$(BENCH)/installed: bench/requirements.lock $(UV)
	@$(UV) venv -q --clear $(BENCH) --python .venv/uv/bin/python
	@$(UV) pip install -q --python $(BENCH)/bin/python --require-hashes -r $<
	@touch $@

$(UV): airflow/requirements-uv.lock
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
	    $$python -m venv --clear .venv/uv && \
	    exec .venv/uv/bin/pip install -q --disable-pip-version-check --require-hashes -r $<; \
	  fi; \
	done; \
	echo "Retune needs Python 3.11 or newer with its venv module: install it, for example python3 and python3-venv." >&2; \
	exit 1
