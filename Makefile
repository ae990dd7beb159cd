# Every target works with an empty environment and nothing but Python 3.11 or newer: environments are made on demand.

PYTHON ?=
ARGS ?=
PYTEST_ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME

RUN := .venv/bin
DEV := .venv-dev/bin
TYPED := shared core ports app adapters cmd/concordat tests benchmarks

# Prints the command of a suitable Python, or says what is missing.
define find_python
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3.11 python3 python3.12 python3.13 python3.14); do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			python="$$candidate"; break; \
		fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
		echo "Concordat needs Python 3.11 or newer with the module venv, and none was found as$(if $(PYTHON), $(PYTHON), python3.11 or python3)." >&2; \
		echo "Install it (Debian, Ubuntu: python3.11 and python3.11-venv) or name it: make PYTHON=path/to/python3.11 $(or $(MAKECMDGOALS),$@)" >&2; \
		exit 1; \
	fi
endef

# $(call environment,folder,lock): made anew when the lock, the Python or the place changed; the package itself is
# installed again when its metadata changed.
define environment
	@set -eu; $(find_python); \
	key="$$(cksum < requirements/$(2).lock) $$("$$python" -c 'import sys; print(sys.version)') $(CURDIR)"; \
	if [ "$$(cat $(1)/made-from 2>/dev/null || true)" != "$$key" ]; then \
		echo "==> Setting up $(1) with $$("$$python" --version) from requirements/$(2).lock (once; hashes are checked)"; \
		"$$python" -m venv --clear $(1); \
		$(1)/bin/python -m pip install --no-deps --only-binary :all: --require-hashes -r requirements/$(2).lock; \
		printf '%s' "$$key" > $(1)/made-from; \
		echo "==> $(1) is ready"; \
	fi; \
	package="$$(cksum < pyproject.toml)"; \
	if [ "$$(cat $(1)/installed-from 2>/dev/null || true)" != "$$package" ]; then \
		$(1)/bin/python -m pip install --quiet --no-build-isolation --no-deps --no-index -e .; \
		printf '%s' "$$package" > $(1)/installed-from; \
	fi
endef

.PHONY: help
help: ## Say what can be made
	@echo "Concordat. Needs Python 3.11 or newer; everything else is installed into this folder."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="..." is handed to concordat, PYTEST_ARGS="..." to pytest, PYTHON=... names another Python.'

.PHONY: env env-dev
env:
	$(call environment,.venv,run)
env-dev:
	$(call environment,.venv-dev,dev)

.PHONY: run
run: env ## Start a network of clubs here: REST, gRPC and the workers in one process
	@exec $(RUN)/concordat serve --profile local $(ARGS)

.PHONY: demo
demo: env ## Play two clubs against the running server (or start one)
	@exec $(RUN)/concordat demo $(ARGS)

.PHONY: migrate
migrate: env ## Bring the database to the newest schema
	@exec $(RUN)/concordat migrate $(ARGS)

.PHONY: lint
lint: env-dev
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy $(wildcard $(TYPED))
	$(DEV)/lint-imports

.PHONY: check
check: lint ## The fast gate, under a minute: style, types, imports, architecture, unit and embedded contract tests
	$(DEV)/python -m pytest -q -n 3 --dist loadfile -p no:schemathesis --ignore-glob='*_postgres.py' \
		-m 'not real_fabric' -k 'not simulated-v2.5.16' tests/architecture tests/unit tests/contracts $(PYTEST_ARGS)

.PHONY: test
test: env lint ## Everything, on the embedded adapters and on a real Postgres
	$(DEV)/deptry .
	$(RUN)/python -m tests.architecture.runtime
	$(DEV)/python -m pytest -q $(WORKERS) $(SLOW) tests $(PYTEST_ARGS)

# One more than two cores, since much of it waits; what takes long comes first, so that no worker ends alone with it.
WORKERS = -n 3 --dist loadfile --no-loadscope-reorder
SLOW = tests/e2e tests/fabric_simulator tests/docs tests/integration

.PHONY: simulate
simulate: env-dev ## Play 10,000 crash schedules in virtual time, then kill at every step of real networks (some 15 minutes)
	$(DEV)/python -m tests.fabric_simulator.crashes 10000 $(ARGS)
	CONCORDAT_TEST_KILLS=all $(DEV)/python -m pytest -q tests/e2e/test_kill_on_fabric.py $(PYTEST_ARGS)

.PHONY: bench
bench: env-dev ## Measure against controls in the same run; prints ratios
	@exec $(DEV)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: env-dev ## Pin anew what pyproject.toml asks for (UPGRADE=1: to the newest versions)
	$(DEV)/uv pip compile $(COMPILE) --group build -o requirements/run.lock
	$(DEV)/uv pip compile $(COMPILE) --group dev -c requirements/run.lock -o requirements/dev.lock
COMPILE = -q --system-certs pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	$(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove the environments and caches, never data
	rm -rf .venv .venv-dev .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis \
		.coverage htmlcov build dist tests/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
