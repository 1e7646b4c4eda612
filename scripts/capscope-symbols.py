"""Symbols of several programs inside gdb, by the names of threads.

    (gdb) source scripts/capscope-symbols.py
    (gdb) cap symbols build/programs
    (gdb) thread 3
    (gdb) cap bt

`cap symbols DIRECTORY` looks at the ELF files there and at the threads that `info threads` lists (through
capdb gdb-proxy, or the stub in the kernel, their names are those that the system gave them). A program belongs to
every thread whose name is the file's, or begins with it: driver.elf to "driver" and "driver/server", adder.instance.bin to
"adder:control". The longest fitting name wins. Programs mostly lie at the same addresses, so only those of the selected
thread's are loaded: they change with the `thread` command, at stops, and at each prompt. `cap bt` gives the backtrace of every
thread, each with its own symbols. `cap symbols` alone tells which program each thread has.
"""
import os

import gdb

CAP_ENDINGS = (".instance.bin", ".elf", ".bin", ".out", "")
CAP_SEPARATORS = "/:._- "


class CapSymbols:
    """Which program belongs to which thread, and whose symbols are loaded."""

    programs = {}   # stem of the file's name: path
    loaded = None   # path

    @staticmethod
    def stem(name):
        for ending in CAP_ENDINGS:
            if ending and name.endswith(ending):
                return name[:-len(ending)]
        return name

    @staticmethod
    def is_elf(path):
        try:
            with open(path, "rb") as file:
                return file.read(4) == b"\x7fELF"
        except OSError:
            return False

    @classmethod
    def read(cls, folder):
        try:
            names = sorted(os.listdir(folder))
        except OSError as problem:
            raise gdb.GdbError("cap: %s: %s" % (folder, problem.strerror))
        cls.programs = {cls.stem(name): os.path.abspath(os.path.join(folder, name)) for name in names
                        if cls.is_elf(os.path.join(folder, name))}
        if not cls.programs:
            raise gdb.GdbError("cap: %s: no ELF file lies there" % folder)

    @classmethod
    def of(cls, name):
        """Path of the program of a thread with this name; None."""
        fits = [stem for stem in cls.programs
                if name == stem or (name or "").startswith(stem) and name[len(stem)] in CAP_SEPARATORS]
        return cls.programs[max(fits, key=len)] if fits else None

    @classmethod
    def change(cls, path):
        if path == cls.loaded:
            return
        if cls.loaded:
            gdb.execute('remove-symbol-file "%s"' % cls.loaded, to_string=True)
            cls.loaded = None
        if path:
            gdb.execute('add-symbol-file "%s"' % path, to_string=True)
            cls.loaded = path
        gdb.invalidate_cached_frames()

    @classmethod
    def follow(cls, event=None):
        """The symbols of the selected thread."""
        thread = gdb.selected_thread()
        if cls.programs and thread is not None and thread.is_stopped():
            try:
                cls.change(cls.of(thread.name))
            except gdb.error as problem:
                cls.programs, cls.loaded = {}, None
                gdb.write("cap: symbols cannot be loaded: %s\n" % problem)


class CapSymbolsCommand(gdb.Command):
    """Loads the symbols of the selected thread's program from a directory, by its name.

    cap symbols [DIRECTORY]"""

    def __init__(self):
        super().__init__("cap symbols", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        if argument:
            CapSymbols.change(None)
            CapSymbols.read(os.path.expanduser(argument.strip().strip('"')))
        elif not CapSymbols.programs:
            raise gdb.GdbError("usage: cap symbols DIRECTORY")
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
            path = CapSymbols.of(thread.name)
            gdb.write("%-4d %-24s %s\n" % (thread.num, thread.name, os.path.basename(path) if path else "-"))
        CapSymbols.follow()


class CapBacktraces(gdb.Command):
    """The backtrace of every thread, each with the symbols of its own program.

    cap bt [FRAMES]"""

    def __init__(self):
        super().__init__("cap bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        before = gdb.selected_thread()
        if before is None:
            raise gdb.GdbError("cap: gdb is not attached to a machine")
        try:
            for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
                thread.switch()
                CapSymbols.follow()
                gdb.write('\nThread %d "%s" (%s):\n' % (thread.num, thread.name, thread.details or ""))
                try:
                    gdb.execute("bt " + argument)
                except gdb.error as problem:
                    gdb.write("%s\n" % problem)
        finally:
            before.switch()
            CapSymbols.follow()


class CapSymbolsAll(gdb.Command):
    """capscope: capabilities of the machine that gdb is attached to."""

    def __init__(self):
        super().__init__("cap", gdb.COMMAND_DATA, prefix=True)


def cap_symbols_prefix_is_there():
    """Another script of capscope's may have made it."""
    try:
        gdb.execute("help cap", to_string=True)
        return True
    except gdb.error:
        return False


if not cap_symbols_prefix_is_there():
    CapSymbolsAll()
CapSymbolsCommand()
CapBacktraces()
for cap_symbols_event in ("stop", "before_prompt"):
    if hasattr(gdb.events, cap_symbols_event):
        getattr(gdb.events, cap_symbols_event).connect(CapSymbols.follow)
gdb.execute("define hookpost-thread\npython CapSymbols.follow()\nend", to_string=True)
