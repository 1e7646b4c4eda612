/* Domains of what holds capabilities, and of threads.  The analysis is authority's; it is made anew
 * only when something came, went or changed that it can depend on (authority/conveys.h), and domains
 * are carried on from the snapshot before otherwise. */
#include "capdb/compare.h"

#include "capdb/elements.h"

#include <stdlib.h>
#include <string.h>

/* --- does anything speak for another answer? ------------------------------------------------- */

static bool same_name(const struct record_thread *a, const struct record_thread *b)
{
    return a->name.length == b->name.length &&
           memcmp(a->name.bytes, b->name.bytes, a->name.length) == 0;
}

static bool waits_the_same(const struct record_thread *a, const struct record_thread *b)
{
    return a->state == b->state && a->blocked_on == b->blocked_on &&
           a->blocked_flags == b->blocked_flags && a->bound == b->bound;
}

static bool threads_differ(const struct comparison *c)
{
    if (c->old->thread_count != c->now->thread_count)
        return true;
    for (uint32_t i = 0; i < c->now->thread_count; i++) {
        const struct record_thread *a = &c->old->threads[i].rec;
        const struct record_thread *b = &c->now->threads[i].rec;
        if (a->addr != b->addr || a->idle != b->idle || !same_name(a, b) ||
            (c->before->by_islands && !waits_the_same(a, b)))
            return true;
    }
    return false;
}

static bool kind_differs(const struct comparison *c, enum row_kind kind)
{
    struct elements a = elements_of(c->old, kind);
    struct elements b = elements_of(c->now, kind);
    bool differs = a.count != b.count;
    for (uint32_t i = 0; i < b.count && !differs; i++)
        differs = !elements_same(&a, i, &b, i);
    return differs;
}

static bool islands_may_differ(const struct comparison *c)
{
    return c->channels || kind_differs(c, ROW_TABLE) || kind_differs(c, ROW_MAPPING) ||
           kind_differs(c, ROW_IRQ);
}

static bool may_differ(const struct comparison *c)
{
    const struct mirror *m = c->before;
    return comparison_anew(c) || !m->domains_known || c->db->recorder->rules_changed || c->leads ||
           c->old->snapshot.root_thread != c->now->snapshot.root_thread || threads_differ(c) ||
           kind_differs(c, ROW_REPLY) || (m->by_islands && islands_may_differ(c));
}

/* --- as before ------------------------------------------------------------------------------- */

static void carry_on(struct comparison *c)
{
    for (uint32_t k = 0; k < c->now->object_count; k++)
        c->next->objects[k].domain =
            c->old_object[k] < 0 ? 0 : c->before->objects[c->old_object[k]].domain;
    for (uint32_t i = 0; i < c->now->thread_count; i++)
        c->next->domains[i] = c->before->domains[i];
    c->next->by_islands = c->before->by_islands;
}

/* --- anew ------------------------------------------------------------------------------------ */

static enum error intern(struct capdb *db, const struct authority_domain *d, int64_t *id)
{
    struct recorder *r = db->recorder;
    sqlite3_bind_text(r->get_domain, 1, d->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(r->get_domain, 2, d->trusted);
    sqlite3_bind_text(r->put_domain, 1, d->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(r->put_domain, 2, d->trusted);
    return recorder_intern(db, r->get_domain, r->put_domain, id);
}

static void take(struct comparison *c, const struct authority *a, const int64_t *ids)
{
    const struct mirror *m = c->before;
    for (uint32_t k = 0; k < c->now->object_count; k++) {
        int32_t old = c->old_object[k];
        int64_t domain = a->home[k] < 0 ? 0 : ids[a->home[k]];
        c->next->objects[k].domain = domain;
        if (object_holds_slots(c->now->objects[k].type))
            c->all_open |= old < 0 || !m->domains_known || m->objects[old].domain != domain;
    }
    for (uint32_t i = 0; i < c->now->thread_count; i++)
        c->next->domains[i] = a->thread_domain[i] < 0 ? 0 : ids[a->thread_domain[i]];
    c->next->by_islands = a->by_islands;
}

static enum error analyse(struct comparison *c)
{
    struct authority a;
    c->db->recorder->analysed++;
    enum error e = authority_build_homes(c->now, &c->db->recorder->rules, &a);
    if (e != ERR_OK)
        return capdb_fail(c->db, e, "out of memory");
    int64_t *ids = malloc((a.domain_count + 1) * sizeof(*ids));
    if (!ids)
        e = capdb_fail(c->db, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; e == ERR_OK && i < a.domain_count; i++)
        e = intern(c->db, &a.domains[i], &ids[i]);
    if (e == ERR_OK)
        take(c, &a, ids);
    free(ids);
    authority_free(&a);
    return e;
}

enum error domains_find(struct comparison *c)
{
    enum error e = ERR_OK;
    if (may_differ(c))
        e = analyse(c);
    else
        carry_on(c);
    c->next->domains_known = e == ERR_OK;
    return e;
}
