/* owner, who, history: whose is this memory, who holds capabilities to it, since when. */
#include "capdb/command.h"

#include "capdb/store.h"
#include "capstate/size.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

static const char *const reach_columns[] = {"fact",  "domain", "rights", "slot",
                                            "place", "what",   NULL};

static void slot_row(struct output *out, const struct view *v, const char *fact, int32_t slot)
{
    char text[TEXT_BYTES];
    char rights[5];
    const struct record_slot *r = &v->state.slots[slot].rec;
    output_text(out, fact);
    output_text(out, domain_name(v, authority_slot_domain(&v->authority, slot)));
    output_text(out, record_rights_text(r->type, r->rights, rights));
    output_hex(out, r->addr);
    output_text(out, capstate_place_text(&v->state, slot, text, sizeof(text)));
    output_text(out, capstate_slot_text(&v->state, slot, text, sizeof(text)));
    output_row(out);
}

/* object -1: no capability refers to it, so it has no rows. */
static void object_rows(struct output *out, const struct view *v, const char *fact, int32_t object)
{
    if (object < 0)
        return;
    for (int32_t slot = v->state.objects[object].first_slot; slot >= 0;
         slot = v->state.slots[slot].next_same)
        slot_row(out, v, fact, slot);
}

/* A thread that runs in this directory and how many others do, or the directory's address. */
static void directory_text(const struct view *v, uint64_t dir, char *buf, size_t size)
{
    const char *label = NULL;
    unsigned others = 0;
    for (uint32_t i = 0; i < v->state.thread_count; i++) {
        int32_t pd = capstate_thread_vspace(&v->state, (int32_t)i);
        if (pd < 0 || v->state.objects[pd].addr != dir)
            continue;
        if (label)
            others++;
        else
            label = v->state.threads[i].label;
    }
    if (!label)
        snprintf(buf, size, "directory 0x%" PRIx64, dir);
    else if (others == 0)
        snprintf(buf, size, "address space of %s", label);
    else
        snprintf(buf, size, "address space of %s and %u more", label, others);
}

static int32_t directory_domain(const struct view *v, uint64_t dir)
{
    int32_t object = capstate_object_at(&v->state, dir);
    return object < 0 ? -1 : v->authority.home[object];
}

static void mapping_rows(struct output *out, const struct view *v, uint64_t addr)
{
    char text[TEXT_BYTES], rights[4];
    for (uint32_t i = 0; i < v->state.mapping_count; i++) {
        const struct record_mapping *m = &v->state.mappings[i];
        if (m->bits > 63 || addr - m->frame >= (uint64_t)1 << m->bits)
            continue;
        output_text(out, "mapping");
        output_text(out, domain_name(v, directory_domain(v, m->dir)));
        output_text(out, record_access_text(m->rights, rights));
        output_hex(out, m->vaddr);
        directory_text(v, m->dir, text, sizeof(text));
        output_text(out, text);
        output_format(out, "mapped at 0x%" PRIx64 ", asid %u", m->vaddr, m->asid);
        output_row(out);
    }
}

/* Of a resource server's client: the page is its memory, the capabilities are the server's. */
static bool only_maps(const struct view *v, const struct authority_owner *w)
{
    if (v->state.objects[w->object].type != RECORD_CAP_FRAME)
        return false;
    for (int32_t slot = v->state.objects[w->object].first_slot; slot >= 0;
         slot = v->state.slots[slot].next_same)
        if (authority_slot_domain(&v->authority, slot) == w->domain)
            return false;
    return true;
}

static bool is_held_by_any(const struct view *v, int32_t object)
{
    for (int32_t slot = v->state.objects[object].first_slot; slot >= 0;
         slot = v->state.slots[slot].next_same)
        if (authority_slot_domain(&v->authority, slot) >= 0)
            return true;
    return false;
}

/* Who else has what an untrusted domain has alone: of untyped memory around it, or of a page that it only
 * maps, that is managers or nobody. */
static void alone_sentence(const struct view *v, const struct authority_owner *w,
                           const char *object, char *buf, size_t size)
{
    static const char *const others[] = {"nobody", "trusted managers"};
    bool around = false;
    for (int32_t u = v->authority.enclosing[w->object]; u >= 0; u = v->authority.enclosing[u])
        around |= is_held_by_any(v, u);
    if (only_maps(v, w))
        snprintf(buf, size, "%s: mapped by this domain alone, held by %s", object,
                 others[is_held_by_any(v, w->object)]);
    else if (w->untyped < 0)
        snprintf(buf, size, "%s: held by this domain alone", object);
    else
        snprintf(buf, size, "%s: held by this domain alone, its untyped by %s", object,
                 others[around]);
}

static void owner_sentence(const struct view *v, const struct authority_owner *w, uint64_t addr,
                           char *buf, size_t size)
{
    char object[TEXT_BYTES / 2];
    char untyped[TEXT_BYTES / 4];
    if (w->object < 0) {
        snprintf(buf, size,
                 w->kernel ? "0x%" PRIx64 " lies in the kernel's image"
                           : "no capability refers to memory at 0x%" PRIx64,
                 addr);
        return;
    }
    capstate_object_text(&v->state, w->object, object, sizeof(object));
    if (w->by_untyped && w->untyped >= 0)
        snprintf(buf, size, "%s: owned through %s", object,
                 capstate_object_text(&v->state, w->untyped, untyped, sizeof(untyped)));
    else if (w->shared)
        snprintf(buf, size, "%s: several domains hold%s it, none its untyped", object,
                 v->state.objects[w->object].type == RECORD_CAP_FRAME ? " or map" : "");
    else if (w->domain < 0)
        snprintf(buf, size, "%s: no domain holds it or maps it", object);
    else if (v->authority.domains[w->domain].trusted)
        snprintf(buf, size, "%s: only trusted managers hold it or its untyped", object);
    else
        alone_sentence(v, w, object, buf, size);
}

const char *owner_name(const struct view *v, const struct authority_owner *w)
{
    return w->shared ? "(shared)" : w->kernel ? "(kernel)" : domain_name(v, w->domain);
}

static void chain_rows(struct output *out, const struct view *v, int32_t object)
{
    int32_t slot = v->state.objects[object].first_slot;
    for (int32_t at = slot; at >= 0; at = v->state.slots[at].next_same)
        if (v->state.slots[at].rec.type != RECORD_CAP_REPLY &&
            v->state.slots[at].rec.depth < v->state.slots[slot].rec.depth)
            slot = at;
    for (; slot >= 0; slot = v->state.slots[slot].parent)
        slot_row(out, v, v->state.slots[slot].parent >= 0 ? "derives" : "root", slot);
}

/* A domain is not at an address, and neither is an interrupt. *object: the one that is named, which
 * need not be the smallest there; -1: an address is. */
static bool place_of(const struct options *o, const struct view *v, const char *text,
                     uint64_t *addr, int32_t *object)
{
    struct thing t;
    if (!thing_find(o, v, text, &t))
        return false;
    if (t.kind == THING_DOMAIN)
        return command_complain(o->run, "%s is a domain, not an address", text), false;
    if (t.kind != THING_ADDRESS && (t.object < 0 || v->state.objects[t.object].bits == 0))
        return command_complain(o->run, "%s takes no memory", text), false;
    *addr = t.kind == THING_SLOT ? v->state.objects[t.object].addr : t.addr;
    *object = t.kind == THING_ADDRESS ? -1 : t.object;
    return true;
}

enum status command_owner(struct options *o)
{
    struct view v;
    struct authority_owner w;
    uint64_t addr;
    int32_t object;
    char text[TEXT_BYTES];
    if (dbview_open_about(o, &v, o->operand[0], true) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!place_of(o, &v, o->operand[0], &addr, &object)) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    if (object >= 0)
        authority_owner_of_object(&v.authority, object, &w);
    else
        authority_owner_of(&v.authority, addr, &w);
    struct output *out = output_begin(stdout, output_default, reach_columns);
    output_text(out, "owner");
    output_text(out, owner_name(&v, &w));
    output_text(out, "");
    output_text(out, "");
    output_text(out, "");
    owner_sentence(&v, &w, addr, text, sizeof(text));
    output_text(out, text);
    output_row(out);
    if (w.object >= 0) {
        object_rows(out, &v, "holds", w.object);
        mapping_rows(out, &v, addr);
        for (int32_t u = v.authority.enclosing[w.object]; u >= 0; u = v.authority.enclosing[u])
            object_rows(out, &v, "covers", u);
        chain_rows(out, &v, w.object);
    }
    dbview_close(&v);
    return command_finish(o, out, w.object >= 0 || w.kernel ? STATUS_YES : STATUS_NO);
}

static enum status who_over_time(struct options *o);

enum status command_who(struct options *o)
{
    struct view v;
    struct thing t;
    if (o->from_text || o->to_text)
        return who_over_time(o);
    if (dbview_open_about(o, &v, o->operand[0], false) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!thing_find(o, &v, o->operand[0], &t)) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    struct output *out = output_begin(stdout, output_default, reach_columns);
    if (t.kind == THING_DOMAIN) {
        for (uint32_t i = 0; i < v.state.thread_count; i++)
            if (v.authority.thread_domain[i] == t.domain)
                object_rows(out, &v, "holds", v.state.threads[i].object);
    } else if (t.object >= 0) {
        object_rows(out, &v, "holds", t.object);
        if (v.state.objects[t.object].type == RECORD_CAP_FRAME)
            mapping_rows(out, &v, v.state.objects[t.object].addr);
    }
    bool any = t.kind == THING_DOMAIN || t.object >= 0;
    dbview_close(&v);
    if (!any)
        command_complain(o->run, "no capability refers to %s", o->operand[0]);
    return command_finish(o, out, any ? STATUS_YES : STATUS_NO);
}

/* --- history --- */

struct history {
    struct options *o;
    struct view *v;
    struct output *out;
    uint64_t addr;
    uint32_t type; /* of the object, for `who` */
    bool any;
    struct capdb_run run; /* of the machine */
};

static const char *last_text(sqlite3_stmt *st, int column, char buf[24])
{
    int64_t t1 = sqlite3_column_int64(st, column);
    if (t1 == CAPDB_STILL)
        return "now";
    snprintf(buf, 24, "%lld", (long long)t1 - 1);
    return buf;
}

static const char *column_text(sqlite3_stmt *st, int column)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    return text ? text : "-";
}

static void what_cell(struct output *out, sqlite3_stmt *st)
{
    char size[SIZE_TEXT];
    uint64_t bits = (uint64_t)sqlite3_column_int64(st, 8); /* 0 where there is no size */
    bool sized = bits > 0 && bits < 64;
    output_format(out, "%s%s%s", column_text(st, 6), sized ? " " : "",
                  sized ? size_exact((uint64_t)1 << bits, size) : "");
}

/* Of a capability, or of a mapping, which has no type. */
static void rights_cell(struct output *out, sqlite3_stmt *st)
{
    char text[5];
    uint32_t rights = (uint32_t)sqlite3_column_int64(st, 4);
    bool mapping = sqlite3_column_type(st, 7) == SQLITE_NULL;
    output_text(out, mapping
                         ? record_access_text(rights, text)
                         : record_rights_text((uint32_t)sqlite3_column_int64(st, 7), rights, text));
}

/* Rows of a query with columns t0, t1, fact, domain, rights, slot, what, type, bits, whose places ?1
 * and ?2 are the address and type asked about. */
static enum error history_rows(struct history *h, const char *sql)
{
    sqlite3_stmt *st;
    char buf[24];
    enum error e = capdb_prepare(h->v->db, sql, &st);
    if (e != ERR_OK)
        return e;
    if (sqlite3_bind_parameter_count(st) == 2) {
        sqlite3_bind_int64(st, 1, (int64_t)h->addr);
        sqlite3_bind_int64(st, 2, h->type);
    }
    while (capdb_step(h->v->db, st, "reading the history", &e)) {
        if (sqlite3_column_int64(st, 0) > range_last(h->o, h->v) ||
            sqlite3_column_int64(st, 1) <= range_first(h->o))
            continue;
        output_int(h->out, sqlite3_column_int64(st, 0));
        output_text(h->out, last_text(st, 1, buf));
        output_text(h->out, column_text(st, 2));
        output_text(h->out, column_text(st, 3));
        rights_cell(h->out, st);
        output_hex(h->out, (uint64_t)sqlite3_column_int64(st, 5));
        what_cell(h->out, st);
        output_row(h->out);
        h->any = true;
    }
    sqlite3_finalize(st);
    return e;
}

static void owner_row(struct history *h, uint32_t first, uint32_t last, const struct capdb_owner *w)
{
    bool kernel = !w->covered && capstate_is_kernel(&h->v->state, h->addr);
    if (first > range_last(h->o, h->v) || last < range_first(h->o))
        return;
    output_int(h->out, first);
    if (last == capdb_count(h->v->db))
        output_text(h->out, "now");
    else
        output_int(h->out, last);
    output_text(h->out, "owner");
    output_text(h->out, w->shared       ? "(shared)"
                        : kernel        ? "(kernel)"
                        : !w->domain[0] ? "-"
                                        : w->domain);
    output_text(h->out, "");
    output_text(h->out, "");
    output_text(h->out, w->shared       ? "several domains hold it"
                        : w->by_untyped ? "through untyped memory"
                        : !w->found     ? "no capability refers to it"
                        : !w->domain[0] ? "no domain holds it or maps it"
                                        : "holds or maps it alone, or manages it");
    output_row(h->out);
}

/* The owner can change only where rows begin or end: those of the objects over the address, of
 * capabilities to them and of mappings. A capability that goes on in the same domain at the same place
 * of the derivation list, such as one to untyped memory that is used up bit by bit, changes nothing. */
static const char owner_moments[] =
    "WITH lives(id, t0, t1) AS MATERIALIZED (SELECT o.id, o.t0, o.t1 FROM temp.base b"
    "  CROSS JOIN object_row o ON o.addr = b.addr AND o.bits BETWEEN b.low AND b.high),"
    " edge AS MATERIALIZED (SELECT c.t0, c.t1, (c.t0, c.domain, c.pos) IS NOT"
    "   (lag(c.t1) OVER w, lag(c.domain) OVER w, lag(c.pos) OVER w) AS opens,"
    "   (c.t1, c.domain, c.pos) IS NOT"
    "   (lead(c.t0) OVER w, lead(c.domain) OVER w, lead(c.pos) OVER w) AS closes"
    "  FROM cap_row c WHERE c.object IN (SELECT id FROM lives)"
    "  WINDOW w AS (PARTITION BY c.id ORDER BY c.t0))"
    " SELECT 1 UNION SELECT t0 FROM lives UNION SELECT t1 FROM lives UNION"
    " SELECT t0 FROM edge WHERE opens UNION SELECT t1 FROM edge WHERE closes UNION"
    " SELECT m.t0 FROM temp.base b CROSS JOIN mapping_row m ON m.frame = b.addr UNION"
    " SELECT m.t1 FROM temp.base b CROSS JOIN mapping_row m ON m.frame = b.addr UNION"
    " SELECT first FROM temp.begun ORDER BY 1";

static bool same_owner(const struct capdb_owner *a, const struct capdb_owner *b)
{
    return strcmp(a->domain, b->domain) == 0 && a->shared == b->shared &&
           a->by_untyped == b->by_untyped && a->found == b->found && a->covered == b->covered;
}

static enum error moment(struct history *h, sqlite3_stmt *st, uint32_t *n)
{
    int64_t at = sqlite3_column_int64(st, 0);
    *n = at > 0 && at <= capdb_count(h->v->db) ? (uint32_t)at : 0;
    if (*n || at == CAPDB_STILL)
        return ERR_OK;
    return capdb_fail(h->v->db, ERR_CORRUPT, "is damaged: a row begins at snapshot %lld",
                      (long long)at);
}

static enum error owner_rows(struct history *h)
{
    sqlite3_stmt *st;
    struct capdb_owner now;
    uint32_t first = 0;
    enum error e = capdb_prepare(h->v->db, owner_moments, &st);
    while (capdb_step(h->v->db, st, "reading the history", &e)) {
        struct capdb_owner w = {0};
        uint32_t n;
        e = moment(h, st, &n);
        if (e == ERR_OK && n)
            e = capdb_owner_at(h->v->db, n, h->addr, &w);
        if (e == ERR_OK && n > h->run.last)
            e = capdb_run_at(h->v->db, n, &h->run);
        if (e != ERR_OK || n == 0 || (first >= h->run.first && same_owner(&w, &now)))
            continue;
        if (first)
            owner_row(h, first, n - 1, &now);
        first = n;
        now = w;
    }
    if (e == ERR_OK && first)
        owner_row(h, first, capdb_count(h->v->db), &now);
    sqlite3_finalize(st);
    return e;
}

/* Versions that follow each other in one run of the machine and differ in nothing that is told are one
 * row: of untyped memory each change of the watermark is a version. */
#define TOLD "fact, domain, rights, slot, what, type, bits"
#define ROWS_OF(versions)                                                                          \
    "WITH version(t0, t1, " TOLD ", row) AS (" versions "),"                                       \
    " mark AS (SELECT *, t0 IS NOT lag(t1) OVER w OR t0 IN (SELECT first FROM temp.begun) AS new"  \
    "  FROM version"                                                                               \
    "  WINDOW w AS (PARTITION BY " TOLD " ORDER BY t0, row)),"                                     \
    " part AS (SELECT *, sum(new) OVER w AS run FROM mark"                                         \
    "  WINDOW w AS (PARTITION BY " TOLD " ORDER BY t0, row))"                                      \
    " SELECT min(t0), max(t1), " TOLD " FROM part GROUP BY " TOLD ", run"                          \
    " ORDER BY min(t0), bits, min(row)"

/* What `owner` calls so: untyped memory holds an address while nothing smaller lies there. A version
 * is told in pieces, from one change of that to the next. */
static const char history_caps[] = ROWS_OF(
    "SELECT max(c.t0, coalesce(i.t0, 0)), min(c.t1, coalesce(i.t1, c.t1)),"
    " iif(i.covered, 'covers', 'holds'), d.name, c.rights, c.slot,"
    " 'capability ' || c.id || ' to ' || w.text || printf(' 0x%x', o.addr), c.type, o.bits, c.row"
    " FROM temp.base b CROSS JOIN object_row o ON o.addr = b.addr AND o.bits BETWEEN b.low AND b.high"
    " CROSS JOIN cap_row c ON c.object = o.id LEFT JOIN domain d ON d.id = c.domain"
    " LEFT JOIN word w ON w.kind = 'cap' AND w.value = c.type"
    " LEFT JOIN temp.covered i ON w.text = 'untyped' AND i.bits = o.bits AND i.t1 > c.t0 AND"
    "  i.t0 < c.t1 AND i.t0 >= (SELECT max(t0) FROM temp.covered WHERE bits = o.bits AND"
    "   t0 <= c.t0)");

/* A translation that one run of the machine had and the next has again is two. */
#define IN_EACH_RUN                                                                                \
    " CROSS JOIN (SELECT first, coalesce(lead(first) OVER (ORDER BY first), 2147483647) AS ends"   \
    "  FROM temp.begun) r ON r.first < m.t1 AND r.ends > m.t0"
/* A directory is the domain's whose threads run there, else of those that hold it, a manager's where
 * nobody else has it, as for owner.c.  `had`: who has it from when to when without a break.  A
 * mapping is told in pieces, from one change of that to the next.  `condition` selects those of m. */
#define MAPPINGS(condition)                                                                         \
    ROWS_OF(                                                                                        \
        "WITH shown(row, dir, vaddr, rights, t0, t1) AS MATERIALIZED ("                             \
        "  SELECT m.row, m.dir, m.vaddr, m.rights, max(m.t0, r.first), min(m.t1, r.ends)"           \
        "   FROM temp.base b CROSS JOIN mapping_row m ON m.frame = b.addr AND"                      \
        "    m.bits BETWEEN b.low AND b.high" IN_EACH_RUN condition "),"                            \
        " held(dir, name, rank, t0, t1) AS MATERIALIZED ("                                          \
        "  SELECT o.addr, d.name, (d.trusted <> 0) * 2 + (h.id IS NULL), c.t0, c.t1"                \
        "   FROM (SELECT DISTINCT dir FROM shown) s CROSS JOIN object_row o ON o.addr = s.dir AND"  \
        "    o.type = (SELECT value FROM word WHERE kind = 'cap' AND text = 'pagedir')"             \
        "   CROSS JOIN cap_row c ON c.object = o.id JOIN domain d ON d.id = c.domain"               \
        "   LEFT JOIN object_row h ON h.id = c.holder AND"                                          \
        "    h.type = (SELECT value FROM word WHERE kind = 'cap' AND text = 'tcb')),"               \
        " opening AS (SELECT *, coalesce(t0 > max(t1) OVER (PARTITION BY dir, name, rank"           \
        "   ORDER BY t0 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 1) AS opens FROM held)," \
        " numbered AS (SELECT *, sum(opens) OVER (PARTITION BY dir, name, rank ORDER BY t0"         \
        "   ROWS UNBOUNDED PRECEDING) AS nth FROM opening),"                                        \
        " had(dir, name, rank, t0, t1) AS MATERIALIZED (SELECT dir, name, rank, min(t0), max(t1)"   \
        "   FROM numbered GROUP BY dir, name, rank, nth),"                                          \
        " change(dir, at) AS (SELECT dir, t0 FROM had UNION SELECT dir, t1 FROM had),"              \
        " cut AS (SELECT *, t0 AS at FROM shown UNION ALL SELECT s.*, e.at FROM shown s"            \
        "  JOIN change e ON e.dir = s.dir AND e.at > s.t0 AND e.at < s.t1)"                         \
        " SELECT at, lead(at, 1, t1) OVER (PARTITION BY row, t0 ORDER BY at), 'mapping',"           \
        "  (SELECT a.name FROM had a WHERE a.dir = cut.dir AND a.t0 <= cut.at AND a.t1 > cut.at"    \
        "   ORDER BY a.rank, a.name LIMIT 1), rights, vaddr,"                                       \
        "  printf('mapped at 0x%x in directory 0x%x', vaddr, dir), NULL, NULL, row FROM cut")

static const char history_mappings[] = MAPPINGS("");

enum status command_history(struct options *o)
{
    static const char *const columns[] = {"#first", "last", "fact", "domain",
                                          "rights", "slot", "what", NULL};
    struct view v;
    if (dbview_open_about(o, &v, o->operand[0], false) != STATUS_YES)
        return STATUS_UNKNOWN;
    struct history h = {.o = o, .v = &v};
    int32_t named; /* memory has a history, whatever lay there */
    if (!place_of(o, &v, o->operand[0], &h.addr, &named)) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    if (dbview_tell_anew(o, &v) != STATUS_YES) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    h.out = output_begin(stdout, output_default, columns);
    enum error e = capdb_find_bases(v.db, h.addr);
    if (e == ERR_OK)
        e = capdb_find_runs(v.db);
    if (e == ERR_OK)
        e = owner_rows(&h);
    if (e == ERR_OK)
        e = history_rows(&h, history_caps);
    if (e == ERR_OK)
        e = history_rows(&h, history_mappings);
    enum status s = h.any ? STATUS_YES : STATUS_NO;
    if (e != ERR_OK)
        s = command_complain(o->run, "%s", capdb_error(v.db));
    dbview_close(&v);
    return command_finish(o, h.out, s);
}

static const char holders[] = ROWS_OF(
    "SELECT c.t0, c.t1, 'holds', d.name, c.rights, c.slot,"
    " 'capability ' || c.id || ' to ' || w.text || printf(' 0x%x', o.addr), c.type, o.bits, c.row"
    " FROM object_row o CROSS JOIN cap_row c ON c.object = o.id LEFT JOIN domain d ON d.id = c.domain"
    " LEFT JOIN word w ON w.kind = 'cap' AND w.value = c.type WHERE o.addr = ?1 AND o.type = ?2");

static const char holders_mappings[] =
    MAPPINGS(" WHERE ?2 = (SELECT value FROM word WHERE kind = 'cap' AND text = 'frame')"
             "  AND covers(m.frame, m.bits, ?1)");

/* The object is looked for in the last snapshot of the range. */
static enum status who_over_time(struct options *o)
{
    static const char *const columns[] = {"#first", "last", "fact", "domain",
                                          "rights", "slot", "what", NULL};
    struct view v;
    struct thing t;
    if (dbview_open_about(o, &v, o->operand[0], false) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!thing_find(o, &v, o->operand[0], &t) || dbview_tell_anew(o, &v) != STATUS_YES) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    struct history h = {.o = o, .v = &v};
    enum status s = STATUS_YES;
    if (t.object < 0) {
        s = command_complain(o->run, "%s: who holds it over time is asked of an object",
                             o->operand[0]);
    } else {
        h.addr = v.state.objects[t.object].addr;
        h.type = v.state.objects[t.object].type;
        h.out = output_begin(stdout, output_default, columns);
        enum error e = capdb_find_runs(v.db);
        if (e == ERR_OK)
            e = history_rows(&h, holders);
        if (e == ERR_OK)
            e = capdb_find_bases(v.db, h.addr);
        if (e == ERR_OK)
            e = history_rows(&h, holders_mappings);
        if (e != ERR_OK)
            s = command_complain(o->run, "%s", capdb_error(v.db));
        s = command_finish(o, h.out, s == STATUS_YES && !h.any ? STATUS_NO : s);
    }
    dbview_close(&v);
    return s;
}
