/* A QEMU plugin (TCG plugin interface version 1) that counts kernel instructions, one by one, so
 * that a run under -icount gives the same numbers each time.
 *
 * A stay in the kernel begins at an exception vector and ends with the RFE that goes back to a
 * thread, both included.  The idle thread runs at kernel addresses and is no part of any stay.
 *
 * Arguments: out=FILE (results), kernel=ELF (symbols), mode=
 *   operations  stays that the benchmark's root task announced (user/bench/operations.h):
 *               name, entry, units, wanted, mainline, runs, least, median, most; tab-separated
 *   longest     the longest run of instructions between two looks at pending interrupts, entry or
 *               exit, with the functions it was spent in: where something is said on a serial
 *               line, in a Retype that hands out objects, and in anything else; and the longest
 *               stay
 *   profile     all instructions in stays by function
 *   paths       addresses and symbols of one stay of each operation, for reading */
#include "user/bench/operations.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what QEMU 7.2 offers, as far as it is used here ---- */

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*qemu_plugin_udata_cb)(qemu_plugin_id_t id, void *data);
typedef void (*qemu_plugin_tb_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_insn_cb)(unsigned cpu, void *data);
enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_VERSION = 1 };
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_tb_cb cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_plugin_insn_cb cb,
                                            int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern __attribute__((visibility("default"))) int qemu_plugin_version;
int qemu_plugin_version = QEMU_PLUGIN_VERSION;
__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

/* ---- symbols of the kernel ---- */

struct symbol {
    uint32_t address;
    uint32_t size;
    char name[60];
    uint64_t executed;
};

static struct symbol *symbols;
static size_t symbol_count;

static int symbol_order(const void *a, const void *b)
{
    const struct symbol *x = a;
    const struct symbol *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static void die(const char *what, const char *name)
{
    fprintf(stderr, "count_instructions: %s: %s\n", name, what);
    exit(2);
}

static void symbols_from(const Elf32_Sym *table, size_t count, const char *names)
{
    symbols = calloc(count, sizeof(*symbols));
    for (size_t i = 0; i < count; i++) {
        const char *name = names + table[i].st_name;
        if (name[0] == '$' || name[0] == 0 || ELF32_ST_TYPE(table[i].st_info) > STT_FUNC)
            continue;
        struct symbol *s = &symbols[symbol_count++];
        s->address = table[i].st_value;
        s->size = table[i].st_size;
        snprintf(s->name, sizeof(s->name), "%s", name);
    }
    qsort(symbols, symbol_count, sizeof(*symbols), symbol_order);
}

/* The kernel's ELF file comes from our own build; only its kind is checked. */
static void symbols_load(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        die("cannot be read", path);
    const char *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    const Elf32_Ehdr *head = (const Elf32_Ehdr *)file;
    if (file == MAP_FAILED || memcmp(file, ELFMAG, SELFMAG) != 0 || head->e_machine != EM_ARM)
        die("not an ARM ELF file", path);
    const Elf32_Shdr *sections = (const Elf32_Shdr *)(file + head->e_shoff);
    for (unsigned i = 0; i < head->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB)
            symbols_from((const Elf32_Sym *)(file + sections[i].sh_offset),
                         sections[i].sh_size / sizeof(Elf32_Sym),
                         file + sections[sections[i].sh_link].sh_offset);
    close(fd);
}

static struct symbol *symbol_at(uint32_t address)
{
    static struct symbol vectors = {.name = "vectors"};
    size_t low = 0, high = symbol_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 || address >= 0xffff0000u ? &vectors : &symbols[low - 1];
}

/* 0: there is none. */
static uint32_t symbol_find(const char *name)
{
    for (size_t i = 0; i < symbol_count; i++)
        if (strcmp(symbols[i].name, name) == 0)
            return symbols[i].address;
    return 0;
}

static uint32_t symbol_address(const char *name)
{
    uint32_t address = symbol_find(name);
    if (address == 0)
        die("no such symbol", name);
    return address;
}

/* ---- operations ---- */

enum { VECTOR_BASE = 0xffff0000u, VECTOR_SVC = 8, VECTOR_DATA = 0x10, VECTOR_IRQ = 0x18 };
enum { RUNS_MAX = 4096, IDLE_BYTES = 16, PATH_MAX_RUN = 1 << 18, PATH_SHOWN = 6 };

struct operation {
    const char *text;
    enum bench_entry entry;
    unsigned units, wanted, mainline;
    unsigned runs;
    uint64_t count[RUNS_MAX];
};

static struct operation operations[] = {
#define X(NAME, text, entry, units, wanted, mainline)                                              \
    [MARK_##NAME] = {text, entry, units, wanted, mainline, 0, {0}},
    OPERATION_LIST(X)
#undef X
};

enum mode { MODE_OPERATIONS, MODE_LONGEST, MODE_PROFILE, MODE_PATHS };
static enum mode mode;
static FILE *out;

static struct {
    bool open;          /* between vector and return */
    bool announced;     /* it is an operation's */
    uint32_t vector;    /* offset of the vector it came by */
    uint64_t count;     /* instructions of this stay */
    uint64_t last_look; /* value of count at the last look at interrupts */
} stay;

static unsigned pending[ENTRIES]; /* operation announced for each entry, MARK_NONE: none */
static uint64_t accumulated;      /* of pending[ENTRY_ALL] */

/* A run: since the last look at interrupts, or the entry. Of two kinds it is of the later one. */
enum run_kind { RUN_OTHER = 0, RUN_RETYPE, RUN_CONSOLE, RUN_KINDS };
struct run {
    uint64_t length;
    struct symbol *path[PATH_MAX_RUN];
};
static struct run run, longest_run[RUN_KINDS];
static enum run_kind run_kind;
static uint64_t longest_stay;

static void operation_add(unsigned number, uint64_t count)
{
    struct operation *o = &operations[number];
    if (o->runs < RUNS_MAX)
        o->count[o->runs++] = count;
}

static enum bench_entry entry_of_vector(uint32_t vector)
{
    return vector == VECTOR_SVC    ? ENTRY_SVC
           : vector == VECTOR_DATA ? ENTRY_ABORT
           : vector == VECTOR_IRQ  ? ENTRY_IRQ
                                   : ENTRIES;
}

static size_t run_known(const struct run *r)
{
    return r->length < PATH_MAX_RUN ? r->length : PATH_MAX_RUN;
}

static void run_ends(void)
{
    run.length = stay.count - stay.last_look;
    struct run *most = &longest_run[run_kind];
    if (run.length > most->length)
        memcpy(most, &run, offsetof(struct run, path) + run_known(&run) * sizeof(run.path[0]));
    stay.last_look = stay.count;
    run_kind = RUN_OTHER;
}

static unsigned operation_of_stay(void)
{
    enum bench_entry entry = entry_of_vector(stay.vector);
    if (entry == ENTRY_SVC && pending[ENTRY_ALL] != MARK_NONE)
        return pending[ENTRY_ALL];
    return entry == ENTRIES ? (unsigned)MARK_NONE : pending[entry];
}

static void stay_begins(uint32_t vector)
{
    stay.open = true;
    stay.vector = vector;
    stay.count = 0;
    stay.last_look = 0;
    stay.announced = operation_of_stay() != MARK_NONE;
    if (mode == MODE_PATHS && stay.announced) {
        struct operation *o = &operations[operation_of_stay()];
        if (o->runs == 1)
            fprintf(out, "== %s\n", o->text);
    }
}

static void stay_ends(void)
{
    stay.open = false;
    run_ends();
    if (stay.count > longest_stay)
        longest_stay = stay.count;
    enum bench_entry entry = entry_of_vector(stay.vector);
    if (entry == ENTRY_SVC && pending[ENTRY_ALL] != MARK_NONE)
        accumulated += stay.count;
    if (entry == ENTRIES || pending[entry] == MARK_NONE)
        return;
    operation_add(pending[entry], stay.count);
    pending[entry] = MARK_NONE;
}

/* ---- instructions ---- */

struct site {
    uint32_t address;
    struct symbol *symbol;
    bool is_return, is_look;
    enum run_kind kind;
};

static uint32_t look_address, idle_address, retype_address, serial_address;

static void executed(unsigned cpu, void *data)
{
    struct site *site = data;
    (void)cpu;
    if (site->address >= VECTOR_BASE && !stay.open)
        stay_begins(site->address - VECTOR_BASE);
    if (!stay.open)
        return;
    stay.count++;
    if (mode == MODE_PROFILE)
        site->symbol->executed++;
    if (mode == MODE_PATHS && stay.announced && operations[operation_of_stay()].runs == 1)
        fprintf(out, "%08x %s\n", site->address, site->symbol->name);
    uint64_t at = stay.count - stay.last_look - 1;
    if (mode == MODE_LONGEST && at < PATH_MAX_RUN)
        run.path[at] = site->symbol;
    if (site->kind > run_kind)
        run_kind = site->kind;
    if (site->is_look)
        run_ends();
    if (site->is_return)
        stay_ends();
}

static void results(void);

static void marked(unsigned cpu, void *data)
{
    unsigned number = (unsigned)(uintptr_t)data;
    (void)cpu;
    if (number == MARK_FINISHED) {
        results();
        _exit(0);
    }
    if (number == MARK_DONE) {
        operation_add(pending[ENTRY_ALL], accumulated);
        pending[ENTRY_ALL] = MARK_NONE;
        return;
    }
    pending[operations[number].entry] = number;
    if (operations[number].entry == ENTRY_ALL)
        accumulated = 0;
}

static void translate_insn(struct qemu_plugin_insn *insn)
{
    uint32_t address = (uint32_t)qemu_plugin_insn_vaddr(insn);
    uint32_t code;
    memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
    if (address < 0xf0000000u) {
        unsigned number = code & ~MARK_CODE_MASK;
        if ((code & MARK_CODE_MASK) == MARK_CODE && number <= MARK_FINISHED)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, QEMU_PLUGIN_CB_NO_REGS,
                                                   (void *)(uintptr_t)number);
        return;
    }
    if (address - idle_address < IDLE_BYTES)
        return;
    struct site *site = malloc(sizeof(*site));
    site->address = address;
    site->symbol = symbol_at(address);
    site->is_return = (code & 0xfe50ffffu) == 0xf8100a00u; /* RFE */
    site->is_look = address == look_address;
    site->kind = address == serial_address   ? RUN_CONSOLE
                 : address == retype_address ? RUN_RETYPE
                                             : RUN_OTHER;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, QEMU_PLUGIN_CB_NO_REGS, site);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        translate_insn(qemu_plugin_tb_get_insn(tb, i));
}

/* ---- results ---- */

static int count_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void results_operations(void)
{
    for (unsigned i = 1; i < MARK_OPERATIONS; i++) {
        struct operation *o = &operations[i];
        qsort(o->count, o->runs, sizeof(o->count[0]), count_order);
        uint64_t least = o->runs ? o->count[0] : 0;
        uint64_t median = o->runs ? o->count[o->runs / 2] : 0;
        uint64_t most = o->runs ? o->count[o->runs - 1] : 0;
        fprintf(out, "%s\t%d\t%u\t%u\t%u\t%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", o->text,
                (int)o->entry, o->units, o->wanted, o->mainline, o->runs, least, median, most);
    }
}

static int executed_order(const void *a, const void *b)
{
    const struct symbol *x = a;
    const struct symbol *y = b;
    return x->executed > y->executed ? -1 : x->executed < y->executed;
}

static void results_run(const char *name, const struct run *r)
{
    for (size_t i = 0; i < symbol_count; i++)
        symbols[i].executed = 0;
    for (size_t i = 0; i < run_known(r); i++)
        r->path[i]->executed++;
    struct symbol *sorted = malloc(symbol_count * sizeof(*sorted));
    memcpy(sorted, symbols, symbol_count * sizeof(*sorted));
    qsort(sorted, symbol_count, sizeof(*sorted), executed_order);
    fprintf(out, "%s\t%" PRIu64, name, r->length);
    for (size_t i = 0; i < PATH_SHOWN && i < symbol_count && sorted[i].executed; i++)
        fprintf(out, "\t%s %" PRIu64, sorted[i].name, sorted[i].executed);
    fprintf(out, "\n");
    free(sorted);
}

static void results_longest(void)
{
    results_run("retype", &longest_run[RUN_RETYPE]);
    results_run("console", &longest_run[RUN_CONSOLE]);
    results_run("other", &longest_run[RUN_OTHER]);
    fprintf(out, "stay\t%" PRIu64 "\n", longest_stay);
}

static void results_profile(void)
{
    for (size_t i = 0; i < symbol_count; i++)
        if (symbols[i].executed)
            fprintf(out, "%s\t%" PRIu64 "\n", symbols[i].name, symbols[i].executed);
}

static void results(void)
{
    if (mode == MODE_OPERATIONS)
        results_operations();
    else if (mode == MODE_LONGEST)
        results_longest();
    else if (mode == MODE_PROFILE)
        results_profile();
    fclose(out);
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    results();
}

static void mode_set(const char *name)
{
    static const char *const names[] = {"operations", "longest", "profile", "paths"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            mode = (enum mode)i;
            return;
        }
    }
    die("no such mode", name);
}

static void argument(const char *a)
{
    if (strncmp(a, "out=", 4) == 0)
        out = fopen(a + 4, "w");
    else if (strncmp(a, "kernel=", 7) == 0)
        symbols_load(a + 7);
    else if (strncmp(a, "mode=", 5) == 0)
        mode_set(a + 5);
    else
        die("unknown argument", a);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        argument(argv[i]);
    if (!out || symbol_count == 0)
        die("needs out= and kernel=", "arguments");
    look_address = symbol_address("board_irq_pending");
    retype_address = symbol_address("cdt_insert_objects");
    idle_address = symbol_address("arch_idle");
    serial_address = symbol_find("board_serial_put");
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
