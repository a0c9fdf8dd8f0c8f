# The commands of this repository. `make run` and `make test` work on a fresh clone with Python 3.11, node 20 and apt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run test check format bench fuzz load soak science screenshots openapi
.DELETE_ON_ERROR:

## Serve the app at http://127.0.0.1:8000
run: .venv/installed
	$(BIN)/sparsescope serve

## Every test: Python, the browser, JavaScript
test: .venv/installed-dev node_modules/installed .venv/chromium .venv/postgresql
	$(BIN)/pytest --numprocesses auto --dist loadfile
	npm test

## Formatting, lint and types
check: .venv/installed-dev node_modules/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	npm run check

format: .venv/installed-dev node_modules/installed
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .
	npm run format

## Time everything that has a reference beside it; table and picture go into the README
bench: .venv/installed-dev .venv/chromium
	PYTHONPATH=.:tests $(BIN)/python -m bench
	PYTHONPATH=. $(BIN)/python tests/bench_draw.py

## Ten thousand requests made from the OpenAPI document; fails on a server error or an undocumented answer
fuzz: .venv/installed-dev
	PYTHONPATH=.:tests $(BIN)/python tests/fuzz.py --cases $(or $(CASES),10000) --seed $(or $(SEED),0)

## Two hundred visitors while a prune runs; the table goes into the README
load: .venv/installed-dev
	PYTHONPATH=.:tests $(BIN)/python tests/load.py --readme README.md

## An hour, or MINUTES, of steady visitors and jobs; fails where memory goes on growing
soak: .venv/installed-dev
	PYTHONPATH=.:tests $(BIN)/python tests/soak.py --minutes $(or $(MINUTES),60)

## Measure every bundled model and circuit again; the tables go into the README
science: .venv/installed
	$(BIN)/sparsescope science --readme README.md

## Pictures of the main states of the page, into docs/screenshots
screenshots: .venv/installed-dev .venv/chromium
	PYTHONPATH=. $(BIN)/python tests/screenshots.py

## Write openapi.json and the JavaScript types made from it
openapi: .venv/installed-dev node_modules/installed
	$(BIN)/sparsescope openapi > openapi.json
	npm run types

# -- what is installed, each with a stamp so that a second run starts at once ---------------

.venv/installed: pyproject.toml constraints.txt
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) --editable '.[dev]'
	touch $@

node_modules/installed: package.json package-lock.json
	npm ci --no-audit --no-fund
	touch $@

.venv/chromium: | .venv/installed
	[ -n "$$CHROMIUM" ] || [ -x /usr/bin/chromium ] || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install --yes --no-install-recommends chromium; }
	touch $@

.venv/postgresql: | .venv/installed
	[ -n "$$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || command -v initdb >/dev/null || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install --yes --no-install-recommends postgresql; }
	touch $@
