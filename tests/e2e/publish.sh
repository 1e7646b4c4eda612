#!/usr/bin/env bash
# Recordings in PostgreSQL: a server of Debian's package, started here under an unprivileged user on a
# socket of its own, takes two recordings; batches that were cut off go on, nothing comes twice, and
# what the views say is what the recordings say.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=build/host/capdb
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
if [ ! -x "$bin/initdb" ]; then
    echo "1..0 # SKIP PostgreSQL's server is not installed (Debian: postgresql)"
    exit 0
fi

as_server=()
if [ "$(id -u)" = 0 ]; then
    as_server=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    chown nobody:nogroup "$work"
fi
server_pid=
stop_server() {
    stop_process server_pid -INT
    finish
}
trap stop_server EXIT

url="postgresql:///postgres?host=$work&user=capscope"
ask() { psql -X -A -t -q "$url" -c "SET search_path = capscope" -c "$1"; }
start_server() {
    "${as_server[@]}" "$bin/postgres" -D "$work/data" -k "$work" -c listen_addresses= -c fsync=off -c jit=off \
        >"$work/server.log" 2>&1 &
    server_pid=$!
    wait_for 60 psql -X -q "$url" -c "SELECT 1"
}

"${as_server[@]}" "$bin/initdb" -D "$work/data" -U capscope -A trust -N >"$work/initdb.log" 2>&1 ||
    { cat "$work/initdb.log"; exit 1; }
check "a server starts" start_server

for name in recording-1 recording-1-killed; do
    gunzip -c "tests/fixtures/$name.capdb.gz" >"$work/old.capdb"
    $capdb upgrade "$work/old.capdb" "$work/$name.capdb" || exit 1
    rm "$work/old.capdb"
done
first=$work/recording-1.capdb second=$work/recording-1-killed.capdb

# Each view says of a recording in the server what it says here: same names, same columns, same rows.
# capdb prints addresses in hexadecimal; `taken` is a text here and a time there.
cat >"$work/same.py" <<'PYTHON'
import json, re, subprocess, sys

capdb, run, url, name = sys.argv[1:]
schema = open("capdb/schema.sql", encoding="utf-8").read()
views = [v for v in re.findall(r"^CREATE VIEW (\w+)", schema, re.M) if v not in ("cap_of", "cap_flat")]
# of events behind the last snapshot nothing is published yet
LAST = "(SELECT max(n) FROM snapshot)"
UPTO = {"events": f"WHERE n <= {LAST}", "event_timed": f"WHERE n <= {LAST}", "revokes": f"WHERE first <= {LAST}"}


def plain(value):
    if isinstance(value, str) and re.fullmatch("0x[0-9a-f]+", value):
        return int(value, 16) - (1 << 64 if int(value, 16) >> 63 else 0)
    return value


def rows(of):
    return sorted(json.dumps({k: plain(v) for k, v in row.items() if k not in ("recording", "taken", "time")},
                             sort_keys=True) for row in of)


bad = len(views) < 20
for view in views:
    done = subprocess.run([capdb, "sql", run, "--json", f"SELECT * FROM {view} {UPTO.get(view, '')}"],
                          capture_output=True, text=True)
    here = json.loads(done.stdout)
    done = subprocess.run(["psql", "-XAtq", url, "-c", f"SELECT coalesce(json_agg(v), '[]') FROM (SELECT * FROM"
                           f" capscope.{view} WHERE recording = '{name}') AS v"], capture_output=True, text=True)
    if done.returncode:
        print(f"{view}: {done.stderr}")
        bad = True
        continue
    a, b = rows(here), rows(json.loads(done.stdout))
    if a != b:
        bad = True
        print(f"{view}: {len(a)} rows here, {len(b)} there; only here:", *[x for x in a if x not in b][:1], "only there:",
              *[x for x in b if x not in a][:1])
sys.exit(bad)
PYTHON
all_there() { python3 "$work/same.py" "$capdb" "$1" "$url" "$2"; } # recording, name
everything() { ask "SELECT md5(string_agg(c::text, '' ORDER BY recording, row)) FROM cap_row c"; }

check "a recording is published" $capdb publish "$first" "$url"
check "all of it is there" all_there "$first" recording-1
before=$(everything)
check "publishing it again works" $capdb publish "$first" "$url"
check "and changes nothing" test "$(everything)" = "$before"
of_first() { ask "SELECT md5(string_agg(c::text, '' ORDER BY row)) FROM cap_row c WHERE recording = 'recording-1'"; }
before=$(of_first)
check "a second one stands beside it" $capdb publish "$second" "$url"
check "all of it is there, too" all_there "$second" recording-1-killed
check "the first is as it was" test "$(of_first)" = "$before"
$capdb cut "$second" "$work/other.capdb" --from 2 || exit 1
other_as_first() {
    $capdb publish "$work/other.capdb" "$url" --name recording-1 2>"$work/said"
    [ $? = 2 ] && grep -q "another recording, or more of this one, is there as recording-1" "$work/said"
}
check "another recording of the same name is refused" other_as_first

# In pieces: what was there of an earlier state of the recording is brought up to date.
cp "$first" "$work/grown.capdb"
half=$(($(ask "SELECT snapshots FROM recording WHERE recording = 'recording-1'") / 2))
check "a part of it is published" $capdb publish "$work/grown.capdb" "$url" --to "$half"
check "and no more" test "$(ask "SELECT max(n) FROM snapshot WHERE recording = 'grown'")" = "$half"
check "the rest follows" $capdb publish "$work/grown.capdb" "$url"
check "pieces are the whole" all_there "$work/grown.capdb" grown

# Some of a recording could not be read: it is published, and said.
cp "$first" "$work/partly.capdb"
sqlite3 "$work/partly.capdb" "UPDATE snapshot SET complete = 0 WHERE n IN (2, 3)"
tells_incomplete() { # SENTENCE OPTIONS...
    $capdb publish "$work/partly.capdb" "$url" "${@:2}" 2>"$work/said" && [ "$(cat "$work/said")" = "$1" ]
}
check "those without are published without a word" tells_incomplete "" --to 1
check "incomplete snapshots are told" tells_incomplete \
    "capdb: 2 of them are incomplete, from 2 on: what could not be read is in no answer (snapshots.complete)"
check "and known there" test "$(ask "SELECT string_agg(n::text, ',' ORDER BY n) FROM snapshots WHERE recording = 'partly' AND complete = 0")" = 2,3

# A server that goes away in the middle of a batch: the batch is not there, a sentence says why.
ask "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
     'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
     CREATE TRIGGER stop BEFORE INSERT ON thread_row FOR EACH STATEMENT EXECUTE FUNCTION stop()"
cut_off() { $capdb publish "$first" "$url" --name lost 2>"$work/said"; [ $? = 2 ] && grep -q "publish: " "$work/said"; }
check "a server that goes away is told" cut_off
check "nothing of the batch is there" test "$(ask "SELECT count(*) FROM cap_row WHERE recording = 'lost'")" = 0
ask "DROP TRIGGER stop ON thread_row"
check "the next publish brings all of it" $capdb publish "$first" "$url" --name lost
check "as if nothing had happened" all_there "$first" lost

# A hundred nightly builds: one recording again and again under other names.
cat >"$work/hundred.sql" <<'SQL'
DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'capscope' LOOP
        EXECUTE format('CREATE TEMP TABLE copied AS SELECT * FROM capscope.%I WHERE recording = %L', t, 'recording-1');
        FOR i IN 1..100 LOOP
            EXECUTE format('UPDATE copied SET recording = %L', 'build-' || lpad(i::text, 3, '0'));
            EXECUTE format('INSERT INTO capscope.%I SELECT * FROM copied', t);
        END LOOP;
        DROP TABLE copied;
    END LOOP;
END $$;
ANALYZE;
SQL
cat >"$work/questions.py" <<'PYTHON'
import re, subprocess, sys

url = sys.argv[1]
page = open("docs/database.md", encoding="utf-8").read()
part = page[page.index("\n## Many recordings"):]
questions = re.findall(r"^(\S.*\?)[^\n]*\n\n((?:    .*\n)+)", part, re.M)
bad = len(questions) < 6
for question, sql in questions:
    done = subprocess.run(["psql", "-XAtq", url, "-c", "SET search_path = capscope", "-c", sql], capture_output=True, text=True)
    builds = {line.split("|")[0] for line in done.stdout.splitlines() if line.startswith("build-")}
    if done.returncode or len(builds) != 100:
        bad = True
        print(question, done.stderr, f"told of {len(builds)} builds of 100:", done.stdout[:300])
sys.exit(bad)
PYTHON
check "a hundred builds are there" psql -X -q -v ON_ERROR_STOP=1 "$url" -f "$work/hundred.sql"
check "the questions of the page are answered over all of them" python3 "$work/questions.py" "$url"

since() { ask "SELECT recording, min(n) FROM caps WHERE domain = 'driver' AND type = 'endpoint' GROUP BY 1 ORDER BY 1" | grep -c recording-1; }
check "one question goes over all recordings" test "$(since)" = 2
nowhere() { $capdb publish "$first" "postgresql:///x?host=$work/none" 2>"$work/said"; [ $? = 2 ] && grep -q "no connection" "$work/said"; }
check "a server that is not there is told" nowhere
named() { $capdb publish "$first" "$url" --name "$1" 2>&1; }
long=$(printf '%0127d' 7)
check "a name of 127 bytes is a name" named "$long"
no_name() { ! named "$1" >"$work/said" && grep -q "is no name: 1 to 127 bytes" "$work/said"; }
check "one that would be cut off is none" no_name "${long}8"
check "nor is an empty one" no_name ''
check "nor one that a terminal obeys" no_name $'two\nlines'
check "a publish of less says what is there" grep -q "$(ask "SELECT snapshots FROM recording WHERE recording = '$long'") snapshots are there" \
    <($capdb publish "$first" "$url" --name "$long" --to 1)
plan
