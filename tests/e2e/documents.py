"""What documents name is there: files, functions, targets of make, commands and options of capdb, keys of
the inspector; and their tables are whole.

  documents.py WHAT...   WHAT: files functions targets commands keys tables; prints what is wrong, exits 1"""
import glob
import os
import re
import subprocess
import sys

CAPDB = "build/host/capdb"
PAGES = ["README.md", "HACKING.md", "guest/linux/README.md", *sorted(glob.glob("docs/*.md"))]
FOLDERS = [name for name in os.listdir(".") if os.path.isdir(name) and name not in ("build", ".git")]
# What looks like a path of the tree: names of threads, and files of a mainline kernel's build.
NOT_OURS = re.compile(r"guest/(?!linux/)|kernel/kernel\.elf|kernel/generated/|why/[a-z-]+$")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def code(text):
    """(line number, piece) of all that stands in backticks, and of all lines of code blocks."""
    block = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            block = not block
        elif block or line.startswith("    "):
            yield number, line.strip()
        else:
            yield from ((number, piece) for piece in re.findall(r"`([^`]+)`", line))


def pieces():
    for page in PAGES:
        for number, piece in code(read(page)):
            yield f"{page}:{number}", piece


def plain_text():
    for page in PAGES:
        for number, line in enumerate(read(page).splitlines(), 1):
            yield f"{page}:{number}", line


def files():
    """A path that begins with a folder of the tree is a file or folder of the tree."""
    paths = re.compile(r"(?<![\w/.~$-])((?:%s)/[\w./*-]*[\w*/])" % "|".join(map(re.escape, FOLDERS)))
    for place, line in plain_text():
        for path in paths.findall(line):
            if NOT_OURS.match(path) or re.search(r"_N\b|NAME", path):
                continue  # a name to be filled in
            tries = [path, path + ".[chS]"]
            if place.startswith("guest/"):  # it names files of the port from below
                tries.append(os.path.join("guest/linux/arch/**", path))
            if not any(glob.glob(name, recursive=True) for name in tries):
                yield f"{place}: no {path}"


def functions():
    """Each function that the table of questions names is declared in a header, each file is there."""
    headers = "".join(read(path) for path in subprocess.check_output(
        ["scripts/list-sources", "*.h", "*.c", "*.S"], text=True).split())
    for number, piece in code(read("docs/design.md")):
        name = re.fullmatch(r"(\w+)\(\)", piece)
        if name and not re.search(r"\b%s\(" % name.group(1), headers):
            yield f"docs/design.md:{number}: no {piece}"


def targets():
    made = set(re.findall(r"^([a-z][a-z0-9-]*):", read("Makefile") + read("guest/linux/linux.mk"), re.M))
    for place, piece in pieces():
        for name in re.findall(r"(?:^|\$ |; |&& )make (?:[A-Z_0-9]+=\S* )*([a-z][a-z0-9-]*)(?= |$)", piece):
            if name not in made:
                yield f"{place}: no target {name}"


def help_of(command):
    return subprocess.run([CAPDB, *command, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    """Commands of capdb, and the options that stand behind them."""
    known = set(re.findall(r"^ *capdb ([a-z][a-z-]+)|^  ([a-z][a-z-]+) ", help_of([]), re.M))
    known = {a or b for a, b in known}
    everywhere = {"--help", "--json", "--kernel", "--layout"}
    options = {name: set(re.findall(r"--[a-z-]+", help_of([name]))) | everywhere for name in known}
    for place, piece in pieces():
        for name, rest in re.findall(r"(?:^|[ /$`])capdb ([a-z][a-z-]+)\b([^|;#`&]*)", piece):
            if name not in known:
                yield f"{place}: no command {name}"
                continue
            for option in re.findall(r"(?<![\w-])(--[a-z-]+)", rest):
                if option not in options[name]:
                    yield f"{place}: {name} takes no {option}"


def keys():
    """A table of docs/reverse.md, and sentences of README.md, name keys of the inspector by a letter: it
    must be the key of the action that the man page describes in the same words."""
    bound = {}
    for action, letters in re.findall(r'\{"(\w+)", \{([^}]*)\}\}', read("inspector-tui/keys.c")):
        for letter in re.findall(r"'(.)'", letters):
            bound[letter] = action
    wanted = {"forward to the end of the capability": "killed", "back to where it entered": "made",
              "let it run": "continue"}
    text = read("docs/reverse.md")
    for letter, what in re.findall(r"^\| `(.)` \| (.*) \|$", text, re.M):
        action = next((wanted[words] for words in wanted if what.startswith(words)), None)
        if action and bound.get(letter) != action:
            yield f"docs/reverse.md: {letter} is {bound.get(letter)}, not {action}"
    pair = re.search(r"then `(.)` and `(.)` on a capability", read("README.md"))
    if not pair or [bound.get(letter) for letter in pair.groups()] != ["killed", "made"]:
        yield "README.md: the keys that go back in a recorded run"


def tables():
    """And no page has what a merge leaves where two changes meet."""
    for page in PAGES:
        lines, block, columns = read(page).splitlines(), False, 0
        for number, line in enumerate(lines, 1):
            if re.match(r"(<<<<<<<|>>>>>>>) ", line):
                yield f"{page}:{number}: a merge that is not finished"
            block ^= line.startswith("```")
            if block or not line.startswith("|"):
                columns = 0
                continue
            width = len(re.findall(r"(?<!\\)\|", line))
            rule = lines[number] if number < len(lines) else ""
            if columns == 0 and not re.fullmatch(r"\|[-:| ]+\|", rule):
                yield f"{page}:{number}: a row that belongs to no table"
            elif columns not in (0, width):
                yield f"{page}:{number}: {width - 1} columns instead of {columns - 1}"
            columns = width


def main():
    bad = [sentence for what in sys.argv[1:] for sentence in globals()[what]()]
    print("\n".join(bad))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
