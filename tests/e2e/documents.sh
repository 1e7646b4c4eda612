#!/usr/bin/env bash
# What README, HACKING and docs/ name is there, and their tables are whole (documents.py); and a page
# that names what is not there is found.
. "$(dirname "$0")/lib.bash"

for what in files functions targets commands keys tables; do
    check "the documents name no $what that are not there, or broken" python3 tests/e2e/documents.py $what
done

# A tree of links with one page of its own.
mkdir "$work/tree"
for name in * .git; do ln -s "$PWD/$name" "$work/tree/$name"; done
refused() { # WHAT PAGE LINE...: with the line at the end of the page, it is what is found
    local page=$work/tree/$2
    rm -rf "$work/tree/docs"
    cp -R docs "$work/tree/docs"
    rm -f "$work/tree/README.md"
    cp README.md "$work/tree/README.md"
    printf '%s\n' '' "${@:3}" >>"$page"
    (cd "$work/tree" && ! python3 tests/e2e/documents.py "$1" >"$work/found") && [ "$(wc -l <"$work/found")" = 1 ]
}
check "a file that is not there is found" refused files README.md 'see tests/gone/file.c'
check "a function that is not there is found" refused functions docs/design.md '`authority_nonsense()`'
check "a target that is not there is found" refused targets README.md '`make nonsense`'
check "a command that is not there is found" refused commands README.md '`capdb nonsense RUN`'
check "an option that a command does not take is found" refused commands README.md '`capdb cdt RUN --strict`'
check "a key of another action is found" refused keys docs/reverse.md '| `M` | back to where it entered its slot |'
check "a row without a table is found" refused tables README.md '| a | b |'
check "a row with a column too many is found" refused tables README.md '| a | b |' '|---|---|' '| 1 | 2 | 3 |'
check "what a merge left is found" refused tables docs/bench.md ">>>>>>> main"
plan
