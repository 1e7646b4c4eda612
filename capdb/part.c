/* A part of a snapshot: the capabilities that a question is about, found by the indexes, as a
 * capstate that words and answers can be taken from as from the whole.
 *
 * What is wanted brings along what words about it need:
 *
 *     wanted    -> its holder's capabilities, so that the holder is an object     (HOLDER)
 *     HOLDER    -> of a CNode or directory that a thread uses, that thread's      (USER)
 *     each      -> its ancestors, so that the tree is one, unless the part is flat (ANCESTOR)
 *
 * and all threads, whose names are few beside capabilities.  Whose a CNode or TCB is stands in the
 * rows of the slots that lie in it; whose a directory or page table is follows from who holds it,
 * where one domain alone does.  Where that cannot be told from the part, ERR_UNSUPPORTED: then the
 * whole snapshot has to be loaded. */
#include "capdb/part.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_BITS = 64 };

/* What a capability is there for; lower ones bring more along. */
enum level { WANTED, HOLDER, USER, ANCESTOR };

static enum error no_memory(struct part *p)
{
    return capdb_fail(p->db, ERR_NO_MEMORY, "out of memory");
}

/* --- statements ------------------------------------------------------------------------------ */

static const struct {
    enum row_kind kind;
    const char *where;
} queries[PART_QUERIES] = {
    [PART_CAPS_TO] = {ROW_CAP, "object = ?1"},
    [PART_CAPS_IN] = {ROW_CAP, "slot = ?1"},
    [PART_CAP] = {ROW_CAP, "id = ?1"},
    [PART_OBJECT] = {ROW_OBJECT, "id = ?1"},
    [PART_OBJECTS_AT] = {ROW_OBJECT, "addr = ?1"},
    [PART_MAPPINGS] = {ROW_MAPPING, "frame = ?1 AND bits BETWEEN ?3 AND ?4"},
};

static enum error statement(struct part *p, enum part_query q, sqlite3_stmt **out)
{
    char where[96];
    *out = p->query[q];
    if (*out)
        return ERR_OK;
    snprintf(where, sizeof(where), "%s AND t0 <= ?2 AND t1 > ?2", queries[q].where);
    enum error e = capdb_prepare_rows(p->db, queries[q].kind, where, &p->query[q]);
    *out = p->query[q];
    return e;
}

/* All rows of a query, behind those in *out. */
static enum error rows_of(struct part *p, enum part_query q, int64_t key, int low, int high,
                          struct rowset *out)
{
    sqlite3_stmt *st;
    bool known;
    if (p->known && part_known_rows(p->known, q, key, p->n, out, &known) != ERR_OK)
        return no_memory(p);
    if (p->known && known)
        return ERR_OK;
    enum error e = statement(p, q, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, p->n);
    if (q == PART_MAPPINGS) {
        sqlite3_bind_int(st, 3, low);
        sqlite3_bind_int(st, 4, high);
    }
    return capdb_take_rows(p->db, st, queries[q].kind, "reading a snapshot", out);
}

/* --- objects --------------------------------------------------------------------------------- */

static enum error keep_object(struct part *p, const struct row *row)
{
    struct part_entry *e = part_map_put(&p->objects, row->v[0]);
    if (!e)
        return no_memory(p);
    if (e->value != PART_NONE)
        return ERR_OK;
    e->value = p->l.sets[ROW_OBJECT].count;
    return rowset_add(&p->l.sets[ROW_OBJECT], row) ? ERR_OK : no_memory(p);
}

static enum error find_object(struct part *p, int64_t life)
{
    p->found_objects.count = 0;
    enum error e = rows_of(p, PART_OBJECT, life, 0, 0, &p->found_objects);
    return e == ERR_OK && p->found_objects.count ? keep_object(p, &p->found_objects.rows[0]) : e;
}

/* *out: its row, NULL: it has none. */
static enum error object_of(struct part *p, int64_t life, const struct row **out)
{
    *out = NULL;
    if (life == 0)
        return ERR_OK;
    struct part_entry *e = part_map_put(&p->objects, life);
    if (!e)
        return no_memory(p);
    if (e->value == PART_NONE) {
        enum error failed = find_object(p, life);
        if (failed != ERR_OK)
            return failed;
    }
    e = part_map_put(&p->objects, life);
    if (e && e->value != PART_NONE)
        *out = &p->l.sets[ROW_OBJECT].rows[e->value];
    return ERR_OK;
}

/* --- capabilities ---------------------------------------------------------------------------- */

static bool enqueue(struct part *p, uint32_t index, enum level level)
{
    struct part_task *grown = array_room(p->queue, p->queued, &p->queue_room, sizeof(*grown));
    if (!grown)
        return false;
    p->queue = grown;
    p->queue[p->queued++] = (struct part_task){index, (uint8_t)level};
    return true;
}

static enum error keep_cap(struct part *p, const struct row *row, enum level level)
{
    const struct row *object;
    struct part_entry *e = part_map_put(&p->caps, row->row);
    if (!e)
        return no_memory(p);
    bool new = e->value == PART_NONE;
    if (!new && e->level <= level)
        return ERR_OK;
    if (new) {
        struct row kept = *row;
        kept.v[CAP_COL_parent] = p->flat ? 0 : row->v[CAP_COL_parent];
        e->value = p->l.sets[ROW_CAP].count;
        if (!rowset_add(&p->l.sets[ROW_CAP], &kept))
            return no_memory(p);
    }
    e->level = (uint8_t)level;
    if (!enqueue(p, e->value, level))
        return no_memory(p);
    return new ? object_of(p, row->v[CAP_COL_object], &object) : ERR_OK;
}

static enum error add_caps(struct part *p, enum part_query q, int64_t key, enum level level)
{
    struct rowset *found = &p->found_caps;
    found->count = 0;
    enum error e = rows_of(p, q, key, 0, 0, found);
    for (uint32_t i = 0; e == ERR_OK && i < found->count; i++)
        e = keep_cap(p, &found->rows[i], level);
    return e;
}

/* All capabilities to an object, once; what is wanted of them may grow. */
static enum error add_object(struct part *p, int64_t life, enum level level)
{
    if (life == 0)
        return ERR_OK;
    struct part_entry *e = part_map_put(&p->held, life);
    if (!e)
        return no_memory(p);
    if (e->value != PART_NONE && e->level <= level)
        return ERR_OK;
    e->value = 0;
    e->level = (uint8_t)level;
    return add_caps(p, PART_CAPS_TO, life, level);
}

/* One capability, once; what is wanted of it may grow. */
static enum error add_cap(struct part *p, int64_t id, enum level level)
{
    struct part_entry *e = part_map_put(&p->ids, id);
    if (!e)
        return no_memory(p);
    if (e->value != PART_NONE && e->level <= level)
        return ERR_OK;
    e->value = 0;
    e->level = (uint8_t)level;
    return add_caps(p, PART_CAP, id, level);
}

static enum error bring_user(struct part *p, const int64_t *v)
{
    const struct row *holder = NULL;
    bool used = v[CAP_COL_type] == RECORD_CAP_CNODE || v[CAP_COL_type] == RECORD_CAP_PAGE_DIRECTORY;
    enum error e = used ? object_of(p, v[CAP_COL_holder], &holder) : ERR_OK;
    if (e != ERR_OK || !used || !holder || holder->v[1] != RECORD_CAP_TCB)
        return e;
    return add_object(p, v[CAP_COL_holder], USER);
}

static enum error bring(struct part *p, const struct part_task *task)
{
    const struct row row = p->l.sets[ROW_CAP].rows[task->index];
    const int64_t *v = row.v;
    enum level above = task->level == WANTED && p->chains ? WANTED : ANCESTOR;
    enum error e = ERR_OK;
    if (task->level == WANTED)
        e = add_object(p, v[CAP_COL_holder], HOLDER);
    if (task->level == HOLDER)
        e = bring_user(p, v);
    if (e == ERR_OK && v[CAP_COL_parent] != 0)
        e = add_cap(p, v[CAP_COL_parent], above);
    return e;
}

static enum error bring_all(struct part *p)
{
    enum error e = ERR_OK;
    while (e == ERR_OK && p->queued > 0) {
        const struct part_task task = p->queue[--p->queued];
        e = bring(p, &task);
    }
    return e;
}

/* --- what is wanted -------------------------------------------------------------------------- */

enum error part_add_object(struct part *p, int64_t life)
{
    return add_object(p, life, WANTED);
}

enum error part_add_cap(struct part *p, int64_t id)
{
    return add_cap(p, id, WANTED);
}

enum error part_add_row(struct part *p, const struct row *row)
{
    struct part_entry *e = part_map_put(&p->ids, row->v[CAP_COL_id]);
    if (!e)
        return no_memory(p);
    e->value = 0;
    e->level = WANTED;
    return keep_cap(p, row, WANTED);
}

enum error part_add_slot(struct part *p, uint64_t addr)
{
    const struct row *object = NULL;
    struct rowset found = {0};
    enum error e = rows_of(p, PART_CAPS_IN, (int64_t)addr, 0, 0, &found);
    for (uint32_t i = 0; e == ERR_OK && i < found.count; i++) {
        e = keep_cap(p, &found.rows[i], WANTED);
        if (e == ERR_OK)
            e = object_of(p, found.rows[i].v[CAP_COL_object], &object);
    }
    rowset_free(&found);
    if (e != ERR_OK || !object)
        return e;
    const uint64_t begin = (uint64_t)object->v[2];
    e = add_object(p, object->v[0], WANTED);
    return e == ERR_OK ? part_add_memory(p, begin) : e;
}

enum error part_add_address(struct part *p, uint64_t addr)
{
    struct capdb_covers covers;
    enum error e = capdb_covers_at(p->db, p->n, addr, &covers);
    for (uint32_t i = 0; e == ERR_OK && i < covers.count; i++)
        e = add_object(p, covers.list[i].life, WANTED);
    return e;
}

enum error part_add_memory(struct part *p, uint64_t addr)
{
    enum error e = part_add_address(p, addr);
    return e == ERR_OK ? part_add_mappings(p, addr) : e;
}

/* Objects that are numbered: interrupts. */
enum error part_add_number(struct part *p, uint64_t number)
{
    struct rowset found = {0};
    enum error e = rows_of(p, PART_OBJECTS_AT, (int64_t)number, 0, 0, &found);
    for (uint32_t i = 0; e == ERR_OK && i < found.count; i++)
        if (found.rows[i].v[3] == 0)
            e = add_object(p, found.rows[i].v[0], WANTED);
    rowset_free(&found);
    return e;
}

static enum error add_table(struct part *p, uint64_t addr)
{
    struct rowset found = {0};
    enum error e = addr ? rows_of(p, PART_OBJECTS_AT, (int64_t)addr, 0, 0, &found) : ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < found.count; i++)
        if (found.rows[i].v[1] != RECORD_CAP_UNTYPED)
            e = add_object(p, found.rows[i].v[0], HOLDER);
    rowset_free(&found);
    return e;
}

static enum error add_mappings(struct part *p, struct rowset *found)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < found->count; i++) {
        if (!rowset_add(&p->l.sets[ROW_MAPPING], &found->rows[i]))
            return no_memory(p);
        e = add_table(p, (uint64_t)found->rows[i].v[0]);
        if (e == ERR_OK)
            e = add_table(p, (uint64_t)found->rows[i].v[7]);
    }
    return e;
}

enum error part_add_mappings(struct part *p, uint64_t addr)
{
    enum error e = ERR_OK;
    for (int low = 1; e == ERR_OK && low < ADDRESS_BITS;) {
        struct rowset found = {0};
        uint64_t begin = addr >> low << low;
        int high = begin ? __builtin_ctzll(begin) : ADDRESS_BITS - 1;
        e = rows_of(p, PART_MAPPINGS, (int64_t)begin, low, high, &found);
        if (e == ERR_OK)
            e = add_mappings(p, &found);
        rowset_free(&found);
        low = high + 1;
    }
    p->mapped_known = e == ERR_OK;
    p->mapped = addr;
    return e;
}

/* --- threads and domains --------------------------------------------------------------------- */

static int64_t domain_row(const struct row *thread)
{
    return thread->v[2];
}

static enum error keep_domain(struct part *p, sqlite3_stmt *st)
{
    struct authority_domain *d = &p->domains[p->domain_count];
    struct part_entry *e = part_map_put(&p->domain_of, sqlite3_column_int64(st, 0));
    char *name = strdup(capdb_column_text(st, 1));
    if (!e || !name) {
        free(name);
        return no_memory(p);
    }
    e->value = p->domain_count++;
    *d = (struct authority_domain){.name = name, .trusted = sqlite3_column_int(st, 2) != 0};
    return ERR_OK;
}

/* The domain of a thread, if there is one and it is not in the list yet. */
static enum error list_domain(struct part *p, const struct row *thread, struct key_list *list)
{
    int64_t id = thread ? domain_row(thread) : 0;
    uint32_t before = p->domain_of.count;
    if (id == 0)
        return ERR_OK;
    if (!part_map_put(&p->domain_of, id))
        return no_memory(p);
    if (p->domain_of.count > before)
        list->keys[list->count++] = id;
    return ERR_OK;
}

static enum error read_listed_domains(struct part *p, const struct key_list *list)
{
    static const char sql[] = "SELECT d.id, d.name, d.trusted FROM capdb_keys k"
                              " CROSS JOIN domain d ON d.id = k.key";
    sqlite3_stmt *st;
    enum error e = capdb_prepare(p->db, sql, &st);
    if (e != ERR_OK)
        return e;
    p->db->keys = list;
    while (e == ERR_OK && capdb_step(p->db, st, "reading domains", &e))
        e = keep_domain(p, st);
    p->db->keys = NULL;
    sqlite3_finalize(st);
    return e;
}

/* Those of threads that are there, each once: the root task's, then in the order of the threads, as
 * in the whole. */
static enum error read_domains(struct part *p)
{
    const struct rowset *threads = &p->l.sets[ROW_THREAD];
    const struct row *root = rowset_find(threads, (int64_t)p->heads[0].snapshot.root_thread);
    struct key_list list;
    bool ready = key_list_begin(&list, threads->count);
    p->domains = calloc(threads->count + (size_t)1, sizeof(*p->domains));
    enum error e = ready && p->domains ? list_domain(p, root, &list) : no_memory(p);
    for (uint32_t i = 0; e == ERR_OK && i < threads->count; i++)
        e = list_domain(p, &threads->rows[i], &list);
    if (e == ERR_OK && list.count)
        e = read_listed_domains(p, &list);
    key_list_free(&list);
    return e;
}

static int32_t domain_index(const struct part *p, int64_t id)
{
    const struct part_entry *e = id && p->domain_of.entry ? part_map_at(&p->domain_of, id) : NULL;
    return e && e->used && e->value != PART_NONE ? (int32_t)e->value : -1;
}

const struct authority_domain *part_domain(const struct part *p, const struct row *thread)
{
    int32_t domain = domain_index(p, domain_row(thread));
    return domain < 0 ? NULL : &p->domains[domain];
}

/* What threads do just now is not read: no word here is about it. */
static enum error pretend_states(struct part *p)
{
    const struct rowset *threads = &p->l.sets[ROW_THREAD];
    for (uint32_t i = 0; i < threads->count; i++) {
        struct row row = {.v = {threads->rows[i].v[0]}};
        if (!rowset_add(&p->l.sets[ROW_RUN], &row))
            return no_memory(p);
    }
    return ERR_OK;
}

static enum error read_whole(struct part *p, enum row_kind kind)
{
    return p->known ? part_known_whole(p->known, p->db, kind, p->n, &p->l.sets[kind])
                    : capdb_rows_at(p->db, kind, p->n, &p->l.sets[kind]);
}

static enum error begin(struct part *p)
{
    enum error e = capdb_heads_at(p->db, p->n, p->heads);
    if (e == ERR_OK)
        e = read_whole(p, ROW_THREAD);
    if (e == ERR_OK)
        e = read_whole(p, ROW_IRQ);
    if (e == ERR_OK)
        e = read_whole(p, ROW_RANGE);
    if (e == ERR_OK)
        e = read_domains(p);
    return e == ERR_OK ? pretend_states(p) : e;
}

enum error part_begin(struct capdb *db, uint32_t n, bool chains, struct part *p)
{
    *p = (struct part){.db = db, .n = n, .chains = chains, .l = {.db = db, .n = n}};
    return begin(p);
}

enum error part_begin_known(struct capdb *db, uint32_t n, const struct part_known *known,
                            struct part *p)
{
    *p = (struct part){.db = db, .n = n, .known = known, .flat = true, .l = {.db = db, .n = n}};
    return begin(p);
}

/* --- whose ----------------------------------------------------------------------------------- */

struct homes {
    struct part *p;
    const struct capstate *state;
    int32_t *home, *thread_domain;
    bool unsure;
};

static bool trusted(const struct homes *h, int32_t domain)
{
    return domain >= 0 && h->p->domains[domain].trusted;
}

/* In the rows of slots stands whose their holder is. Rows and slots have one order. */
static void homes_of_holders(struct homes *h)
{
    const struct rowset *caps = &h->p->l.sets[ROW_CAP];
    for (uint32_t i = 0; i < h->state->slot_count; i++) {
        int32_t holder = h->state->slots[i].holder;
        if (holder >= 0)
            h->home[holder] = domain_index(h->p, caps->rows[i].v[CAP_COL_domain]);
    }
}

/* Threads and their rows have one order, too. */
static void homes_of_threads(struct homes *h)
{
    const struct rowset *rows = &h->p->l.sets[ROW_THREAD];
    for (uint32_t i = 0; i < h->state->thread_count; i++) {
        int32_t object = h->state->threads[i].object;
        h->thread_domain[i] = domain_index(h->p, domain_row(&rows->rows[i]));
        if (object >= 0 && h->thread_domain[i] >= 0)
            h->home[object] = h->thread_domain[i];
    }
}

/* The untrusted domain that alone holds an object; -1: none, or it is not clear which. near: a
 * thread of it holds the object itself. */
static int32_t only_holder(const struct homes *h, int32_t object, bool *near)
{
    int32_t only = -1;
    *near = false;
    for (int32_t i = h->state->objects[object].first_slot; i >= 0;
         i = h->state->slots[i].next_same) {
        int32_t holder = h->state->slots[i].holder;
        int32_t domain = holder < 0 ? -1 : h->home[holder];
        if (domain < 0 || trusted(h, domain))
            continue;
        if (only >= 0 && only != domain)
            return -1;
        only = domain;
        *near |= h->state->objects[holder].type == RECORD_CAP_TCB;
    }
    return only;
}

static int32_t table_at(const struct homes *h, uint64_t addr)
{
    int32_t object = addr ? capstate_object_at(h->state, addr) : -1;
    return object >= 0 && h->state->objects[object].type != RECORD_CAP_UNTYPED ? object : -1;
}

/* A directory is its threads'; a page table belongs to its directory, unless others hold it. */
static void home_of_tables(struct homes *h, const struct record_mapping *m)
{
    bool near;
    int32_t dir = table_at(h, m->dir);
    int32_t table = table_at(h, m->table);
    int32_t domain = dir < 0 ? -1 : only_holder(h, dir, &near);
    if (domain < 0 || !near) {
        h->unsure = true;
        return;
    }
    h->home[dir] = domain;
    if (table < 0)
        return;
    int32_t other = only_holder(h, table, &near);
    h->unsure |= other >= 0 && other != domain;
    h->home[table] = domain;
}

static bool find_homes(struct part *p, const struct capstate *state, struct homes *h)
{
    size_t objects = state->object_count + 1;
    size_t threads = state->thread_count + 1;
    *h = (struct homes){.p = p, .state = state};
    h->home = malloc(objects * sizeof(*h->home));
    h->thread_domain = malloc(threads * sizeof(*h->thread_domain));
    if (!h->home || !h->thread_domain)
        return false;
    memset(h->home, 0xff, objects * sizeof(*h->home));
    homes_of_holders(h);
    homes_of_threads(h);
    for (uint32_t i = 0; i < state->mapping_count; i++)
        home_of_tables(h, &state->mappings[i]);
    return true;
}

/* Whose other objects are depends on more than who holds a capability to them. */
static bool chain_is_sure(const struct part *p)
{
    const struct rowset *caps = &p->l.sets[ROW_CAP];
    for (uint32_t i = 0; p->chains && i < caps->count; i++)
        switch (caps->rows[i].v[CAP_COL_type]) {
        case RECORD_CAP_UNTYPED:
        case RECORD_CAP_FRAME:
        case RECORD_CAP_CNODE:
        case RECORD_CAP_TCB:
            break;
        default:
            if (part_map_at(&p->caps, caps->rows[i].row)->level == WANTED)
                return false;
        }
    return true;
}

/* --- the state ------------------------------------------------------------------------------- */

static bool sort_sets(struct part *p)
{
    rowset_sort(&p->l.sets[ROW_MAPPING]);
    return rowset_order(&p->l.sets[ROW_CAP], row_position, NULL) &&
           rowset_order(&p->l.sets[ROW_OBJECT], row_first, NULL);
}

static enum error build_authority(struct part *p, struct capstate *state, struct authority *out)
{
    struct homes h;
    enum error e = ERR_NO_MEMORY;
    if (find_homes(p, state, &h)) {
        const struct authority_told told = {p->domains, p->domain_count, h.thread_domain, h.home};
        e = h.unsure ? ERR_UNSUPPORTED : authority_build_part(state, &told, out);
    }
    free(h.home);
    free(h.thread_domain);
    return e;
}

enum error part_finish(struct part *p, struct capstate *state, struct authority *authority)
{
    enum error e = bring_all(p);
    if (e == ERR_OK && !chain_is_sure(p))
        return ERR_UNSUPPORTED;
    if (e != ERR_OK)
        return e;
    if (!sort_sets(p)) /* indices into the sets mean nothing from here on */
        return no_memory(p);
    capstate_init(state);
    p->l.state = state;
    e = loading_build_part(&p->l, p->heads);
    state->part = true;
    state->all_mapped = p->all_mapped;
    state->mapped_known = p->mapped_known;
    state->mapped = p->mapped;
    if (e == ERR_OK)
        e = build_authority(p, state, authority);
    if (e != ERR_OK)
        capstate_free(state);
    return e;
}

void part_free(struct part *p)
{
    loading_free(&p->l);
    for (int i = 0; i < PART_QUERIES; i++)
        sqlite3_finalize(p->query[i]);
    for (uint32_t i = 0; i < p->domain_count; i++)
        free(p->domains[i].name);
    rowset_free(&p->found_caps);
    rowset_free(&p->found_objects);
    free(p->domains);
    free(p->queue);
    free(p->caps.entry);
    free(p->objects.entry);
    free(p->held.entry);
    free(p->ids.entry);
    free(p->domain_of.entry);
}
