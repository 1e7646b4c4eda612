#!/usr/bin/env python3
"""A second reader of recordings, written from docs/database.md.

It shares no code with capdb and none of the views, and is the judge of both: it puts each snapshot together from
the tables, those rows included that wait in the tail.

    read_recording.py RUN QUERY     a line a row, cells divided by tabs, numbers in decimal:
        caps       n, cap, parent, slot, holder, index, domain, type, object, bits, life, rights, flags, data, extra
        objects    n, life, type, addr, bits, flags
        threads    n, addr, name, domain, priority, state, pc

RUN is one plain file: what stands in a -wal beside it SQLite would move into it."""
import sqlite3
import sys

STILL = 2147483647
WORD = 1 << 64
NULL = -(1 << 63)
KINDS = ("cap object thread run endpoint notification mapping irq finding sched_context reply table sched range").split()
CAP = "id parent pos slot holder domain type object addr bits rights flags data extra index level place".split()
OBJECT = "id type addr bits flags".split()


def signed(number):
    number %= WORD
    return number - WORD if number >> 63 else number


def unpack(packed):
    number = shift = 0
    for byte in packed:
        number |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            yield number % WORD
            number = shift = 0


def unfold(number):
    return -((number + 1) >> 1) if number & 1 else number >> 1


class Recording:
    """Rows of each kind: their number, t0, t1 and columns by name."""

    def __init__(self, path):
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.split = self.db.execute("PRAGMA user_version").fetchone()[0] >= 5
        self.words = {(kind, value): text for kind, value, text in self.db.execute("SELECT kind, value, text FROM word")}
        self.domains = dict(self.db.execute("SELECT id, name FROM domain"))
        self.names = dict(self.db.execute("SELECT id, text FROM name"))
        self.snapshots = [n for n, in self.db.execute("SELECT n FROM snapshot ORDER BY n")]

    def table(self, kind):
        if self.split and kind == "cap":
            return CAP, self.versions()
        if self.split and kind == "object":
            rows = self.db.execute("SELECT row, t0, t1, type, addr, bits FROM object_version")
            return OBJECT, {row: [t0, t1, [row, type & 0xffffffff, addr, bits, type >> 32]]
                            for row, t0, t1, type, addr, bits in rows}
        cursor = self.db.execute(f"SELECT * FROM {kind}_row")
        columns = [column[0] for column in cursor.description][3:]
        return columns, {row[0]: [row[1], row[2], list(row[3:])] for row in cursor}

    def versions(self):
        places = {row[0]: row[1:] for row in self.db.execute('SELECT id, slot, holder, "index", level, place FROM cap_place')}
        words = {row[0]: row[1:] for row in
                 self.db.execute("SELECT id, domain, type, rights, flags, extra, addr, bits FROM cap_word")}
        firsts, rows = {}, {}
        for row, t0, t1, parent, pos, place, word, life, data in self.db.execute(
                "SELECT row, t0, t1, parent, pos, place, word, life, data FROM cap_version ORDER BY row"):
            cap = -life if life < 0 else row
            first = firsts.setdefault(cap, (parent, pos, life))
            slot, holder, index, level, at = places[place]
            domain, kind, rights, flags, extra, addr, bits = words[word]
            rows[row] = [t0, t1, [cap, first[0] if parent is None else parent, first[1] if pos is None else pos, slot,
                                  holder, domain, kind, first[2], addr, bits, rights, flags, data, extra, index, level, at]]
        return rows

    def rows(self, kind):
        columns, rows = self.table(kind)
        tail = "SELECT t, first, ended, began FROM tail WHERE kind = ? ORDER BY t"
        for t, first, ended, began in self.db.execute(tail, (KINDS.index(kind),)):
            row = 0
            for more in unpack(ended):
                row += more
                rows[row][1] = t
            numbers = list(unpack(began))
            before = [0] * len(columns)
            for at in range(0, len(numbers), len(columns)):
                before = [signed(b + unfold(more)) for b, more in zip(before, numbers[at:])]
                values = [None if v == NULL and c in ("addr", "bits") else v for c, v in zip(columns, before)]
                rows[first + at // len(columns)] = [t, STILL, values]
        return [(t0, t1, dict(zip(columns, values))) for t0, t1, values in rows.values()]

    def each(self, *kinds):
        """Snapshots with what is valid in them, of each kind."""
        tables = [self.rows(kind) for kind in kinds]
        for n in self.snapshots:
            yield n, *([row for t0, t1, row in rows if t0 <= n < t1] for rows in tables)

    def caps(self):
        for n, caps, objects in self.each("cap", "object"):
            by_life = {row["id"]: row for row in objects}
            for c in sorted(caps, key=lambda row: row["pos"]):
                of, holder = by_life.get(c["object"]), by_life.get(c["holder"])
                yield (n, c["id"], c["parent"], c["slot"], holder and holder["addr"], c["index"] if c["holder"] else None,
                       self.domains.get(c["domain"]), self.words.get(("cap", c["type"])),
                       of and of["addr"] if c["addr"] is None else c["addr"],
                       of and of["bits"] if c["bits"] is None else c["bits"],
                       c["object"], c["rights"], c["flags"], c["data"], c["extra"])

    def objects(self):
        for n, objects in self.each("object"):
            for o in sorted(objects, key=lambda row: row["id"]):
                yield n, o["id"], self.words.get(("cap", o["type"])), o["addr"], o["bits"], o["flags"]

    def threads(self):
        for n, threads, runs in self.each("thread", "run"):
            by_addr = {row["addr"]: row for row in runs}
            for t in sorted(threads, key=lambda row: row["addr"]):
                run = by_addr[t["addr"]]
                yield (n, t["addr"], self.names.get(t["name"]), self.domains.get(t["domain"]), t["priority"],
                       self.words.get(("thread", run["state"])), run["pc"])


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ("caps", "objects", "threads"):
        sys.exit(__doc__)
    for row in getattr(Recording(sys.argv[1]), sys.argv[2])():
        print(*("" if cell is None else cell for cell in row), sep="\t")


main()
