# Calls ./stages, for those who type make: `make help` lists the targets, `./stages --help` the exit
# codes (make itself ends with 2 whenever a command fails, and names its code in the message).
#
# A value reaches the shell in the environment and is never parsed there: recipes write "$$STACK",
# not $(STACK); where several words may be given, $$STACK, with `set -f`. make would expand what a
# command line gave it (REVISION='$(shell ...)'): each such variable is set to its text, word for word.
# Written for GNU make 3.81 and bash 3.2 too, which is what macOS has.
VARIABLES = PYTHON STACK YES WAIT JSON GRAPH COMMAND REVISION CONFIRM WITH_BACKUPS SINCE PROCESS GREP FOLLOW \
	COMPARE BUDGET USAGE FORMAT OUT STRICT SUMMARY SET VCPUS MEMORY_GIB DATABASE_VCPUS \
	DATABASE_MEMORY_GIB STANDBY BASE HEAD CLOUD REGION FROM REFRESH BENCH RUNS REDRAW \
	TIMES SLOW_TIMES SEED FAULTS TESTS
STACK ?= local-stage1
PYTHON ?= python3
given = $(or $(filter command,$(firstword $(origin $(1)))),\
	$(and $(filter environment,$(firstword $(origin $(1)))),$(filter $(1),$(VARIABLES))))
$(foreach name,$(.VARIABLES),$(if $(call given,$(name)),$(eval override $(name) := $$(value $(name)))))
export $(VARIABLES)

# Commands run in the checkout, wherever make was started (make -f), with spaces in its path as well.
export MAKEFILE := $(value MAKEFILE_LIST)
CHECKOUT = set -f && CDPATH= cd "$$(dirname "$${MAKEFILE\# }")"
DEV = @$(CHECKOUT) && "$$PYTHON" scripts/bootstrap.py --dev
STAGES = @$(CHECKOUT) && exec ./stages
STACK_FLAG = --stack "$$STACK"
JSON_FLAG = $${JSON:+--json}
YES_FLAG = $${YES:+--yes}
WAIT_FLAG = $${WAIT:+--wait}
# What the workflows run (docs/ci.md).
CI = ci-preview ci-look ci-stacks ci-plan ci-comment ci-drift

.PHONY: help up preview plan refresh outputs status ssh logs ps restart run shell console deploy releases rollback maintenance-on maintenance-off db-console db-info replace failover down delete-data signals test machine-test lint lock format cost cost-what-if cost-cheapest cost-diff cost-usage cost-chart scan policy policy-pack prices bench chaos $(CI)
.DEFAULT_GOAL := help

help: ## this list
	@echo "make up STACK=...   STACK is local-stage1 unless named; the files are stacks/Pulumi.<stack>.yaml"
	@$(CHECKOUT) && awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile

up: ## bring a stack up, or update it to its settings (YES=1: do not ask; WAIT=1: for another run)
	$(STAGES) up $(STACK_FLAG) $(YES_FLAG) $(WAIT_FLAG)

preview: ## show what `up` would change, and the downtime (JSON=1)
	$(STAGES) preview $(STACK_FLAG) $(JSON_FLAG)

plan: ## show what a stack would have, offline (JSON=1; GRAPH=file.svg: a picture)
	@case "$$GRAPH" in ''|/*) ;; *) GRAPH="$$PWD/$$GRAPH" ;; esac; \
	$(CHECKOUT) && exec ./stages plan $(STACK_FLAG) $(JSON_FLAG) $${GRAPH:+--graph "$$GRAPH"}

refresh: ## show how the resources differ from the state
	$(STAGES) refresh $(STACK_FLAG)

outputs: ## show a stack's outputs (JSON=1)
	$(STAGES) outputs $(STACK_FLAG) $(JSON_FLAG)

status: ## show whether a stack is up and what runs on it (JSON=1)
	$(STAGES) status $(STACK_FLAG) $(JSON_FLAG)

ssh: ## open a shell on the app server, or run a command there (COMMAND='...')
	$(STAGES) ssh $(STACK_FLAG) $${COMMAND:+-- "$$COMMAND"}

logs: ## show the app's logs (PROCESS=web; SINCE=2h; GREP=...; FOLLOW=1; JSON=1)
	$(STAGES) logs $(STACK_FLAG) $${FOLLOW:+--follow} $${SINCE:+--since "$$SINCE"} \
		$${GREP:+--grep "$$GREP"} $(JSON_FLAG) -- $${PROCESS:+"$$PROCESS"}

ps: ## list the app's processes (JSON=1)
	$(STAGES) ps $(STACK_FLAG) $(JSON_FLAG)

restart: ## restart the app's processes, one after the other (PROCESS=worker: only those)
	$(STAGES) restart $(STACK_FLAG) -- $${PROCESS:+"$$PROCESS"}

run: ## run COMMAND='...' as the app, in its release
	$(STAGES) run $(STACK_FLAG) -- "$$COMMAND"

shell: ## open a shell as the app, in its release
	$(STAGES) shell $(STACK_FLAG)

console: ## open the app's console (Django, Rails, Node)
	$(STAGES) console $(STACK_FLAG)

deploy: ## deploy a revision of the app (REVISION=<branch, tag or commit>; WAIT=1)
	$(STAGES) deploy $(STACK_FLAG) $${REVISION:+--revision "$$REVISION"} $(YES_FLAG) $(WAIT_FLAG)

releases: ## list the releases on the server, and those that a rollback reaches in seconds (JSON=1)
	$(STAGES) releases $(STACK_FLAG) $(JSON_FLAG)

rollback: ## roll back to an earlier release, in seconds (REVISION=...; YES=1: do not ask)
	$(STAGES) rollback $(STACK_FLAG) $${REVISION:+--to "$$REVISION"} $(YES_FLAG)

maintenance-on: ## turn the maintenance page on
	$(STAGES) maintenance $(STACK_FLAG) on

maintenance-off: ## turn the maintenance page off
	$(STAGES) maintenance $(STACK_FLAG) off

db-console: ## open psql as the app's role
	$(STAGES) db console $(STACK_FLAG)

db-info: ## show the database's size, connections, locks, slow queries and the pool (JSON=1)
	$(STAGES) db info $(STACK_FLAG) $(JSON_FLAG)

replace: ## replace the app server with a new one
	$(STAGES) replace $(STACK_FLAG) $(YES_FLAG)

down: ## take a stack down; its data stays
	$(STAGES) down $(STACK_FLAG) $(YES_FLAG)

failover: ## fail over to the database's standby (YES=1: do not ask; JSON=1)
	$(STAGES) failover $(STACK_FLAG) $(YES_FLAG) $(JSON_FLAG)

delete-data: ## permanently delete what `down` kept (CONFIRM=<the stack's name>; WITH_BACKUPS=1: the backups too)
	$(STAGES) delete-data $(STACK_FLAG) $${CONFIRM:+--confirm "$$CONFIRM"} \
		$${WITH_BACKUPS:+--with-backups}

signals: ## measure whether it is time to leave stage 1 (SINCE=24h; JSON=1)
	$(STAGES) signals $(STACK_FLAG) $${SINCE:+--since "$$SINCE"} $(JSON_FLAG)

cost: ## estimate what stacks cost a month (STACK="a b"; COMPARE= BUDGET= USAGE= REGION= FORMAT= JSON=1 OUT= STRICT=1 SUMMARY=1)
	$(STAGES) cost estimate $${COMPARE:+--compare "$$COMPARE"} \
		$${BUDGET:+--budget "$$BUDGET"} $${USAGE:+--usage "$$USAGE"} \
		$${FORMAT:+--format "$$FORMAT"} $(JSON_FLAG) $${OUT:+--out "$$OUT"} \
		$${REGION:+--region "$$REGION"} $${STRICT:+--strict} $${SUMMARY:+--summary} -- $$STACK

cost-what-if: ## estimate what other settings would cost (SET="server.plan=t4g.small database.standby=true"; FORMAT= JSON=1)
	$(STAGES) cost what-if $${FORMAT:+--format "$$FORMAT"} $(JSON_FLAG) -- "$$STACK" $$SET

cost-cheapest: ## find the cheapest sizes on each cloud (VCPUS= MEMORY_GIB= DATABASE_VCPUS= DATABASE_MEMORY_GIB= STANDBY=yes|no FORMAT= JSON=1)
	@standby=; case "$$STANDBY" in '') ;; no) standby=--no-standby ;; *) standby=--standby ;; esac; \
		$(CHECKOUT) && exec ./stages cost cheapest $(STACK_FLAG) $${VCPUS:+--vcpus "$$VCPUS"} \
		$${MEMORY_GIB:+--memory-gib "$$MEMORY_GIB"} \
		$${DATABASE_VCPUS:+--database-vcpus "$$DATABASE_VCPUS"} \
		$${DATABASE_MEMORY_GIB:+--database-memory-gib "$$DATABASE_MEMORY_GIB"} \
		$$standby $${FORMAT:+--format "$$FORMAT"} $(JSON_FLAG)

cost-diff: ## compare what all stacks cost at two revisions (BASE=main; HEAD=v2, else the checkout; FORMAT= JSON=1)
	$(STAGES) cost diff $${FORMAT:+--format "$$FORMAT"} $(JSON_FLAG) -- "$${BASE:-main}" $${HEAD:+"$$HEAD"}

cost-usage: ## print a usage file of STACK to fill in, for USAGE=
	$(STAGES) cost usage $(STACK_FLAG)

cost-chart: ## redraw docs/costs.svg and the numbers in docs/costs.md and README.md
	$(STAGES) cost chart

policy: ## check STACK's plan against the policies (STACK=all: every stack; JSON=1)
	$(STAGES) policy $(JSON_FLAG) -- $$STACK

policy-pack: ## make `pulumi preview --policy-pack policy` work
	$(STAGES) policy --pack

scan: ## scan STACK's plan with checkov, offline (STACK=all: every stack; JSON=1)
	$(STAGES) scan $(JSON_FLAG) -- $$STACK

prices: ## check the vendors' prices, or write them with REFRESH=1 (CLOUD=aws; REGION= also there; FROM=folder of price files)
	@verb=check; [ -z "$$REFRESH" ] || verb=refresh; \
		$(CHECKOUT) && exec ./stages prices $$verb $${REGION:+--region "$$REGION"} \
		$${FROM:+--from "$$FROM"} -- $${CLOUD:+"$$CLOUD"}

bench: ## how long things take, into docs/benchmarks (BENCH=stages, claims, ...: only that; RUNS=3; REDRAW=1: measure nothing)
	$(DEV) --no-engine
	$(STAGES) bench $${RUNS:+--runs "$$RUNS"} $${REDRAW:+--redraw} -- $$BENCH

chaos: ## faults again and again, on stacks of its own (TIMES=20; SLOW_TIMES=20; SEED=7; STAY_S=600; FAULTS=...)
	$(DEV)
	@$(CHECKOUT) && .venv/bin/python -m tests.real.faults.chaos --times "$${TIMES:-20}" \
		--slow-times "$${SLOW_TIMES:-0}" --seed "$${SEED:-7}" --stay-s "$${STAY_S:-0}" -- $$FAULTS

$(CI):
	$(STAGES) ci $(@:ci-%=%)

test: lint ## every test; those on real hosts need root (TESTS="path ...": only some)
	$(DEV) --no-engine --packages tests/real/machine-packages.txt
	@$(CHECKOUT) && .venv/bin/python -m pytest -n 3 --no-loadscope-reorder --durations 25 $$TESTS

machine-test: ## both stages on a virtual machine that systemd runs, also beside Docker (1 to 3 hours)
	$(DEV) --packages tests/machine/machine-packages.txt
	@$(CHECKOUT) && exec .venv/bin/python -m tests.machine

lint: ## ruff, mypy, and who may import whom
	$(DEV) --stack "$$STACK"
	@$(CHECKOUT) && .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports --no-logo

format: ## ruff's own fixes
	$(DEV) --no-engine
	@$(CHECKOUT) && .venv/bin/ruff check --fix . && .venv/bin/ruff format .

lock: ## resolve requirements*.in again into requirements*.txt, with hashes
	$(DEV) --no-engine
	@$(CHECKOUT) && scripts/lock
