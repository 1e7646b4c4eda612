#!/usr/bin/env bash
# The pictures in README.md and docs/screens/: text and SVG say the same, README shows what lies there,
# and the converter refuses what it cannot draw.  `make screenshots` makes them.
. "$(dirname "$0")/lib.bash"

# The text of an SVG line by line: what stands in its <text> elements, blanks left out.
svg_words() {
    python3 - "$1" <<'PY'
import sys, xml.etree.ElementTree as tree
rows = {}
for text in tree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}text"):
    rows.setdefault(int(text.get("y")), []).append((float(text.get("x")), text.text))
for y in sorted(rows):
    print("".join("".join(t.split()) for _, t in sorted(rows[y])))
PY
}
same_words() { # NAME
    diff <(sed 's/ //g; /^$/d' "docs/screens/$1.txt") <(svg_words "docs/screens/$1.svg")
}
screens=(docs/screens/*.txt)
check "there are pictures" test -s "${screens[0]}"
for text in "${screens[@]}"; do
    name=$(basename "$text" .txt)
    check "$name: text and picture say the same" same_words "$name"
done

readme_shows() {
    local names name
    names=$(sed -nE 's/^<!-- screen ([a-z]+) -->$/\1/p' README.md)
    [ -n "$names" ] || { echo "README.md shows no screen"; return 1; }
    for name in $names; do
        diff <(sed -n "/^<!-- screen $name -->\$/,/^<!-- end -->\$/p" README.md | sed '1,2d' | head -n -2) "docs/screens/$name.txt" || return 1
    done
}
check "README.md shows the screens as they lie there" readme_shows
pictures_exist() {
    local file
    for file in $(grep -hoE '!\[[^]]*\]\([^)]*\)' README.md | sed 's/.*(//; s/)//'); do
        test -s "$file" || { echo "$file is missing"; return 1; }
    done
}
check "every picture of README.md is there" pictures_exist

draw() { printf "$1" | scripts/screen-to-svg test 20; }
draws() { draw "$1" 2>&1 | grep -qF -- "$2"; }
refuses() { ! draw "$1" >/dev/null 2>&1; }
check "a color of 256 is drawn" draws '\e[38;5;196mred\e[0m' 'fill="#ff0000"'
check "reverse is drawn as a background" draws '\e[7mcursor' '<rect x="10.0"'
check "markup in a name is text" draws '<b>&' '&lt;b&gt;&amp;'
check "an attribute that it does not know is refused" refuses '\e[5mblink'
check "a control sequence that is no attribute is refused" refuses '\e[2Jgone'
plan
