/* snapshots, info, threads, domains: what a recording and a snapshot contain. */
#include "capdb/command.h"
#include "record/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum status finish(struct options *o, struct output *out)
{
    return output_end(out) ? STATUS_YES : command_complain(o->run, "output could not be written");
}

enum status command_snapshots(struct options *o)
{
    static const char *const columns[] = {"#n",       "taken",     "#ticks",   "#caps",
                                          "#threads", "#mappings", "#added",   "#removed",
                                          "#changed", "digest",    "complete", NULL};
    struct view v;
    if (view_open_db(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    struct output *out = output_begin(stdout, output_default, columns);
    uint32_t count = capdb_count(v.db);
    for (uint32_t n = 1; n <= count; n++) {
        struct capdb_snapshot s;
        char when[32];
        if (capdb_snapshot_info(v.db, n, &s) != ERR_OK) {
            command_complain(o->run, "%s", capdb_error(v.db));
            break;
        }
        uint32_t numbers[] = {s.ticks, s.slots,   s.threads, s.mappings,
                              s.added, s.removed, s.changed};
        output_int(out, n);
        output_text(out, when_text(s.time, when, sizeof(when)));
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
            output_int(out, numbers[i]);
        output_format(out, "%08x%08x", s.digest[0], s.digest[1]);
        output_text(out, s.complete ? "yes" : "no");
        output_row(out);
    }
    view_close(&v);
    return finish(o, out);
}

static void info_row(struct output *out, const char *what, const char *value)
{
    output_text(out, what);
    output_text(out, value);
    output_row(out);
}

static void info_number(struct output *out, const char *what, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    info_row(out, what, text);
}

static void info_span(struct output *out, struct view *v, uint32_t count)
{
    struct capdb_snapshot first;
    struct capdb_snapshot last;
    char when[32];
    if (count == 0 || capdb_snapshot_info(v->db, 1, &first) != ERR_OK ||
        capdb_snapshot_info(v->db, count, &last) != ERR_OK)
        return;
    info_row(out, "target", last.target);
    info_row(out, "kernel build", last.build);
    info_row(out, "first", when_text(first.time, when, sizeof(when)));
    info_row(out, "last", when_text(last.time, when, sizeof(when)));
    info_number(out, "capabilities in the last", last.slots);
    info_number(out, "threads in the last", last.threads);
    info_number(out, "mappings in the last", last.mappings);
}

enum status command_info(struct options *o)
{
    static const char *const columns[] = {"what", "value", NULL};
    struct view v;
    struct stat st;
    char managers[256];
    if (view_open_db(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    uint32_t count = capdb_count(v.db);
    struct output *out = output_begin(stdout, output_default, columns);
    if (!target_is_live(o->run) && stat(o->run, &st) == 0)
        info_number(out, "file bytes", (uint64_t)st.st_size);
    info_number(out, "snapshots", count);
    info_span(out, &v, count);
    if (count && view_load(o, &v, o->at ? o->at : count) == STATUS_YES) {
        info_number(out, "domain rules", v.rules.count);
        info_row(out, "trusted managers",
                 authority_managers_text(&v.authority, managers, sizeof(managers)));
    }
    view_close(&v);
    return finish(o, out);
}

enum status command_threads(struct options *o)
{
    static const char *const columns[] = {"tcb", "name",       "domain",  "state", "#prio",
                                          "pc",  "blocked_on", "#island", "fault", NULL};
    struct view v;
    if (view_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; i < v.state.thread_count; i++) {
        const struct capstate_thread *t = &v.state.threads[i];
        output_hex(out, t->rec.addr);
        output_text(out, t->rec.idle && !t->label[0] ? "(idle)" : t->label);
        output_text(out, domain_name(&v, v.authority.thread_domain[i]));
        output_format(out, "%s%s", thread_state_name(t->rec.state), t->rec.current ? " *" : "");
        output_int(out, t->rec.priority);
        output_hex(out, t->rec.pc);
        if (t->rec.blocked_on)
            output_hex(out, t->rec.blocked_on);
        else
            output_text(out, "-");
        output_int(out, t->object < 0 ? -1 : v.authority.island[t->object]);
        if (t->rec.fault)
            output_format(out, "%u at 0x%x", t->rec.fault, t->rec.fault_addr);
        output_row(out);
    }
    view_close(&v);
    return finish(o, out);
}

/* --- domains --- */

struct tally {
    uint32_t caps, frames, frame_kib, untyped_kib;
};

static void tally_object(struct tally *tally, const struct capstate_object *object)
{
    uint32_t kib = (uint32_t)(((uint64_t)1 << object->bits) >> 10);
    bool frame = object->type == RECORD_CAP_FRAME;
    tally->frames += frame;
    tally->frame_kib += frame ? kib : 0;
    tally->untyped_kib += frame ? 0 : kib;
}

static void tally_slots(const struct view *v, struct tally *tally)
{
    for (uint32_t i = 0; i < v->state.slot_count; i++) {
        int32_t d = authority_slot_domain(&v->authority, (int32_t)i);
        if (d >= 0)
            tally[d].caps++;
    }
    int32_t *holders = output_alloc(NULL, (v->authority.domain_count + 1) * sizeof(*holders));
    for (uint32_t n = 0; n < v->state.object_count; n++) {
        const struct capstate_object *object = &v->state.objects[n];
        if (object->bits < 10 || object->bits > 32 ||
            (object->type != RECORD_CAP_FRAME && object->type != RECORD_CAP_UNTYPED))
            continue;
        uint32_t count =
            authority_holders(&v->authority, (int32_t)n, holders, v->authority.domain_count);
        for (uint32_t i = 0; i < count; i++)
            tally_object(&tally[holders[i]], object);
    }
    free(holders);
}

/* Domains that information can go to in one step, comma separated. */
static void flows_text(const struct view *v, uint32_t domain, const struct authority_use *uses,
                       uint32_t count, char *buf, size_t size)
{
    size_t used = 0;
    size_t marks = (v->authority.domain_count + 1) * sizeof(bool);
    bool *to = output_alloc(NULL, marks);
    memset(to, 0, marks);
    authority_flow_targets(uses, count, (int32_t)domain, to);
    snprintf(buf, size, "-");
    for (uint32_t d = 0; d < v->authority.domain_count; d++) {
        if (!to[d] || used >= size)
            continue;
        int n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
                         v->authority.domains[d].name);
        used += n > 0 ? (size_t)n : 0;
    }
    free(to);
}

static int32_t island_of_domain(const struct view *v, uint32_t domain)
{
    for (uint32_t i = 0; i < v->state.thread_count; i++)
        if (v->authority.thread_domain[i] == (int32_t)domain)
            return v->authority.island[v->state.threads[i].object];
    return -1;
}

enum status command_domains(struct options *o)
{
    static const char *const columns[] = {"domain",   "trusted",  "#island",    "#threads",
                                          "#caps",    "#frames",  "#frame_kib", "#untyped_kib",
                                          "flows_to", "named_by", NULL};
    static const char *const origins[] = {"its threads", "a rule", "its island", "the kernel"};
    struct view v;
    struct authority_use *uses;
    uint32_t use_count;
    char text[512];
    if (view_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (authority_uses(&v.authority, &uses, &use_count) != ERR_OK) {
        view_close(&v);
        return command_complain(o->run, "out of memory");
    }
    struct tally *tally = output_alloc(NULL, (v.authority.domain_count + 1) * sizeof(*tally));
    memset(tally, 0, (v.authority.domain_count + 1) * sizeof(*tally));
    tally_slots(&v, tally);
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t d = 0; d < v.authority.domain_count; d++) {
        output_text(out, v.authority.domains[d].name);
        output_text(out, v.authority.domains[d].trusted ? "manager" : "-");
        output_int(out, island_of_domain(&v, d));
        output_int(out, v.authority.domains[d].threads);
        output_int(out, tally[d].caps);
        output_int(out, tally[d].frames);
        output_int(out, tally[d].frame_kib);
        output_int(out, tally[d].untyped_kib);
        flows_text(&v, d, uses, use_count, text, sizeof(text));
        output_text(out, text);
        output_text(out, origins[v.authority.domains[d].origin]);
        output_row(out);
    }
    free(tally);
    free(uses);
    view_close(&v);
    return finish(o, out);
}
