#!/usr/bin/env bash
# Names of characters that are two cells wide: a row that has no room for all of them ends in the sign
# that says so, on its own line, however often it is painted over.
source "$(dirname "$0")/lib.bash"
source tests/e2e/terminal.bash
export LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config NO_COLOR=1


gunzip -c tests/fixtures/demo-leaky.capdb.gz >"$work/wide.capdb"
python3 - "$work/wide.capdb" <<'PYTHON'
import sqlite3
import sys

recording = sqlite3.connect(sys.argv[1])
name = "漢" * 50
recording.execute("UPDATE name SET bytes = CAST(? AS BLOB), text = ? WHERE text = 'driver/server'", (name, name))
recording.commit()
PYTHON

begin() { # begin COLUMNS
    tm -f /dev/null new-session -d -s t -x "$1" -y 30 \
        "build/host/inspector-tui '$work/wide.capdb' --view threads; exec cat" && shows_soon '漢'
}

# In the list each row begins with a cell for its sign and, where it is cut, ends in an ellipsis.
rows_are_whole() { # rows_are_whole COLUMNS
    local key
    for key in V T E T U T; do
        press $key
        sleep 0.2
        screen | python3 -c '
import sys
import unicodedata
columns = int(sys.argv[1])
rows = sys.stdin.read().split("\n")[2:18]
width = lambda row: sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in row)
bad = [row for row in rows if row[:1] in ("漢", "…") or width(row) > columns or
       width(row) == columns and row[-1] == "漢"]
sys.exit("\n".join(bad) or 0)' "$1" || return 1
    done
}
for columns in 80 101; do
    tmux_socket=$work/tmux$columns
    check "on $columns columns the rows open" begin "$columns"
    check "on $columns columns no wide character stands where the sign is" rows_are_whole "$columns"
    tm kill-server
done
plan
