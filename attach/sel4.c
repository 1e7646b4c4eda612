/* A mainline kernel through any view of its memory. */
#include "attach/sel4.h"

#include "attach/sel4_door.h"
#include "lib/host/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DESCRIPTION_MAX = 1 << 20,
};

static struct {
    const char *kernel;
    const char *layout;
    unsigned notes;
    char note[SEL4_NOTES][SEL4_NOTE];
} chosen;

void attach_use_kernel(const char *kernel, const char *layout)
{
    chosen.kernel = kernel;
    chosen.layout = layout;
}

bool attach_uses_kernel(void)
{
    return chosen.kernel;
}

const char *attach_kernel_note(unsigned i)
{
    return i < chosen.notes ? chosen.note[i] : NULL;
}

/* --- files --- */

static enum error read_description(struct attach *a, char **text, size_t *len)
{
    *text = NULL;
    *len = 0;
    if (!chosen.layout)
        return ERR_OK;
    const char *why;
    FILE *f = input_text(chosen.layout, &why);
    if (!f)
        return attach_fail(a, ERR_NOT_FOUND, "layout %s: %s", chosen.layout, why);
    *text = malloc(DESCRIPTION_MAX);
    if (*text)
        *len = fread(*text, 1, DESCRIPTION_MAX, f);
    bool failed = ferror(f) != 0;
    (void)fclose(f);
    if (!*text)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    if (failed || *len == DESCRIPTION_MAX)
        return attach_fail(a, ERR_FORMAT, "layout %s: not a description of bit fields",
                           chosen.layout);
    return ERR_OK;
}

static void keep_notes(const struct sel4_layout *l)
{
    chosen.notes = l->notes;
    memcpy(chosen.note, l->note, sizeof(chosen.note));
}

enum error sel4_side_open(struct attach *a, struct sel4_side *s)
{
    char why[SEL4_WHY];
    char *text = NULL;
    size_t len = 0;
    enum error e = read_description(a, &text, &len);
    if (e == ERR_OK) {
        e = sel4_kernel_open(&s->kernel, chosen.kernel, text, len, why);
        if (e != ERR_OK)
            (void)attach_fail(a, e, "kernel %s: %s", chosen.kernel, why);
    }
    s->open = e == ERR_OK;
    if (s->open) {
        keep_notes(&s->kernel.layout);
        s->walker = sel4_walker_open(&s->kernel);
    }
    if (s->open && !s->walker)
        e = attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    free(text);
    return e;
}

void sel4_side_close(struct sel4_side *s)
{
    walker_close(s->walker);
    s->walker = NULL;
    if (s->open)
        sel4_kernel_close(&s->kernel);
    s->open = false;
}

enum error sel4_side_attach(struct attach *a, struct sel4_side *s, const struct sel4_port *port)
{
    char why[SEL4_WHY];
    a->error[0] = '\0';
    enum error e = sel4_kernel_attach(&s->kernel, port, why);
    keep_notes(&s->kernel.layout);
    if (e != ERR_OK && a->error[0] == '\0') /* a line's own sentence says more */
        (void)attach_fail(a, e, "kernel %s: %s", chosen.kernel, why);
    return e;
}

/* --- snapshots --- */

static enum error walk_failed(struct attach *a, enum error e)
{
    if (a->error[0] != '\0')
        return e;
    if (e == ERR_LAYOUT)
        return attach_fail(a, e,
                           "kernel %s: what stands in memory fits no layout that this program "
                           "knows (a release too new? --layout structures.bf.pbf may help)",
                           chosen.kernel);
    return attach_fail(a, e, "%s", error_sentence(e));
}

/* One walk into a->stream. */
static enum error walk_once(struct attach *a, struct sel4_side *s, bool quiet)
{
    a->error[0] = '\0';
    stream_clear(&a->stream);
    sel4_walker_set_revoke(s->walker, &s->revoke);
    enum error e = walker_snapshot(s->walker, quiet, stream_record, &a->stream);
    return e == ERR_OK ? e : walk_failed(a, e);
}

static bool same_state(const struct record_end *a, const struct record_end *b)
{
    return a->slots == b->slots && a->mappings == b->mappings && a->threads == b->threads &&
           a->complete == b->complete && a->digest0 == b->digest0 && a->digest1 == b->digest1;
}

/* After a reset no thread is current until the kernel has begun: what was known is of another run then. */
static bool has_begun(struct sel4_side *s)
{
    bool begun = sel4_side_state(s)->node[0].current != 0;
    if (!begun)
        s->revoke = (struct sel4_revoke){0};
    return begun;
}

static enum error end_of_tries(struct attach *a, struct sel4_side *s, unsigned tries)
{
    if (!has_begun(s))
        return attach_fail(a, ERR_NO_ROOTS,
                           "kernel %s: no thread is current: the kernel has not booted yet",
                           chosen.kernel);
    return attach_fail(a, ERR_TORN, "no whole snapshot in %u tries: %s", tries,
                       error_sentence(ERR_TORN));
}

/* Trouble that two walks in a row show alike is the kernel's, not the reader's. */
enum error sel4_side_snapshot(struct attach *a, struct sel4_side *s, sel4_prepare prepare,
                              unsigned tries)
{
    struct record_end before = {0};
    uint32_t findings = 0;
    for (unsigned i = 0; i < tries; i++) {
        bool quiet = false;
        enum error e = prepare(a, i, &quiet);
        if (e == ERR_OK)
            e = walk_once(a, s, quiet);
        if (e != ERR_OK)
            return e;
        if (!has_begun(s))
            continue;
        const struct record_end *end = &a->stream.end;
        if (end->complete && a->stream.findings == 0)
            return ERR_OK;
        if (i > 0 && same_state(&before, end) && findings == a->stream.findings)
            return ERR_OK;
        before = *end;
        findings = a->stream.findings;
    }
    return end_of_tries(a, s, tries);
}

/* --- doors that show no memory --- */

static enum error refuse_open(struct attach *a)
{
    return attach_fail(
        a, ERR_ARGUMENT,
        "--kernel goes with gdb: and ram: targets; the serial monitor is capscope's");
}

static void refuse_close(struct attach *a)
{
    (void)a;
}

const struct attach_ops attach_sel4_refuse_ops = {
    .open = refuse_open, .close = refuse_close, .drop = refuse_close, .state = refuse_open};
