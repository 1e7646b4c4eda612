/* compare: what tells two systems apart, each a recording or a running one. */
#include "capdb/command.h"

#include "facts/comparison.h"
#include "lib/plural.h"

#include <inttypes.h>

enum { TEXT_BYTES = 1024 };

struct sides {
    const struct view *a, *b;
    struct output *out;
};

static void thread_cell(struct output *out, const struct capstate *s, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    output_format(
        out, "priority %u of %u, domain %u, fault handler 0x%" PRIx64 ", buffer 0x%" PRIx64 "%s",
        t->priority, t->mcp, t->domain, t->fault_handler, t->ipc_buffer, t->bound ? ", bound" : "");
}

static void mapping_cell(struct output *out, const struct capstate *s, int32_t mapping)
{
    char text[TEXT_BYTES];
    const struct record_mapping *m = &s->mappings[mapping];
    int32_t frame = capstate_object_at(s, m->frame);
    output_format(
        out, "%s %s%s%s%s", frame < 0 ? "?" : capstate_object_text(s, frame, text, sizeof(text)),
        m->rights & RECORD_RIGHT_READ ? "r" : "-", m->rights & RECORD_RIGHT_WRITE ? "w" : "-",
        m->rights & RECORD_RIGHT_EXECUTE ? "x" : "-", m->attributes & 1 ? "" : " uncached");
}

/* What one side has of a difference. */
static void cell(struct output *out, const struct capstate *s, enum comparison_kind kind, int32_t i)
{
    char text[TEXT_BYTES];
    int32_t parent = i >= 0 && kind == COMPARISON_PARENT ? s->slots[i].parent : -1;
    if (i < 0 || (kind == COMPARISON_PARENT && parent < 0)) {
        output_text(out, i < 0 ? "-" : "an original");
        return;
    }
    switch (kind) {
    case COMPARISON_OBJECT:
        output_text(out, capstate_object_text(s, i, text, sizeof(text)));
        break;
    case COMPARISON_SLOT:
    case COMPARISON_TARGET:
        output_text(out, capstate_slot_text(s, i, text, sizeof(text)));
        break;
    case COMPARISON_PARENT:
        output_format(out, "of %s", capstate_place_text(s, parent, text, sizeof(text)));
        break;
    case COMPARISON_THREAD:
        thread_cell(out, s, i);
        break;
    case COMPARISON_MAPPING:
        mapping_cell(out, s, i);
        break;
    }
}

/* Where it is, as the side says that has it. */
static void place_cell(struct output *out, const struct capstate *s, enum comparison_kind kind,
                       int32_t i)
{
    char text[TEXT_BYTES];
    switch (kind) {
    case COMPARISON_OBJECT:
        output_text(out,
                    s->objects[i].first_slot < 0
                        ? "-"
                        : capstate_place_text(s, s->objects[i].first_slot, text, sizeof(text)));
        break;
    case COMPARISON_THREAD:
        output_text(out, s->threads[i].label);
        break;
    case COMPARISON_MAPPING:
        output_format(out, "0x%08" PRIx64 " in directory 0x%08" PRIx64, s->mappings[i].vaddr,
                      s->mappings[i].dir);
        break;
    default:
        output_text(out, capstate_place_text(s, i, text, sizeof(text)));
    }
}

static void row(const struct sides *x, const struct comparison_difference *d)
{
    const struct capstate *s = d->a >= 0 ? &x->a->state : &x->b->state;
    output_text(x->out, comparison_sentence(d->kind));
    place_cell(x->out, s, d->kind, d->a >= 0 ? d->a : d->b);
    cell(x->out, &x->a->state, d->kind, d->a);
    cell(x->out, &x->b->state, d->kind, d->b);
    output_row(x->out);
}

static enum status compare_views(struct options *o, const struct view *a, const struct view *b)
{
    static const char *const columns[] = {"difference", "place", "a", "b", NULL};
    struct comparison c;
    struct sides x = {a, b, NULL};
    if (comparison_make(&a->state, &b->state, &c) != ERR_OK)
        return command_complain(o->run, "out of memory");
    x.out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; i < c.count; i++)
        row(&x, &c.difference[i]);
    fprintf(stderr, "capdb: %s and %s: %u difference%s; %u of %u and %u objects are paired\n",
            o->run, o->operand[0], c.count, plural_s(c.count), c.pairs, a->state.object_count,
            b->state.object_count);
    enum status s = c.count ? STATUS_NO : STATUS_YES;
    comparison_free(&c);
    if (!output_end(x.out))
        s = command_unwritten(o);
    return s;
}

/* What cannot be seen of a system may be where it differs. */
enum status command_compare(struct options *o)
{
    struct options second = *o;
    struct view a;
    struct view b;
    second.run = o->operand[0];
    second.at = 0;
    if (dbview_open(o, &a) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = dbview_open(&second, &b);
    if (s == STATUS_YES) {
        s = a.state.object_count && b.state.object_count
                ? compare_views(o, &a, &b)
                : command_complain(o->run, "nothing to compare: a system without capabilities");
        dbview_close(&b);
    }
    o->doubt |= second.doubt;
    dbview_close(&a);
    return s;
}
