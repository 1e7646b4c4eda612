#!/usr/bin/env bash
# Pictures of a recording: what graphviz, Perfetto and a browser get, of a small system whose threads
# have hostile names, and of one with 100,000 capabilities.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=build/host/capdb
small=$work/small.capdb
many=$work/many.capdb

judge() { python3 tests/tools/judge_picture.py "$@"; }

# layout NAME MOST_NODES MOST_INCHES: graphviz takes it, in seconds, and it is no bigger.
layout() {
    timeout 20 dot -Tplain -o "$work/$1.plain" "$work/$1.dot" || return
    judge plain "$work/$1.plain" "$2" "$3"
}

check "recordings are made" bash -c "build/host/record_many $small 8 12 && build/host/record_many $many 2000 45"

# --- dot ---------------------------------------------------------------------------------------------

check "a picture of a small system" $capdb export "$small" --format dot -o "$work/small.dot"
check "graphviz lays it out" layout small 20 20
check "a picture of 100,000 capabilities" $capdb export "$many" --format dot -o "$work/many.dot"
check "is no bigger than a poster" layout many 80 40
check "it says what is folded" grep -q "more domains, folded" "$work/many.dot"
check "its breaches are red" grep -qE 'color="#c8102e".*shared-cnode' "$work/many.dot"
check "details around a domain" $capdb export "$many" --format dot --around d5 --depth 3 -o "$work/around.dot"
check "are laid out, too" layout around 251 80
check "a step further has more" test "$(grep -c -- '->' "$work/around.dot")" -gt \
    "$($capdb export "$many" --format dot --around d5 --depth 1 | grep -c -- '->')"

# --- report ------------------------------------------------------------------------------------------

check "a report of a small system" $capdb report "$small" -o "$work/small.html"
check "is one page, names are text" judge page "$work/small.html" '<script>alert(1)</script' 'a"];x->y[label="'
check "a report of 100,000 capabilities" $capdb report "$many" -o "$work/many.html"
check "is one page, breaches are intervals" judge page "$work/many.html" "1 to 2" "Memory by owner over time" "these are the 10 with breaches"
check "a domain has one colour, and none that of breaches" judge colours "$work/small.dot" "$work/small.html"
check "also where names must share a palette" judge colours "$work/many.dot" "$work/many.html"

# --- trace -------------------------------------------------------------------------------------------

check "a trace of snapshots alone" $capdb export "$small" --format trace -o "$work/small.json"
check "is trace-event JSON with counters" judge trace "$work/small.json" 4

gzip -dc tests/fixtures/demo-leaky.capdb.gz >"$work/demo.capdb"
check "a trace of a recorded demo" $capdb export "$work/demo.capdb" --format trace -o "$work/demo.json"
check "counts untyped memory as each snapshot has it" judge counters "$work/demo.json" $capdb "$work/demo.capdb" 1
check "a part of it" $capdb export "$work/demo.capdb" --format trace --from 3 -o "$work/part.json"
check "begins with what is there" judge counters "$work/part.json" $capdb "$work/demo.capdb" 3

# what is alike is one box, a line is all that one does to the other, and red is what a breach is about
around_the_demo() {
    $capdb export "$work/demo.capdb" --format dot --around ep:0x8211e400 --depth 2 -o "$work/demo-around.dot" &&
        layout demo-around 60 30
}
check "details around an endpoint of it" around_the_demo
check "frames that are used alike are one box" grep -qE 'label="[0-9]+ × frame 4K"' "$work/demo-around.dot"
check "what one does to another is one line" grep -q 'label="write, read"' "$work/demo-around.dot"
check "untyped memory that covers much is red where it breaches" test "$(grep -c '"cover", color="#c8102e"' "$work/demo-around.dot")" -le 2

check "a report of it" $capdb report "$work/demo.capdb" -o "$work/demo.html"
check "nothing on it is cut off or left out" judge page "$work/demo.html" "guest and 1 more" "+65.6 s"

screenshot() {
    timeout 100 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --window-size=1000,1400 \
        --screenshot="$work/page.png" "file://$work/small.html" >/dev/null 2>&1
    [ "$(head -c 8 "$work/page.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] &&
        [ "$(stat -c %s "$work/page.png")" -gt 20000 ]
}
if command -v chromium >/dev/null; then
    check "a browser draws the report" screenshot
else
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - a browser draws the report # SKIP chromium is not installed"
fi
plan
