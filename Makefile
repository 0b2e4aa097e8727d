# Every target makes the environment it needs; nothing has to be installed before but Python 3.11 to 3.13.
PYTHON ?= python3
VENV ?= .venv
PEER ?= .peer
DEMO ?= demo

BIN = $(VENV)/bin

.PHONY: demo test test-all lint clean

demo: $(VENV)/installed
	$(BIN)/elmo-cache build $(DEMO)/imdb.elmo --limit train=1000 --limit test=500
	$(BIN)/elmo-cache verify $(DEMO)/imdb.elmo
	$(BIN)/elmo-cache info $(DEMO)/imdb.elmo
	$(BIN)/elmo-train trials --n 10 --cache $(DEMO)/imdb.elmo --out $(DEMO)/results

test: $(VENV)/installed
	$(BIN)/python -m pytest

test-all: $(VENV)/installed $(PEER)/installed
	ELMO_PEER_PYTHON=$(abspath $(PEER)/bin/python) $(BIN)/python -m pytest -m ""

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict cache
	$(BIN)/mypy elmo_cache trainer

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[sample,jax,dev]"
	touch $@

# simple-elmo wants the old Keras and an environment of its own.
$(PEER)/installed: Makefile
	$(PYTHON) -m venv $(PEER)
	$(PEER)/bin/python -m pip install --quiet simple-elmo==0.9.2 tensorflow==2.21.* tf_keras==2.21.* smart_open pandas "setuptools<82"
	touch $@

clean:
	rm -rf $(VENV) $(PEER) $(DEMO) build dist *.egg-info
