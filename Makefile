# make demo    draw faces with known label errors, audit them, print what was found
# make test    lint, types, tests
# make torture the long form of the tests: kills, full disks, bad input, load; one table of what was lost
# make audit   known vulnerabilities of the pinned dependencies (asks PyPI; fails where it cannot be asked)
# make clean   remove what these made
# Each makes its own .venv once; PYTHON=python3.12 chooses the interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := dev,hf,timm,bench,review,index
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test torture audit clean

demo: $(VENV)/installed
	$(BIN)/labelaudit demo --out runs/demo --force

test: $(VENV)/installed-with-extras
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2

torture: $(VENV)/installed-with-extras
	$(BIN)/python -m tests.torture

audit: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r constraints.txt

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find labelaudit tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	touch $@

$(VENV)/installed-with-extras: $(VENV)/installed
	$(INSTALL) -e ".[$(EXTRAS)]"
	touch $@
