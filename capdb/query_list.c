/* snapshots, info, threads, domains: what a recording and a snapshot contain. */
#include "capdb/command.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void snapshot_row(struct output *out, const struct capdb_snapshot *s)
{
    char when[32];
    const uint64_t numbers[] = {s->ticks, s->slots,   s->threads, s->mappings,
                                s->added, s->removed, s->changed};
    output_int(out, s->n);
    output_text(out, when_text(s->time, when, sizeof(when)));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        output_int(out, (int64_t)numbers[i]);
    output_format(out, "%08x%08x", s->digest[0], s->digest[1]);
    output_text(out, s->complete ? "yes" : "no");
    output_row(out);
}

enum status command_snapshots(struct options *o)
{
    static const char *const columns[] = {"#n",       "taken",     "#ticks",   "#caps",
                                          "#threads", "#mappings", "#added",   "#removed",
                                          "#changed", "digest",    "complete", NULL};
    struct view v;
    struct capdb_snapshot info;
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    struct output *out = output_begin(stdout, output_default, columns);
    uint32_t last = range_last(o, &v);
    enum status s = STATUS_YES;
    for (uint32_t n = range_first(o); s == STATUS_YES && n <= last; n++) {
        if (capdb_snapshot_info(v.db, n, &info) == ERR_OK)
            snapshot_row(out, &info);
        else
            s = command_complain(o->run, "%s", capdb_error(v.db));
    }
    dbview_close(&v);
    return command_finish(o, out, STATUS_YES) == STATUS_YES ? s : STATUS_UNKNOWN;
}

static void info_row(struct output *out, const char *what, const char *value)
{
    output_text(out, what);
    output_text(out, value);
    output_row(out);
}

static void info_number(struct output *out, const char *what, uint64_t value)
{
    output_text(out, what);
    output_word(out, value);
    output_row(out);
}

static void info_span(struct output *out, struct view *v, uint32_t count)
{
    struct capdb_snapshot first;
    struct capdb_snapshot last;
    char when[32];
    if (count == 0 || capdb_snapshot_info(v->db, 1, &first) != ERR_OK ||
        capdb_snapshot_info(v->db, count, &last) != ERR_OK)
        return;
    info_row(out, "target", first.target);
    if (strcmp(first.target, last.target) != 0)
        info_row(out, "target of the last", last.target);
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
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    uint32_t count = capdb_count(v.db);
    struct output *out = output_begin(stdout, output_default, columns);
    if (!target_is_live(o->run) && stat(o->run, &st) == 0)
        info_number(out, "file bytes", (uint64_t)st.st_size);
    info_number(out, "snapshots", count);
    info_span(out, &v, count);
    enum status s = count ? dbview_load_threads(o, &v, o->at ? o->at : count) : STATUS_YES;
    info_number(out, "domain rules", v.rules.count);
    if (count && s == STATUS_YES)
        info_row(out, "trusted managers",
                 authority_managers_text(&v.authority, managers, sizeof(managers)));
    dbview_close(&v);
    return command_finish(o, out, STATUS_YES) == STATUS_YES ? s : STATUS_UNKNOWN;
}

enum status command_threads(struct options *o)
{
    static const char *const columns[] = {"tcb", "name",       "domain",  "state", "#prio",
                                          "pc",  "blocked_on", "#island", "fault", NULL};
    struct view v;
    if (dbview_open_skeleton(o, &v, NULL) != STATUS_YES)
        return STATUS_UNKNOWN;
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; i < v.state.thread_count; i++) {
        const struct capstate_thread *t = &v.state.threads[i];
        output_hex(out, t->rec.addr);
        output_text(out, t->rec.idle && !t->label[0] ? "(idle)" : t->label);
        output_text(out, domain_name(&v, v.authority.thread_domain[i]));
        output_text(out, thread_shown_name(t->rec.state, t->rec.current));
        output_int(out, t->rec.priority);
        output_hex(out, t->rec.pc);
        if (t->rec.blocked_on)
            output_hex(out, t->rec.blocked_on);
        else
            output_text(out, "-");
        output_int(out, t->object < 0 ? -1 : v.authority.island[t->object]);
        if (t->rec.fault)
            output_format(out, "%u at 0x%" PRIx64, t->rec.fault, t->rec.fault_addr);
        output_row(out);
    }
    dbview_close(&v);
    return command_finish(o, out, STATUS_YES);
}

/* --- domains --- */

struct tally {
    uint32_t caps, frames;
    uint64_t frame_kib, frame_device_kib, untyped_kib, untyped_device_kib;
};

static uint64_t kib_of(const struct capstate_object *o)
{
    return o->bits >= 10 && o->bits < 64 ? (uint64_t)1 << (o->bits - 10) : 0;
}

/* Is it part of an untyped that the domain holds as well? Then its memory is counted there. */
static bool inside_held(const struct view *v, int32_t domain, int32_t object)
{
    for (int32_t u = v->authority.enclosing[object]; u >= 0; u = v->authority.enclosing[u])
        if (authority_domain_holds(&v->authority, domain, u))
            return true;
    return false;
}

static void tally_memory(const struct view *v, int32_t domain, int32_t object, struct tally *t)
{
    const struct capstate_object *o = &v->state.objects[object];
    bool device = o->flags & RECORD_SLOT_DEVICE;
    if (o->type == RECORD_CAP_FRAME) {
        t->frames++;
        *(device ? &t->frame_device_kib : &t->frame_kib) += kib_of(o);
    } else if (!inside_held(v, domain, object)) {
        *(device ? &t->untyped_device_kib : &t->untyped_kib) += kib_of(o);
    }
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
        uint32_t type = v->state.objects[n].type;
        if (type != RECORD_CAP_FRAME && type != RECORD_CAP_UNTYPED)
            continue;
        uint32_t count =
            authority_holders(&v->authority, (int32_t)n, holders, v->authority.domain_count);
        for (uint32_t i = 0; i < count; i++)
            tally_memory(v, holders[i], (int32_t)n, &tally[holders[i]]);
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

/* Of each domain that of its first thread, -1: it has none. */
static int32_t *domain_islands(const struct view *v)
{
    size_t size = (v->authority.domain_count + 1) * sizeof(int32_t);
    int32_t *island = output_alloc(NULL, size);
    memset(island, 0xff, size);
    for (uint32_t i = v->state.thread_count; i-- > 0;) {
        int32_t domain = v->authority.thread_domain[i];
        if (domain >= 0 && v->state.threads[i].object >= 0)
            island[domain] = v->authority.island[v->state.threads[i].object];
    }
    return island;
}

enum status command_domains(struct options *o)
{
    static const char *const columns[] = {"domain",
                                          "trusted",
                                          "#island",
                                          "#threads",
                                          "#caps",
                                          "#frames",
                                          "#frame_kib",
                                          "#frame_device_kib",
                                          "#untyped_kib",
                                          "#untyped_device_kib",
                                          "flows_to",
                                          "named_by",
                                          NULL};
    static const char *const origins[] = {"its threads", "a rule", "its island", "the kernel"};
    struct view v;
    struct authority_use *uses;
    uint32_t use_count;
    char text[512];
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (authority_uses(&v.authority, &uses, &use_count) != ERR_OK) {
        dbview_close(&v);
        return command_complain(o->run, "out of memory");
    }
    struct tally *tally = output_alloc(NULL, (v.authority.domain_count + 1) * sizeof(*tally));
    memset(tally, 0, (v.authority.domain_count + 1) * sizeof(*tally));
    tally_slots(&v, tally);
    int32_t *island = domain_islands(&v);
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t d = 0; d < v.authority.domain_count; d++) {
        output_text(out, v.authority.domains[d].name);
        output_text(out, v.authority.domains[d].trusted ? "manager" : "-");
        output_int(out, island[d]);
        output_int(out, v.authority.domains[d].threads);
        output_int(out, tally[d].caps);
        output_int(out, tally[d].frames);
        output_int(out, (int64_t)tally[d].frame_kib);
        output_int(out, (int64_t)tally[d].frame_device_kib);
        output_int(out, (int64_t)tally[d].untyped_kib);
        output_int(out, (int64_t)tally[d].untyped_device_kib);
        flows_text(&v, d, uses, use_count, text, sizeof(text));
        output_text(out, text);
        output_text(out, origins[v.authority.domains[d].origin]);
        output_row(out);
    }
    free(tally);
    free(island);
    free(uses);
    dbview_close(&v);
    return command_finish(o, out, STATUS_YES);
}
