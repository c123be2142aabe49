# The operator's commands. `make help` lists them; scripts/stack.py documents the exit codes (make
# itself ends with 2 whenever a command fails, and names the command's own code in its message).
STACK ?= local-stage1
PYTHON ?= python3
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
ENGINE = @cd $(ROOT) && $(PYTHON) scripts/bootstrap.py --stack $(STACK) && exec .venv/bin/python -m
RUN = $(ENGINE) scripts.stack
DEV = @cd $(ROOT) && $(PYTHON) scripts/bootstrap.py --dev
PLAIN = @cd $(ROOT) && $(PYTHON) scripts/bootstrap.py --no-engine && exec .venv/bin/python -m
COST_FLAGS = $(if $(COMPARE),--compare $(COMPARE)) $(if $(BUDGET),--budget $(BUDGET)) \
	$(if $(USAGE),--usage $(USAGE)) $(if $(FORMAT),--format $(FORMAT)) $(if $(OUT),--out $(OUT))
JSON_FLAG = $(if $(JSON),--json)
YES_FLAG = $(if $(YES),--yes)

.PHONY: help up preview plan refresh outputs status ssh deploy replace failover down delete-data signals test lint lock format cost cost-chart scan policy policy-pack prices bench chaos ci-preview ci-look
.DEFAULT_GOAL := help

help: ## this list
	@echo "make up STACK=...   STACK is local-stage1 unless named; the files are stacks/Pulumi.<stack>.yaml"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: ## bring a stack up, or to what its settings say now (YES=1: do not ask)
	$(RUN) up --stack $(STACK) $(YES_FLAG)

preview: ## show what `up` would change, and its downtime (JSON=1: for a machine)
	$(RUN) preview --stack $(STACK) $(JSON_FLAG)

plan: ## what STACK would have, offline (JSON=1: for a machine; GRAPH=file.svg: a picture)
	@cd $(ROOT) && $(PYTHON) scripts/bootstrap.py --no-engine && exec .venv/bin/python -m scripts.stack plan $(STACK) $(JSON_FLAG) $(if $(GRAPH),--graph $(abspath $(GRAPH)))

refresh: ## look at what is really there, show what differs
	$(RUN) refresh --stack $(STACK)

outputs: ## the stack's outputs (JSON=1: for a machine)
	$(RUN) outputs --stack $(STACK) $(JSON_FLAG)

status: ## is it up, what runs on it (JSON=1: for a machine)
	$(RUN) status --stack $(STACK) $(JSON_FLAG)

ssh: ## a shell on the app server (COMMAND='...': run one command there)
	$(RUN) ssh --stack $(STACK) $(if $(COMMAND),-- $(COMMAND))

deploy: ## bring up REVISION=... of the app (a branch, tag or commit)
	$(RUN) deploy --stack $(STACK) $(if $(REVISION),--revision $(REVISION)) $(YES_FLAG)

replace: ## replace the app server by a new one
	$(RUN) replace --stack $(STACK) $(YES_FLAG)

down: ## take a stack away; its data stays
	$(RUN) down --stack $(STACK) $(YES_FLAG)

failover: ## let the database's standby take over (YES=1: do not ask; JSON=1: for a machine)
	@cd $(ROOT) && $(PYTHON) scripts/bootstrap.py --stack $(STACK) && exec .venv/bin/python -m scripts.stack failover $(STACK) $(YES_FLAG) $(JSON_FLAG)

delete-data: ## delete what `down` kept, for good (CONFIRM=<the stack's name>)
	$(RUN) delete-data --stack $(STACK) $(if $(CONFIRM),--confirm $(CONFIRM))

signals: ## stay on stage 1, or move on? (SINCE=24h; JSON=1: for a machine)
	$(ENGINE) scripts.signals $(STACK) $(if $(SINCE),--since $(SINCE)) $(JSON_FLAG)

cost: ## what stacks cost a month (STACK="a b"; COMPARE= BUDGET= USAGE= FORMAT= OUT=)
	$(PLAIN) scripts.cost $(STACK) $(COST_FLAGS)

cost-chart: ## draw docs/costs.svg and the numbers of docs/costs.md and README.md anew
	$(PLAIN) scripts.cost chart

policy: ## what the policies find in STACK's plan (STACK=all: of every stack; JSON=1)
	$(PLAIN) scripts.policy $(filter-out all,$(STACK)) $(JSON_FLAG)

policy-pack: ## make `pulumi preview --policy-pack policy` work
	$(PLAIN) scripts.policy --pack

scan: ## what checkov makes of STACK, offline (STACK=all: of every stack; JSON=1)
	$(PLAIN) scripts.scan $(filter-out all,$(STACK)) $(JSON_FLAG)

prices: ## which prices have changed (CLOUD=aws: only those; REFRESH=1: write them)
	$(PLAIN) scripts.prices $(if $(REFRESH),refresh,check) $(CLOUD)

bench: ## how long things take, into docs/benchmarks (BENCH=stages, claims, ...: only that; RUNS=3)
	$(PLAIN) scripts.bench $(BENCH) $(if $(RUNS),--runs $(RUNS))

chaos: ## faults again and again, on stacks of its own (TIMES=20; SLOW_TIMES=20; SEED=7; FAULTS=...)
	$(DEV)
	@cd $(ROOT) && .venv/bin/python -m tests.real.faults.chaos --times $(or $(TIMES),20) --slow-times $(or $(SLOW_TIMES),0) --seed $(or $(SEED),7) $(FAULTS)

# What the workflows run: docs/ci.md. These two need the engine.
ci-preview ci-look:
	$(ENGINE) scripts.ci $(@:ci-%=%)

ci-%:
	$(PLAIN) scripts.ci $*

test: lint ## every test; those on real hosts need root (TESTS=path: only some)
	@cd $(ROOT) && .venv/bin/python -m pytest -n 2 --no-loadscope-reorder $(TESTS)

lint: ## ruff and mypy
	$(DEV) --stack $(STACK)
	@cd $(ROOT) && .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

format: ## ruff's own fixes
	$(DEV) --no-engine
	@cd $(ROOT) && .venv/bin/ruff check --fix . && .venv/bin/ruff format .

lock: ## resolve requirements*.in anew into requirements*.txt, with hashes
	$(DEV) --no-engine
	@cd $(ROOT) && scripts/lock
