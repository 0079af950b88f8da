# Deep Learning Three Ways. `make` lists the targets; everything runs in .venv, which
# tools/environment.py makes when it is needed.
# Written for GNU make 3.81 (macOS) and later.

PYTHON ?= python3
VENV   := .venv/bin/python
PYTEST := $(VENV) -m pytest
# Which Python makes .venv: a PYTHON given by the user counts, ours is only a default.
CHOSEN := $(if $(filter file,$(origin PYTHON)),,--chosen)

# The parts of `make test`, quickest first.
PARTS := lint $(addprefix test-,house hygiene helper canaries formulas notebooks \
    editions devices published book browser)

# Recipes share _build and the two levels of .venv, so one runs after the other even
# under `make -j`. What is worth running in parallel does so within its recipe.
.NOTPARALLEL:
.DEFAULT_GOAL := help
SHELL := /bin/sh
unexport PYTHONPATH PYTHONHOME

.PHONY: help env-book env-full
help:
	@echo "make TARGET, where TARGET is one of:"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
	    awk -F '|' '{ printf "  %-15s %s\n", $$1, $$2 }'
	@echo
	@echo "PYTHON=python3.12 chooses the Python that .venv is made with (3.11 to 3.13)."

env-book env-full: env-%:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Install" \
	    "Python 3.11 to 3.13, or say where one is: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" tools/environment.py $* $(CHOSEN)

# --- Reading ---------------------------------------------------------------------

.PHONY: book
# Sphinx does not read a page again that it has read with a warning: the next build
# would pass. So what was read is kept only by a build that succeeds. It is dropped, too,
# when our extensions or the contents change, which Sphinx notices in part only.
book: env-book ## build the book into _build/html
	@if [ ! -e _build/.succeeded ] || [ -n "$$(find book/_ext tools _config.yml \
	    _toc.yml .venv/environment.json -newer _build/.succeeded -type f \
	    -not -name '*.pyc')" ]; then rm -rf _build/.doctrees _build/html; fi
	@rm -f _build/.succeeded
	@echo "Building the pages."
	@$(VENV) -c 'from jupyter_book.cli.main import main; main()' \
	    build . -n -W --keep-going --quiet >/dev/null || \
	    { echo "The build failed. Warnings count as errors; they are above."; exit 1; }
	@touch _build/.succeeded
	@echo "The book is built. Open it in a browser:"
	@echo "  file://$$(pwd | sed 's/ /%20/g')/_build/html/index.html"

# --- Writing ---------------------------------------------------------------------

.PHONY: lab notebooks formulas editions publish status benchmark lock upgrade
lab: env-full ## open JupyterLab on the notebooks
	$(VENV) -m jupyterlab notebooks

notebooks: env-full ## execute and normalise notebooks [NB=notebooks/x/y.ipynb]
	$(VENV) -m tools.refresh $(if $(NB),"$(NB)")

formulas: env-full ## run the formula tests and write book/formulas.yml
	$(PYTEST) tests/formulas -n auto --record

editions: env-full ## write the one-framework notebooks into _build/editions
	$(VENV) -m tools.editions

# Where to, GITHUB_REPOSITORY=owner/name says, or repository.url in _config.yml.
publish: env-full ## write the book and the notebooks for Colab, as published
	$(VENV) -m tools.publish
	@$(MAKE) --no-print-directory book

status: env-full ## write book/status.yml from the last tests of the notebooks
	$(VENV) -m tools.status

benchmark: env-full ## measure the tests and the book, at 1, 2 and 4 times its size
	$(VENV) -m tools.benchmark

PYTHON_CODE := src tools tests book/_ext conftest.py
lint: env-full ## check our Python code with ruff
	$(VENV) -m ruff check $(PYTHON_CODE)
	$(VENV) -m ruff format --check $(PYTHON_CODE)

# Runs in an environment of its own: .venv can't be made while the lock is out of date.
# The lock in force must not bind the new one, except as what to prefer.
LOCK := _build/lock
lock: ## write constraints.txt anew [UPGRADE=1: the newest of all]
	@"$(PYTHON)" -m venv $(LOCK)
	@$(LOCK)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@cp constraints.txt $(LOCK)/constraints.txt
	@: > constraints.txt
	@$(LOCK)/bin/python -m uv pip compile requirements.txt --quiet \
	    --output-file $(LOCK)/constraints.txt $(if $(UPGRADE),--upgrade) \
	    --universal --python-version 3.11 --fork-strategy fewest \
	    --no-emit-package threeways --annotation-style line \
	    --custom-compile-command "make lock"; \
	    status=$$?; cp $(LOCK)/constraints.txt constraints.txt; exit $$status

upgrade: ## after a new pin: lock, run all, show what prints anew
	@$(MAKE) --no-print-directory lock UPGRADE=1
	@status=0; $(MAKE) --no-print-directory notebooks formulas || status=$$?; \
	    $(VENV) -m tools.output_diff; exit $$status

# --- Proving ---------------------------------------------------------------------

# What tests of notebooks took, and how they ended: for `make status`.
REPORTS := _build/reports

.PHONY: test $(PARTS) test-cpu test-gpu
test: env-full ## run lint and the parts below, but not test-cpu and test-gpu
	@failed=; times=; \
	for part in $(PARTS); do \
	    echo; echo "=== $$part"; start=$$(date +%s); \
	    if $(MAKE) --no-print-directory $$part; then result=passed; \
	    else result=FAILED; failed="$$failed $$part"; fi; \
	    times="$$times$$(printf '%-16s %-7s %5d s' \
	        $$part $$result $$(($$(date +%s) - start)))|"; \
	done; \
	mkdir -p $(REPORTS); printf '%s' "$$times" | tr '|' '\n' > $(REPORTS)/parts.txt; \
	echo; echo "=== make test"; cat $(REPORTS)/parts.txt; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed"; exit 1; fi; \
	echo "All parts passed."

test-house: env-full ## this house: .venv's making, the Makefile, the documents
	$(PYTEST) tests/house -n auto

test-hygiene: env-full ## the notebooks' form: order, tags, links, alt text
	$(PYTEST) tests/hygiene -n auto

test-helper: env-full ## the helper package threeways
	$(PYTEST) tests/helper -n auto

test-canaries: env-full ## every gate closes: notebooks made wrong on purpose
	$(PYTEST) tests/canaries -n auto

test-formulas: env-full ## the chapters' formulas against the three frameworks
	$(PYTEST) tests/formulas -n auto

# One worker a notebook: its cells share a kernel.
test-notebooks: env-full ## every stored output against a fresh run (nbval)
	$(PYTEST) --nbval notebooks -n auto --dist loadscope -p no:cacheprovider \
	    --report $(REPORTS)/notebooks.json

test-editions: env-full ## each one-framework notebook, with no other framework
	$(PYTEST) tests/editions -n auto --report $(REPORTS)/editions.json

test-devices: env-full ## PyTorch's cells on a device that pretends to be a GPU
	$(PYTEST) tests/devices -n auto

test-published: env-full ## the notebooks as Colab would run them
	$(PYTEST) tests/published -n auto

test-book: env-full ## the book builds without a warning, and its pages are whole
	$(PYTEST) tests/book -n auto

test-browser: env-full ## the pages in Chromium, which has to be installed
	$(PYTEST) tests/browser -n auto

test-cpu: env-full ## the notebooks as other CPUs would compute them
	$(PYTEST) tests/cpu -n auto

# Assertions hold there, printed digits need not: --nbval-lax. One notebook at a time
# has the whole memory of the device.
test-gpu: env-full ## the notebooks on this machine's GPU, if there is one
	$(VENV) -m tools.accelerator --nbval-lax -p no:cacheprovider \
	    --report $(REPORTS)/gpu.json

# --- Tidying up ------------------------------------------------------------------

.PHONY: clean clean-all
clean: ## remove what was built; keep .venv
	rm -rf _build .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

clean-all: clean ## remove .venv too
	rm -rf .venv
