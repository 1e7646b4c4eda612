#!/usr/bin/env bash
# Every command that `capdb --help` lists, over recordings that are odd in one way each: an incomplete
# snapshot is announced and exits 2, a broken one is no verdict, output is text and JSON whatever
# threads call themselves, and 64-bit addresses are whole. commands.py says what is asked.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

build/host/odd_recordings "$work" || exit 1
python3 tests/e2e/commands.py build/asan/capdb "$work"
