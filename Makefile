# make demo: the product, running, in one command.   make test: everything that is tested.   make check: before a commit.
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# three at a time on two cores, for many tests wait for a process or a lease
SIDE_BY_SIDE ?= -n 3 --dist worksteal --durations=10
PYTEST := $(BIN)/python -m pytest
# those that need the machine to themselves run after the others (5: there are none among TESTS); without CI or FLOWBUILDER_CHAOS they are skipped
ALONE = $(shell grep -rl --include="test_*.py" "mark.alone" tests)
ifneq ($(CI)$(FLOWBUILDER_CHAOS),)
TEST = $(PYTEST) -m "not alone" $(SIDE_BY_SIDE) $(TESTS) && { $(PYTEST) -m alone $(or $(TESTS),$(ALONE)) || [ $$? -eq 5 ]; }
else
TEST = $(PYTEST) $(SIDE_BY_SIDE) $(TESTS)
endif
# a second run starts faster with the bytecode of the tests
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test thorough check fix up chaos clean

demo: $(STAMP)
	@$(BIN)/flowbuilder demo $(DEMO)

up: $(STAMP)
	@$(BIN)/flowbuilder up

test: $(STAMP)
	@$(TEST)

# how many points the reliability proofs try: FLOWBUILDER_PROOF=quick (make test), ci (.ci/run) or thorough (every point)
thorough: $(STAMP)
	@FLOWBUILDER_PROOF=thorough $(BIN)/python -m pytest $(SIDE_BY_SIDE) --timeout 0 -rP $(or $(TESTS),tests/reliability)

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(TEST)

# ten minutes in which everything fails, and a verdict: make chaos CHAOS="--seconds 120 --seed 7 --database sqlite"
chaos: $(STAMP)
	@$(BIN)/python -m chaos $(CHAOS)

fix: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(STAMP): pyproject.toml constraints.txt tools/venv
	@tools/venv $(VENV)
	@touch $(STAMP)
