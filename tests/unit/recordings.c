/* A system that changes at random, and its recordings. */
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- a system that changes at random ---------------------------------------------------------- */

uint32_t pick(struct changing *m, uint32_t n)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (m->seed >> 8) % n;
}

void changing_init(struct changing *m, uint32_t seed)
{
    *m = (struct changing){.seed = seed, .count = 2};
    m->slots[0] = (struct record_slot){.addr = CNODE_BASE + 16,
                                       .type = RECORD_CAP_CNODE,
                                       .object = CNODE_BASE,
                                       .bits = CNODE_BITS,
                                       .extra = 24,
                                       .flags = RECORD_SLOT_REVOCABLE};
    m->slots[1] = (struct record_slot){.addr = CNODE_BASE + 32,
                                       .type = RECORD_CAP_UNTYPED,
                                       .object = 0x82000000,
                                       .bits = 24,
                                       .flags = RECORD_SLOT_REVOCABLE};
    for (uint32_t i = 0; i < THREADS; i++) {
        struct record_thread *t = &m->threads[i];
        t->addr = 0x82800000 + i * 512;
        t->name.length = (uint8_t)sprintf(t->name.bytes, "d%u/\x1b[2J\"'", i);
    }
}

static bool changing_slot_used(const struct changing *m, uint32_t addr)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->slots[i].addr == addr)
            return true;
    return false;
}

static uint32_t changing_free_slot(struct changing *m)
{
    uint32_t addr;
    do {
        addr = CNODE_BASE + 16 * (3 + pick(m, 250));
    } while (changing_slot_used(m, addr));
    return addr;
}

/* Puts a child directly behind slot i, as the kernel does. */
void changing_derive(struct changing *m, uint32_t i)
{
    static const struct {
        uint32_t type, bits;
    } kinds[] = {{RECORD_CAP_ENDPOINT, 4},
                 {RECORD_CAP_NOTIFICATION, 4},
                 {RECORD_CAP_FRAME, 12},
                 {RECORD_CAP_TCB, 9}};
    if (m->count == MODEL_SLOTS)
        return;
    struct record_slot child = m->slots[i];
    if (child.type == RECORD_CAP_UNTYPED) {
        uint32_t k = pick(m, 4);
        child.type = kinds[k].type;
        child.bits = kinds[k].bits;
        child.object = child.type == RECORD_CAP_TCB ? 0x82800000 + pick(m, THREADS) * 512
                                                    : 0x82000000 + pick(m, 200) * 0x1000;
        child.rights = child.type == RECORD_CAP_TCB ? 0 : RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
        child.data = child.extra = 0;
    } else {
        child.rights &= pick(m, 16);
    }
    child.depth++;
    child.addr = changing_free_slot(m);
    memmove(&m->slots[i + 2], &m->slots[i + 1], (m->count - i - 1) * sizeof(child));
    m->slots[i + 1] = child;
    m->count++;
}

/* Children of the deleted move up. */
void changing_delete(struct changing *m, uint32_t i)
{
    for (uint32_t k = i + 1; k < m->count && m->slots[k].depth > m->slots[i].depth; k++)
        m->slots[k].depth--;
    memmove(&m->slots[i], &m->slots[i + 1], (m->count - i - 1) * sizeof(*m->slots));
    m->count--;
}

static void changing_change_thread(struct changing *m)
{
    struct record_thread *t = &m->threads[pick(m, THREADS)];
    t->state = pick(m, 8);
    t->pc = pick(m, 1 << 20);
    t->priority = pick(m, 3) ? t->priority : pick(m, 256);
    t->fault = pick(m, 4);
    t->fault_addr = t->fault ? 0xdeadbeef : 0;
}

void changing_step(struct changing *m)
{
    for (uint32_t ops = pick(m, 6); ops > 0; ops--) {
        uint32_t i = pick(m, m->count);
        switch (pick(m, 8)) {
        case 0:
        case 1:
        case 2:
            changing_derive(m, i ? i : 1);
            break;
        case 3:
            if (i > 1)
                changing_delete(m, i);
            break;
        case 4:
            if (i > 1)
                m->slots[i].addr = changing_free_slot(m);
            break;
        case 5:
            if (m->slots[i].type == RECORD_CAP_ENDPOINT)
                m->slots[i].data = pick(m, 100);
            break;
        case 6:
            changing_change_thread(m);
            break;
        default:
            m->mapped = pick(m, 20);
            m->finding = pick(m, 3);
        }
    }
}

static bool changing_names_tcb(const struct changing *m, uint64_t addr)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->slots[i].type == RECORD_CAP_TCB && m->slots[i].object == addr)
            return true;
    return false;
}

static void changing_records(const struct changing *m, struct capstate *s)
{
    struct record r = {0};
    for (uint32_t i = 0; i < THREADS; i++) {
        r.kind = RECORD_THREAD;
        r.thread = m->threads[i];
        if (changing_names_tcb(m, r.thread.addr))
            state_add(s, &r);
    }
    r.kind = RECORD_ENDPOINT;
    r.endpoint = (struct record_endpoint){0x82001000, m->mapped % 3, m->mapped};
    state_add(s, &r);
    r.kind = RECORD_NOTIFICATION;
    r.notification = (struct record_notification){0x82002000, 2, m->mapped * 77, 0, 1, 0};
    state_add(s, &r);
    for (uint32_t i = 0; i < m->mapped; i++)
        state_mapping(s, (struct record_mapping){0x82804000, 1, 0x10000 + i * 4096,
                                                 0x82000000 + i * 4096, 12, 3, 1, 0});
    r.kind = RECORD_IRQ;
    r.irq = (struct record_irq){28, 2, m->mapped};
    state_add(s, &r);
    for (uint32_t i = 0; i < m->finding; i++)
        state_finding(s, (struct record_finding){i % 2, 5, 6, 7});
}

void changing_state(const struct changing *m, struct capstate *s)
{
    state_begin(s);
    for (uint32_t i = 0; i < m->count; i++)
        state_slot(s, m->slots[i]);
    changing_records(m, s);
    state_end(s);
}

/* --- files ------------------------------------------------------------------------------------ */

char *temp_path(void)
{
    char dir[] = "/tmp/capdb-test-XXXXXX";
    char *path = malloc(64);
    assert_non_null(mkdtemp(dir));
    snprintf(path, 64, "%s/run.capdb", dir);
    return path;
}

void temp_remove(char *path)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal", "-lock"};
    char file[96];
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        snprintf(file, sizeof(file), "%s%s", path, tails[i]);
        unlink(file);
    }
    *strrchr(path, '/') = '\0';
    rmdir(path);
    free(path);
}

void unpack_recording(const char *name, const char *to)
{
    char command[256];
    static uint8_t bytes[1 << 20];
    snprintf(command, sizeof(command), "gzip -dc tests/fixtures/%s.capdb.gz", name);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    size_t size = fread(bytes, 1, sizeof(bytes), in);
    assert_int_equal(pclose(in), 0);
    assert_in_range(size, 1, sizeof(bytes) - 1);
    write_file(to, bytes, size);
}

struct capdb *create(const char *path)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    if (capdb_create(path, "test", &db, message) != ERR_OK)
        fail_msg("%s", message);
    return db;
}

struct capdb *open_db(const char *path)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    if (capdb_open(path, &db, message) != ERR_OK)
        fail_msg("%s", message);
    return db;
}

struct capdb *resume_db(const char *path)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    if (capdb_resume(path, &(struct capdb_source){.target = "test"}, &db, message) != ERR_OK)
        fail_msg("%s", message);
    return db;
}

char *read_file(const char *path, size_t *size)
{
    struct stat st;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *bytes = malloc((size_t)st.st_size + 1);
    *size = fread(bytes, 1, (size_t)st.st_size, f);
    fclose(f);
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

void report_failure(void *ctx, const char *sentence)
{
    (void)ctx;
    fprintf(stderr, "# %s\n", sentence);
}

/* Compares snapshots 1..count with the model run again from its seed. */
void assert_recorded(struct capdb *db, uint32_t seed, uint32_t count)
{
    struct changing m;
    changing_init(&m, seed);
    for (uint32_t n = 1; n <= count; n++) {
        struct capstate expected;
        struct capstate got;
        changing_step(&m);
        changing_state(&m, &expected);
        if (capdb_load(db, n, &got) != ERR_OK)
            fail_msg("%s", capdb_error(db));
        state_assert_same(&expected, &got);
        capstate_free(&expected);
        capstate_free(&got);
    }
}

void record_changing(struct capdb *db, struct changing *m, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct capstate s;
        uint32_t n;
        changing_step(m);
        changing_state(m, &s);
        if (capdb_append(db, &s, 1000.0 + i, &n) != ERR_OK)
            fail_msg("%s", capdb_error(db));
        capstate_free(&s);
    }
}
