#!/usr/bin/env bash
# docs/proof.md, docs/model.md and the tree: each name in their tables is there, under the kind of
# thing that its column says; and what the page counts is what the lists count.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

cat >"$work/compare.py" <<'END_OF_PROGRAM'
import glob, os, re, sys

page = open(sys.argv[1], encoding="utf-8").read()


def text_of(*patterns):
    files = sorted(f for p in patterns for f in glob.glob(p, recursive=True))
    return "\n".join(open(f, encoding="utf-8").read() for f in files)


proofs = {os.path.basename(f): open(f, encoding="utf-8").read() for f in glob.glob("model/proof/*.v")}
coq = "\n".join(proofs.values())
authority = text_of("authority/*.c", "authority/*.h")
kernel = text_of("kernel/**/*.[ch]", "layout/*.h", "objwalk/**/*.[ch]")
tests = {os.path.splitext(os.path.basename(f))[0].lstrip("_") for f in
         glob.glob("tests/**/*", recursive=True) + glob.glob("scripts/*")}


def stated(name, text):
    return re.search(rf"^(Theorem|Lemma|Example) {name}\b", text, re.M)


def defined_in_coq(name):
    return re.search(rf"^(Definition|Fixpoint|Inductive|Record|Notation|Theorem|Lemma|Example) \"?{name}\b",
                     coq, re.M) or re.search(rf"^(  |    |  \| |\| )\(?{name} (:|=>)", coq, re.M)


def function(name, text):
    return re.search(rf"^[a-z][^\n;#]*\b{name}\(", text, re.M)


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def complain(what):
    print(what)
    global bad
    bad += 1


def rows_below(title):
    part = page.split(title, 1)[1].split("\n## ", 1)[0]
    rows = [[c.strip() for c in r.strip("|").split("|")] for r in re.findall(r"^\|.*\|$", part, re.M)]
    return rows[2:]


def check_row(theorem, definition, engine, code, model, test):
    for name in names(theorem):
        file = re.search(r"\((\w+\.v)\)", theorem)
        if not file or not stated(name, proofs.get(file.group(1), "")):
            complain(f"no theorem {name} in {file and file.group(1)}")
    for name in names(definition):
        if not defined_in_coq(name):
            complain(f"nothing in model/proof/ defines {name}")
    for cell, text, where in ((engine, authority, "authority/"), (code, kernel, "kernel/, layout/ or objwalk/")):
        for name in names(cell):
            if not function(name.removesuffix("()"), text):
                complain(f"no function {name} in {where}")
    for name in names(model):
        if not glob.glob(name):
            complain(f"no file {name}")
    for name in re.findall(r"`([^`]+)`", test) + [w for w in re.findall(r"\b(?:test_\w+|prove[\w-]*)\b", test)]:
        if name.replace("-", "_") not in {t.replace("-", "_") for t in tests}:
            complain(f"no test {name}")


bad = 0
rows = rows_below("## From theorem to code and back")
if len(rows) < 10:
    complain(f"the table has {len(rows)} rows")
for row in rows:
    if len(row) != 6:
        complain(f"a row with {len(row)} columns: {row[0]}")
    else:
        check_row(*row)
# names of theorems in the text: `name` in backticks that looks like one
for name in set(re.findall(r"\(`([a-z_]+)`(?:[,)])", page)):
    if not stated(name, coq) and not re.search(rf"\b{name}\b", coq):
        complain(f"nothing in model/proof/ is called {name}")
# what the page counts
goals = [l.split() for l in open("model/code/expected") if l.startswith("goals ")]
opened = [l for l in open("model/code/expected") if l.startswith("open ")]
said = f"{len(goals)} functions, {sum(int(g[3]) for g in goals)} goals"
if said not in page:
    complain(f"the page does not say: {said}")
for file in re.findall(r"`((?:model|scripts|tests|authority|docs|kernel|layout)/[\w./*-]+)`", page):
    if not glob.glob(file):
        complain(f"no file {file}")
sys.exit(bad != 0)
END_OF_PROGRAM

page_fits() { python3 "$work/compare.py" docs/proof.md; }
# What a page that errs is told: the name that was put in must be named.
errs() { # SED-SCRIPT WANTED
    sed "$1" docs/proof.md >"$work/page.md"
    cmp -s docs/proof.md "$work/page.md" && return 1
    python3 "$work/compare.py" "$work/page.md" >"$work/said" && return 1
    grep -q "$2" "$work/said" || { cat "$work/said"; return 1; }
}

check "every name in the table of docs/proof.md is in the tree" page_fits
check "a theorem that is not there is named" errs 's/`isolation_is_kept`/`isolation_is_lost`/' 'no theorem isolation_is_lost'
check "a theorem of another file is named" errs 's/(Order.v) | `is_parent`/(Links.v) | `is_parent`/' 'in Links.v'
check "a function that is not there is named" errs 's/`cdt_is_final()`/`cdt_is_mortal()`/' 'no function cdt_is_mortal'
check "a definition that is not there is named" errs 's/`well_formed`/`ill_formed`/' 'defines ill_formed'
check "a test that is not there is named" errs 's/test_model_exhaustive/test_model_exhausted/' 'no test test_model_exhausted'
check "a wrong count is named" errs 's/[0-9]* functions, [0-9]* goals/9 functions, 9 goals/' 'does not say'
plan
