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
JAVA_SOURCES := pom.xml $(shell find tasks docker -name pom.xml -o -path '*/src/main/*' -type f)
SCRIPTS := retune mvnw .ci/run tasks/train-aot-caches.sh docker/stage.sh docker/pgrep examples/credit-default/make.sh
LOCK := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

STAGE := docker/target/stage
VERSION ?= $(shell sed -n 's:^  <version>\(.*\)</version>:\1:p' pom.xml)
BUILD_IMAGES = "$$(./retune java-home)/bin/java" --sun-misc-unsafe-memory-access=allow -cp 'docker/target/classes:docker/target/lib/*' \
  retune.images.Main --stage $(STAGE) --catalogue airflow/dags/retune/catalogue.json --version $(VERSION) --base '$(BASE)' \
  --revision "$$(git rev-parse HEAD 2> /dev/null || true)" --source "$$(git config --get remote.origin.url || true)"

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

.PHONY: images
images: $(STAGE)/made ## Build an image for each step into the Docker daemon; TARS=folder writes files and needs none
	@$(BUILD_IMAGES) $(if $(TARS),--tars '$(TARS)',--load yes)

.PHONY: push
push: $(STAGE)/made ## Push the images to REGISTRY=host/folder, as docker login allows
	@$(BUILD_IMAGES) --push '$(or $(REGISTRY),$(error Name the registry: make push REGISTRY=registry.example/team))'

$(STAGE)/made: target/built docker/stage.sh docker/packages.lock docker/java.options docker/pgrep tasks/java.options $(wildcard docker/classes/*)
	@echo "Staging the images' files"
	@docker/stage.sh $(STAGE)
	@touch $@

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
	$(MAKE) --no-print-directory test-images
	cd airflow && $(PYTHON) -m pytest
	rm -rf target/demo && RETUNE_STATE=$(CURDIR)/target/demo $(MAKE) --no-print-directory demo EXIT=1
	$(PYTHON) docs/check.py target/demo/store

.PHONY: test-images
test-images: ## Build the images and run each in containers; skipped, and said so, where no Docker daemon answers
	@if docker version > /dev/null 2>&1; then \
	  $(MAKE) --no-print-directory images && $(MAVEN) test -pl docker -Dretune.excluded= -Dgroups=images; \
	elif [ -n "$${RETUNE_REQUIRE_DOCKER:-}" ]; then \
	  echo "No Docker daemon answers, and RETUNE_REQUIRE_DOCKER asks for one: start it, or unset the variable." >&2; exit 1; \
	else \
	  echo "SKIPPED: the images are not tested, because no Docker daemon answers." >&2; \
	fi

.PHONY: test-python
test-python: build $(EXCHANGE)/installed ## Exchange models with real PyTorch, both ways; installs it first (3 GB)
	cd tasks/learning/src/test/python && $(CURDIR)/$(EXCHANGE)/bin/python -m pytest

# A name that is used once: the demo expects a store without models.
.PHONY: test-mongo
test-mongo: build $(VENV)/installed ## Test contract, races, kills and the three days on the MongoDB that RETUNE_TEST_MONGO_URI names
	@: "$${RETUNE_TEST_MONGO_URI:?Name the server: make test-mongo RETUNE_TEST_MONGO_URI=mongodb://host:27017/}"
	$(MAVEN) test -pl tasks/runtime,tasks/loop -am -Dtest='NamedServer*Test,KillAnywhereTest#theSameOnTheNamedServer' -Dsurefire.failIfNoSpecifiedTests=false
	rm -rf target/demo-mongo
	RETUNE_DEMO_MONGO_URI="$$(sed -E "s#^(mongodb[^:]*://[^/?]+)(/[^?]*)?#\1/retune_demo_$$(date +%s)#" <<< "$$RETUNE_TEST_MONGO_URI")" \
	  RETUNE_STATE=$(CURDIR)/target/demo-mongo $(MAKE) --no-print-directory demo EXIT=1

.PHONY: test-kubernetes
test-kubernetes: $(VENV)/installed-dev ## Test the chart, and the loop in pods, on the cluster of KUBECONFIG; it must have the images
	cd airflow && $(PYTHON) -m pytest ../charts/tests cluster -s

.PHONY: bench
bench: build $(BENCH)/installed ## Measure beside Python: NAMES="evaluation copula", TABLE=rows.csv; installs PyTorch and SDV first (3 GB)
	@$(MAVEN) -Pbench package -Dmaven.test.skip=true -pl bench -am
	@tasks/train-aot-caches.sh
	@$(BENCH)/bin/python bench/bench.py $(NAMES) $(if $(TABLE),--table $(TABLE)) $(if $(SMOKE),--smoke)

.PHONY: lint
lint: $(VENV)/installed-dev ## Check Python and the scripts: ruff, mypy, shellcheck
	cd airflow && $(PYTHON) -m ruff format --check . ../docs ../charts ../bench && $(PYTHON) -m ruff check . ../docs ../charts ../bench
	cd airflow && $(PYTHON) -m mypy dags demo config ../docs/check.py ../bench/bench.py
	$(VENV)/bin/shellcheck $(SCRIPTS)

.PHONY: fast
fast: $(VENV)/installed-dev ## The inner loop: the core's tests and the DAGs' structure, in seconds
	@$(MAVEN) -o test -pl tasks/core
	@cd airflow && $(PYTHON) -m pytest tests/test_dags.py tests/test_loops.py tests/test_steps.py

.PHONY: format
format: $(VENV)/installed-dev ## Format Java and Python
	@$(MAVEN) spotless:apply
	@cd airflow && $(PYTHON) -m ruff format . ../docs ../charts ../bench && $(PYTHON) -m ruff check --fix . ../docs ../charts ../bench

.PHONY: catalogue
catalogue: ## Write the steps' catalogue and reference again from their declarations
	@export RETUNE_CATALOGUE=write; $(MAVEN) test -pl tasks/loop -am -Dtest=CatalogueTest -Dsurefire.failIfNoSpecifiedTests=false

.PHONY: class-lists
class-lists: target/built ## Write again which classes the images' steps load at their start
	@mkdir -p docker/classes
	@docker/stage.sh $(CURDIR)/target/rehearsal rehearse

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
