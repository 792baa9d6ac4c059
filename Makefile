# Everything a person or a machine does with mesip. Each target installs what it needs and is quick the second time.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)

DISTRICTS ?= 1
PORT ?= 5000
SEED ?= 1
WEB := api/web
WEB_SOURCES := $(shell find $(WEB) -path $(WEB)/node_modules -prune -o -path $(WEB)/dist -prune -o -type f -print)

.PHONY: help setup web demo test lint bench bench-api bench-privacy bench-openapi chaos corpus docs clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 15

setup: .venv/.ready .venv/.system web ## Python, packages, PostGIS, the web page
	@true

demo: setup ## Make the sample city, load it, serve it (DISTRICTS=1 PORT=5000)
	@mesip demo --districts $(DISTRICTS) --port $(PORT)

test: setup .venv/.clients lint ## Lint and all tests
	@pytest -q --numprocesses 2 --dist loadfile

lint: .venv/.ready ## Form, types, and which room may import which
	@ruff check .
	ruff format --check .
	lint-imports --no-cache
	pyright

bench: setup .venv/.clients ## Loads against ogr2ogr, and what limits are worth
	@python tests/bench_loads.py
	python tests/bench_limits.py

bench-api: setup .venv/.peers ## Pages and tiles against pygeoapi, tipg and the database alone
	@python tests/bench_api.py
	python tests/bench_tiles.py

chaos: setup ## Loads among accidents: kills, full disks, cut lines, crowds (SEED=1)
	@python tests/chaos/run.py --seed $(SEED)

corpus: setup ## Load every file of the corpus, and write docs/corpus.md
	@pytest -q tests/test_corpus.py --write-corpus --timeout 1800

bench-privacy: setup ## 10,000 requests over two databases that differ in what is hidden
	@pytest -q tests/privacy --requests 10000 --timeout 3600

bench-openapi: setup ## schemathesis on the OpenAPI document, with all its checks that apply
	@python tests/bench_openapi.py

docs: .venv/.ready ## The pages derived from the declarations
	@python docs/derive.py

clean: ## Remove what was built; data in var/ stays
	@rm -rf .venv $(WEB)/node_modules $(WEB)/dist

web: $(WEB)/dist/.ready
	@true

.venv/.ready: pyproject.toml constraints.txt setup/find_python
	@python=$$(setup/find_python)
	[ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 12))' \
		|| "$$python" -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	touch $@

.venv/.system: setup/system_packages .venv/.ready
	@setup/system_packages postgis
	touch $@

.venv/.clients: setup/system_packages .venv/.ready
	@setup/system_packages clients
	touch $@

.venv/.peers: .venv/.ready
	@python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group bench
	touch $@

$(WEB)/node_modules/.ready: $(WEB)/package.json $(WEB)/package-lock.json .venv/.ready
	@cd $(WEB)
	npm ci --no-audit --no-fund --loglevel=error
	touch node_modules/.ready

$(WEB)/dist/.ready: $(WEB)/node_modules/.ready $(WEB_SOURCES)
	@cd $(WEB)
	npm run build --silent
	touch dist/.ready
