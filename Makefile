# Everything runs from .venv, which is made on first use: by uv where uv is on PATH, else by venv and pip, with the same hashes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
OUT := build
# Processes for the tests: a number or `auto`.
JOBS ?= auto
# More options for pytest, as in: make test PYTEST_ARGS='tests/unit -x'
PYTEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: help demo test lint wheel style mypy pyright imports lock-check workflows docs bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.stamp: pyproject.toml requirements-dev.txt tools/setup_venv.sh
	@tools/setup_venv.sh .venv
	@touch $@

demo: .venv/.stamp ## run the demonstration
	@$(PY) examples/demo.py --fresh

test: .venv/.stamp ## run the tests, then compare what was skipped with .ci/expected-skips
	@mkdir -p $(OUT)
	@rm -f $(OUT)/tests.xml
	$(PY) -m pytest -q -n $(JOBS) --junitxml=$(OUT)/tests.xml $(PYTEST_ARGS)
	@$(PY) tools/check_skips.py $(OUT)/tests.xml .ci/expected-skips

lint: wheel lock-check style mypy pyright imports workflows docs ## wheel, lock, style, types, import contracts, workflows, docs
	@echo "lint: all checks passed"

wheel: .venv/.stamp ## build the wheel and check what is in it
	@$(PY) tools/check_wheel.py $(OUT)/wheel

lock-check: .venv/.stamp
	@$(PY) tools/check_lock.py

style: .venv/.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@$(PY) tools/check_modules.py

mypy: .venv/.stamp
	$(PY) -m mypy

# The Node.js of a PyPI wheel, so that neither one of the machine's nor a download is used.
pyright: .venv/.stamp
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 PYRIGHT_PYTHON_GLOBAL_NODE=0 $(PY) -m pyright --pythonpath $(PY) --level error

imports: .venv/.stamp
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo

workflows: .venv/.stamp
	.venv/bin/zizmor --offline --quiet .github

docs: .venv/.stamp ## build the documentation, warnings as errors
	$(PY) -m mkdocs --quiet build --strict --site-dir $(OUT)/docs

bench: .venv/.stamp ## run the benchmarks
	@$(PY) benchmarks/run.py $(BENCH_ARGS)

lock: .venv/.stamp ## resolve the dependencies anew: requirements-dev.txt
	@tools/lock.sh

clean: ## remove what the other targets made
	rm -rf .venv $(OUT) dist site bench-out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
