/* Rows of threads, queues, translations and the rest, element by element.
 *
 * Where there are as many as before, each is held against the one in its place; else what is alike at
 * the beginning and at the end is.  What differs is sorted, so that an element that only changed its
 * place keeps its row. */
#include "capdb/compare.h"
#include "capdb/elements.h"
#include "capdb/sum.h"

#include <stdlib.h>
#include <string.h>

struct pairing {
    struct comparison *c;
    enum row_kind kind;
    const struct capstate *before; /* also when the machine was started anew since */
    struct elements old, now;
    struct rowset ended;
    struct rowset began; /* row: index of the element until it has a number */
    bool failed;
};

/* Threads have their terms once, though they have two rows. */
static void count_term(struct pairing *p, const struct capstate *s, uint32_t i, bool leaves)
{
    uint64_t term = sum_of_element(s, p->kind, i);
    p->c->next->element_sum += leaves ? 0 - term : term;
}

static struct row row_of(const struct pairing *p, bool old, uint32_t i)
{
    const struct mirror *m = old ? p->c->before : p->c->next;
    bool thread = p->kind == ROW_THREAD;
    struct row row =
        element_row(&m->state, p->kind, i, thread ? m->names[i] : 0, thread ? m->domains[i] : 0);
    row.row = old ? m->rows[p->kind][i] : (int64_t)i;
    return row;
}

static void goes(struct pairing *p, uint32_t i)
{
    struct row row = row_of(p, true, i);
    p->failed |= !rowset_add(&p->ended, &row);
}

static void comes(struct pairing *p, uint32_t i)
{
    struct row row = row_of(p, false, i);
    p->failed |= !rowset_add(&p->began, &row);
}

static bool same_context(const struct pairing *p, uint32_t i, uint32_t k)
{
    const struct mirror *old = p->c->before;
    const struct mirror *now = p->c->next;
    return p->kind != ROW_THREAD ||
           (old->names[i] == now->names[k] && old->domains[i] == now->domains[k]);
}

static void pair(struct pairing *p, uint32_t i, uint32_t k)
{
    bool alike = elements_same(&p->old, i, &p->now, k);
    if (!alike) {
        count_term(p, p->before, i, true);
        count_term(p, p->c->now, k, false);
    }
    if (alike && same_context(p, i, k)) {
        p->c->next->rows[p->kind][k] = p->c->before->rows[p->kind][i];
        return;
    }
    goes(p, i);
    comes(p, k);
}

static void pair_differing(struct pairing *p, uint32_t first, uint32_t old_end, uint32_t now_end)
{
    for (uint32_t i = first; i < old_end; i++) {
        count_term(p, p->before, i, true);
        goes(p, i);
    }
    for (uint32_t k = first; k < now_end; k++) {
        count_term(p, p->c->now, k, false);
        comes(p, k);
    }
}

static void pair_all(struct pairing *p)
{
    uint32_t i = p->now.first;
    uint32_t old_end = p->old.count;
    uint32_t now_end = p->now.count;
    bool as_many = old_end == now_end;
    for (; i < old_end && i < now_end && (as_many || elements_same(&p->old, i, &p->now, i)); i++)
        pair(p, i, i);
    while (old_end > i && now_end > i && elements_same(&p->old, old_end - 1, &p->now, now_end - 1))
        pair(p, --old_end, --now_end);
    pair_differing(p, i, old_end, now_end);
}

/* --- what is left ---------------------------------------------------------------------------- */

/* Both sorted: equal rows go on; what only the old has ends, what only the new has begins. */
static uint32_t settle(struct pairing *p, int64_t *ended)
{
    int64_t *numbers = p->c->next->rows[p->kind];
    uint32_t ended_count = 0;
    uint32_t began_count = 0;
    uint32_t i = 0;
    for (uint32_t k = 0; i < p->ended.count || k < p->began.count;) {
        int order = i == p->ended.count   ? 1
                    : k == p->began.count ? -1
                                          : row_compare(&p->ended.rows[i], &p->began.rows[k]);
        if (order == 0)
            numbers[p->began.rows[k++].row] = p->ended.rows[i++].row;
        else if (order < 0)
            ended[ended_count++] = p->ended.rows[i++].row;
        else
            p->began.rows[began_count++] = p->began.rows[k++];
    }
    p->began.count = began_count;
    for (uint32_t k = 0; k < began_count; k++) {
        int64_t number = p->c->db->recorder->next.row[p->kind]++;
        numbers[p->began.rows[k].row] = number;
        p->began.rows[k].row = number;
    }
    return ended_count;
}

static enum error put(struct pairing *p, uint32_t t, struct blake2b *rows)
{
    int64_t *ended = malloc((p->ended.count + (size_t)1) * sizeof(*ended));
    if (!ended || p->failed) {
        free(ended);
        return capdb_fail(p->c->db, ERR_NO_MEMORY, "out of memory");
    }
    rowset_sort(&p->ended);
    rowset_sort(&p->began);
    uint32_t ended_count = settle(p, ended);
    enum error e = changes_put(p->c->db, t, (int)p->kind, ended, ended_count, p->began.rows,
                               p->began.count, rows);
    free(ended);
    return e;
}

enum error kinds_put(struct comparison *c, uint32_t t, enum row_kind kind, struct blake2b *rows)
{
    struct pairing p = {.c = c,
                        .kind = kind,
                        .before = &c->before->state,
                        .old = elements_of(&c->before->state, kind),
                        .now = elements_of(c->now, kind)};
    pair_all(&p);
    enum error e = put(&p, t, rows);
    rowset_free(&p.ended);
    rowset_free(&p.began);
    return e;
}
