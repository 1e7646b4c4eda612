#!/bin/bash
# make install puts the tools where they run from, make uninstall takes all of it away; and what capdb does
# without the libraries that it can do without.
set -u
cd "$(dirname "$0")/../.." || exit 2
outer=$(mktemp -d)
where="$outer/a place with blanks"
mkdir "$where"
trap 'rm -rf "$outer"' EXIT
n=0
check() { # claim, command...
    local claim=$1
    shift
    n=$((n + 1))
    if "$@" >"$where.log" 2>&1; then echo "ok $n - $claim"; else
        echo "not ok $n - $claim"
        sed 's/^/# /' "$where.log"
    fi
    rm -f "$where.log"
}
none_left() { [ -z "$(find "$where" -mindepth 1)" ] || { find "$where"; return 1; }; }
same() { cmp -s "$1" "$2"; }
equal() { [ "$1" = "$2" ] || { printf 'wanted %s, got %s\n' "$1" "$2"; return 1; }; }

check "make install" make --no-print-directory install DESTDIR="$where" PREFIX=/opt/capscope
check "capdb runs from there" "$where/opt/capscope/bin/capdb" --help
check "inspector-tui runs from there" "$where/opt/capscope/bin/inspector-tui" --help
check "the gdb commands are there" same scripts/capscope-gdb.py "$where/opt/capscope/share/capscope/capscope-gdb.py"
check "the documents are there" same docs/sel4.md "$where/opt/capscope/share/doc/capscope/sel4.md"
check "the man pages are there, and man reads them, if there is one" sh -c 'for m in capdb inspector-tui; do test -s "$1/opt/capscope/share/man/man1/$m.1" || exit 1; ! command -v man >/dev/null || man -l "$1/opt/capscope/share/man/man1/$m.1" >/dev/null || exit 1; done' sh "$where"
check "completions are there" test -s "$where/opt/capscope/share/bash-completion/completions/capdb" -a -s "$where/opt/capscope/share/zsh/site-functions/_capdb"
links() { # every document that README names lies beside it
    local doc="$where/opt/capscope/share/doc/capscope" missing=0 f
    for f in $(grep -oE 'docs/[a-z0-9-]+\.md' README.md | sort -u); do
        [ -s "$doc/${f#docs/}" ] || { echo "missing: $f"; missing=1; }
    done
    return $missing
}
check "every document that README names is there" links
named() { # every target that says what it does, whatever its name is made of
    diff <(make --no-print-directory help | awk '{ print $1 }' | sort) \
        <(sed -nE 's/^([^:#\t ]+):.*## .*/\1/p' Makefile guest/linux/linux.mk | sort)
}
check "make help names every target" named
check "make uninstall" make --no-print-directory uninstall DESTDIR="$where" PREFIX=/opt/capscope
check "uninstall leaves no file and no folder" none_left
mkdir -p "$where/opt/capscope/bin" && touch "$where/opt/capscope/bin/other"
check "but what others put there" eval 'make --no-print-directory uninstall DESTDIR="$where" PREFIX=/opt/capscope && test -e "$where/opt/capscope/bin/other"'
rm "$where/opt/capscope/bin/other"

# --- with no library but those that it must have ------------------------------------------------------

least=build/host/capdb-least
libraries() { readelf -d "$1" | sed -n 's/.*NEEDED.*\[lib\([a-z0-9]*\)[.-].*/\1/p' | grep -vxE 'c|m' | sort | xargs; }
gunzip -c tests/fixtures/demo-leaky.capdb.gz >"$outer/demo.capdb"
# What a command prints on a terminal of 80 columns. Two run at once below: no file between.
on_terminal() { # PROGRAM COMMAND
    COLUMNS=80 NO_COLOR=1 LC_ALL=C.UTF-8 timeout 60 python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' \
        "$1" "$2" "$outer/demo.capdb" </dev/null | tr -d '\r' | sed 's/ *$//'
}
same_tables() {
    local command
    for command in threads domains untyped snapshots check leak; do
        diff <(on_terminal build/host/capdb $command) <(on_terminal $least $command) || { echo "$command"; return 1; }
        [ "$(on_terminal $least $command | wc -l)" -gt 2 ] || return 1
    done
}
same_tree() { # but for the picture
    on_terminal build/host/capdb cdt | sed 's/^[ │├─└]*//' >"$outer/drawn"
    on_terminal $least cdt >"$outer/indented"
    diff "$outer/drawn" <(sed 's/^ *//' "$outer/indented")
}
indented() { grep -q '^    [a-z]' "$outer/indented"; }
no_serial_line() {
    $least threads monitor:/dev/null 2>"$outer/said"
    [ $? = 2 ] && grep -q '/dev/null: serial devices need libserialport' "$outer/said"
}
check "capdb needs SQLite, libb2 and elfutils, and the inspector ncurses, too" equal "b2 dw elf sqlite3" "$(libraries $least)"
check "the others are what is not there" equal "b2 dw elf serialport smartcols sqlite3" "$(libraries build/host/capdb)"
check "tables are the same without libsmartcols" same_tables
check "trees are the same but for the picture" same_tree
check "which is indented" indented
check "a serial device is refused with a sentence" no_serial_line
echo "1..$n"
