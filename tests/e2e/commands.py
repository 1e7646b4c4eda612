"""Every command of capdb over every odd recording (tests/tools/odd_recordings.c).

  commands.py CAPDB FOLDER             TAP
  commands.py CAPDB answers RUN        each command's exit status and answer, for comparing

The commands and their operands are those that `capdb --help` lists, so that a new one is walked with
the others; an operand that nobody knows here is a failure, and so is a command that does not say
that the snapshot it answers from is incomplete. TAP."""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

LIMIT = 60  # seconds a command may take

# What stands for an operand, by its name in the usage. BASE is where the recording's memory begins.
OPERANDS = {
    "ADDRESS": "{frame}", "OBJECT": "{endpoint}", "SLOT": "slot:{slot}", "THREAD": "tcb:{tcb}", "THING": "tcb:{tcb}",
    "FROM": "tcb:{tcb}", "TO": "frame:{frame}", "SUBJECT": "tcb:{tcb}", "RIGHT": "write", "CPTR": "3",
    "UNTYPED": "untyped:{untyped}", "TYPE": "frame", "SIZE": "4K", "REVOKE": "1", "FILE.cdl": "{run}.cdl",
    "\"SELECT": "SELECT * FROM caps", "OUT": "{out}", "postgresql://…": "postgresql://localhost:1/none",
    "LISTEN": "unix:{out}",
}
# Of these the operands mean something else, or the command needs what is not here.
BY_HAND = {
    "diff": ["1", "2"],
    "compare": ["{run}"],
    "retype": ["untyped:{untyped}", "frame", "4K", "1"],
    "record": ["{out}"],
    "import": ["{out}"],
}
# They copy a recording, or make one, and answer no question about a snapshot.
NO_ANSWER = {"record", "upgrade", "cut", "compact", "import", "publish", "gdb-proxy"}
# They need a target or a server: what they say without one is all that is looked at.
NO_TARGET = {"record", "live", "gdb-proxy", "publish"}
FORMATS = ["capdl", "dot", "json", "csv", "trace", "events"]
# They say who can do what, which a broken snapshot cannot tell.
VERDICTS = {"check", "can", "path", "who-can-reach", "what-can-it-reach", "policy"}
# Is it what was recorded? That is so of an incomplete snapshot, too.
OF_THE_FILE = {"verify"}


class Tap:
    count = 0

    def check(self, ok, claim, *shown):
        self.count += 1
        print("%s %d - %s" % ("ok" if ok else "not ok", self.count, claim))
        if not ok:
            for text in shown:
                for line in str(text).splitlines()[:12]:
                    print("#   %s" % line[:300])
        sys.stdout.flush()


def commands(capdb):
    """Name, operands after RUN, options, of each that the help lists."""
    text = subprocess.run([capdb, "--help"], capture_output=True, text=True, check=True).stdout
    found = []
    for line in re.findall(r"^  capdb (.+)$", text, re.M):
        name, rest = line.split(" ", 1)
        options = set(re.findall(r"(--[a-z-]+|-o)\b", rest))
        rest = re.sub(r"\[[^\]]*--[^\[\]]*(\[[^\]]*\])?[^\]]*\]", "", rest)
        rest = re.sub(r"(--[a-z-]+|-o) \S+", "", rest).replace("…\"", "").replace("[", "").replace("]", "")
        found.append((name, rest.split()[1:], options))
    return found


class Run:
    def __init__(self, capdb, folder, name):
        self.capdb, self.name = capdb, name
        self.path = "%s/%s.capdb" % (folder, name) if folder else name
        base = 0x123450000000 if name == "wide" else 0x80100000
        self.places = {"frame": hex(base + 0x4000), "endpoint": hex(base + 0x2000), "tcb": hex(base + 0x1000),
                       "slot": hex(base + 0x30), "untyped": hex(base), "run": self.path}

    def ask(self, name, operands, options, extra=()):
        """Exit status, output, errors."""
        with tempfile.TemporaryDirectory() as out:
            places = dict(self.places, out=out + "/out")
            words = [w.format(**places) for w in operands] + list(extra)
            if "-o" in options and "-o" not in extra and name in ("report",):
                words += ["-o", out + "/page.html"]
            done = subprocess.run([self.capdb, name, self.path] + words, capture_output=True, timeout=LIMIT)
            page = b""
            if os.path.exists(out + "/page.html"):
                with open(out + "/page.html", "rb") as f:
                    page = f.read()
        return done.returncode, done.stdout, done.stderr, page


def operands_of(tap, name, names):
    if name in BY_HAND:
        return BY_HAND[name]
    words = []
    for n in names:
        if n not in OPERANDS:
            tap.check(False, "this test knows what %s of %s stands for" % (n, name))
            return None
        words.append(OPERANDS[n])
    return words


def cases(tap, capdb):
    """(name, operands, options, further words, title)"""
    for name, names, options in commands(capdb):
        operands = operands_of(tap, name, names)
        if operands is None:
            continue
        if name == "export":
            for f in FORMATS:
                yield name, operands, options, ["--format", f], "export --format " + f
        else:
            yield name, operands, options, [], name


def is_text(text):
    """UTF-8 without a byte that steers a terminal."""
    try:
        shown = text.decode("utf-8")
    except UnicodeDecodeError as e:
        return "no UTF-8: %s" % e
    bad = re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    return "a control character: %r" % shown[max(0, bad.start() - 20):bad.start() + 20] if bad else None


def is_cut(text):
    """The low half of an address of the wide machine, alone."""
    found = re.search(rb"0x0*50[01]0[0-9a-f]{4}\b", text)
    return "an address is cut: %s" % found[0].decode() if found else None


def crashed(status, errors):
    return status not in (0, 1, 2) or b"Sanitizer" in errors or b"runtime error" in errors


def no_numbers_as_text(value, key=""):
    """Counts are numbers: of what is called so, nothing is a text of digits."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield from no_numbers_as_text(v, k)
    elif isinstance(value, list):
        for v in value:
            yield from no_numbers_as_text(v, key)
    elif isinstance(value, str) and key != "digest" and re.fullmatch(r"-?[0-9]+", value):
        yield "%s: %r" % (key, value)


def walk_incomplete(tap, run, case):
    name, operands, options, extra, title = case
    status, out, err, page = run.ask(name, operands, options, extra)
    said = b"incomplete" in out + err + page
    if name in OF_THE_FILE:
        tap.check(said and status == 0, "incomplete: %s says so" % title, status, out, err)
        return
    tap.check(said and status == 2 if name not in NO_ANSWER else not crashed(status, err),
              "incomplete: %s says so and exits 2" % title if name not in NO_ANSWER else "incomplete: %s ends" % title,
              "exit %d" % status, err.decode(errors="replace"), out.decode(errors="replace")[:400])


def walk_verdicts(tap, run, case):
    name, operands, options, extra, title = case
    status, out, err, _ = run.ask(name, operands, options, extra)
    if name in VERDICTS:
        tap.check(status == 2 and b"cannot be told" in err, "%s: %s cannot be told" % (run.name, title), status, err)
    else:
        tap.check(not crashed(status, err), "%s: %s ends" % (run.name, title), status, err)


def walk_text(tap, run, case):
    name, operands, options, extra, title = case
    status, out, err, page = run.ask(name, operands, options, extra)
    wrong = is_text(out.replace(b"\r\n", b"\n") if "csv" in extra else out) or is_text(err) or is_text(page)
    wrong = wrong or (run.name == "wide" and (is_cut(out) or is_cut(page)))
    tap.check(not crashed(status, err) and not wrong, "%s: %s prints text" % (run.name, title), status, wrong, err)


def walk_json(tap, run, case):
    name, operands, options, extra, title = case
    status, out, err, _ = run.ask(name, operands, options, extra + ["--json"])
    wrong = "nothing"
    try:
        if out.strip() or status != 2:
            value = json.loads(out)
            wrong = ", ".join(list(no_numbers_as_text(value))[:4])
        else:
            wrong = ""
    except ValueError as e:
        wrong = str(e)
    tap.check(not crashed(status, err) and not wrong, "%s: %s --json is JSON" % (run.name, title), status, wrong,
              out.decode(errors="replace")[:400], err.decode(errors="replace"))


def answers(capdb, path):
    """Reading writes nothing: the page of a report goes to standard output."""
    run, tap = Run(capdb, "", path), Tap()
    for name, operands, options, extra, title in cases(tap, capdb):
        if name in NO_ANSWER | NO_TARGET:
            continue
        status, out, err, _ = run.ask(name, operands, options, extra + (["-o", "/dev/stdout"] if name == "report" else []))
        print("%s: exit %d, %s" % (title, status, hashlib.sha256(out).hexdigest() if status < 2 else err.decode(errors="replace").strip()))


def main():
    if sys.argv[2] == "answers":
        return answers(sys.argv[1], sys.argv[3])
    capdb, folder = sys.argv[1:3]
    tap = Tap()
    runs = {n: Run(capdb, folder, n) for n in ("whole", "incomplete", "invalid", "findings", "hostile", "nameless", "wide")}
    design = subprocess.run([capdb, "export", runs["whole"].path, "--format", "capdl"], capture_output=True, check=True).stdout
    for run in runs.values():
        with open(run.path + ".cdl", "wb") as f:
            f.write(design)
    every = list(cases(tap, capdb))
    tap.check(len(every) > 30, "the help lists the commands", len(every))
    for case in every:
        if case[0] not in NO_TARGET:
            walk_incomplete(tap, runs["incomplete"], case)
    for case in every:
        for name in ("invalid", "findings"):
            walk_verdicts(tap, runs[name], case)
        for name in ("hostile", "nameless", "wide"):
            walk_text(tap, runs[name], case)
            # what another program's format is, is not JSON; nor are files
            if case[0] not in ("export", "policy", "report") and case[0] not in NO_ANSWER:
                walk_json(tap, runs[name], case)
    print("1..%d" % tap.count)


if __name__ == "__main__":
    main()
