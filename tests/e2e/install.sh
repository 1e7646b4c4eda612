#!/bin/bash
# make install puts the tools where they run from, make uninstall takes every file of it away.
set -u
cd "$(dirname "$0")/../.." || exit 2
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT
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
none_left() { [ -z "$(find "$where" -type f)" ]; }
same() { cmp -s "$1" "$2"; }

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
check "make uninstall" make --no-print-directory uninstall DESTDIR="$where" PREFIX=/opt/capscope
check "uninstall leaves no file" none_left
echo "1..$n"
