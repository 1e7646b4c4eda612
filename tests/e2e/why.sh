#!/usr/bin/env bash
# What `capdb why-…` and `capdb retype` say of the real kernel: threads of user/why that cannot go on, with what was there
# before; and random requests that capdb foretells before the kernel answers them.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

boot build/arm/debug/image-why.elf -S
python3 tests/e2e/why.py "$work" ${WHY_REQUESTS:+"$WHY_REQUESTS"} || status=1
exit ${status:-0}
