# Two commands matter: `make demo` serves the app, `make test` checks everything.
# Both need Python 3.11 or newer and make, nothing else; everything lands in .venv.

PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1
export GRADIO_ANALYTICS_ENABLED ?= False
# what is imported is compiled once, not in each of the many processes that the tests start
export PYTHONDONTWRITEBYTECODE :=
# the tests, with limits from outside: what hangs ends as a failure with the stacks of all processes
PYTEST = $(BIN)/python tests/watch/watched_run.py -- $(BIN)/python -m pytest -p run_stacks
# pytest ends with 5 where TESTS holds no such test
TWO_AT_ONCE = $(PYTEST) -n 2 --dist $(or $(DIST),worksteal) -p no:nbmake
TESTS ?= tests
SEEDS ?= 10

.PHONY: help demo space test lint unit browser installs notebooks render-notebooks class-pack lab models language-model language-table codebook-table breathing-table wavelet-table newborn-table oxygen-table finger-table calibrate bench bench-demo bench-peers bench-simulator stress-lab evaluate refusal vitals photo context seeds choices ablations clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv/app: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer with the venv module was found: install one, or set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
# torch by its exact version first: a range may choose a build for graphics cards, of several gigabytes
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) -e '.[demo]'
	@touch $@

.venv/installed: .venv/app
	$(PIP) -e '.[dev]'
	@touch $@

models: .venv/app  ## fetch the two face models into the user's cache
	$(BIN)/rppg doctor --fetch

demo: .venv/app  ## serve the app on http://127.0.0.1:7860, or on PORT=...
	-$(BIN)/rppg doctor --fetch
	$(BIN)/rppg demo $(if $(PORT),--port $(PORT))

space: .venv/app  ## write the folder of a Hugging Face Space to out/space
	$(BIN)/python -m demo.bundle out/space

lint: .venv/installed  ## ruff, spelling, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell rppg_core demo tests notebooks docs README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/pyright

unit: .venv/installed  ## the tests that need neither a browser nor an installation
	$(TWO_AT_ONCE) -m "not browser and not installs" $(TESTS) || test $$? -eq 5

# by themselves: what they time must not wait for an installation next door
browser: .venv/installed  ## the tests in a real Chromium
	$(TWO_AT_ONCE) -m browser $(TESTS) || test $$? -eq 5

# an environment is filled once per file
installs: DIST = loadfile
installs: .venv/installed  ## what a class and a Space install, into environments of their own
	$(TWO_AT_ONCE) -m installs $(TESTS) || test $$? -eq 5

test: .venv/installed  ## lint, types and all tests (face models are fetched when they can be)
	-$(BIN)/rppg doctor --fetch
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory unit
	$(MAKE) --no-print-directory browser
	$(MAKE) --no-print-directory installs
	$(MAKE) --no-print-directory notebooks

notebooks: .venv/installed  ## run every notebook of the course within limits of memory and CPU; nothing is written
	$(PYTEST) -p notebook_costs -n 2 --nbmake --nbmake-timeout=120 -p no:cacheprovider notebooks

render-notebooks: .venv/installed  ## run them, write their outputs, and pages without a kernel to out/notebooks
	$(BIN)/python notebooks/render.py $(ONLY)

# what is out of date there stops the pack with a message, since only a person knows whether to render again
out/notebooks/README.html:
	$(MAKE) --no-print-directory render-notebooks

class-pack: .venv/installed out/notebooks/README.html  ## the course for a room without internet, in out/class-pack.zip
	$(BIN)/python -m notebooks.class_pack

lab: .venv/installed  ## the course in JupyterLab, opened on 00
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

language-model: .venv/installed  ## train PhysLLM's small language model again (3 minutes)
	$(BIN)/python -m rppg_core.lab.training.language_model rppg_core/models/checkpoints/physllm_language_model

language-table: .venv/installed  ## does PhysLLM's language model help, and does it read the words? (1 hour)
	$(BIN)/python -m rppg_core.lab.protocols.photo.language

codebook-table: .venv/installed  ## CodePhys: sizes of its codebook, and what its parts add (hours); PPG="TABLE ..." adds recorded pulses
	$(BIN)/python -m rppg_core.lab.protocols.photo.codebook $(if $(PPG),--ppg $(PPG))

breathing-table: .venv/installed  ## breathing rates shown or not, of networks and classical sources; WEIGHTS="FILE ..." adds networks
	$(BIN)/python -m rppg_core.lab.protocols.photo.breathing $(if $(WEIGHTS),--weights $(WEIGHTS))

wavelet-table: .venv/installed  ## PhysVLM: how much of a tone each wavelet keeps in its octave; WEIGHTS="FILE ..." adds learned ones
	$(BIN)/python -m rppg_core.lab.protocols.wavelets $(if $(WEIGHTS),--weights $(WEIGHTS))

newborn-table: .venv/installed  ## PhysVLM with the bands of newborns on simulated ones, beside POS; WEIGHTS="FILE ..." adds networks
	$(BIN)/python -m rppg_core.lab.protocols.newborns $(if $(WEIGHTS),--weights $(WEIGHTS))

oxygen-table: .venv/installed  ## SpO2 of simulated people: TAST-Net, its parts, estimators and controls (5 CPU-hours of training)
	$(BIN)/python -m rppg_core.lab.training.trials oxygen
	$(BIN)/python -m rppg_core.lab.protocols.oxygen --weights $$($(BIN)/python -m rppg_core.lab.training.trials oxygen --list)

finger-table: .venv/installed  ## SpO2 of fingers on a lens: ratios and a network beside time and level; DATA=DIR of recordings
	@test -n "$(DATA)" || { echo "name the folder of recordings: make finger-table DATA=DIR"; exit 1; }
	$(BIN)/python -m rppg_core.lab.protocols.finger --data "$(DATA)"

calibrate: .venv/installed  ## refit confidence and intervals (25 minutes on 2 cores); RECORDINGS="DIR ..." adds real faces
	$(BIN)/python -m rppg_core.lab.protocols.calibration.heart_rate $(addprefix --recordings ,$(RECORDINGS))
	$(BIN)/python -m rppg_core.lab.protocols.calibration.breathing

stress-lab: .venv/installed  ## make the stress sweeps of notebooks and app anew (5 minutes)
	$(BIN)/python -m rppg_core.lab.protocols.stress.lab

evaluate:  ## the protocols refusal, vitals and photo of docs/results.md; fails when a promise does not hold (15 minutes)
	$(MAKE) --no-print-directory --keep-going refusal vitals photo
refusal vitals photo: models | out
out:
	mkdir -p $@
refusal:
	$(BIN)/rppg evaluate --protocol refusal --methods all --seeds $(SEEDS) --html out/refusal.html --json out/refusal.json
vitals:
	$(BIN)/rppg evaluate --protocol vitals $(if $(RPPG_TEST_DATA),--data $(RPPG_TEST_DATA)) --json out/vitals.json
photo:
	$(BIN)/rppg evaluate --protocol photo --methods all --seeds $(SEEDS) --html out/photo.html --json out/photo.json

context: .venv/installed  ## does the measured context of PhysLLM follow the simulator's scenes (3 minutes)
	$(BIN)/python -m rppg_core.lab.protocols.context

seeds: .venv/installed  ## three seeds of every network on photo-v2 (many hours)
	$(BIN)/python -m rppg_core.lab.training.trials seeds
	$(BIN)/rppg evaluate --protocol photo --methods pos,tracenet --html out/seeds.html --json out/seeds.json \
		--weights $$($(BIN)/python -m rppg_core.lab.training.trials seeds --list)

choices: .venv/installed  ## three short seeds of each form of a network's input on photo-v2 (1.5 CPU-hours)
	$(BIN)/python -m rppg_core.lab.training.trials choices
	$(BIN)/rppg evaluate --protocol photo --methods pos --html out/choices.html --json out/choices.json \
		--weights $$($(BIN)/python -m rppg_core.lab.training.trials choices --list) \
		|| test $$? -eq 1  # the criteria are for what ships

ablations: .venv/installed  ## the same, and networks without each of their parts (many hours)
	$(BIN)/python -m rppg_core.lab.training.trials ablations
	$(BIN)/rppg evaluate --protocol photo --methods pos --html out/ablations.html --json out/ablations.json \
		--weights $$($(BIN)/python -m rppg_core.lab.training.trials ablations --list) \
		|| test $$? -eq 1  # the criteria are for what ships

bench: .venv/installed models  ## CPU time, memory and where the time goes
	$(BIN)/python tests/bench/bench.py

bench-demo: .venv/installed models  ## the app in a browser: first load, upload to numbers, memory, files left
	$(BIN)/python tests/bench/bench_demo.py

bench-simulator: .venv/installed  ## clips and traces a second on one core
	$(BIN)/python tests/bench/bench_simulator.py

bench-peers: .venv/installed models  ## vitallens and open-rppg on the same file, each in an environment of its own
	$(BIN)/python tests/bench/peers.py

clean:  ## remove what make made
	rm -rf .venv out build dist .pytest_cache .ruff_cache
