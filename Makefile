# make demo: install, segment real images, fuse and score             make test: install and run the checks
# make PYTHON=/path/to/python3.11 …: another interpreter than python3

PYTHON ?= python3
DATA ?= data/stage1_train/stage1_train
BIN := .venv/bin
DEMO := runs/demo

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing is written outside this folder.
export PIP_NO_CACHE_DIR := 1
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib

.PHONY: help venv demo test test-all test-peers fuzz bench clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      install, segment 12 real images five ways, fuse, score"
	@echo "make test      install, lint, type-check, test (kernels also uncompiled)"
	@echo "make test-all  the same with the slow tests"
	@echo "make test-peers  compare scores and Mask R-CNN's operators with other packages' (in .venv-peers)"
	@echo "make fuzz      read changed files of every format, a minute for each"
	@echo "make bench     compare speed with other libraries; DATA=folder of stage1_train"
	@echo "make venv      install for development into .venv"
	@echo "make clean     remove .venv, the demo's output and caches"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "nucfuse needs Python 3.11 or later, but $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1); name another one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@echo "Making a virtual environment in .venv …"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# What users need, and what developers need; done again when the dependencies change.
.venv/installed: pyproject.toml | $(BIN)/python
	@echo "Installing nucfuse …"
	@$(BIN)/python -m pip install --quiet --editable ".[predict]"
	@touch $@

.venv/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing nucfuse and its tools for development …"
	@$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch .venv/installed $@

venv: .venv/installed-dev

demo: .venv/installed
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/nucfuse sample --out $(DEMO)/sample
	@echo "Three baselines without training, their union and their fusion:"
	$(BIN)/nucfuse predict $(DEMO)/sample/images --model otsu --out $(DEMO)/otsu.npz
	$(BIN)/nucfuse predict $(DEMO)/sample/images --model adaptive --out $(DEMO)/adaptive.npz
	$(BIN)/nucfuse predict $(DEMO)/sample/images --model log --out $(DEMO)/log.npz
	$(BIN)/nucfuse fuse $(DEMO)/otsu.npz $(DEMO)/adaptive.npz $(DEMO)/log.npz \
	  --method union --out $(DEMO)/union.npz
	$(BIN)/nucfuse fuse $(DEMO)/otsu.npz $(DEMO)/adaptive.npz $(DEMO)/log.npz \
	  --out $(DEMO)/fused.npz
	@echo "A U-Net and a Mask R-CNN that have seen none of these images, and both with otsu voting:"
	$(BIN)/nucfuse predict $(DEMO)/sample/images --out $(DEMO)/unet.npz
	$(BIN)/nucfuse predict $(DEMO)/sample/images --model mask_rcnn --out $(DEMO)/mask_rcnn.npz
	$(BIN)/nucfuse fuse $(DEMO)/unet.npz $(DEMO)/mask_rcnn.npz $(DEMO)/otsu.npz --out $(DEMO)/combined.npz \
	  --images $(DEMO)/sample/images --report $(DEMO)/fusion
	$(BIN)/nucfuse score $(DEMO)/sample/truth $(DEMO)/combined.npz \
	  --by modality --images $(DEMO)/sample/images --out $(DEMO)/score
	$(BIN)/nucfuse score $(DEMO)/sample/truth $(DEMO)/otsu.npz $(DEMO)/adaptive.npz \
	  $(DEMO)/log.npz $(DEMO)/union.npz $(DEMO)/fused.npz $(DEMO)/unet.npz $(DEMO)/mask_rcnn.npz \
	  $(DEMO)/combined.npz --brief
	@echo "The tables are in $(DEMO)/score, and what to look at by eye in $(DEMO)/fusion."

# What is compiled, and what calls it most: tested a second time as plain Python, where numba hides
# neither indices out of range nor integers that wrap around.
KERNEL_TESTS := tests/masks tests/metrics tests/clean tests/ensemble tests/data/readers/kernels

test: CHOSEN := not slow
test-all: CHOSEN := slow or not slow
test-all: export THOROUGH := 1
test test-all: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -m "$(CHOSEN)"
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n 2 -m "($(CHOSEN)) and not compiled" $(KERNEL_TESTS)

# Optional: torch is as large as all the rest together, and is not to meet TensorFlow.
.venv-peers/installed: peer_tests/requirements.txt
	@$(PYTHON) -m venv .venv-peers
	@echo "Installing torchvision, stardist, supervision, panoptica and pycocotools …"
	@.venv-peers/bin/python -m pip install --quiet --requirement peer_tests/requirements.txt
	@touch $@

test-peers: .venv/installed-dev .venv-peers/installed
	PEERS_PYTHON=.venv-peers/bin/python $(BIN)/pytest peer_tests/test_*.py

# Uncompiled, so that an index beyond an array is an error and not a crash.
fuzz: .venv/installed-dev
	NUMBA_DISABLE_JIT=1 FUZZ_SECONDS=60 $(BIN)/pytest -n 2 tests/data/test_fuzz.py

bench: .venv/installed-dev
	@test -d "$(DATA)" || { echo "make bench needs the unpacked DSB2018 training images" \
	  "(stage1_train): make bench DATA=/path/to/stage1_train" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --requirement benchmarks/requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --requirement benchmarks/requirements-no-deps.txt
	$(BIN)/python benchmarks/run.py --data "$(DATA)"

clean:
	rm -rf .venv .venv-peers $(DEMO) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find nucfuse tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +
