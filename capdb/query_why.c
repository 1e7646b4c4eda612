/* why-not-running, why-fault, why-denied, retype, fit, leak: the questions people bring to a
 * debugger.  The answers are worked out in facts/; here are names, rows and exit statuses. */
#include "capdb/command.h"
#include "capstate/size.h"

#include "capdb/growth.h"
#include "capdb/past.h"
#include "facts/leak.h"
#include "facts/retype.h"
#include "facts/toll.h"
#include "facts/why.h"
#include "lib/plural.h"
#include "record/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512, SHOWN_MATCHES = 5 };

/* --- a thread by name: as any table or sentence prints it, thread:NAME, tcb:0x…, its TCB's address,
 * or a part of its name that fits no other --- */

/* 0x…, "tcb:0x…", and "tcb 0x…", as a sentence calls a thread without name: any thread, also one to
 * which no capability leads; 0: the name is none of that form. */
static uint64_t tcb_address(const char *name)
{
    char *end;
    const char *text =
        strncmp(name, "tcb", 3) == 0 && (name[3] == ':' || name[3] == ' ') ? name + 4 : name;
    if (strncmp(text, "0x", 2) != 0)
        return 0;
    uint64_t addr = strtoull(text, &end, 16);
    return *end ? 0 : addr;
}

static const char idle_in_tables[] = "(idle)", idle_in_sentences[] = "the idle thread";

/* As tables show it. */
static const char *printed(const struct capstate_thread *t)
{
    return t->rec.idle && !t->label[0] ? idle_in_tables : t->label;
}

static bool is_whole(const struct capstate_thread *t, const char *name)
{
    return strcmp(printed(t), name) == 0 || (t->rec.idle && strcmp(name, idle_in_sentences) == 0);
}

static int32_t thread_at(const struct view *v, uint64_t addr)
{
    for (uint32_t i = 0; addr && i < v->state.thread_count; i++)
        if (v->state.threads[i].rec.addr == addr)
            return (int32_t)i;
    return -1;
}

/* Another snapshot may have it. */
static bool tell_absent(const struct options *o, const struct view *v, const char *name)
{
    char when[TEXT_BYTES];
    const char *plain = strncmp(name, "thread:", 7) == 0 ? name + 7 : name;
    if (!capdb_past_thread(v->db, v->n, plain, tcb_address(name), when, sizeof(when)))
        return false;
    command_complain(o->run, "%s %s", plain, when);
    return true;
}

static bool thread_of_thing(const struct options *o, const struct view *v, const char *name,
                            int32_t *thread)
{
    struct thing thing;
    *thread = thread_at(v, tcb_address(name));
    if (*thread >= 0)
        return true;
    if (tell_absent(o, v, name) || !thing_find(o, v, name, &thing))
        return false;
    *thread = thing.object >= 0 ? capstate_thread_of(&v->state, thing.object) : -1;
    if (*thread < 0)
        command_complain(o->run, "%s is no thread", name);
    return *thread >= 0;
}

static bool find_thread(const struct options *o, const struct view *v, const char *name,
                        int32_t *thread)
{
    struct candidates whole = {0}, parts = {0};
    int32_t found = -1, part = -1;
    for (uint32_t i = 0; i < v->state.thread_count; i++) {
        const struct capstate_thread *t = &v->state.threads[i];
        if (is_whole(t, name)) {
            candidates_add(&whole, t, printed(t));
            found = (int32_t)i;
        } else if (strstr(printed(t), name)) {
            candidates_add(&parts, t, printed(t));
            part = (int32_t)i;
        }
    }
    const struct candidates *best = whole.count ? &whole : &parts;
    *thread = whole.count ? found : part;
    if (best->count == 1)
        return true;
    if (best->count == 0)
        return thread_of_thing(o, v, name, thread);
    candidates_complain(o, name, best);
    return false;
}

/* --- rows of an answer --- */

static enum status print(struct options *o, struct why *w)
{
    static const char *const columns[] = {"#depth", "about", "what", NULL};
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct why_line *l = &w->lines[i];
        output_int(out, l->depth);
        if (l->about == WHY_ABOUT_NOTHING)
            output_text(out, "");
        else
            output_hex(out, l->addr);
        if (output_is_table(out))
            output_format(out, "%*s%s", (int)l->depth * 2, "", l->text);
        else
            output_text(out, l->text);
        output_row(out);
    }
    enum status s = w->status == WHY_CLEAR ? STATUS_YES : STATUS_UNKNOWN;
    if (!output_end(out))
        s = command_unwritten(o);
    if (w->status == WHY_NO_MEMORY)
        s = command_complain(o->run, "out of memory");
    why_free(w);
    return s;
}

typedef void (*why_question)(const struct capstate *s, int32_t thread, struct why *out);
typedef enum error (*past_question)(struct capdb *db, uint32_t n, const struct capstate *s,
                                    int32_t thread, struct why *out);

/* What the snapshot tells, then what the recording does. */
static enum status about_thread(struct options *o, why_question ask, past_question ask_past)
{
    struct view v;
    struct why w;
    int32_t thread = -1;
    enum status s = dbview_open(o, &v);
    if (s != STATUS_YES)
        return s;
    if (!find_thread(o, &v, o->operand[0], &thread)) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    why_init(&w);
    ask(&v.state, thread, &w);
    if (ask_past(v.db, v.n, &v.state, thread, &w) != ERR_OK)
        command_doubt(o, "%s", capdb_error(v.db));
    s = print(o, &w);
    dbview_close(&v);
    return s;
}

enum status command_why_not_running(struct options *o)
{
    return about_thread(o, why_not_running, capdb_past_running);
}

enum status command_why_fault(struct options *o)
{
    return about_thread(o, why_fault, capdb_past_fault);
}

static bool parse_whole(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

enum status command_why_denied(struct options *o)
{
    struct view v;
    struct why w;
    int32_t thread = -1;
    uint64_t cptr;
    if (!parse_whole(o->operand[1], &cptr))
        return command_complain(NULL, "%s: not a capability address", o->operand[1]);
    enum status s = dbview_open(o, &v);
    if (s != STATUS_YES)
        return s;
    if (!find_thread(o, &v, o->operand[0], &thread)) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    uint32_t bits = record_word_bits(&v.state.snapshot);
    if (bits < 64 && cptr >> bits) {
        dbview_close(&v);
        return command_complain(o->run, "%s does not fit into a word of this kernel: %u bits",
                                o->operand[1], bits);
    }
    why_init(&w);
    why_denied(&v.authority, thread, cptr, &w);
    if (capdb_past_address(v.db, v.n, &v.state, thread, cptr, &w) != ERR_OK)
        command_doubt(o, "%s", capdb_error(v.db));
    s = print(o, &w);
    dbview_close(&v);
    return s;
}

/* --- retype --- */

static void row(struct output *out, const char *fact, const char *value)
{
    output_text(out, fact);
    output_text(out, value);
    output_row(out);
}

static void row_bytes(struct output *out, const char *fact, uint64_t value)
{
    output_text(out, fact);
    output_format(out, "%" PRIu64 " byte%s", value, plural_s(value));
    output_row(out);
}

static void frame_sizes_cell(struct output *out, const struct capstate *s)
{
    char text[TEXT_BYTES] = "", size[SIZE_TEXT];
    size_t used = 0;
    for (const uint8_t *b = retype_frame_sizes(s); *b && used < sizeof(text); b++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
                                 size_exact(1ull << *b, size));
    output_format(out, "a size that frames have: %s", text);
}

static void help_row(struct output *out, const struct capstate *s, const struct retype_plan *p,
                     uint64_t count)
{
    output_text(out, "would help");
    if (p->rule == RETYPE_SIZE_RANGE || p->rule == RETYPE_COUNT_RANGE)
        output_format(out, "from %" PRIu64 " to %" PRIu64, p->range_min, p->range_max);
    else if (p->rule == RETYPE_NO_MEMORY && p->has_children && p->fits_after_revoke >= count)
        output_format(out,
                      "a revoke: its children keep the first %" PRIu64 " byte%s, without them "
                      "%" PRIu64 " object%s",
                      p->watermark, plural_s(p->watermark), p->fits_after_revoke,
                      p->fits_after_revoke == 1 ? " fits" : "s fit");
    else if (p->rule == RETYPE_NO_MEMORY && p->fits_after_revoke == 0)
        output_text(out, "larger untyped memory: it is smaller than one such object");
    else if (p->rule == RETYPE_NO_MEMORY)
        output_format(out, "larger untyped memory: at most %" PRIu64 " object%s into all of it",
                      p->fits_after_revoke, p->fits_after_revoke == 1 ? " fits" : "s fit");
    else if (p->rule == RETYPE_NO_SUCH_TYPE && p->object_bits)
        frame_sizes_cell(out, s);
    else if (p->rule == RETYPE_SIZE_MISSING)
        output_text(
            out, "a SIZE: of a CNode at least 2 slots, of untyped memory at least 16 bytes, of a "
                 "scheduling context at least 128");
    else if (p->rule <= RETYPE_MESSAGE)
        output_text(out, "untyped:0x… names the untyped memory at an address");
    else
        output_text(out, "nothing here");
    output_row(out);
}

/* The derived capabilities right below the untyped; the first few by name. */
static void children_rows(struct output *out, const struct view *v, int32_t slot)
{
    char text[TEXT_BYTES], place[TEXT_BYTES];
    uint32_t count = 0;
    for (int32_t i = slot + 1; i < v->state.slots[slot].next; i = v->state.slots[i].next) {
        if (count++ >= SHOWN_MATCHES)
            continue;
        output_text(out, "child");
        output_format(out, "%s, in %s", capstate_slot_text(&v->state, i, text, sizeof(text)),
                      capstate_place_text(&v->state, i, place, sizeof(place)));
        output_row(out);
    }
    if (count <= SHOWN_MATCHES)
        return;
    output_text(out, "child");
    output_format(out, "and %u more", count - (uint32_t)SHOWN_MATCHES);
    output_row(out);
}

/* Which children keep the memory, and what a revoke would take. */
static void revoke_rows(struct options *o, struct output *out, const struct view *v, int32_t slot)
{
    struct toll toll;
    char text[TOLL_TEXT];
    children_rows(out, v, slot);
    if (toll_of(&v->state, slot, NULL, &toll) == ERR_OK)
        row(out, "a revoke takes", toll_text(&toll, text));
    else
        command_doubt(o, "out of memory");
}

static enum status print_plan(struct options *o, const struct view *v, int32_t slot,
                              const struct retype_plan *p, uint64_t count)
{
    static const char *const columns[] = {"fact", "value", NULL};
    struct output *out = output_begin(stdout, output_default, columns);
    row(out, "answer", retype_rule_answer(p->rule));
    row(out, "why", retype_rule_sentence(p->rule));
    if (p->object_bits)
        row_bytes(out, "an object takes", 1ull << p->object_bits);
    if (p->rule == RETYPE_ALLOWED) {
        output_text(out, "first object at");
        output_hex(out, p->start);
        output_row(out);
        output_text(out, "last object at");
        output_hex(out, p->start + ((count - 1) << p->object_bits));
        output_row(out);
        row_bytes(out, "lost to alignment", p->lost);
        row_bytes(out, "left", p->left);
    } else {
        help_row(out, &v->state, p, count);
    }
    if (p->rule == RETYPE_ALLOWED || p->rule == RETYPE_NO_MEMORY) {
        row_bytes(out, "free before", p->free);
        row(out, "children",
            p->has_children ? "they keep what lies below the watermark"
                            : "none: all of it is free, whatever the watermark");
    }
    if (p->rule == RETYPE_NO_MEMORY && p->has_children)
        revoke_rows(o, out, v, slot);
    if (!output_end(out))
        return command_unwritten(o);
    return p->rule == RETYPE_ALLOWED ? STATUS_YES : STATUS_NO;
}

/* An address alone names the untyped memory there, whatever else begins at it.  -1: no capability
 * leads there; -2: the name means nothing, which has been said. */
static int32_t untyped_slot(const struct options *o, const struct view *v, const char *name)
{
    struct thing t;
    char prefixed[64];
    bool address = strncmp(name, "0x", 2) == 0 && strlen(name) < sizeof(prefixed) - 8;
    snprintf(prefixed, sizeof(prefixed), "untyped:%.48s", name);
    if (!thing_find(o, v, name, &t))
        return -2;
    if (t.kind == THING_SLOT)
        return t.slot;
    bool untyped = t.object >= 0 && v->state.objects[t.object].type == RECORD_CAP_UNTYPED;
    if (address && !untyped && !thing_find(o, v, prefixed, &t))
        return -2;
    return t.object >= 0 ? v->state.objects[t.object].first_slot : -1;
}

enum status command_retype(struct options *o)
{
    struct view v;
    struct retype_plan plan;
    struct retype_request r;
    char why[RETYPE_WHY];
    if (!retype_read(o->operand + 1, (uint32_t)o->operands - 1, &r, why))
        return command_complain(NULL, "%s", why);
    enum status s = dbview_open(o, &v);
    if (s != STATUS_YES)
        return s;
    s = STATUS_UNKNOWN;
    int32_t slot = untyped_slot(o, &v, o->operand[0]);
    if (slot == -1)
        command_complain(o->run, "%s: no capability leads there", o->operand[0]);
    if (slot >= 0 && retype_plan(&v.state, slot, r.type, r.size_bits, r.count, &plan) != ERR_OK)
        command_complain(o->run, "how large a %s is on this kernel is not known here: none exists",
                         o->operand[1]);
    else if (slot >= 0)
        s = print_plan(o, &v, slot, &plan, r.count);
    dbview_close(&v);
    return s;
}

/* --- fit --- */

static void fit_row(struct output *out, const struct view *v, int32_t slot,
                    const struct retype_plan *p)
{
    char text[TEXT_BYTES];
    output_hex(out, v->state.slots[slot].rec.object);
    output_text(out, domain_name(v, authority_slot_domain(&v->authority, slot)));
    output_int(out, (int64_t)p->fits);
    output_hex(out, p->start);
    output_text(out, capstate_place_text(&v->state, slot, text, sizeof(text)));
    output_text(out, capstate_slot_text(&v->state, slot, text, sizeof(text)));
    output_row(out);
}

enum status command_fit(struct options *o)
{
    static const char *const columns[] = {"untyped", "domain", "#objects", "first",
                                          "place",   "what",   NULL};
    struct view v;
    uint32_t bits, found = 0;
    if (!size_read_bits(o->operand[0], &bits))
        return command_complain(NULL, "%s: not a size: a power of two (4096, 64K, 1M) or ^BITS",
                                o->operand[0]);
    enum status s = dbview_open(o, &v);
    if (s != STATUS_YES)
        return s;
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; i < v.state.slot_count; i++) {
        struct retype_plan p;
        if (!retype_gives(&v.state, (int32_t)i, bits, &p))
            continue;
        fit_row(out, &v, (int32_t)i, &p);
        found++;
    }
    s = found ? STATUS_YES : STATUS_NO;
    if (!output_end(out))
        s = command_unwritten(o);
    dbview_close(&v);
    return s;
}

/* --- leak --- */

static void leak_row(struct output *out, const struct view *v, const struct leak *l)
{
    char text[TEXT_BYTES];
    output_text(out, leak_word(l->kind));
    output_hex(out, l->addr);
    output_int(out, (int64_t)l->bytes);
    if (l->kind == LEAK_NO_CAPABILITY) {
        output_format(out, "0x%0*" PRIx64 " to 0x%0*" PRIx64, capstate_digits(&v->state), l->addr,
                      capstate_digits(&v->state), l->addr + (l->bytes - 1));
        output_text(out, "");
    } else {
        output_text(out, capstate_object_text(&v->state, l->object, text, sizeof(text)));
        output_text(out, capstate_place_text(&v->state, l->slot, text, sizeof(text)));
    }
    output_text(out, leak_sentence(l->kind));
    output_row(out);
}

struct growing {
    struct output *out;
    uint32_t found;
};

static void growth_row(void *ctx, const struct growth *g)
{
    struct growing *to = ctx;
    char fewest[TEXT_BYTES] = "";
    size_t used = 0;
    for (uint32_t p = 0; p < g->parts && used < sizeof(fewest); p++)
        used += (size_t)snprintf(fewest + used, sizeof(fewest) - used, "%s%" PRIu64, p ? ", " : "",
                                 g->fewest[p]);
    output_text(to->out, "grows");
    output_text(to->out, "");
    output_null(to->out);
    output_format(to->out, "%s: %" PRIu64 " to %" PRIu64, g->what, g->first, g->last);
    output_text(to->out, "");
    output_format(to->out,
                  "the fewest in each part of the recording grow (%s): %.3g a snapshot, %.3g a "
                  "minute",
                  fewest, g->per_snapshot, g->per_minute);
    output_row(to->out);
    to->found++;
}

enum status command_leak(struct options *o)
{
    static const char *const columns[] = {"kind", "object", "#bytes", "what", "place", "why", NULL};
    struct view v;
    struct leak *leaks = NULL;
    uint32_t count = 0, unreachable = 0;
    enum status s = dbview_open(o, &v);
    if (s != STATUS_YES)
        return s;
    if (leak_find(&v.authority, &leaks, &count) != ERR_OK) {
        dbview_close(&v);
        return command_complain(o->run, "out of memory");
    }
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; i < count; i++) {
        unreachable += leaks[i].kind != LEAK_NOBODYS;
        leak_row(out, &v, &leaks[i]);
    }
    free(leaks);
    struct growing growing = {.out = out};
    if (growth_find(v.db, v.n, growth_row, &growing) != ERR_OK)
        command_doubt(o, "%s", capdb_error(v.db));
    unreachable += growing.found;
    dbview_close(&v);
    if (!output_end(out))
        return command_unwritten(o);
    return unreachable ? STATUS_NO : STATUS_YES;
}
