# Everything that is done with a checkout of Runwright. It needs Python 3.11 or newer (with venv and pip) and nothing
# else: uv comes into .venv with pip, Node comes with a Python package, and both versions are pinned.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
ARGS ?=
PYTEST ?=
TASKS ?= examples/everyday
TO ?= ./backgroundtask

export UV_PYTHON_DOWNLOADS := never
# whoever trusts a certificate on this machine trusts it in uv, too (companies with a proxy of their own)
export UV_SYSTEM_CERTS := true

# What an installation depends on. The folders are listed too, so that a removed file counts as a change.
BUNDLE := src/runwright/ui_dist/.stamp
PAGE := $(wildcard ui/*.*) $(shell find ui/src ui/public 2>/dev/null)
SOURCES := pyproject.toml uv.lock hatch_build.py README.md $(PAGE)
REBUILD := $(if $(wildcard $(BUNDLE)),,--reinstall-package runwright)
SYNC := $(UV) sync --quiet --frozen --inexact $(REBUILD)

.DEFAULT_GOAL := help
.PHONY: help run test check bench soak link unlink logs-tasks missing
.DELETE_ON_ERROR:

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-11s %s\n' "$$name" "$$text"; done

run: .venv/installed ## Install, build the page and serve the examples on SQLite (TASKS=directory ARGS="--port 7000")
	@exec $(BIN)/runwright serve --directory "$(TASKS)" $(ARGS)

test: .venv/installed-dev ## Run every suite (PYTEST="tests/unit -k cron" for some of them)
	@$(BIN)/python -m tools.run_suites $(PYTEST)

check: .venv/installed-dev ## Format, lint, types, imports, the page's types, lock files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python hatch_build.py
	$(UV) lock --check

bench: .venv/installed-dev ## Measure Runwright (ARGS are passed on)
	$(BIN)/python -m bench $(ARGS)

soak: .venv/installed-dev ## Run the long trials that `make test` leaves out (PYTEST as for test)
	$(BIN)/python -m pytest -m soak -o faulthandler_timeout=0 --durations=0 $(PYTEST)

link: .venv/installed ## Link a task file into a task directory (FROM=file TO=directory NAME=name FORCE=1)
	@if [ -z "$(FROM)" ]; then echo "say which file: make link FROM=./plugins/x/tasks/my_task.py TO=./backgroundtask \
	NAME=my_task.py" >&2; exit 2; fi
	@$(BIN)/runwright link "$(FROM)" --to "$(TO)" $(if $(NAME),--name "$(NAME)") $(if $(FORCE),--force)

unlink: .venv/installed ## Remove such a link (TO=directory NAME=name)
	@if [ -z "$(NAME)" ]; then echo "say which link: make unlink TO=./backgroundtask NAME=my_task.py" >&2; exit 2; fi
	@$(BIN)/runwright unlink "$(NAME)" --to "$(TO)"

logs-tasks: .venv/installed ## Follow the logs of all runs, or of one task's (TASK=name)
	@exec $(BIN)/runwright logs -f $(if $(TASK),--task "$(TASK)")

# Stamps: nothing is installed again while nothing has changed. What is already there stays (--inexact), so that
# `make run` does not take away what `make test` needs.

$(UV):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Runwright needs Python 3.11 or newer, and \
	$(PYTHON) is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'

.venv/installed: $(SOURCES) $(if $(REBUILD),missing) | $(UV)
	$(SYNC) --no-dev
	@touch $@

.venv/installed-dev: $(SOURCES) $(if $(REBUILD),missing) | $(UV)
	$(SYNC)
	@touch $@ .venv/installed
