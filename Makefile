# Two commands: `make demo` shows the main job on the packaged data, `make test` runs the tests.
# Each sets everything up by itself in .venv; nothing outside this folder is touched.

PYTHON ?= python3
VENV ?= .venv
RUNS ?= demo
# Test documents a language; all there are: make demo LIMIT=250 RUNS=demo-all
LIMIT ?= 40
bin := $(VENV)/bin
# Two threads: more do not help at this size, and equal thread counts give equal bits.
export OMP_NUM_THREADS ?= 2

.PHONY: demo test lint bench clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo   adapt the packaged model both ways on English, generate in 18 languages, report.html"
	@echo "make test   run the tests"
	@echo "make lint   ruff, format check, mypy"
	@echo "make bench  every speed comparison with transformers, peft, CTranslate2 ...: hours; into bench.json"

# torch comes first and alone, so that the build already chosen for this machine stays.
$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "xlgen needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(bin)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(bin)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(bin)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/ready-for-tests: $(VENV)/ready requirements-test.lock
	$(bin)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.lock
	touch $@

demo: $(VENV)/ready
	$(bin)/xlgen train demo.prompt --out $(RUNS)/prompt
	$(bin)/xlgen train demo.model --out $(RUNS)/model
	$(bin)/xlgen evaluate --run $(RUNS)/prompt --benchmark howto0 --limit $(LIMIT)
	$(bin)/xlgen evaluate --run $(RUNS)/model --benchmark howto0 --limit $(LIMIT)
	$(bin)/xlgen evaluate --run $(RUNS)/lead-64 --baseline lead-64 --benchmark howto0 --limit $(LIMIT)
	$(bin)/xlgen evaluate --run $(RUNS)/prompt --benchmark howto0-short --limit $(LIMIT)
	$(bin)/xlgen evaluate --run $(RUNS)/model --benchmark howto0-short --limit $(LIMIT)
	$(bin)/xlgen evaluate --run $(RUNS)/lead-64 --baseline lead-64 --benchmark howto0-short --limit $(LIMIT)
	$(bin)/xlgen report $(RUNS)/prompt $(RUNS)/model $(RUNS)/lead-64 --out report.html

test: $(VENV)/ready-for-tests
	$(bin)/python -m pytest

lint: $(VENV)/ready-for-tests
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy

bench: $(VENV)/ready-for-tests
	$(bin)/python benchmarks-perf/suite.py --out bench.json --threads $(OMP_NUM_THREADS)

clean:
	rm -rf $(VENV) build dist *.egg-info
