/* A subtree of the derivation tree, from the indexes.
 *
 * No index leads from a capability to its children, but they refer to the same object or, below
 * untyped memory, to one in it: those are read, and of them what descends from the root is wanted.
 * Capabilities without an object are read too, as they are few.  Where a kind of capability gives
 * others to something else (interrupts from interrupt control), or where the kernel's own audit found
 * the tree wrong, the whole snapshot has to be loaded. */
#include "capdb/part.h"
#include "lib/array.h"
#include "record/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 8000 };

struct candidate {
    int64_t id, parent;
    uint64_t frame; /* mapped there; 0 where it is not mapped */
};

struct tree {
    struct part *p;
    struct candidate root;
    int64_t object;
    uint32_t type, bits;
    uint64_t addr;
    struct candidate *list;
    uint32_t count;
    size_t room;
    struct sort_key *by_parent;
    uint32_t *queue;
    uint32_t queued;
};

#define HOLDS(table) table ".t0 <= ?1 AND " table ".t1 > ?1"

static const char root_sql[] =
    "SELECT c.id, c.type, c.object, o.addr, o.bits, c.extra FROM cap_row c"
    " JOIN object_row o ON o.id = c.object AND " HOLDS("o") //
    " WHERE c.slot = ?2 AND " HOLDS("c");

#define CANDIDATE "SELECT c.id, c.parent, c.type, c.extra, coalesce(c.addr, "
static const char same_sql[] = CANDIDATE "?3) FROM cap_row c WHERE c.object = ?2 AND " HOLDS("c");
static const char inside_sql[] =
    CANDIDATE "o.addr) FROM object_row o CROSS JOIN cap_row c ON c.object = o.id AND " HOLDS("c") //
    " WHERE o.addr BETWEEN ?2 AND ?3 AND " HOLDS("o");

static const char doing[] = "reading the derivation tree";

/* Do its children lie in its memory, or refer to what it refers to? */
static bool keeps_children(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_UNTYPED:
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
    case RECORD_CAP_CNODE:
    case RECORD_CAP_TCB:
    case RECORD_CAP_FRAME:
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_ASID_POOL:
        return true;
    default:
        return false;
    }
}

static enum error bind_and_prepare(struct tree *t, const char *sql, int64_t a, int64_t b,
                                   sqlite3_stmt **st)
{
    enum error e = capdb_prepare(t->p->db, sql, st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(*st, 1, t->p->n);
    sqlite3_bind_int64(*st, 2, a);
    if (sqlite3_bind_parameter_count(*st) > 2)
        sqlite3_bind_int64(*st, 3, b);
    return ERR_OK;
}

static enum error find_root(struct tree *t, uint64_t slot)
{
    sqlite3_stmt *st;
    enum error e = bind_and_prepare(t, root_sql, (int64_t)slot, 0, &st);
    if (e != ERR_OK)
        return e;
    if (capdb_step(t->p->db, st, doing, &e)) {
        t->root.id = sqlite3_column_int64(st, 0);
        t->type = (uint32_t)sqlite3_column_int64(st, 1);
        t->object = sqlite3_column_int64(st, 2);
        t->addr = (uint64_t)sqlite3_column_int64(st, 3);
        t->bits = (uint32_t)sqlite3_column_int64(st, 4);
        bool mapped = t->type == RECORD_CAP_FRAME && sqlite3_column_int64(st, 5);
        t->root.frame = mapped ? t->addr : 0;
    }
    sqlite3_finalize(st);
    return e == ERR_OK && (!t->root.id || !keeps_children(t->type) || t->bits > 62)
               ? ERR_UNSUPPORTED
               : e;
}

static enum error keep(struct tree *t, sqlite3_stmt *st)
{
    struct candidate *grown = array_room(t->list, t->count, &t->room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    bool mapped = sqlite3_column_int64(st, 2) == RECORD_CAP_FRAME && sqlite3_column_int64(st, 3);
    t->list = grown;
    t->list[t->count++] =
        (struct candidate){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                           mapped ? (uint64_t)sqlite3_column_int64(st, 4) : 0};
    return t->count > MOST ? ERR_BOUND : ERR_OK;
}

static enum error read_candidates(struct tree *t, const char *sql, int64_t a, int64_t b)
{
    sqlite3_stmt *st;
    enum error e = bind_and_prepare(t, sql, a, b, &st);
    if (e != ERR_OK)
        return e;
    while (e == ERR_OK && capdb_step(t->p->db, st, doing, &e))
        e = keep(t, st);
    sqlite3_finalize(st);
    return e;
}

static enum error read_all(struct tree *t)
{
    const uint64_t last = t->addr + ((uint64_t)1 << t->bits) - 1;
    enum error e = read_candidates(t, same_sql, 0, 0);
    if (e == ERR_OK && t->type == RECORD_CAP_UNTYPED)
        return read_candidates(t, inside_sql, (int64_t)t->addr, (int64_t)last);
    return e == ERR_OK ? read_candidates(t, same_sql, t->object, (int64_t)t->addr) : e;
}

/* --- what descends from the root ------------------------------------------------------------- */

static bool sort_by_parent(struct tree *t)
{
    t->by_parent = malloc((t->count + 1) * sizeof(*t->by_parent));
    t->queue = malloc((t->count + 1) * sizeof(*t->queue));
    if (!t->by_parent || !t->queue)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        t->by_parent[i] = (struct sort_key){t->list[i].parent, i};
    keys_sort(t->by_parent, t->count);
    return true;
}

/* More than there are can only come of a tree that is none. */
static enum error enqueue_children(struct tree *t, int64_t id)
{
    uint32_t at = keys_lower_bound(t->by_parent, t->count, id);
    for (; at < t->count && t->by_parent[at].key == id; at++) {
        if (t->queued == t->count)
            return ERR_UNSUPPORTED;
        t->queue[t->queued++] = t->by_parent[at].index;
    }
    return ERR_OK;
}

static enum error want(struct tree *t, const struct candidate *c)
{
    enum error e = part_add_cap(t->p, c->id);
    if (e == ERR_OK && c->frame)
        e = part_add_mappings(t->p, c->frame);
    return e == ERR_OK ? enqueue_children(t, c->id) : e;
}

static enum error want_all(struct tree *t)
{
    enum error e = want(t, &t->root);
    for (uint32_t i = 0; e == ERR_OK && i < t->queued; i++)
        e = want(t, &t->list[t->queue[i]]);
    return e;
}

static bool is_sound(const struct part *p)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM finding_row WHERE t0 <= %u AND t1 > %u", p->n,
             p->n);
    return p->heads[1].end.complete && capdb_int(p->db, sql, 1) == 0;
}

enum error part_add_tree(struct part *p, uint64_t slot)
{
    struct tree t = {.p = p};
    enum error e = is_sound(p) ? find_root(&t, slot) : ERR_UNSUPPORTED;
    if (e == ERR_OK)
        e = read_all(&t);
    if (e == ERR_OK && !sort_by_parent(&t))
        e = ERR_NO_MEMORY;
    if (e == ERR_OK)
        e = want_all(&t);
    p->all_mapped = e == ERR_OK;
    free(t.list);
    free(t.by_parent);
    free(t.queue);
    return e;
}
