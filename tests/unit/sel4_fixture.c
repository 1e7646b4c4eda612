/* Recorded systems (tests/fixtures/mainline/) as targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sel4_fixture.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const fixture_names[] = {"a64",  "a64mcs", "a64v12",     "a32",
                                     "rv64", "x64",    "a64-zombie", "a32-zombie"};

/* --- memory --- */

static struct fixture_page *page_at(struct fixture *f, uint64_t pa, bool make)
{
    for (size_t i = 0; i < f->pages; i++) {
        if (f->page[i].number == pa / FIXTURE_PAGE)
            return &f->page[i];
    }
    if (!make)
        return NULL;
    if (f->pages == f->room) {
        f->room = f->room == 0 ? 256 : f->room * 2;
        f->page = realloc(f->page, f->room * sizeof(*f->page));
        assert_non_null(f->page);
    }
    struct fixture_page *p = &f->page[f->pages++];
    memset(p, 0, sizeof(*p));
    p->number = pa / FIXTURE_PAGE;
    return p;
}

static void put_physical(struct fixture *f, uint64_t pa, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++, pa++) {
        struct fixture_page *p = page_at(f, pa, true);
        p->known[pa % FIXTURE_PAGE] = 1;
        if (bytes)
            p->bytes[pa % FIXTURE_PAGE] = ((const uint8_t *)bytes)[i];
    }
}

uint64_t fixture_pa(const struct fixture *f, uint64_t va)
{
    for (size_t i = 0; i < f->maker.segments; i++) {
        const struct maker_segment *s = &f->maker.segment[i];
        if (va - s->va < s->bytes)
            return va - s->va + s->pa;
    }
    return f->word == 8 ? va - f->offset : (uint32_t)(va - f->offset);
}

void fixture_put(struct fixture *f, uint64_t va, const void *bytes, size_t len)
{
    put_physical(f, fixture_pa(f, va), bytes, len);
}

void fixture_put_word(struct fixture *f, uint64_t va, uint64_t value)
{
    fixture_put(f, va, &value, f->word); /* little endian, as the host is */
}

uint64_t fixture_word(const struct fixture *f, uint64_t va)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < f->word; i++) {
        uint64_t pa = fixture_pa(f, va + i);
        const struct fixture_page *p = page_at((struct fixture *)(uintptr_t)f, pa, false);
        if (p)
            v |= (uint64_t)p->bytes[pa % FIXTURE_PAGE] << 8 * i;
    }
    return v;
}

static bool read_span(struct fixture *f, struct sel4_span *s)
{
    for (uint32_t i = 0; i < s->len;) {
        uint64_t at = (s->addr + i) % FIXTURE_PAGE;
        size_t n = FIXTURE_PAGE - at < s->len - i ? FIXTURE_PAGE - at : s->len - i;
        const struct fixture_page *p = page_at(f, s->addr + i, false);
        bool known = p && !memchr(p->known + at, 0, n);
        if (!known && !f->zeros)
            return false;
        if (!p)
            memset(s->buf + i, 0, n);
        else
            memcpy(s->buf + i, p->bytes + at, n); /* bytes that are not known are 0 */
        i += (uint32_t)n;
    }
    return true;
}

static enum error read_spans(void *ctx, struct sel4_span *spans, size_t count)
{
    struct fixture *f = ctx;
    f->batches++;
    f->spans += (unsigned)count;
    for (size_t i = 0; i < count; i++)
        spans[i].error = !f->refuse && read_span(f, &spans[i]) ? ERR_OK : ERR_READ;
    return ERR_OK;
}

/* --- lines --- */

uint64_t fixture_hex(const char *s)
{
    return strtoull(s, NULL, 16);
}

size_t fixture_next(const struct fixture *f, size_t *at, const char *word,
                    char *field[FIXTURE_FIELDS])
{
    static char copy[FIXTURE_LINE];
    size_t len = strlen(word);
    for (; *at < f->lines; (*at)++) {
        const char *line = f->line[*at];
        if (strncmp(line, word, len) != 0 || line[len] != ' ')
            continue;
        assert_true(strlen(line) < sizeof(copy));
        strcpy(copy, line);
        size_t n = 0;
        for (char *save = NULL, *t = strtok_r(copy, " ", &save); t && n < FIXTURE_FIELDS;
             t = strtok_r(NULL, " ", &save))
            field[n++] = t;
        (*at)++;
        return n;
    }
    return 0;
}

uint64_t fixture_value(char *const *field, size_t n, const char *name, uint64_t otherwise)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(field[i], name, len) == 0 && field[i][len] == '=')
            return fixture_hex(field[i] + len + 1);
    }
    return otherwise;
}

uint64_t fixture_symbol(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->maker.symbols; i++) {
        if (strcmp(f->maker.symbol[i].name, name) == 0)
            return f->maker.symbol[i].addr;
    }
    return 0;
}

static void read_file(struct fixture *f)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "tests/fixtures/mainline/%s.txt", f->name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t room = 1 << 20;
    f->text = calloc(1, room);
    f->line = calloc(8192, sizeof(*f->line));
    assert_non_null(f->text);
    size_t len = fread(f->text, 1, room - 1, file);
    (void)fclose(file);
    assert_true(len > 0 && len < room - 1);
    for (char *save = NULL, *t = strtok_r(f->text, "\n", &save); t && f->lines < 8192;
         t = strtok_r(NULL, "\n", &save))
        f->line[f->lines++] = t;
}

static void take_arch(struct fixture *f)
{
    static const struct {
        const char *name;
        enum sel4_arch arch;
        uint16_t machine;
    } arches[] = {{"aarch64", SEL4_AARCH64, EM_AARCH64},
                  {"aarch32", SEL4_AARCH32, EM_ARM},
                  {"riscv64", SEL4_RISCV64, EM_RISCV},
                  {"x86_64", SEL4_X86_64, EM_X86_64}};
    char *field[FIXTURE_FIELDS];
    size_t at = 0;
    assert_int_equal(fixture_next(f, &at, "arch", field), 2);
    for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
        if (strcmp(field[1], arches[i].name) == 0) {
            f->arch = arches[i].arch;
            f->maker.machine = arches[i].machine;
            f->maker.wide = f->arch != SEL4_AARCH32;
            f->word = f->maker.wide ? 8 : 4;
            return;
        }
    }
    fail_msg("no such architecture: %s", field[1]);
}

static uint64_t number(const struct fixture *f, const char *word)
{
    char *field[FIXTURE_FIELDS];
    size_t at = 0;
    assert_true(fixture_next(f, &at, word, field) >= 2);
    return fixture_hex(field[1]);
}

static char *keep(struct fixture *f, const char *s)
{
    char *copy = strdup(s);
    assert_non_null(copy);
    assert_true(f->kepts < sizeof(f->kept) / sizeof(f->kept[0]));
    f->kept[f->kepts++] = copy;
    return copy;
}

static void take_symbols(struct fixture *f)
{
    char *field[FIXTURE_FIELDS];
    for (size_t at = 0; fixture_next(f, &at, "symbol", field) == 4;)
        maker_symbol(&f->maker, keep(f, field[1]), fixture_hex(field[2]), fixture_hex(field[3]),
                     false);
    for (size_t at = 0; fixture_next(f, &at, "segment", field) == 4;)
        maker_segment(&f->maker, fixture_hex(field[1]), fixture_hex(field[2]),
                      fixture_hex(field[3]), NULL, 0);
    if (f->arch == SEL4_RISCV64 && fixture_symbol(f, "kernel_root_pageTable") == 0)
        fail_msg("%s has no kernel page table", f->name);
}

static void take_memory(struct fixture *f)
{
    char *field[FIXTURE_FIELDS];
    for (size_t at = 0; fixture_next(f, &at, "region", field) == 3;)
        fixture_put(f, fixture_hex(field[1]), NULL, fixture_hex(field[2]));
    for (size_t at = 0; fixture_next(f, &at, "bytes", field) == 3;) {
        uint8_t bytes[128];
        size_t n = strlen(field[2]) / 2;
        for (size_t i = 0; i < n; i++) {
            char two[3] = {field[2][2 * i], field[2][2 * i + 1], 0};
            bytes[i] = (uint8_t)strtoul(two, NULL, 16);
        }
        fixture_put(f, fixture_hex(field[1]), bytes, n);
    }
}

/* --- what the recording leaves out --- */

enum { CODE_AT = 0x1000 };

static const char *const functions[] = {
    "idle_thread",      "schedule",  "cteInsert", "emptySlot", "handleSyscall",
    "createNewObjects", "cteRevoke", "cteMove",   "cteSwap",   "restore_user_context"};

/* Code: bytes that look like nothing else, the same in the file and in memory. */
static void add_code(struct fixture *f)
{
    struct maker_segment *s = &f->maker.segment[f->arch == SEL4_X86_64 ? 1 : 0];
    uint64_t first = (s->va + CODE_AT) & ~(uint64_t)0xff;
    for (size_t i = 0; i < sizeof(f->code); i++)
        f->code[i] = (uint8_t)(i * 37 + i / 251 + 1);
    s->text = f->code;
    s->text_bytes = sizeof(f->code);
    fixture_put(f, s->va, f->code, sizeof(f->code));
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        maker_symbol(&f->maker, functions[i], first + i * 256, 128, true);
}

static uint64_t member(const struct fixture *f, const char *name)
{
    char *field[FIXTURE_FIELDS];
    for (size_t at = 0; fixture_next(f, &at, "member", field) == 3;) {
        if (strcmp(field[1], name) == 0)
            return fixture_hex(field[2]);
    }
    return 0;
}

/* The saved registers of the idle thread, as they were seen, and its state. */
static void add_idle(struct fixture *f)
{
    static const unsigned pc[SEL4_ARCHES] = {60, 256, 272, 688};
    static const unsigned psr[SEL4_ARCHES] = {64, 264, 256, 680};
    static const unsigned psr_value[SEL4_ARCHES] = {0x5f, 0x45, 0x120, 0x202};
    unsigned bits = (unsigned)number(f, "tcb_bits");
    uint64_t tcb = fixture_symbol(f, "ksIdleThreadTCB") + ((uint64_t)1 << (bits - 1));
    uint64_t state = tcb + member(f, "tcbState");
    fixture_put(f, fixture_symbol(f, "ksIdleThreadTCB"), NULL, (size_t)1 << bits);
    fixture_put_word(f, tcb + pc[f->arch], fixture_symbol(f, "idle_thread"));
    fixture_put_word(f, tcb + psr[f->arch], psr_value[f->arch]);
    fixture_put_word(f, state, 7);
    if (f->arch == SEL4_X86_64) {
        fixture_put_word(f, tcb, 0x37f);
        fixture_put_word(f, tcb + 736, 8);
        fixture_put_word(f, tcb + 744, 0x10);
    }
}

/* Ready queues as the threads' own links tell them; interrupts all inactive. */
static void add_kernel_data(struct fixture *f)
{
    static const char *const zero[] = {"intStateIRQTable", "ksReadyQueues", "ksReleaseQueue",
                                       "ksCurDomain", "ksCurSC"};
    char *field[FIXTURE_FIELDS];
    size_t n = 0;
    for (size_t z = 0; z < sizeof(zero) / sizeof(zero[0]); z++) {
        for (size_t at = 0; fixture_next(f, &at, "symbol", field) == 4;) {
            if (strcmp(field[1], zero[z]) == 0)
                fixture_put(f, fixture_hex(field[2]), NULL, fixture_hex(field[3]));
        }
    }
    uint64_t queues = fixture_symbol(f, "ksReadyQueues");
    for (size_t at = 0; (n = fixture_next(f, &at, "thread", field)) > 0;) {
        if (fixture_value(field, n, "tcbQueued", 0) == 0)
            continue;
        uint64_t place = queues + fixture_value(field, n, "tcbPriority", 0) * 2 * f->word;
        if (fixture_value(field, n, "tcbSchedPrev", 0) == 0)
            fixture_put_word(f, place, fixture_hex(field[1]));
        if (fixture_value(field, n, "tcbSchedNext", 0) == 0)
            fixture_put_word(f, place + f->word, fixture_hex(field[1]));
    }
}

/* What the boot made for the first thread: its CNode, and its TCB, which slot 1 there holds. */
static void add_rootserver(struct fixture *f)
{
    enum { TCB_WORD = 6, WORDS = 8 };
    char *field[FIXTURE_FIELDS];
    uint64_t at_boot = fixture_symbol(f, "rootserver");
    uint64_t mask = ((uint64_t)1 << number(f, "tcb_bits")) - 1;
    fixture_put(f, at_boot, NULL, (size_t)WORDS * f->word);
    for (size_t at = 0; fixture_next(f, &at, "cap", field) > 0;) {
        if (strcmp(field[2], "thread") != 0 || strcmp(field[14], "cnode") != 0 ||
            fixture_hex(field[16]) != 1)
            continue;
        fixture_put_word(f, at_boot, fixture_hex(field[15]));
        fixture_put_word(f, at_boot + TCB_WORD * f->word, fixture_hex(field[12]) & ~mask);
        return;
    }
}

static void put_entry(struct fixture *f, uint64_t table, uint64_t index, uint64_t entry)
{
    put_physical(f, table + index * f->word, &entry, f->word);
}

/* The kernel's own page table: the window as pages of 1 GiB (AArch32: 16 MiB) around a pointer. */
static void add_page_table(struct fixture *f)
{
    static const char *const names[SEL4_ARCHES] = {"armKSGlobalPD", "armKSGlobalKernelPGD",
                                                   "kernel_root_pageTable", "x64KSKernelPML4"};
    uint64_t root = fixture_pa(f, fixture_symbol(f, names[f->arch]));
    uint64_t va = fixture_word(f, fixture_symbol(f, "ksCurThread"));
    uint64_t below = root + 0x1000; /* in the kernel's image, as its tables are */
    uint64_t giga = (va - f->offset) & ~(uint64_t)0x3fffffff;
    uint64_t mid = va >> 30 & 0x1ff;
    put_physical(f, root, NULL, f->arch == SEL4_AARCH32 ? 16384 : 4096);
    put_physical(f, below, NULL, 4096);
    switch (f->arch) {
    case SEL4_AARCH32:
        put_entry(f, root, va >> 20, ((va - f->offset) & 0xff000000u) | 0x50402);
        return;
    case SEL4_RISCV64:
        put_entry(f, root, mid, giga >> 12 << 10 | 0xcf);
        return;
    case SEL4_AARCH64:
        put_entry(f, root, va >> 39 & 0x1ff, below | 3);
        put_entry(f, below, mid, giga | 0x701);
        return;
    default:
        put_entry(f, root, va >> 39 & 0x1ff, below | 3);
        put_entry(f, below, mid, giga | 0x83);
        return;
    }
}

/* --- DWARF --- */

static void add_dwarf(struct fixture *f)
{
    static const char *const states[] = {"ThreadState_Inactive", "ThreadState_Running",
                                         "ThreadState_Restart", "ThreadState_BlockedOnReceive"};
    char *field[FIXTURE_FIELDS];
    bool v12 = strcmp(f->name, "a64v12") == 0;
    f->maker.dwarf = v12 ? 4 : 5;
    maker_member(&f->maker, "tcb", NULL, 1024);
    for (size_t at = 0; fixture_next(f, &at, "member", field) == 3;)
        maker_member(&f->maker, "tcb", keep(f, field[1]), fixture_hex(field[2]));
    maker_member(&f->maker, "user_context", NULL, 824);
    maker_member(&f->maker, "user_context", "registers", f->arch == SEL4_X86_64 ? 576 : 0);
    for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        maker_member(&f->maker, NULL, states[i], i);
    maker_member(&f->maker, NULL, "ThreadState_IdleThreadState", 7);
    if (f->arch == SEL4_AARCH64)
        maker_member(&f->maker, NULL, v12 ? "cap_page_upper_directory_cap" : "cap_vspace_cap",
                     v12 ? 7 : 9);
}

void fixture_load(struct fixture *f, const char *name, bool with_dwarf)
{
    memset(f, 0, sizeof(*f));
    (void)snprintf(f->name, sizeof(f->name), "%s", name);
    read_file(f);
    take_arch(f);
    f->offset = number(f, "offset");
    f->pc = number(f, "pc");
    take_symbols(f);
    take_memory(f);
    add_code(f);
    add_idle(f);
    add_kernel_data(f);
    add_rootserver(f);
    add_page_table(f);
    if (with_dwarf)
        add_dwarf(f);
    f->port = (struct sel4_port){.read = read_spans, .ctx = f, .piece = 2048, .physical = true};
}

void fixture_free(struct fixture *f)
{
    for (size_t i = 0; i < f->kepts; i++)
        free(f->kept[i]);
    free(f->text);
    free(f->line);
    free(f->page);
}

void fixture_attach(struct fixture *f, struct sel4_kernel *k, uint8_t **elf)
{
    char why[SEL4_WHY];
    struct sel4_image image;
    size_t len = 0;
    *elf = maker_make(&f->maker, &len);
    if (sel4_image_memory(&image, *elf, len, why) != ERR_OK ||
        sel4_kernel_take(k, image, NULL, 0, why) != ERR_OK ||
        sel4_kernel_attach(k, &f->port, why) != ERR_OK)
        fail_msg("%s: %s", f->name, why);
}

void fixture_close(struct sel4_kernel *k, uint8_t *elf)
{
    sel4_kernel_close(k);
    free(elf);
}
