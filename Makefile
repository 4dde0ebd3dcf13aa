# `make` lists the targets. Every recipe is a target:
#   make sentiment                     train, evaluate, write a report
#   make sentiment DATA=mine.csv ARGS="--epochs 3 --units 128"
#   make try RECIPE=sentiment          type a line, get its answer
#   make predict RECIPE=sentiment DATA=reviews.csv OUT=answers.csv

.DEFAULT_GOAL := help
.PHONY: help setup lock test test-all lint bench results try predict report copy publish serve clean

PYTHON ?= python3
VENV := .venv
RUN_PYTHON := $(VENV)/bin/python
RECIPES := $(filter-out __init__,$(basename $(notdir $(wildcard recipes/*.py))))
.PHONY: $(RECIPES)

# Later targets use the extra (gpu, jax, jax-gpu) that `make setup EXTRA=...`
# installed, and the Keras backend that belongs to it.
EXTRA ?= $(shell cat $(VENV)/.extra 2>/dev/null)
LOCK := requirements$(if $(EXTRA),-$(EXTRA)).lock
ifneq ($(filter jax jax-gpu,$(EXTRA)),)
export KERAS_BACKEND ?= jax
endif

# The values that users give reach the programs as they are, with "$", quotes and
# spaces: through the environment, because make and the shell would interpret them.
unexport DATA TEXT RECIPE RUN TO OUT
export GIVEN_DATA := $(value DATA)
export GIVEN_TEXT := $(value TEXT)
export GIVEN_RECIPE := $(value RECIPE)
export GIVEN_RUN := $(value RUN)
export GIVEN_TO := $(value TO)
export GIVEN_OUT := $(value OUT)
GIVEN_RUN_OPTION = $(if $(value RUN),--run "$$GIVEN_RUN")

help: ## list the targets
	@echo "make RECIPE [DATA=name-or-file] [ARGS=\"--epochs 3 ...\"], RECIPE one of: $(RECIPES)"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# The stamp's name has a checksum of the lock: .venv is made again when it changes.
STAMP = $(VENV)/.installed-$(shell cat $(LOCK) 2>/dev/null | cksum | cut -d' ' -f1)
READY = @sh kit/setup.sh "$(PYTHON)" "$(VENV)" "$(LOCK)" "$(STAMP)" "$(EXTRA)"
# KServe is added to .venv when it is first needed.
SERVE_LOCK := requirements-serve.lock
SERVE_STAMP = $(VENV)/.serve-$(shell cat $(SERVE_LOCK) | cksum | cut -d' ' -f1)
SERVE_READY = @sh kit/setup.sh "$(PYTHON)" "$(VENV)" "$(SERVE_LOCK)" "$(SERVE_STAMP)"

setup: ## create .venv from a lock file [EXTRA=gpu, jax or jax-gpu]
	$(READY)

$(RECIPES): ## train a recipe
	$(READY)
	@$(RUN_PYTHON) -m recipes.$@ $(if $(value DATA),--data "$$GIVEN_DATA") $(ARGS)

try: ## RECIPE=name [RUN=folder] [TEXT="..."]: ask the exported model
	$(READY)
	@$(RUN_PYTHON) -m kit.try_run "$$GIVEN_RECIPE" $(GIVEN_RUN_OPTION) $(if $(value TEXT),--text="$$GIVEN_TEXT")

predict: ## RECIPE=name DATA=file OUT=file [RUN=folder]: answer every row of a file
	$(READY)
	@$(RUN_PYTHON) -m kit.predict "$$GIVEN_RECIPE" "$$GIVEN_DATA" "$$GIVEN_OUT" $(GIVEN_RUN_OPTION) $(ARGS)

report: ## RECIPE=name [RUN=folder]: draw plots and report.html again
	$(READY)
	@$(RUN_PYTHON) -m kit.report "$$GIVEN_RECIPE" $(GIVEN_RUN_OPTION)

copy: ## RECIPE=name TO=app/name: copy a recipe as one Python package
	$(READY)
	@$(RUN_PYTHON) -m kit.copy_recipe "$$GIVEN_RECIPE" "$$GIVEN_TO"

publish: ## RECIPE=name TO=models [RUN=folder]: copy the export as the next version
	$(READY)
	@$(RUN_PYTHON) -m kit.publish "$$GIVEN_RECIPE" "$$GIVEN_TO" $(GIVEN_RUN_OPTION)

# HOST and PORT are those of the command line: some shells export others.
is_typed = $(findstring command,$(origin $1))
serve: ## [RUN=folder] [HOST=0.0.0.0] [PORT=8501]: serve exported models over HTTP and gRPC
	$(READY)
	$(SERVE_READY)
	@$(RUN_PYTHON) -m kit.serve $(GIVEN_RUN_OPTION) $(if $(call is_typed,HOST),--host "$(HOST)") $(if $(call is_typed,PORT),--port "$(PORT)") $(ARGS)

PYTEST = $(RUN_PYTHON) -m pytest -n auto --maxprocesses 8 --dist worksteal
test: ## run the core tests, in minutes
	$(READY)
	@$(PYTEST) $(ARGS)

test-all: ## run all tests, before a change is merged
	$(READY)
	-$(SERVE_READY)
	@$(PYTEST) -m '' $(ARGS)

lint: ## check rules and format with ruff
	$(READY)
	@$(RUN_PYTHON) -m ruff check . && $(RUN_PYTHON) -m ruff format --check .

bench: ## time our layers against Keras's and PyTorch's, into results/
	$(READY)
	@$(RUN_PYTHON) -m benchmarks.recurrent $(ARGS)

results: ## write the tables of README and docs from results/*.json
	$(READY)
	@$(RUN_PYTHON) -m benchmarks.results_table

UV_COMPILE = uv pip compile -q pyproject.toml --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 --custom-compile-command "make lock"
EXTRAS = --extra sentiment --extra translation --extra word2vec --extra music --extra tagging --extra dev
lock: ## resolve the dependencies again and write the lock files (needs uv)
	$(UV_COMPILE) $(EXTRAS) -o requirements.lock
	$(UV_COMPILE) $(EXTRAS) --extra jax -o requirements-jax.lock
	$(UV_COMPILE) $(EXTRAS) --extra gpu -o requirements-gpu.lock
	$(UV_COMPILE) $(EXTRAS) --extra jax-gpu -o requirements-jax-gpu.lock
	$(UV_COMPILE) --extra serve -c requirements.lock -o requirements-serve.lock

clean: ## remove caches, but no runs, downloads or .venv
	@find . -path ./$(VENV) -prune -o -type d \( -name __pycache__ -o -name .pytest_cache -o -name .ruff_cache -o -name .hypothesis -o -name .cache \) -print | xargs rm -rf
