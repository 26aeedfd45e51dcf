# Needs Python 3.11 or later and make; everything else goes into .venv.
# `make test` also wants a JDK 17 with Maven and a redis-server (see README.md): without them it
# uses the embedded servers, and says so.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.installed
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Does in seconds what pip does in minutes, by the same hashes.
UV     := $(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench chaos quality lock sdks tracker clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(STAMPS)/demo  ## try it: embedded servers, simulated shoppers, about two minutes
	$(BIN)/ebb demo $(ARGS)

# For two cores: one process waits for workers and servers while the other reckons; with a third,
# all of them only wait for a core. JOBS=0 for a debugger.
JOBS ?= 2

# Hundreds of processes import the same modules. Where the environment says to write no bytecode,
# as that of an image often does, each of them would compile every module for itself.
test chaos quality: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMPS)/dev  ## all tests, the end-to-end ones on real servers (ARGS=-x ..., JOBS=2)
	$(BIN)/python -m pytest -n $(JOBS) --max-worker-restart=3 --durations=10 --durations-min=5 $(ARGS)

lint: $(STAMPS)/dev  ## style, types, the direction of imports, the compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers auto
	$(BIN)/lint-imports
	@if command -v docker-compose >/dev/null 2>&1; then \
		echo docker-compose config -q; docker-compose config -q; \
	elif docker compose version >/dev/null 2>&1; then \
		echo docker compose config -q; docker compose config -q; \
	else \
		echo "WARNING: docker-compose.yml was NOT checked: no docker-compose on this machine" >&2; \
	fi

bench: $(STAMPS)/dev $(STAMPS)/peers  ## measure the speed beside others (ARGS="latency --quick")
	$(BIN)/python -m bench $(ARGS)

chaos: $(STAMPS)/dev  ## kill everything again and again, for most of an hour (ARGS="--rounds 2")
	$(BIN)/python -m tests.chaos $(ARGS)

quality: $(STAMPS)/dev  ## judge the Bayesian model on real data (EBB_COMPLETEJOURNEY=events.csv.gz)
	$(BIN)/python -m tests.quality $(ARGS)

# The locks hold hashes for every platform and no addresses: any registry or mirror will do.
PINNED = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
COMPILE = $(PINNED) pyproject.toml --group build
SDKS := tests/e2e/sdks

lock: $(STAMPS)/dev  ## resolve the dependencies anew (UPGRADE=--upgrade for newer versions)
	$(COMPILE) $(UPGRADE) --extra collect --extra fast -o requirements/base.txt
	$(COMPILE) $(UPGRADE) --extra collect --extra embedded --extra fast \
		-c requirements/base.txt -o requirements/demo.txt
	$(COMPILE) $(UPGRADE) --extra dev -c requirements/demo.txt -o requirements/dev.txt
	echo uv | $(PINNED) - -c requirements/dev.txt -o requirements/uv.txt
	$(COMPILE) $(UPGRADE) --extra peers -o requirements/peers.txt
	$(PINNED) $(UPGRADE) --group sdks -o requirements/sdks.txt

sdks:  ## resolve the SDKs of the tests anew, those of Node, too (needs Node)
	cd $(SDKS) && npm install --package-lock-only --ignore-scripts --no-audit --no-fund \
		--omit-lockfile-registry-resolved

# The script that browsers load: checked in as made, with the hash of what it was made of, so that
# nobody else needs Node (tests/streams/collect/tracker looks).
TRACKER := streams/collect/tracker

tracker:  ## minify the tracker after a change of it (needs Node)
	npx --yes esbuild@0.28.2 --minify --target=es2018 --outfile=$(TRACKER)/ebb.min.js \
		--banner:js="/*! ebb.js of $$(sha256sum < $(TRACKER)/ebb.js | cut -c 1-16), Apache-2.0 */" \
		--log-level=warning $(TRACKER)/ebb.js

clean:  ## remove .venv and whatever was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	rm -rf .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for all: the locks agree on every version (`make lock` derives them in turn),
# so installing one after the other only ever adds.
$(STAMPS)/dev: requirements/uv.txt requirements/dev.txt requirements/data.txt pyproject.toml \
		| $(STAMPS)
	$(PIP) install --require-hashes -r requirements/uv.txt
	@# Where only pip has been told of the registry, pip it is.
	$(UV) --require-hashes -r requirements/dev.txt || \
		$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --require-hashes -r requirements/data.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What the bench compares with wants older versions than ours: an environment of its own. Whoever
# cannot be installed is skipped.
$(STAMPS)/peers: requirements/peers.txt | $(STAMPS)
	@test -x $(VENV)/peers/bin/python || $(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet install \
		--require-hashes -r $< && touch $@ || \
		echo "WARNING: the peers could not be installed; the bench goes on without them" >&2

$(STAMPS)/%: requirements/%.txt pyproject.toml | $(STAMPS)
	$(PIP) install --require-hashes -r $<
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Ebbtide needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
			"Choose another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "Could not make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; \
		rm -rf $(VENV); exit 1; }
	@mkdir -p $@
