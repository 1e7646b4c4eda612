#!/usr/bin/env python3
"""Lays ACSL over unmodified sources.  overlay.py ROOT DEST SIDE...

A side file holds sections
    @@ kernel/cdt.c : <a source line, or several joined by ' // ', without indent>
    <ACSL text that is put in front of that line>
The line must occur exactly once in the file (`@@2` takes the second of them and so on): a source that
changed under an annotation is an error.  Code is never changed: the overlay without comments equals
the source without comments, which is checked."""
import os, re, shutil, subprocess, sys

def strip(text):
    r = subprocess.run(["gcc", "-fpreprocessed", "-E", "-P", "-x", "c", "-"], input=text,
                       capture_output=True, text=True, check=True)
    return re.sub(r"\s+", " ", r.stdout)

root, dest, sides = sys.argv[1], sys.argv[2], sys.argv[3:]
todo = {}
for side in sides:
    cur = None
    for line in open(side):
        m = re.match(r"@@(\d*) (\S+) : (.*)$", line)
        if m:
            cur = [m.group(3).strip(), int(m.group(1) or 0), ""]
            todo.setdefault(m.group(2), []).append(cur)
        elif cur is not None:
            cur[2] += line
for d in ("abi", "layout", "lib", "kernel"):
    if os.path.isdir(f"{dest}/{d}"):
        shutil.rmtree(f"{dest}/{d}")
    shutil.copytree(f"{root}/{d}", f"{dest}/{d}")
for name, items in todo.items():
    lines = open(f"{root}/{name}").read().split("\n")
    before = {}
    for anchor, nth, text in items:
        at = [i for i, l in enumerate(lines) if l.strip() == anchor]
        if nth:
            at = at[nth - 1:nth]
        if len(at) != 1:
            sys.exit(f"{name}: {len(at)} lines are: {anchor}")
        before.setdefault(at[0], []).append(text.rstrip("\n"))
    out = []
    for i, l in enumerate(lines):
        out += before.get(i, [])
        out.append(l)
    new = "\n".join(out)
    if strip(new) != strip("\n".join(lines)):
        sys.exit(f"{name}: an annotation is code")
    open(f"{dest}/{name}", "w").write(new)
