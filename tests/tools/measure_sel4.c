/* What it costs to read a mainline system through a GDB stub: a recorded AArch64 system of 340
 * capabilities, served over a socket with packets of 2 KiB.
 *
 * The same with a root CNode of 2^17 slots, through packets and through files.
 *
 * Usage: measure_sel4 ROUNDS, from the top of the tree. Prints name, TAB, number: of the best
 * round the microseconds, the packets and the round trips: how often the stub had nothing to do and
 * was asked something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attach/attach.h"
#include "attach/sel4.h"
#include "tests/unit/sel4_stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned rounds = 20;
static char elf_path[64];

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static enum error count(void *ctx, const struct record *r)
{
    unsigned *slots = ctx;
    *slots += r->kind == RECORD_SLOT;
    return ERR_OK;
}

static void write_elf(const struct fixture *f)
{
    size_t len = 0;
    uint8_t *elf = maker_make(&f->maker, &len);
    (void)snprintf(elf_path, sizeof(elf_path), "/tmp/capscope-measure-%d", (int)getpid());
    FILE *out = fopen(elf_path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(elf, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    free(elf);
}

struct cost {
    int64_t us; /* of the best round */
    unsigned packets;
    unsigned trips;
};

static void snapshot(struct attach *a, struct sel4_stub *s, unsigned expected, struct cost *c)
{
    unsigned slots = 0;
    unsigned packets = s->answers;
    unsigned trips = s->trips;
    int64_t began = now_us();
    if (attach_records(a, count, &slots) != ERR_OK)
        fail_msg("%s", attach_error(a));
    int64_t took = now_us() - began;
    assert_int_equal(slots, expected);
    if (c->us == 0 || took < c->us)
        *c = (struct cost){took, s->answers - packets, s->trips - trips};
}

static void say(const char *name, const struct cost *c)
{
    printf("sel4 %s\t%lld\nsel4 %s packets\t%u\nsel4 %s trips\t%u\n", name, (long long)c->us, name,
           c->packets, name, c->trips);
}

static void rounds_of(struct sel4_stub *s, unsigned expected, struct cost *first,
                      struct cost *again)
{
    char message[512];
    for (unsigned i = 0; i < rounds; i++) {
        struct attach *a = NULL;
        if (attach_open(s->target, &a, message, sizeof(message)) != ERR_OK)
            fail_msg("%s", message);
        snapshot(a, s, expected, first);
        snapshot(a, s, expected, again);
        attach_close(a);
    }
}

/* A CNode of 2^17 slots, as Microkit gives its root task: a capability to 4 MiB of zeros. */
static void add_large_cnode(struct fixture *f)
{
    const uint64_t slot = 0xffffff807ffc0000u + 4000 * 32, base = 0xffffff8050000000u;
    assert_int_equal(fixture_word(f, slot), 0);
    fixture_put_word(f, slot,
                     (uint64_t)10 << 59 | (uint64_t)17 << 47 | (base >> 1 & 0x7fffffffffffu));
    fixture_put_word(f, slot + 24, 3);
}

static void measure(struct sel4_stub s, bool large, const char *first_name, const char *again_name)
{
    struct fixture f;
    struct cost first = {0};
    struct cost again = {0};
    fixture_load(&f, "a64", false);
    if (large)
        add_large_cnode(&f);
    write_elf(&f);
    attach_use_kernel(elf_path, NULL);
    s.f = &f;
    stub_begin(&s);
    rounds_of(&s, large ? 341 : 340, &first, &again);
    stub_end(&s);
    (void)unlink(elf_path);
    fixture_free(&f);
    say(first_name, &first);
    say(again_name, &again);
}

static void measure_all(void **state)
{
    (void)state;
    measure((struct sel4_stub){.physical_mode = true}, false, "walk", "refresh");
    measure((struct sel4_stub){.physical_mode = true}, true, "large", "large refresh");
    measure((struct sel4_stub){.physical_mode = true, .saves = true}, true, "file", "file refresh");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measure_all)};
    rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : rounds;
    cmocka_set_message_output(CM_OUTPUT_XML); /* to stderr or a file: stdout is ours */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
