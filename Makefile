# Every target makes the environment it needs; nothing has to be installed before but Python 3.11 to 3.13.
PYTHON ?= python3
VENV ?= .venv
PEER ?= .peer
DEMO ?= demo

BIN = $(VENV)/bin
MEASURE = $(BIN)/python benchmarks
ROWS = benchmarks/rows
# A file's tests share what its fixtures have built; in this order small files come last, so that neither process waits.
# PARALLEL= for one process.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder
# --aclimdb PATH for all 50,000 reviews, instead of 20,000 of the sample.
MEMORY ?=

.PHONY: demo test test-all lint docs bench bench-full clean

demo: $(BIN)/elmo-cache
	$(BIN)/elmo-cache build $(DEMO)/imdb.elmo --limit train=1000 --limit test=500
	$(BIN)/elmo-cache verify $(DEMO)/imdb.elmo
	$(BIN)/elmo-cache info $(DEMO)/imdb.elmo
	$(BIN)/elmo-train trials --n 10 --cache $(DEMO)/imdb.elmo --out $(DEMO)/results

test: $(VENV)/installed
	$(BIN)/python -m pytest $(PARALLEL)

test-all: $(VENV)/installed $(PEER)/installed
	ELMO_PEER_PYTHON=$(abspath $(PEER)/bin/python) $(BIN)/python -m pytest $(PARALLEL) -m ""

# Under 25 minutes on two cores, and 17 GB of disk for a while.
bench: $(VENV)/installed $(PEER)/installed
	$(MEASURE)/encoder.py --peer $(PEER)/bin/python --reviews 64 --json $(ROWS)/1-encoder.json
	$(MEASURE)/limit.py --precision float32 --json $(ROWS)/2-limit.json
	$(MEASURE)/extraction.py --json $(ROWS)/3-extraction.json
	$(MEASURE)/training.py --json $(ROWS)/4-training.json
	$(MEASURE)/reads.py --json $(ROWS)/5-reads.json
	$(MEASURE)/report.py

# More than an hour: twice the reviews, bfloat16, and the rows that take long.
bench-full: bench
	$(MEASURE)/encoder.py --peer $(PEER)/bin/python --bfloat16 --json $(ROWS)/1-encoder.json
	$(MEASURE)/limit.py --json $(ROWS)/2-limit.json
	$(MEASURE)/encoder.py --hub --reviews 32 --json $(ROWS)/6-hub.json
	$(MEASURE)/trials.py --peer $(PEER)/bin/python --json $(ROWS)/7-trials.json
	$(MEASURE)/memory.py $(MEMORY) --json $(ROWS)/8-memory.json
	$(MEASURE)/scaling.py --json $(ROWS)/9-scaling.json
	$(MEASURE)/report.py

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict cache
	$(BIN)/mypy elmo_cache trainer

# As users have it: what is edited here has no part in it, but where `make test` has installed it before.
$(BIN)/elmo-cache:
	@echo "Installing 3.5 GB of packages into $(VENV); pip shows nothing until it has finished"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet ".[sample]"

# Into site/; a broken link fails.
docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "site/index.html"

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[sample,jax,docs,dev]"
	touch $@

# simple-elmo wants the old Keras and an environment of its own.
$(PEER)/installed: Makefile
	$(PYTHON) -m venv $(PEER)
	$(PEER)/bin/python -m pip install --quiet simple-elmo==0.9.2 tensorflow==2.21.* tf_keras==2.21.* smart_open pandas "setuptools<82"
	touch $@

clean:
	rm -rf $(VENV) $(PEER) $(DEMO) $(ROWS) site build dist *.egg-info
