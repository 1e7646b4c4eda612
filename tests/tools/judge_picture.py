"""Judges pictures of a recording (tests/e2e/pictures.sh): a report, colours, a trace, a laid out graph.

    judge_picture.py page FILE TEXT...      one self-contained page that shows the texts
    judge_picture.py colours DOT FILE       each domain has one colour in both, none near red
    judge_picture.py trace FILE DOMAINS [SPAN]  trace-event JSON with counters, and spans called so
    judge_picture.py counters FILE CAPDB RUN FROM   untyped memory is what `capdb untyped` tells from snapshot FROM on
    judge_picture.py plain FILE NODES INCHES    `dot -Tplain` has at most so many, is no larger
"""
import colorsys, html.parser, itertools, json, re, subprocess, sys

BREACH = "#c8102e"


def fail(sentence):
    sys.exit(sentence)


def is_red(colour):
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, _, saturation = colorsys.rgb_to_hls(r, g, b)
    return saturation > 0.2 and not 40 / 360 < hue < 330 / 360


class Page(html.parser.HTMLParser):
    """Elements that are open, the text, and what a page of one piece may not have."""

    void = {"meta", "br"}
    letter = 6  # least width of one in a picture

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.bad = [], set(), "", []
        self.widths, self.label = [], None  # of the pictures that are open

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in self.void:
            self.open.append(tag)
        if tag == "svg":
            box = dict(attributes)
            self.widths.append(float(box["viewbox"].split()[2] if "viewbox" in box else box["width"]))
        if tag == "text":
            self.label = dict(attributes)
        for name, value in attributes:
            if name.startswith("on") or name in ("src", "href", "xlink:href"):
                self.bad.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad.append(f"</{tag}> closes nothing")
        if tag == "svg":
            self.widths.pop()

    def handle_data(self, data):
        self.text += data
        if self.open[-1:] == ["text"] and "%" not in self.label["x"]:  # names are cut by their boxes
            length = self.letter * len(data)
            left = float(self.label["x"]) - {"middle": length / 2, "end": length}.get(self.label.get("text-anchor"), 0)
            if left < 0 or left + length > self.widths[-1]:
                self.bad.append(f"{data} is cut off: {left} to {left + length} of {self.widths[-1]}")


def page(path, *wanted):
    p = Page()
    p.feed(open(path, encoding="utf-8").read())
    p.close()
    allowed = set("html head meta style title body h1 h2 p table tr th td span code br figure figcaption"
                  " svg defs marker path rect text line polygon".split())
    if p.tags - allowed or p.bad or p.open:
        fail(f"{p.tags - allowed} {p.bad} {p.open}")
    for text in wanted:
        if text not in p.text:
            fail(f"{text!r} is not on the page")


def boxes(path):
    """Domains by name with their colour."""
    text = open(path, encoding="utf-8").read()
    found = re.findall(r'd\d+ \[shape=box.*?fillcolor="(#\w+)".*?label="((?:[^"\\]|\\.)*?)\\n', text, re.S)
    return {re.sub(r"\\(.)", r"\1", name): colour for colour, name in found}


def colours(dot, path):
    drawn = boxes(dot)
    text = open(path, encoding="utf-8").read()
    keys = re.findall(r'color:(#\w+)">&#9632;</span> (.*?)</span>', text)
    told = {}
    for colour, name in keys:
        if told.setdefault(html.unescape(name), colour) != colour:
            fail(f"{name} is {told[name]} and {colour}")
    both = {n for n in drawn if n in told}
    if len(both) < 3:
        fail(f"only {both} are in both pictures: {drawn} {told}")
    for name in both:
        if drawn[name] != told[name]:
            fail(f"{name} is {drawn[name]} in one picture, {told[name]} in the other")
    for colour in list(drawn.values()) + list(told.values()):
        if is_red(colour):
            fail(f"{colour} is as red as a breach")
    if not is_red(BREACH):
        fail("the test takes no colour for red")


def trace(path, domains, wanted=None):
    t = json.load(open(path, encoding="utf-8"))
    events = t["traceEvents"]
    keys = {"M": {"args"}, "X": {"dur", "args"}, "i": {"s", "args"}, "C": {"args"}}
    names, spans = {}, {}
    for e in events:
        if not keys.get(e["ph"], {"?"}) | {"ph", "ts", "name", "pid", "tid"} == set(e):
            fail(f"not a trace event: {e}")
        if not all(isinstance(e[k], int) and 0 <= e[k] < 2**31 for k in ("pid", "tid")) or e["ts"] < 0:
            fail(f"numbers that do not fit: {e}")
        if e["ph"] == "M" and e["name"] == "process_name":
            names[e["pid"]] = e["args"]["name"]
        if e["ph"] == "C" and not all(isinstance(v, (int, float)) for v in e["args"].values()):
            fail(f"a counter that is no number: {e}")
        if e["ph"] == "X":
            spans.setdefault((e["pid"], e["tid"]), []).append((e["ts"], e["ts"] + e["dur"], e["name"]))
    counted = {names[e["pid"]] for e in events if e["ph"] == "C" and e["name"] == "capabilities"}
    if len(counted) < domains:
        fail(f"counters of {counted} only")
    if wanted and wanted not in {s[2] for track in spans.values() for s in track}:
        fail(f"no span {wanted}")
    for track in spans.values():  # spans of a track lie in each other or apart
        ends = []
        for begin, end, name in sorted(track, key=lambda s: (s[0], -s[1])):
            while ends and ends[-1] <= begin + 1e-6:
                ends.pop()
            if ends and end > ends[-1] + 1e-3:
                fail(f"{name} at {begin} reaches over the end of the span around it")
            ends.append(end)


def ask(*command):
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def counters(path, capdb, run, first):
    """Each domain's untyped memory, handed out and left, as it goes on from value to value."""
    events = json.load(open(path, encoding="utf-8"))["traceEvents"]
    names = {e["pid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
    traced, told = {}, {}
    for e in events:
        if e["ph"] == "C" and e["name"] == "untyped memory":
            traced.setdefault(names[e["pid"]], []).append((e["args"]["handed out"], e["args"]["left"]))
    for n in range(int(first), ask(capdb, "sql", run, "--json", "SELECT max(n) AS n FROM snapshots")[0]["n"] + 1):
        rows = ask(capdb, "untyped", f"{run}@{n}", "--json")
        for name in traced:
            own = [r for r in rows if r["domain"] == name]
            told.setdefault(name, []).append((sum(r["used"] for r in own), sum(r["free"] for r in own)))
    turned = 0
    for name in traced:
        a, b = ([v for v, _ in itertools.groupby(values)] for values in (traced[name], told[name]))
        if a != b and name != "in no domain":
            fail(f"{name}: the trace goes {a}, the snapshots {b}")
        turned = max(turned, len(b))
    if turned < 3:
        fail("nothing changes in this recording")


def plain(path, most_nodes, most_inches):
    """`dot -Tplain`: size and number of nodes."""
    lines = open(path, encoding="utf-8").read().splitlines()
    _, _, width, height = lines[0].split()
    nodes = sum(line.startswith("node ") for line in lines)
    if not 1 < nodes <= int(most_nodes) or max(float(width), float(height)) > float(most_inches):
        fail(f"{nodes} nodes, {width} x {height} inches")


{"page": page, "colours": colours, "trace": lambda p, n, *s: trace(p, int(n), *s), "counters": counters, "plain": plain}[sys.argv[1]](*sys.argv[2:])
