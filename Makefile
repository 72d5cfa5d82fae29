# Retune: build, demo and tests. `make` lists the targets.
SHELL := /bin/bash -euo pipefail
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv/airflow
EXCHANGE := .venv/exchange
BENCH := .venv/bench
CLIENTS := .venv/clients
UV := .venv/uv/bin/uv
PYTHON := $(CURDIR)/$(VENV)/bin/python
# Maven's own libraries use an API that newer JDKs warn about.
MAVEN := MAVEN_OPTS="--sun-misc-unsafe-memory-access=allow $${MAVEN_OPTS:-}" JAVA_HOME="$$(./retune java-home)" ./mvnw -B -q
JAVA_SOURCES := pom.xml $(shell find tasks docker -name pom.xml -o -path '*/src/main/*' -type f)
SCRIPTS := retune mvnw .ci/run docs/images/runs.sh docs/images/dashboard.sh .githooks/pre-commit tasks/train-aot-caches.sh docker/stage.sh docker/pgrep examples/credit-default/make.sh examples/banking77/make.sh
# What ruff looks at, from the folder airflow.
CHECKED := . ../docs ../charts ../bench ../examples
LOCK := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

STAGE := docker/target/stage
VERSION ?= $(shell sed -n 's:^  <version>\(.*\)</version>:\1:p' pom.xml)
BUILD_IMAGES = "$$(./retune java-home)/bin/java" --sun-misc-unsafe-memory-access=allow -cp 'docker/target/classes:docker/target/lib/*' \
  retune.images.Main --stage $(STAGE) --catalogue airflow/dags/retune/catalogue.json --version $(VERSION) --base '$(BASE)' \
  --revision "$$(git rev-parse HEAD 2> /dev/null || true)" --source "$$(git config --get remote.origin.url || true)"

# The commit that the steps were built from, which they record.
NOTE_BUILT := mkdir -p target && { git describe --always --dirty --abbrev=40 --exclude '*' 2> /dev/null > target/built || true; }

# Without stored bytecode, each Airflow task would compile all of its imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: target/built ## Build the Java steps, if their sources changed

# A library that is no longer used must not stay on the class path.
target/libraries: $(shell find . -name pom.xml -not -path './.*')
	@rm -rf tasks/*/target/lib docker/target/lib bench/target/lib
	@mkdir -p $(@D) && touch $@

target/built: target/libraries $(JAVA_SOURCES)
	@echo "Building the steps"
	@$(MAVEN) package -Dmaven.test.skip=true
	@$(NOTE_BUILT)

.PHONY: images
images: $(STAGE)/made ## Build all images into the Docker daemon, or with TARS=folder into files
	@$(BUILD_IMAGES) $(if $(TARS),--tars '$(TARS)',--load yes)

.PHONY: push
push: $(STAGE)/made ## Push the images to REGISTRY=host/folder, with the credentials of docker login
	@$(BUILD_IMAGES) --push '$(or $(REGISTRY),$(error Name the registry: make push REGISTRY=registry.example/team))'

.PHONY: stage
stage: $(STAGE)/made ## Make the images' file systems, from which jib-maven-plugin builds too

$(STAGE)/made: target/built LICENSE NOTICE docker/stage.sh docker/packages.lock docker/java.options docker/pgrep docker/probe/Probe.java tasks/java.options $(wildcard docker/classes/*)
	@echo "Staging the images' files"
	@docker/stage.sh $(STAGE)
	@touch $@

.PHONY: demo
demo: ## Run three days of the loop in a real Airflow and keep it running; EXIT=1 stops it
	@$(MAKE) -s --no-print-directory -j2 build $(VENV)/installed
	@cd airflow && exec $(PYTHON) -m demo $(if $(EXIT),--exit)

.PHONY: clean-demo
clean-demo: ## Delete the demo's days, models and logs
	@rm -rf .retune

.PHONY: check
check: ## Test one module without its slow tests: make check MODULE=steps
	@$(MAVEN) verify -pl 'tasks/$(or $(MODULE),$(error Name the module: make check MODULE=steps))' -am \
	  -Dtest='retune/$(MODULE)/**' -DexcludedGroups=slow -Dsurefire.failIfNoSpecifiedTests=false

.PHONY: test
test: target/libraries $(VENV)/installed-dev ## Test everything: Java, Python, images, demo, docs, formats and types
	$(MAVEN) -Pbench verify
	@$(NOTE_BUILT)
	tasks/train-aot-caches.sh
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory test-images
	cd airflow && $(PYTHON) -m pytest -n 2 --dist loadfile
	$(MAKE) --no-print-directory test-clients
	rm -rf target/demo && cd airflow && RETUNE_STATE=$(CURDIR)/target/demo $(PYTHON) -m pytest -s acceptance
	$(PYTHON) docs/check.py target/demo/store

.PHONY: test-images
test-images: ## Build the images and test them in containers; skipped with a message without a Docker daemon
	@if docker version > /dev/null 2>&1; then \
	  $(MAKE) --no-print-directory images && $(MAVEN) test -pl docker -Dretune.excluded= -Dgroups=images; \
	elif [ -n "$${RETUNE_REQUIRE_DOCKER:-}" ]; then \
	  echo "No Docker daemon answers, and RETUNE_REQUIRE_DOCKER requires one. Start it, or unset the variable." >&2; exit 1; \
	else \
	  echo "SKIPPED: the tests of the images need a Docker daemon, and none answers." >&2; \
	fi

.PHONY: test-python
test-python: build $(EXCHANGE)/installed ## Exchange models with PyTorch in both directions; installs it first (3 GB)
	cd tasks/learning/src/test/python && $(CURDIR)/$(EXCHANGE)/bin/python -m pytest

.PHONY: test-clients
test-clients: build $(CLIENTS)/installed ## Drive the prediction service by tritonclient, kserve and schemathesis; installs them first (0.4 GB)
	cd tasks/serving/src/test/python && $(CURDIR)/$(CLIENTS)/bin/python -m pytest

# The phase package, because in the phase test Maven would compile every module again, against folders of classes instead of jars.
# A name that is used once: the demo expects a store without models.
.PHONY: test-mongo
test-mongo: build $(VENV)/installed ## Test contract, races, kills and the three days on the MongoDB that RETUNE_TEST_MONGO_URI names
	@: "$${RETUNE_TEST_MONGO_URI:?Name the server: make test-mongo RETUNE_TEST_MONGO_URI=mongodb://host:27017/}"
	$(MAVEN) package -pl tasks/runtime,tasks/loop -am -Dtest='NamedServer*Test,KillAnywhereTest#theSameOnTheNamedServer' -Dsurefire.failIfNoSpecifiedTests=false
	rm -rf target/demo-mongo
	RETUNE_DEMO_MONGO_URI="$$(sed -E "s#^(mongodb[^:]*://[^/?]+)(/[^?]*)?#\1/retune_demo_$$(date +%s)#" <<< "$$RETUNE_TEST_MONGO_URI")" \
	  RETUNE_STATE=$(CURDIR)/target/demo-mongo $(MAKE) --no-print-directory demo EXIT=1

.PHONY: test-kubernetes
test-kubernetes: $(VENV)/installed-dev ## Test the chart and the loop in pods on the cluster of KUBECONFIG, which must have the images
	cd airflow && $(PYTHON) -m pytest -c pyproject.toml -n 2 ../charts/tests
	cd airflow && $(PYTHON) -m pytest cluster -s

.PHONY: bench
bench: build $(BENCH)/installed ## Benchmark against Python: NAMES="evaluation copula", TABLE=rows.csv; installs PyTorch and SDV first (3 GB)
	@$(MAVEN) -Pbench package -Dmaven.test.skip=true -pl bench -am
	@tasks/train-aot-caches.sh
	@$(BENCH)/bin/python bench/bench.py $(NAMES) $(if $(TABLE),--table $(TABLE)) $(if $(SMOKE),--smoke)

.PHONY: lint
lint: $(VENV)/installed-dev ## Check Python and the scripts: ruff, mypy, shellcheck
	cd airflow && $(PYTHON) -m ruff format --check $(CHECKED) && $(PYTHON) -m ruff check $(CHECKED)
	cd airflow && $(PYTHON) -m mypy dags demo config plugins ../docs/check.py ../bench/bench.py ../examples/audit/recompute.py ../examples/customer-value/make.py ../examples/banking77/days.py
	$(VENV)/bin/shellcheck $(SCRIPTS)

.PHONY: fast
fast: $(VENV)/installed-dev ## Run the core's tests and the DAGs' structure tests, in seconds
	@$(MAVEN) -o test -pl tasks/core
	@cd airflow && $(PYTHON) -m pytest tests/test_dags.py tests/test_loops.py tests/test_steps.py

.PHONY: format
format: $(VENV)/installed-dev ## Format Java and Python
	@$(MAVEN) spotless:apply
	@cd airflow && $(PYTHON) -m ruff format $(CHECKED) && $(PYTHON) -m ruff check --fix $(CHECKED)

.PHONY: catalogue
catalogue: ## Write the steps' catalogue and reference from their declarations
	@export RETUNE_CATALOGUE=write; $(MAVEN) test -pl tasks/loop -am -Dtest=CatalogueTest -Dsurefire.failIfNoSpecifiedTests=false

.PHONY: class-lists
class-lists: target/built ## Write the lists of classes that the images' class archives hold
	@mkdir -p docker/classes
	@docker/stage.sh $(CURDIR)/target/rehearsal rehearse

.PHONY: licences
licences: $(STAGE)/made ## Write THIRD-PARTY.txt, the libraries and their licences
	@$(MAKE) -s --no-print-directory images TARS=target/images > /dev/null
	@export RETUNE_GOLDEN=write; $(MAVEN) test -pl docker -Dretune.excluded= -Dtest=LicensesTest

.PHONY: outdated
outdated: $(VENV)/installed-dev ## List the dependencies and plug-ins that have newer releases
	@JAVA_HOME="$$(./retune java-home)" ./mvnw -B -ntp versions:display-property-updates | \
	  sed -n 's/^\[INFO\] *$${\([^}]*\)} [. ]*\(.* -> .*\)/\1 \2/p'
	@$(UV) pip list --python $(PYTHON) --outdated

.PHONY: lock
lock: $(UV) ## Pin the Python requirements by hash
	cd airflow && for name in requirements-uv requirements requirements-dev; do \
	  ../$(LOCK) $$name.in -o $$name.lock; \
	done
	$(LOCK) bench/requirements.in -o bench/requirements.lock
	$(LOCK) tasks/serving/src/test/python/requirements.in -o tasks/serving/src/test/python/requirements.lock

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

$(CLIENTS)/installed: tasks/serving/src/test/python/requirements.lock $(UV)
	@$(UV) venv -q --clear $(CLIENTS) --python .venv/uv/bin/python
	@$(UV) pip install -q --python $(CLIENTS)/bin/python --compile-bytecode --require-hashes -r $<
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
	echo "Retune needs Python 3.11 or newer with its venv module. Install it, for example the packages python3 and python3-venv." >&2; \
	exit 1
