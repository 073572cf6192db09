# The commands of this repository. They set up what they need in .venv and .local, and nowhere else.

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/common services/gateway services/enricher services/query-api deploy/local
PYTEST_ARGS ?=
# So many tests at a time: most of them wait for processes. A file's tests stay together, and share what they start.
WORKERS ?= 4
# The longest files, then in the order of the directories: those of whole processes come first, and thousands of short tests fill the gaps at the end.
SPREAD := --dist loadfile --no-loadscope-reorder
BENCH_ARGS ?=
FLEET ?= 1
# Tests start hundreds of processes: each would compile our modules again where the environment says so.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test test-kafka test-peers fuzz hostile dashboard test-dashboard test-docker test-deploy check unit integration e2e faults bench soak curves graphs format lock clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## the whole pipeline with a demo fleet (FLEET=0: without), until Ctrl-C
	@FLEET=$(FLEET) exec $(BIN)/python -m ocpplog_local

test: check ## every check and test
	$(BIN)/pytest -n $(WORKERS) $(SPREAD) $(PYTEST_ARGS)

check: $(VENV)/.test ## format, lint, types, direction of imports
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy $(addsuffix /src,$(PACKAGES)) tests
	$(BIN)/lint-imports --no-logo

unit: $(VENV)/.test ## unit tests
	$(BIN)/pytest -n $(WORKERS) $(SPREAD) tests/unit $(PYTEST_ARGS)

integration: $(VENV)/.test ## tests of a service with real components
	$(BIN)/pytest -n $(WORKERS) $(SPREAD) tests/integration $(PYTEST_ARGS)

e2e: $(VENV)/.test ## tests of the whole pipeline
	$(BIN)/pytest tests/e2e $(PYTEST_ARGS)

FAULTS_ROUNDS ?= 20
FAULTS_SEED ?= 1
FAULTS_REPORT ?=
faults: $(VENV)/.test ## rounds of combined faults by seed (FAULTS_ROUNDS=20 FAULTS_SEED=1; FAULTS_REPORT=file.json keeps them; on Apache Kafka with OCPPLOG_TEST_KAFKA_JARS)
	FAULTS_ROUNDS=$(FAULTS_ROUNDS) FAULTS_SEED=$(FAULTS_SEED) FAULTS_REPORT=$(FAULTS_REPORT) $(BIN)/pytest -s tests/faults/test_rounds.py tests/faults/test_pipeline_rounds.py $(PYTEST_ARGS)

# What a broker can make a difference to, the longest first; make run has one of its own.
ON_KAFKA := replay enricher api_writes levels connection_events gateway_outages upgrade gateway_replicas kafka_security gateway
# Rounds are on three nodes, below.
FAULTS_ON_KAFKA := enricher_faults enricher_poison
ON_APACHE := OCPPLOG_TEST_KAFKA_JARS=$(CURDIR)/.local/kafka-jars
# With its classes at hand a node is up in half the time.
KAFKA_CLASSES := $(CURDIR)/.local/kafka-classes.jsa
test-kafka: $(VENV)/.test .local/kafka-classes.jsa ## what depends on the broker, on Apache Kafka itself: one node, and three (needs Java 17 and Maven)
	$(ON_APACHE) JDK_JAVA_OPTIONS=-XX:SharedArchiveFile=$(KAFKA_CLASSES) $(BIN)/pytest -n $(WORKERS) $(SPREAD) $(ON_KAFKA:%=tests/integration/test_%.py) \
		$(FAULTS_ON_KAFKA:%=tests/faults/test_%.py) $(PYTEST_ARGS)
	$(ON_APACHE) JDK_JAVA_OPTIONS=-XX:SharedArchiveFile=$(KAFKA_CLASSES) OCPPLOG_TEST_KAFKA_NODES=3 FAULTS_ROUNDS=2 FAULTS_SEED=9001 \
		$(BIN)/pytest -n 2 $(SPREAD) tests/faults/test_rounds.py tests/faults/test_pipeline_rounds.py \
		tests/integration/test_gateway_replicas.py $(PYTEST_ARGS)

FUZZ ?=
FUZZ_SECONDS ?= 60
FUZZ_REPORT ?=
fuzz: $(VENV)/.fuzz ## what reads foreign bytes, under fuzzers that know its invariants (FUZZ=frames FUZZ_SECONDS=60 FUZZ_REPORT=docs/proof/fuzz.json)
	cd tests && PYTHONPATH=. ../$(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS) $(if $(FUZZ_REPORT),--report $(CURDIR)/$(FUZZ_REPORT)) $(FUZZ)

HOSTILE ?= --handshakes 1000000
hostile: $(VENV)/.test ## a million bogus handshakes, while a charger is served (HOSTILE="--handshakes 1000000 --report docs/proof/hostile.json"); or HOSTILE="--part api --seconds 60"
	cd tests && PYTHONPATH=. ../$(BIN)/python -m hostile $(HOSTILE)

test-peers: $(VENV)/.test tests/peers/node_modules/.installed ## the gateway between peers of other authors (needs Node.js 18 and npm)
	OCPPLOG_TEST_PEERS=1 $(BIN)/pytest tests/integration/test_gateway_peers.py $(PYTEST_ARGS)

test-docker: $(VENV)/.test .local/kafka-jars ## the images, and Kafka in a container (needs a Docker engine or, to start one, root on Debian; CA_FILE: a proxy's certificates)
	tests/images/engine
	tests/images/images
	OCPPLOG_TEST_DOCKER=$$(tests/images/cli) $(BIN)/pytest tests/images tests/integration/test_containers.py $(PYTEST_ARGS)

KUBECTL ?= kubectl
test-deploy: $(VENV)/.test ## the manifests: rendered, validated, and whether names, ports, settings and metrics meet (needs kubectl)
	@command -v $(KUBECTL) >/dev/null || { echo "kubectl is missing: install it, or name it in KUBECTL" >&2; exit 1; }
	OCPPLOG_TEST_KUBECTL=$$(command -v $(KUBECTL)) $(BIN)/pytest tests/deploy $(PYTEST_ARGS)

DASHBOARD := services/query-api/dashboard
dashboard: $(DASHBOARD)/node_modules/.installed ## build the dashboard that the query API ships, after a change of its sources (needs Node.js 20 and npm)
	cd $(DASHBOARD) && node build.mjs

# What is shipped is what the sources build; types, units; then as people use it, in Debian's Chromium.
test-dashboard: $(VENV)/.browser $(DASHBOARD)/node_modules/.installed ## the dashboard, in a browser too (needs Node.js 20, npm and Chromium)
	cd $(DASHBOARD) && npm run --silent types && node test.mjs
	$(BIN)/pytest -n 2 --dist loadfile tests/browser $(PYTEST_ARGS)

BENCH ?= gateway enricher store api
# A broker that is measured may take its time to start.
bench soak curves: export OCPPLOG_TEST_KAFKA_JVM :=

BENCH_JSON ?= build/bench
BENCH_REPORT ?=
bench: $(VENV)/.test ## the benchmarks against named references, JSON under BENCH_JSON (BENCH=enricher: one; BENCH_ARGS=--quick: 3 minutes)
	cd tests && ../$(BIN)/python -m benchmarks $(BENCH) --json $(abspath $(BENCH_JSON)) $(if $(BENCH_REPORT),--report $(abspath $(BENCH_REPORT))) $(BENCH_ARGS)

SOAK_MINUTES ?= 60
SOAK_RATE ?=
SOAK_REPORT ?=
SOAK_ARGS ?=
soak: $(VENV)/.test ## the whole pipeline for an hour: does anything grow? (SOAK_MINUTES, SOAK_RATE frames/s; SOAK_ARGS=--quick: 3 minutes)
	cd tests && ../$(BIN)/python -m benchmarks.soak $(if $(findstring --quick,$(SOAK_ARGS)),,--minutes $(SOAK_MINUTES)) $(if $(SOAK_RATE),--rate $(SOAK_RATE)) \
		$(if $(SOAK_REPORT),--json $(abspath $(SOAK_REPORT))) $(SOAK_ARGS)

CURVES ?= connections rate enrichers rows
CURVES_JSON ?= docs/proof/curves
CURVES_ARGS ?=
curves: $(VENV)/.test ## measure what docs/proof/benchmarks.md shows, for two hours (CURVES=rate: one; CURVES_ARGS=--quick: whether it works)
	cd tests && ../$(BIN)/python -m benchmarks.curves $(CURVES) --json $(abspath $(CURVES_JSON)) $(CURVES_ARGS)

graphs: $(VENV)/.test ## draw docs/proof/benchmarks.md from the JSON files beside it
	cd tests && ../$(BIN)/python -m benchmarks.graphs

.local/kafka-jars: tests/support/kafka/pom.xml
	mvn -q -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$@
	@touch $@

.local/kafka-classes.jsa: .local/kafka-jars $(VENV)/.test
	cd tests && $(ON_APACHE) JDK_JAVA_OPTIONS=-XX:ArchiveClassesAtExit=$(KAFKA_CLASSES) ../$(BIN)/python -m support.kafka_archive

tests/peers/node_modules/.installed: tests/peers/package.json tests/peers/package-lock.json
	npm ci --prefix tests/peers --ignore-scripts --no-audit --no-fund
	@touch $@

$(DASHBOARD)/node_modules/.installed: $(DASHBOARD)/package.json $(DASHBOARD)/package-lock.json
	npm ci --prefix $(DASHBOARD) --ignore-scripts --no-audit --no-fund
	@touch $@

format: $(VENV)/.test ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.test ## resolve the requirement files anew, after a change of dependencies (needs uv)
	uv lock
	uv export -q --frozen --package ocpplog-common --no-emit-workspace --no-header -o libs/common/requirements.txt
	uv export -q --frozen --package ocpplog-gateway --extra traces --no-emit-workspace --no-header -o services/gateway/requirements.txt
	uv export -q --frozen --package ocpplog-enricher --extra traces --no-emit-workspace --no-header -o services/enricher/requirements.txt
	uv export -q --frozen --package ocpplog-query-api --extra traces --no-emit-workspace --no-header -o services/query-api/requirements.txt
	uv export -q --frozen --package ocpplog-local --extra build --no-emit-workspace --no-header -o deploy/local/requirements.txt
	uv export -q --frozen --package ocpplog-tests --no-emit-workspace --no-header -o tests/requirements.txt
	uv export -q --frozen --package ocpplog-tests --only-group fuzz --no-emit-workspace --no-header -o tests/fuzz/requirements.txt

clean: ## remove what was set up here; the data of the local run stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache tests/peers/node_modules $(DASHBOARD)/node_modules

# A first one of these takes a minute or two: it downloads about 250 MB, most of it the embedded ClickHouse.
$(VENV)/.run: deploy/local/requirements.txt $(addsuffix /pyproject.toml,$(PACKAGES)) | $(BIN)/python
	@echo "installing what the local run needs (the first time: about 250 MB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/local/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.run
	@echo "installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

$(VENV)/.fuzz: tests/fuzz/requirements.txt $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.txt
	@touch $@

$(VENV)/.browser: tests/browser/requirements.txt $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/browser/requirements.txt
	@command -v chromium-headless-shell >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-dejavu-core; } >/dev/null; } || \
	  command -v chromium >/dev/null || { echo "Chromium is missing: on Debian, install the package chromium-headless-shell" >&2; exit 1; }
	@touch $@

$(BIN)/python:
	@for candidate in "$${PYTHON:-python3}" python3.11 python3.12 python3.13; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "creating $(VENV) with $$("$$candidate" --version)"; \
	    "$$candidate" -m venv $(VENV) || { echo "the venv module is missing: on Debian, install python3-venv" >&2; exit 1; }; \
	    exit 0; \
	  fi; \
	done; echo "Python 3.11 or newer is needed: set PYTHON to it" >&2; exit 1
