#!/usr/bin/env bash
# docs/database.md against capdb/schema.sql: every view is described, each with exactly its columns;
# every table is named; and the questions that the page gives can be asked.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

cat >"$work/compare.py" <<'END'
import re, sqlite3, sys

db = sqlite3.connect(":memory:")
db.executescript(open("capdb/schema.sql", encoding="utf-8").read())
page = open("docs/database.md", encoding="utf-8").read()
# what capdb adds to the schema: a virtual table
declared = re.search(r"CREATE TABLE breaches \(.*?\)\"", open("capdb/breaches.c", encoding="utf-8").read(), re.S).group(0)
db.executescript(re.sub(r'"\s*"|"', "", declared).replace("CREATE TABLE breaches", "CREATE TABLE breach_columns")
                 + "; CREATE VIEW breaches AS SELECT * FROM breach_columns")
for name, arguments in (("word", 1), ("below", 2), ("covers", 3)):
    db.create_function(name, arguments, lambda *a: 0, deterministic=True)


# views that stand for tables
ROWS = {"cap_row", "cap_of", "cap_flat", "object_row"}


def columns_of(view):
    return [row[1] for row in db.execute(f'PRAGMA table_info("{view}")')]


def documented():
    views = {}
    for line in re.findall(r"^\| (\w+) \| (.*) \|$", page, re.M):
        text = re.sub(r"\([^)]*\)", "", line[1])
        columns = []
        for part in (p.strip() for p in text.split(",")):
            same = re.fullmatch(r"and those of (\w+)", part)
            columns += views[same.group(1)] if same else [part]
        views[line[0]] = columns
    return views


def check_views():
    views = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")} - ROWS
    told = documented()
    for view in sorted(views | (set(told) & {t for t in told if t in views})):
        if view not in told:
            print(f"{view} is not described")
        elif told[view] != columns_of(view):
            print(f"{view}: the page says {told[view]}, the schema {columns_of(view)}")


def check_tables():
    for (table,) in [(name,) for name in ROWS] + list(db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")):
        if table != "breach_columns" and (not table.endswith("_row") or table in ROWS) and not re.search(rf"`{table}`|`{table}\.|\b{table}\b", page):
            print(f"table {table} is not mentioned")


def check_questions():
    here = page[: page.index("\n## Many recordings")]  # those for a server: publish.sh
    questions = re.findall(r"(?:^    .*\n)+", here, re.M)
    for question in questions:
        try:
            db.execute(question)
        except sqlite3.Error as e:
            print(f"{question.strip()}: {e}")
    if len(questions) < 5:
        print(f"only {len(questions)} questions were found")


check_views() if sys.argv[1] == "views" else check_tables() if sys.argv[1] == "tables" else check_questions()
END

silent() { # command...: succeeds and prints nothing
    local output
    output=$("$@" 2>&1) && [ -z "$output" ] && return
    echo "$output"
    return 1
}

check "every view is described with its columns" silent python3 "$work/compare.py" views
check "every table is mentioned" silent python3 "$work/compare.py" tables
check "the questions can be asked" silent python3 "$work/compare.py" questions
plan
