/* The same breach in the next snapshot is found by a hash of what makes it one; a snapshot in which
 * nothing changed that a verdict is taken from is not evaluated again. */
#include "capdb/spans.h"

#include "capdb/store.h"
#include "capdb/stream.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 4096, SMALLEST = 64, PATHS_MOST = 8 };

struct span_thread {
    uint64_t addr;
    int32_t island;
};

/* --- finding a span -------------------------------------------------------------------------- */

static const enum span_text identity[] = {SPAN_DOMAIN_A, SPAN_DOMAIN_B, SPAN_OBJECT};
enum { IDENTITY = sizeof(identity) / sizeof(*identity) };

static uint32_t hash_of(const struct span *s)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)s->kind;
    for (int i = 0; i < IDENTITY; i++)
        for (const char *at = s->text[identity[i]];; at++) {
            h = (h ^ (uint8_t)*at) * 0x100000001b3u;
            if (!*at)
                break;
        }
    return (uint32_t)(h >> 32 ^ h);
}

static bool same(const struct span *a, const struct span *b)
{
    bool is = a->kind == b->kind;
    for (int i = 0; is && i < IDENTITY; i++)
        is = strcmp(a->text[identity[i]], b->text[identity[i]]) == 0;
    return is;
}

/* Where the newest span like this one is noted, or will be. */
static uint32_t *place_of(const struct spans *s, const struct span *wanted)
{
    uint32_t at = hash_of(wanted) & s->mask;
    while (s->table[at] && !same(&s->list[s->table[at] - 1], wanted))
        at = (at + 1) & s->mask;
    return &s->table[at];
}

static void table_grow(struct spans *s)
{
    uint32_t *old = s->table;
    s->mask = old ? s->mask * 2 + 1 : SMALLEST - 1;
    size_t size = ((size_t)s->mask + 1) * sizeof(*s->table);
    s->table = output_alloc(NULL, size);
    memset(s->table, 0, size);
    for (uint32_t i = 0; i < s->count; i++)
        *place_of(s, &s->list[i]) = i + 1;
    free(old);
}

static void note_now(struct spans *s, uint32_t span)
{
    if (s->now_count == s->now_room) {
        s->now_room = s->now_room ? s->now_room * 2 : SMALLEST;
        s->now = output_alloc(s->now, s->now_room * sizeof(*s->now));
    }
    s->now[s->now_count++] = span;
}

static void span_free(struct span *s)
{
    for (int i = 0; i < SPAN_TEXTS; i++)
        free(s->text[i]);
}

/* Takes the texts over. */
static void put(struct spans *s, struct span *new)
{
    if (s->count >= s->mask / 2 || !s->table)
        table_grow(s);
    uint32_t *place = place_of(s, new);
    if (*place && s->list[*place - 1].last + 1 >= new->first &&
        s->list[*place - 1].last >= s->run_first) {
        if (s->list[*place - 1].last < new->first)
            note_now(s, *place - 1);
        s->list[*place - 1].last = new->first;
        span_free(new);
        return;
    }
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : SMALLEST;
        s->list = output_alloc(s->list, s->room * sizeof(*s->list));
    }
    s->list[s->count++] = *new;
    *place = s->count;
    note_now(s, s->count - 1);
}

void spans_go_on(struct spans *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->now_count; i++)
        if (s->list[s->now[i]].kind != AUTHORITY_BREACH_KINDS) /* merging is a moment */
            s->list[s->now[i]].last = n;
}

void spans_free(struct spans *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        span_free(&s->list[i]);
    free(s->list);
    free(s->table);
    free(s->now);
    free(s->threads);
    *s = (struct spans){0};
}

/* --- breaches -------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    char *out = output_alloc(NULL, strlen(text) + 1);
    return strcpy(out, text);
}

static void put_breach(struct spans *s, const struct view *v, const struct authority_breach *b)
{
    char text[TEXT_BYTES];
    struct span new = {.first = v->n,
                       .last = v->n,
                       .weight = b->weight,
                       .kind = b->kind,
                       .name = authority_breach_name(b->kind),
                       .meaning = authority_breach_sentence(b->kind)};
    new.text[SPAN_DOMAIN_A] = copy(domain_name(v, b->domain_a));
    new.text[SPAN_DOMAIN_B] = copy(breach_other_text(v, b, text, sizeof(text)));
    new.text[SPAN_OBJECT] = copy(breach_object_text(v, b, text, sizeof(text)));
    new.text[SPAN_WITNESS_A] = copy(breach_slot_text(v, b->slot_a, text, sizeof(text)));
    new.text[SPAN_WITNESS_B] = copy(breach_slot_text(v, b->slot_b, text, sizeof(text)));
    new.text[SPAN_PATH] = copy(breach_path_text(v, b->path, b->path_count, text, sizeof(text)));
    put(s, &new);
}

bool spans_note(struct spans *s, uint32_t n, const char *name, const char *about)
{
    uint32_t before = s->count;
    struct span new = {.first = n, .last = n, .kind = AUTHORITY_BREACH_KINDS + 1};
    new.text[SPAN_DOMAIN_A] = copy(name);
    new.text[SPAN_DOMAIN_B] = copy("");
    new.text[SPAN_OBJECT] = copy(about);
    s->now_count = 0;
    put(s, &new);
    return s->count > before;
}

/* --- islands --------------------------------------------------------------------------------- */

static int by_address(const void *pa, const void *pb)
{
    const struct span_thread *a = pa;
    const struct span_thread *b = pb;
    return (a->addr > b->addr) - (a->addr < b->addr);
}

/* A thread that was there before, in the islands of then and of now. */
struct member {
    int32_t now, before;
    uint32_t thread;
};

static int by_islands(const void *pa, const void *pb)
{
    const struct member *a = pa;
    const struct member *b = pb;
    if (a->now != b->now)
        return a->now < b->now ? -1 : 1;
    if (a->before != b->before)
        return a->before < b->before ? -1 : 1;
    return (a->thread > b->thread) - (a->thread < b->thread);
}

static uint32_t find_members(const struct spans *s, const struct view *v, bool strict,
                             struct member *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < v->state.thread_count; i++) {
        const struct span_thread key = {.addr = v->state.threads[i].rec.addr};
        int32_t object = v->state.threads[i].object;
        const struct span_thread *before =
            s->thread_count ? bsearch(&key, s->threads, s->thread_count, sizeof(key), by_address)
                            : NULL;
        int32_t now = object < 0 ? -1 : authority_island(&v->authority, object, strict);
        if (before && before->island >= 0 && now >= 0)
            out[count++] = (struct member){now, before->island, i};
    }
    if (count)
        qsort(out, count, sizeof(*out), by_islands);
    return count;
}

/* How the two reach each other now; "-" where it was not looked for. */
static char *join_text(const struct view *v, const struct member *a, const struct member *b,
                       bool strict, bool look)
{
    char text[TEXT_BYTES];
    struct authority_step *steps;
    uint32_t count;
    size_t size = (v->state.object_count + 1) * sizeof(bool);
    if (!look)
        return copy("-");
    bool *from = output_alloc(NULL, size);
    bool *to = output_alloc(NULL, size);
    memset(from, 0, size);
    memset(to, 0, size);
    from[v->state.threads[a->thread].object] = true;
    to[v->state.threads[b->thread].object] = true;
    enum error e =
        authority_path(&v->authority, from, to, AUTHORITY_PATH_ISLAND, strict, &steps, &count);
    breach_path_text(v, e == ERR_OK ? steps : NULL, e == ERR_OK ? count : 0, text, sizeof(text));
    if (e == ERR_OK)
        free(steps);
    free(from);
    free(to);
    return copy(text);
}

static void put_merge(struct spans *s, const struct view *v, const struct member *a,
                      const struct member *b, bool strict, bool look)
{
    char text[TEXT_BYTES];
    struct span new = {.first = v->n,
                       .last = v->n,
                       .weight = AUTHORITY_NOTE,
                       .kind = AUTHORITY_BREACH_KINDS,
                       .name = "islands-merged",
                       .meaning = "two islands became one: a manager joined them, or something"
                                  " happened that no operation does"};
    snprintf(text, sizeof(text), "%s | %s", v->state.threads[a->thread].label,
             v->state.threads[b->thread].label);
    new.text[SPAN_DOMAIN_A] = copy(domain_name(v, v->authority.thread_domain[a->thread]));
    new.text[SPAN_DOMAIN_B] = copy(domain_name(v, v->authority.thread_domain[b->thread]));
    new.text[SPAN_OBJECT] = copy(text);
    new.text[SPAN_WITNESS_A] = copy("-");
    new.text[SPAN_WITNESS_B] = copy("-");
    new.text[SPAN_PATH] = join_text(v, a, b, strict, look);
    put(s, &new);
}

/* Each island of before that is part of one of now, with the first of those. */
static void put_merges(struct spans *s, const struct view *v, bool strict)
{
    struct member *m = output_alloc(NULL, (v->state.thread_count + 1) * sizeof(*m));
    uint32_t count = find_members(s, v, strict, m);
    uint32_t first = 0;
    uint32_t paths = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (m[i].now != m[first].now)
            first = i;
        else if (m[i].before != m[i - 1].before)
            put_merge(s, v, &m[first], &m[i], strict, paths++ < PATHS_MOST);
    }
    free(m);
}

static void keep_islands(struct spans *s, const struct view *v, bool strict)
{
    s->threads = output_alloc(s->threads, (v->state.thread_count + 1) * sizeof(*s->threads));
    s->thread_count = v->state.thread_count;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t object = v->state.threads[i].object;
        int32_t island = object < 0 ? -1 : authority_island(&v->authority, object, strict);
        s->threads[i] = (struct span_thread){v->state.threads[i].rec.addr, island};
    }
    if (s->thread_count)
        qsort(s->threads, s->thread_count, sizeof(*s->threads), by_address);
}

void spans_add(struct spans *s, const struct view *v, const struct authority_verdict *verdict,
               bool strict)
{
    s->now_count = 0;
    for (uint32_t i = 0; i < verdict->count; i++)
        put_breach(s, v, &verdict->breach[i]);
    put_merges(s, v, strict);
    keep_islands(s, v, strict);
}

/* --- over a range ---------------------------------------------------------------------------- */

static enum status evaluate(struct options *o, struct view *v, uint32_t n, struct spans *s,
                            struct authority_verdict *verdict)
{
    if (v->n != n && dbview_load(o, v, n) != STATUS_YES)
        return STATUS_UNKNOWN;
    authority_verdict_free(verdict);
    *verdict = (struct authority_verdict){0};
    if (authority_check(&v->authority, o->strict, verdict) != ERR_OK)
        return command_complain(o->run, "out of memory");
    spans_add(s, v, verdict, o->strict);
    return STATUS_YES;
}

enum status spans_enter(struct spans *s, struct options *o, struct view *v, uint32_t n,
                        struct capdb_run *run)
{
    if (n > run->last && capdb_run_at(v->db, n, run) != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    if (n == run->first) {
        s->run_first = n;
        s->thread_count = 0;
    }
    return STATUS_YES;
}

enum status spans_over(struct options *o, struct view *v, uint32_t first, uint32_t last,
                       struct spans *s, spans_told told, void *ctx)
{
    struct authority_verdict verdict = {0};
    enum status status = STATUS_YES;
    struct capdb_run run = {0};
    for (uint32_t n = first; status == STATUS_YES && n <= last; n++) {
        status = spans_enter(s, o, v, n, &run);
        bool anew = n == first || n == run.first || dbview_differs(o, v, n);
        if (status != STATUS_YES)
            break;
        if (anew)
            status = evaluate(o, v, n, s, &verdict);
        else
            spans_go_on(s, n);
        if (status == STATUS_YES && told)
            told(ctx, &verdict, n);
        if (!o->quiet)
            progress_show(NULL, n - first + 1, last - first + 1);
    }
    authority_verdict_free(&verdict);
    return status;
}
