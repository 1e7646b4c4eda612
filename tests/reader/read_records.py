#!/usr/bin/env python3
"""A second reader of records and frames, written from docs/record-format.md and docs/wire-format.md.

It shares no code with the C decoder and is the judge of it: both print the same lines.

    read_records.py records FILE    a stream of records
    read_records.py frames FILE     what came over a serial line: frames and text
    read_records.py plain FILE      the same with packed snapshots in the plain form
    read_records.py text FILE       the text of such a line alone
    read_records.py check FILE      reads frames, checks the rules of a snapshot, prints a summary

A line for each record: its kind and name=value for each field, numbers in decimal, strings escaped.
Exit status 0: all well; 1: damaged data, told on standard error; 2: wrong use."""
import sys
import zlib

MAX_RECORD = 480
MAX_STRING = 167
MAX_FRAME = 1039
MAX_PAYLOAD = 1024

KINDS = {
    1: ("snapshot", "format:U kernel:U layout:U seq:W ticks:W stopped:U debug:U phys_offset:W ram_base:W"
                    " ram_size:W kernel_start:W kernel_end:W board:S build:S word_bits:U slot_bits:U"
                    " architecture:U options:U nodes:U root_thread:W boot:U"),
    2: ("slot", "addr:D depth:U type:U object:D bits:U rights:U flags:U data:D extra:W level:U place:U"),
    3: ("thread", "addr:D name:S state:U priority:U mcp:U domain:U time_slice:U current:U idle:U pc:W sp:W"
                  " cpsr:W fault_handler:W ipc_buffer:W blocked_on:W blocked_badge:W blocked_flags:U"
                  " position:U bound:W fault:U fault_addr:W fault_detail:W node:U sched_context:W reply:W"
                  " yield_to:W release:U"),
    4: ("endpoint", "addr:D state:U waiters:U"),
    5: ("notification", "addr:D state:U word:W bound:W waiters:U sched_context:W"),
    6: ("mapping", "dir:D asid:U vaddr:D frame:D bits:U rights:U attributes:U table:D"),
    7: ("irq", "irq:U state:U slot:W"),
    8: ("sched", "current:W ready:U highest:U node:U idle:W sched_context:W released:U domain:U domain_time:W"),
    9: ("revoke", "root:W victim:W done:U left:U preempted:U"),
    10: ("event", "seq:D time:D kind:U thread:D slot:D src:D type:U object:D bits:U rights:U flags:U data:W"
                  " extra:W object2:D detail:W"),
    11: ("gap", "first:W count:W"),
    12: ("finding", "rule:U addr:W other:W value:W"),
    13: ("text", "text:S"),
    14: ("digest", "seq:W digest0:U digest1:U"),
    15: ("end", "complete:U slots:U threads:U mappings:U records:U digest0:U digest1:U sentinel:W"),
    16: ("slots", "packed:B"),
    17: ("range", "use:U base:D size:W offset:W"),
    18: ("sched_context", "addr:D bits:U node:U period:W budget:W consumed:W thread:W reply:W notification:W"
                          " badge:W yield_from:W refill_max:U refills:U head_time:W head_amount:W flags:U"),
    19: ("reply", "addr:D thread:W prev:W next:W sched_context:W"),
    20: ("table", "addr:D parent:D level:U vaddr:D bits:U asid:U"),
    21: ("mappings", "dir:D asid:U vaddr:D frame:D bits:U rights:U attributes:U table:D more:U"),
}
FIELDS = {kind: [field.split(":") for field in fields.split()] for kind, (_, fields) in KINDS.items()}
ORDER = {name: rank for rank, name in enumerate(
    "snapshot range slot thread endpoint notification sched_context reply table mapping irq sched revoke end".split())}


class Damaged(Exception):
    """Bytes that cannot be what they should be."""


def take_leb(data, at, bits=32):
    """Returns (value, place behind it)."""
    value = 0
    for count in range(-(-bits // 7)):
        if at >= len(data):
            raise Damaged("a number is cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if value >> bits:
                raise Damaged(f"a number exceeds {bits} bits")
            return value, at
    raise Damaged("a number is too long")


def take_string(data, at):
    length = data[at]
    text = data[at + 1:at + 1 + length]
    if length > MAX_STRING or len(text) < length or 0 in text:
        raise Damaged("a string is too long, cut, or holds a zero")
    return text, at + 1 + length


class RecordReader:
    """Yields (kind name, {field: value}) and keeps the bases of differences."""

    def __init__(self):
        self.bases = {}
        self.bits = 64  # of a word

    def take(self, data, at):
        """One record at data[at:]; returns (name or None, fields, place behind it)."""
        kind = data[at]
        if kind == 0:
            raise Damaged("a record of kind 0")
        length, begin = take_leb(data, at + 1, bits=14)
        end = begin + length
        if end - at > MAX_RECORD:
            raise Damaged("a record is too long")
        if end > len(data):
            raise Damaged("the data ends inside a record")
        if kind not in KINDS:
            return None, {}, end
        if kind == 1:
            self.bases, self.bits = {}, 64
        fields = self.fields(kind, data[begin:end])
        if kind == 1 and fields["format"] in (1, 2):
            self.bits = 32
        return KINDS[kind][0], fields, end

    def fields(self, kind, payload):
        values, at = {}, 0
        bases = self.bases.setdefault(kind, {})
        for name, mode in FIELDS[kind]:
            if at >= len(payload):
                value = b"" if mode in "SB" else 0
            elif mode == "S":
                value, at = take_string(payload, at)
            elif mode == "B":
                value, at = payload[at:], len(payload)
            else:
                value, at = take_leb(payload, at, 32 if mode == "U" else self.bits)
                if mode == "D":
                    difference = -(value >> 1) - 1 if value & 1 else value >> 1
                    value = (bases.get(name, 0) + difference) & (1 << self.bits) - 1
            values[name] = value
            if mode == "D":
                bases[name] = value
        return values

    def all(self, data):
        at = 0
        while at < len(data):
            name, fields, at = self.take(data, at)
            if name is not None:
                yield name, fields


def cobs_decode(line):
    out, at = bytearray(), 0
    while at < len(line):
        code = line[at]
        group = line[at + 1:at + code]
        if len(group) != code - 1:
            raise Damaged("a COBS group is cut")
        out += group
        at += code
        if code != 255 and at < len(line):
            out.append(0)
    return bytes(out)


def open_frame(line):
    """The inside of a frame, between its zeroes: (kind, sequence, payload)."""
    raw = cobs_decode(line)
    if len(line) + 2 > MAX_FRAME or not 8 <= len(raw) <= MAX_PAYLOAD + 8:
        raise Damaged("a frame has a wrong length")
    if zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        raise Damaged("a frame's CRC is wrong")
    if raw[1] != 1:
        raise Damaged("a frame has another version")
    return raw[0], int.from_bytes(raw[2:4], "little"), raw[4:-4]


def split_line(data):
    """Yields ("text", bytes) and ("frame", inside) for a line without noise."""
    for number, piece in enumerate(data.split(b"\0")):
        if number % 2 == 0 and piece:
            yield "text", piece
        elif number % 2 == 1 and piece:
            yield "frame", piece


def frames(data):
    """Yields the records of all frames in order, checking sequence numbers."""
    stream, reply = RecordReader(), RecordReader()
    expected = {}
    for what, piece in split_line(data):
        if what == "text":
            continue
        kind, sequence, payload = open_frame(piece)
        line = "reply" if kind == 5 else "stream"
        if kind == 1 and sequence != 0:
            raise Damaged("a snapshot does not begin with number 0")
        if not (kind in (1, 5) and sequence == 0) and sequence != expected.get(line):
            raise Damaged(f"frame {sequence} where {expected.get(line)} was expected")
        expected[line] = (sequence + 1) & 0xFFFF
        if kind <= 5:
            yield from (reply if kind == 5 else stream).all(payload)


# ---- the packed form ----

WORD = 0xFFFFFFFF
LAYOUT = 0x20261130
SAME_DIGEST = (0x20261124, 0x20261129, 0x2026112B, LAYOUT)
LAYOUTS = (0x20261123, *SAME_DIGEST)  # with these words of a slot
NULL, UNTYPED, ENDPOINT, NOTIFICATION, REPLY, CNODE, TCB, ZOMBIE, FRAME, TABLE, DIRECTORY, POOL, IRQ_CONTROL, \
    IRQ_HANDLER, ASID_CONTROL, DOMAIN, INVALID = range(17)
SIZE = {ENDPOINT: 4, NOTIFICATION: 4, REPLY: 9, TCB: 9, TABLE: 10, DIRECTORY: 14, POOL: 12}


def bits(word, high, low):
    return word >> low & (1 << (high - low + 1)) - 1


def unzigzag(value):
    return value >> 1 ^ -(value & 1)


def decode(w0, w1):
    """{type, object (window address), bits, rights, flags, data, extra} or None for invalid words."""
    kind = w0 & 15
    out = {"type": kind, "object": w0 & ~15, "bits": SIZE.get(kind, 0), "rights": 0, "flags": 0, "data": 0, "extra": 0}

    def result(valid, **fields):
        out.update(fields)
        sized = out["object"] & (1 << out["bits"]) - 1 == 0
        return out if valid and sized else None

    if kind == 0:
        return result(w0 == w1 == 0, object=0)
    if kind == 1:
        mark, size = bits(w1, 31, 6) << 4, bits(w1, 4, 0)
        return result(4 <= size <= 29 and mark <= 1 << size, bits=size, data=mark, flags=bits(w1, 5, 5) * 4)
    if kind in (2, 3):
        return result(kind == 2 or w1 & 15 <= 3, rights=w1 & 15, data=w1 >> 4)
    if kind == 4:
        return result(w1 <= 3, rights=5 if w1 & 2 else 1, flags=(w1 & 1) * 8)
    if kind == 5:
        guard, length, size = bits(w1, 31, 14), bits(w1, 9, 5), bits(w1, 4, 0) + 4
        return result(bits(w1, 13, 10) == 0 and guard >> length == 0 and size < 32, bits=size, data=guard, extra=length)
    if kind == 6:
        return result(w1 == 0)
    if kind == 7:
        left, tcb, radix = w1 >> 6, bits(w1, 5, 5), bits(w1, 4, 0)
        fits = left <= 5 and radix == 0 if tcb else radix + 4 < 32 and left <= 1 << radix
        return result(fits, bits=9 if tcb else radix + 4, data=left, flags=16 * tcb)
    if kind <= 11:
        rights = {1: 0, 2: 2, 3: 3}.get(bits(w0, 5, 4))
        return result(rights is not None, type=FRAME, object=w0 & ~0xFFF, bits=12 + 4 * (kind - 8), rights=rights,
                      flags=bits(w0, 6, 6) * 4, data=w1 & ~0xFFF, extra=bits(w0, 11, 7) << 12 | w1 & 0xFFF)
    if kind == 12:
        return result(bits(w1, 19, 17) == 0, type=TABLE, bits=10, data=w1 & 0xFFF00000, extra=w1 & 0x1FFFF)
    if kind == 13:
        return result(w1 >> 17 == 0, type=DIRECTORY, bits=14, extra=w1)
    if kind == 14:
        return result(w1 & ~0x1FC00 == 0, type=POOL, bits=12, data=w1)
    which = bits(w0, 5, 4)
    return result(w0 >> 6 == 0 and (w1 < 64 if which == 1 else w1 == 0), type=IRQ_CONTROL + which, object=0, data=w1, bits=0)


def covers(a, b):
    """Does the object of b lie in that of a?"""
    if a["type"] in (NULL, ZOMBIE, INVALID):
        return False
    if a["type"] in (UNTYPED, FRAME):
        inside = b["object"] >= a["object"] and b["object"] + (1 << b["bits"]) <= a["object"] + (1 << a["bits"])
        fits = b["type"] == FRAME if a["type"] == FRAME else b["type"] not in (NULL, REPLY, INVALID) and b["type"] < IRQ_CONTROL
        return inside and fits
    if a["type"] == IRQ_CONTROL:
        return b["type"] in (IRQ_CONTROL, IRQ_HANDLER)
    same = a["type"] == b["type"] and a["object"] == b["object"]
    if a["type"] == CNODE:
        return same and a["bits"] == b["bits"]
    return same and (a["type"] != IRQ_HANDLER or a["data"] == b["data"])


def is_parent(a, b):
    if not a["flags"] & 1 or not covers(a, b):
        return False
    if a["type"] in (ENDPOINT, NOTIFICATION) and a["data"] != 0:
        return a["data"] == b["data"] and not b["flags"] & 2
    return True


class Unpacker:
    """Makes plain snapshots of packed ones; lets everything else through."""

    def __init__(self):
        self.packed = False

    def begin(self, fields):
        self.packed = fields["format"] in (2, 4, 5)
        if not self.packed:
            return fields
        if fields["layout"] not in LAYOUTS:
            raise Damaged(f"slots of layout {fields['layout']:#x} cannot be read")
        self.window = fields["phys_offset"]
        self.addr = self.w0 = self.w1 = self.step = 0
        self.path, self.before = [], None
        self.idle = {"endpoint": [], "notification": []}
        return dict(fields, format=1 if fields["format"] == 2 else 3)

    def number(self, data, at):
        value, at = take_leb(data, at)
        return unzigzag(value), at

    def entry(self, data, at):
        """Takes the slot at data[at:]; returns (flags, place behind it)."""
        control, at = data[at], at + 1
        place, first, second = bits(control, 3, 2), bits(control, 5, 4), bits(control, 7, 6)
        if place > 1 or first > 2 or second > 2:
            raise Damaged("a packed slot has no such control byte")
        slots = 1
        if place == 1:
            slots, at = self.number(data, at)
        self.addr = self.addr + 16 * slots & WORD
        if first == 2:
            rotated, at = self.number(data, at)
            rotated &= WORD
            self.step = (rotated << 4 | rotated >> 28) & WORD
        self.w0 = self.w0 + (self.step if first else 0) & WORD
        if second == 1:
            self.w1 = 0
        elif second == 2:
            difference, at = self.number(data, at)
            self.w1 = self.w1 + difference & WORD
        return control & 3, at

    def slot(self, flags):
        cap = decode(self.w0, self.w1)
        if cap is None:
            cap = {"type": INVALID, "object": 0, "bits": 0, "rights": 0, "flags": 0, "data": self.w0, "extra": self.w1}
        cap["flags"] |= flags
        while self.path and not is_parent(self.path[-1], cap):
            self.path.pop()
        physical = cap["object"] - self.window & WORD if NULL < cap["type"] < IRQ_CONTROL else 0
        kind = {ENDPOINT: "endpoint", NOTIFICATION: "notification"}.get(cap["type"])
        if kind and (cap["type"], physical) != self.before:
            self.idle[kind].append(physical)
        self.before = cap["type"], physical
        yield "slot", {"addr": self.addr - self.window & WORD, "depth": len(self.path), "type": cap["type"],
                       "object": physical, "bits": cap["bits"], "rights": cap["rights"],
                       "flags": cap["flags"] | (32 if len(self.path) == 64 else 0), "data": cap["data"], "extra": cap["extra"],
                       "level": 0, "place": 0}
        if flags & 1 and len(self.path) < 64:
            self.path.append(cap)

    def put_back(self, kind, addr):
        waiting = self.idle[kind]
        while waiting and waiting[0] != addr:
            yield kind, {name: waiting[0] if name == "addr" else 0 for name, _ in FIELDS[4 if kind == "endpoint" else 5]}
            del waiting[0]
        if not waiting:
            raise Damaged(f"the {kind} at {addr:#x} is in no slot")
        del waiting[0]

    def mappings(self, row):
        """A row of pages, each where the one before it ends."""
        more, length = row["more"], 1 << row["bits"]
        if more >= 4096 or more and row["bits"] >= 32:
            raise Damaged(f"a row of {more + 1} pages is in no table")
        for i in range(more + 1):
            place = {name: row[name] + i * length & WORD for name in ("vaddr", "frame")}
            yield "mapping", {name: place.get(name, row[name]) for name, _ in FIELDS[6]}

    def records(self, records):
        for name, fields in records:
            if name == "snapshot":
                fields = self.begin(fields)
            if self.packed and name == "slots":
                at = 0
                while at < len(fields["packed"]):
                    flags, at = self.entry(fields["packed"], at)
                    yield from self.slot(flags)
                continue
            if self.packed and name == "mappings":
                yield from self.mappings(fields)
                continue
            if self.packed and name in ("endpoint", "notification"):
                yield from self.put_back(name, fields["addr"])
            if name == "end":
                self.packed = False
            yield name, fields


def escape(text):
    return "".join(chr(c) if 0x20 <= c <= 0x7E and c != 0x5C else f"\\x{c:02x}" for c in text)


def show(name, fields):
    words = [f"{key}={escape(value) if isinstance(value, bytes) else value}" for key, value in fields.items()]
    print(name, *words)


def check_snapshot(records):
    """The rules of the chapter "A snapshot"; returns a summary."""
    names = [name for name, _ in records]
    if names[0] != "snapshot" or names[-1] != "end":
        raise Damaged("a snapshot must begin with SNAPSHOT and end with END")
    end = records[-1][1]
    rank = [ORDER[name] for name in names if name != "finding"]
    if rank != sorted(rank):
        raise Damaged("records are out of order")
    for field, name in (("slots", "slot"), ("threads", "thread"), ("mappings", "mapping")):
        if end[field] != names.count(name):
            raise Damaged(f"END counts {end[field]} {field}, there are {names.count(name)}")
    if end["records"] != len(records):
        raise Damaged(f"END counts {end['records']} records, there are {len(records)}")
    slots = [fields for name, fields in records if name == "slot"]
    check_tree(slots, end["complete"])
    check_digest(records[0][1], slots, end)
    threads = [fields for name, fields in records if name == "thread"]
    if end["complete"] and ([t["idle"] for t in threads].count(1) != 1 or not threads[-1]["idle"]):
        raise Damaged("the idle thread must be the last one")
    return f"{len(records)} records, {end['slots']} slots, {end['threads']} threads, " \
           f"{end['mappings']} mappings, complete {end['complete']}"


def check_tree(slots, complete):
    """Depth grows by one at most, and a child of an untyped lies inside it."""
    path = []
    addresses = set()
    for slot in slots:
        if slot["depth"] > len(path):
            raise Damaged(f"slot {slot['addr']:#x} has no parent at depth {slot['depth']}")
        del path[slot["depth"]:]
        inside = path and path[-1]["type"] == 1 and slot["bits"]
        if inside and not path[-1]["object"] <= slot["object"] < path[-1]["object"] + (1 << path[-1]["bits"]):
            raise Damaged(f"slot {slot['addr']:#x} is below an untyped that does not hold its object")
        if complete and slot["addr"] in addresses:
            raise Damaged(f"slot {slot['addr']:#x} comes twice")
        addresses.add(slot["addr"])
        path.append(slot)


def cap_words(slot, window):
    """The chapter "The words of a slot", backwards."""
    kind, bits, rights, flags, data, extra = (slot[f] for f in ("type", "bits", "rights", "flags", "data", "extra"))
    address = (slot["object"] + window) & 0xFFFFFFFF
    if kind == 1:
        return address | 1, data >> 4 << 6 | (flags >> 2 & 1) << 5 | bits
    if kind in (2, 3):
        return address | kind, data << 4 | rights
    if kind == 4:
        return address | 4, (rights >> 2 & 1) << 1 | flags >> 3 & 1
    if kind == 5:
        return address | 5, data << 14 | extra << 5 | bits - 4
    if kind == 7:
        tcb = flags >> 4 & 1
        return address | 7, data << 6 | tcb << 5 | (0 if tcb else bits - 4)
    if kind == 8:
        vm_rights = {0: 1, 1: 0, 2: 2, 3: 3}[rights]
        low = extra >> 12 << 7 | (flags >> 2 & 1) << 6 | vm_rights << 4 | 8 + (bits - 12) // 4
        return address | low, data | extra & 0xFFF
    if kind >= 12:
        return kind - 12 << 4 | 15, data
    return address | {6: 6, 9: 12, 10: 13, 11: 14}[kind], data | extra


def signed(word):
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word


def digest(slots, window, sentinel):
    """The chapter "Digest"."""
    total = 0
    links = [slot["addr"] for slot in slots[1:]] + [sentinel]
    for slot, link in zip(slots, links):
        s = (slot["addr"] + window) & 0xFFFFFFFF
        link = (link + window) & 0xFFFFFFFF | slot["flags"] & 3
        square = (s ^ 0x2159AB2D) ** 2
        key = (square ^ square >> 32) & 0xFFFFFFFF
        w0, w1 = cap_words(slot, window)
        total += signed(w0 + key) * signed(w1 + (key >> 13 | key << 19)) + signed(link) * signed(key)
    return total & 0xFFFFFFFFFFFFFFFF


def check_digest(snapshot, slots, end):
    """Only of kernels whose words this reader knows, and of slots that hold what a kernel can make."""
    if snapshot["layout"] not in SAME_DIGEST or not end["complete"] or any(slot["type"] == 16 for slot in slots):
        return
    made = digest(slots, snapshot["phys_offset"], end["sentinel"])
    if made != end["digest1"] << 32 | end["digest0"]:
        raise Damaged(f"END has the digest {end['digest1']:08x}{end['digest0']:08x}, the slots have {made:016x}")


def check(data):
    snapshots, current = 0, None
    for name, fields in Unpacker().records(frames(data)):
        if name == "snapshot":
            current = []
        if current is not None and name not in ("event", "gap", "text", "digest"):
            current.append((name, fields))
        if name == "end" and current is not None:
            if len(current) > 2:  # a trace has no state
                print(check_snapshot(current))
                snapshots += 1
            current = None
    if snapshots == 0:
        raise Damaged("there is no whole snapshot")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("records", "frames", "plain", "text", "check"):
        sys.stderr.write(__doc__)
        return 2
    with open(sys.argv[2], "rb") as file:
        data = file.read()
    try:
        if sys.argv[1] == "check":
            check(data)
        elif sys.argv[1] == "text":
            for what, piece in split_line(data):
                if what == "text":
                    sys.stdout.buffer.write(piece)
        else:
            records = RecordReader().all(data) if sys.argv[1] == "records" else frames(data)
            for name, fields in Unpacker().records(records) if sys.argv[1] == "plain" else records:
                show(name, fields)
    except (Damaged, IndexError) as trouble:
        sys.stdout.flush()
        sys.stderr.write(f"read_records: {sys.argv[2]}: {trouble or 'the data ends inside a record'}\n")
        return 1
    return 0


sys.exit(main())
