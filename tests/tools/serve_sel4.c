/* A recorded mainline system behind a GDB stub, for end-to-end tests and for trying things without a
 * kernel.
 *
 * Usage: serve_sel4 FIXTURE FOLDER [WORD...], from the top of the tree.  Writes FOLDER/kernel.elf and
 * FOLDER/stripped.elf, prints the target and serves until it is ended.  Words:
 *
 *   virtual    the stub has no physical mode
 *   openocd    nor anything else that QEMU has: it has OpenOCD's habits
 *   narrow     its registers are another architecture's
 *   other      other code stands in memory
 *   unbooted   nothing has run yet
 *   paused     it was paused before anybody came
 *   busy       wherever it is stopped, the kernel is at work
 *   dies=N     the line is closed at the Nth answer
 *   saves      it writes memory into files, as QEMU's monitor does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sel4_stub.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_elf(struct elf_maker *m, const char *folder, const char *name)
{
    char path[512];
    size_t len = 0;
    uint8_t *elf = maker_make(m, &len);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(elf, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
    free(elf);
}

/* No thread is current before the boot has made one. */
static void unboot(struct fixture *f)
{
    fixture_put_word(f, fixture_symbol(f, "ksCurThread"), 0);
}

static void other_code(struct fixture *f)
{
    const struct maker_segment *s = &f->maker.segment[f->arch == SEL4_X86_64 ? 1 : 0];
    uint8_t bytes[4096];
    memset(bytes, 0xa5, sizeof(bytes));
    for (size_t at = 0; at + sizeof(bytes) <= sizeof(f->code); at += sizeof(bytes))
        fixture_put(f, s->va + at, bytes, sizeof(bytes));
}

static void take_word(struct sel4_stub *s, const char *word)
{
    if (strcmp(word, "virtual") == 0)
        s->physical_mode = false;
    else if (strcmp(word, "openocd") == 0)
        s->openocd = true, s->physical_mode = false;
    else if (strcmp(word, "narrow") == 0)
        s->narrow = true;
    else if (strcmp(word, "other") == 0)
        other_code(s->f);
    else if (strcmp(word, "unbooted") == 0)
        unboot(s->f);
    else if (strcmp(word, "paused") == 0)
        s->paused = true;
    else if (strcmp(word, "busy") == 0) {
        s->busy_pc = fixture_symbol(s->f, "cteInsert") + 8;
        s->busy_stops = UINT32_MAX;
        s->refuses_breakpoints = true;
    } else if (strncmp(word, "dies=", 5) == 0)
        s->close_after = (unsigned)strtoul(word + 5, NULL, 10);
    else if (strcmp(word, "saves") == 0)
        s->saves = true;
    else
        exit(2);
}

int main(int argc, char **argv)
{
    struct fixture f;
    sigset_t ends;
    int number = 0;
    if (argc < 3)
        return 2;
    fixture_load(&f, argv[1], true);
    write_elf(&f.maker, argv[2], "kernel.elf");
    f.maker.stripped = true;
    write_elf(&f.maker, argv[2], "stripped.elf");
    struct sel4_stub s = {.f = &f, .physical_mode = true};
    for (int i = 3; i < argc; i++)
        take_word(&s, argv[i]);
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    stub_begin(&s);
    printf("%s\n", s.target);
    (void)fflush(stdout);
    (void)sigwait(&ends, &number);
    (void)unlink(strstr(s.target, "/"));
    _exit(0); /* a client may be there still */
}
