# `make demo` and `make test` do all set-up themselves. torch comes first and pinned: pip would else pull the newest
# build, which on many machines means several gigabytes of GPU libraries.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo test check clean

demo: $(VENV)/ready
	rm -rf build/demo
	$(BIN)/neurontology demo --out build/demo

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/ready
	BIN=$(BIN) .ci/checks

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@
