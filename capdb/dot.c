/* export --format dot: domains and what crosses between them; breaches red, everything else folded.
 *
 * A box is a domain. Objects that several domains use alike share an ellipse between them: an arrow
 * to it is a write, one from it a read. However large the system, the picture has at most
 * MOST_DOMAINS boxes, MOST_CHANNELS ellipses and MOST_BREACHES red lines: domains with breaches and
 * with most crossings are drawn, the others stand in one box, and what was folded is said.
 *
 * With --around THING it is the objects themselves, up to --depth steps of authority away.  Objects
 * that do nothing by themselves and to which the same is done by the same are one box.
 *
 * Labels are escaped text in quotes: capstate made it printable. */
#include "capdb/export.h"

#include "authority/conveys.h"
#include "capdb/colour.h"
#include "capstate/size.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_BYTES = 1024,
    MOST_DOMAINS = 24,
    MOST_CHANNELS = 48,
    MOST_BREACHES = 64,
    MOST_NODES = 250,
    LONGEST_NAME = 40,
    USUAL_DEPTH = 2,
    FOLDED = -2, /* the box for all domains that are not drawn */
};

static void quote_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', f);
        fputc(*text, f);
    }
}

static void quote(FILE *f, const char *text)
{
    fputc('"', f);
    quote_text(f, text);
    fputc('"', f);
}

/* A name as long as a box is wide, cut between characters. */
static void quote_name(FILE *f, const char *name)
{
    char text[LONGEST_NAME + 1];
    size_t n = strnlen(name, LONGEST_NAME);
    bool cut = name[n] != '\0';
    while (cut && n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
        n--;
    memcpy(text, name, n);
    text[n] = '\0';
    quote_text(f, text);
    fputs(cut ? "…" : "", f);
}

/* --- what there is --- */

struct channel {
    uint32_t first, count; /* in uses: those of one object */
    uint32_t type, objects;
};

struct domain_box {
    uint32_t caps, crossings, breaches;
    bool drawn;
};

struct dot {
    FILE *f;
    const struct view *v;
    struct colours colours;
    struct authority_use *uses;
    uint32_t use_count;
    struct authority_verdict verdict;
    struct channel *channels;
    uint32_t channel_count;
    struct domain_box *boxes;
    uint32_t folded;
};

static int32_t box_of(const struct dot *d, int32_t domain)
{
    return domain >= 0 && !d->boxes[domain].drawn ? FOLDED : domain;
}

/* What a use is but for its object, as a number that orders: whose, and 2 if it writes, 1 if it
 * reads.
 */
static int64_t use_shape(const struct dot *d, const struct authority_use *u)
{
    return (int64_t)box_of(d, u->domain) * 4 + (u->writer >= 0) * 2 + (u->reader >= 0);
}

static int compare_channels(const void *x, const void *y, void *ctx)
{
    const struct channel *a = x;
    const struct channel *b = y;
    const struct dot *d = ctx;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (uint32_t i = 0; i < a->count; i++) {
        int64_t p = use_shape(d, &d->uses[a->first + i]);
        int64_t q = use_shape(d, &d->uses[b->first + i]);
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

static int compare_uses(const void *x, const void *y, void *ctx)
{
    const struct authority_use *a = x;
    const struct authority_use *b = y;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    int64_t p = use_shape(ctx, a);
    int64_t q = use_shape(ctx, b);
    return p < q ? -1 : p > q;
}

static int most_objects_first(const void *x, const void *y)
{
    const struct channel *a = x;
    const struct channel *b = y;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Objects with the same uses become one. */
static void find_channels(struct dot *d)
{
    if (d->use_count)
        qsort_r(d->uses, d->use_count, sizeof(*d->uses), compare_uses, d);
    d->channels = output_alloc(NULL, (d->use_count + 1) * sizeof(*d->channels));
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->use_count; i++) {
        if (i == 0 || d->uses[i].object != d->uses[i - 1].object)
            d->channels[count++] =
                (struct channel){i, 0, d->v->state.objects[d->uses[i].object].type, 1};
        d->channels[count - 1].count++;
    }
    qsort_r(d->channels, count, sizeof(*d->channels), compare_channels, d);
    for (uint32_t i = 0; i < count; i++) {
        struct channel *last = d->channel_count ? &d->channels[d->channel_count - 1] : NULL;
        if (last && compare_channels(last, &d->channels[i], d) == 0)
            last->objects++;
        else
            d->channels[d->channel_count++] = d->channels[i];
    }
    qsort(d->channels, d->channel_count, sizeof(*d->channels), most_objects_first);
}

static void count_boxes(struct dot *d)
{
    for (uint32_t i = 0; i < d->v->state.slot_count; i++) {
        int32_t domain = authority_slot_domain(&d->v->authority, (int32_t)i);
        if (domain >= 0)
            d->boxes[domain].caps++;
    }
    for (uint32_t i = 0; i < d->use_count; i++)
        d->boxes[d->uses[i].domain].crossings++;
    for (uint32_t i = 0; i < d->verdict.count; i++) {
        const struct authority_breach *b = &d->verdict.breach[i];
        if (b->domain_a >= 0)
            d->boxes[b->domain_a].breaches++;
        if (b->domain_b >= 0)
            d->boxes[b->domain_b].breaches++;
    }
}

static bool more_to_see(const struct domain_box *a, const struct domain_box *b)
{
    if (a->breaches != b->breaches)
        return a->breaches > b->breaches;
    if (a->crossings != b->crossings)
        return a->crossings > b->crossings;
    return a->caps > b->caps;
}

static void choose_boxes(struct dot *d)
{
    uint32_t count = d->v->authority.domain_count;
    for (uint32_t chosen = 0; chosen < MOST_DOMAINS && chosen < count; chosen++) {
        struct domain_box *best = NULL;
        for (uint32_t i = 0; i < count; i++)
            if (!d->boxes[i].drawn && (!best || more_to_see(&d->boxes[i], best)))
                best = &d->boxes[i];
        if (best)
            best->drawn = true;
    }
    d->folded = count > MOST_DOMAINS ? count - MOST_DOMAINS : 0;
}

/* --- boxes --- */

static void put_box_id(const struct dot *d, int32_t domain)
{
    if (domain == FOLDED || !d->boxes[domain].drawn)
        fputs("others", d->f);
    else
        fprintf(d->f, "d%d", domain);
}

static void put_box(const struct dot *d, uint32_t i)
{
    const struct authority_domain *domain = &d->v->authority.domains[i];
    char buf[COLOUR_BYTES];
    const char *colour = colour_of(&d->colours, domain->name, domain->trusted, buf);
    fprintf(d->f, "  d%u [shape=box, style=\"filled,rounded\", fillcolor=\"%s\", fontcolor=\"%s\"",
            i, colour, colour_of_text(colour));
    fputs(", label=\"", d->f);
    quote_name(d->f, domain->name);
    fprintf(d->f, "\\n%u thread%s, %u capabilit%s%s\", tooltip=", domain->threads,
            plural_s(domain->threads), d->boxes[i].caps, plural_y(d->boxes[i].caps),
            domain->trusted ? "\\ntrusted manager, left out" : "");
    quote(d->f, domain->name);
    fputs("];\n", d->f);
}

static void put_boxes(const struct dot *d)
{
    for (uint32_t i = 0; i < d->v->authority.domain_count; i++)
        if (d->boxes[i].drawn)
            put_box(d, i);
    if (d->folded)
        fprintf(d->f,
                "  others [shape=box, style=\"rounded,dashed\", label=\"%u more domain%s, "
                "folded\"];\n",
                d->folded, plural_s(d->folded));
}

/* --- channels --- */

static const char *const use_styles[] = {"", "dir=forward", "dir=back", "dir=both"};

/* Folded domains have one line together, which does whatever any of them does. */
static void put_channel_lines(const struct dot *d, uint32_t number, const struct channel *c)
{
    uint32_t folded = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct authority_use *u = &d->uses[c->first + i];
        uint32_t does = (uint32_t)(use_shape(d, u) & 3);
        uint32_t style = (does >> 1) | (does & 1) << 1; /* 1 writes, 2 reads */
        if (!d->boxes[u->domain].drawn) {
            folded |= style;
            continue;
        }
        fprintf(d->f, "  d%d -> c%u [%s];\n", u->domain, number, use_styles[style]);
    }
    if (folded)
        fprintf(d->f, "  others -> c%u [%s, style=dashed];\n", number, use_styles[folded]);
}

/* Is there a domain in it that is drawn? */
static bool is_seen(const struct dot *d, const struct channel *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (d->boxes[d->uses[c->first + i].domain].drawn)
            return true;
    return false;
}

static void put_channel(const struct dot *d, uint32_t number, const struct channel *c)
{
    char text[TEXT_BYTES];
    const struct authority_use *u = &d->uses[c->first];
    fprintf(d->f, "  c%u [shape=ellipse, label=", number);
    if (c->objects == 1)
        quote(d->f, capstate_object_text(&d->v->state, u->object, text, sizeof(text)));
    else
        fprintf(d->f, "\"%u × %s\"", c->objects, record_cap_name(c->type));
    fputs("];\n", d->f);
    put_channel_lines(d, number, c);
}

static uint32_t put_channels(const struct dot *d)
{
    uint32_t drawn = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < d->channel_count; i++) {
        const struct channel *c = &d->channels[i];
        if (drawn < MOST_CHANNELS && is_seen(d, c))
            put_channel(d, drawn++, c);
        else
            left += c->objects;
    }
    return left;
}

/* --- breaches --- */

static bool same_line(const struct dot *d, const struct authority_breach *a,
                      const struct authority_breach *b)
{
    return a->kind == b->kind && box_of(d, a->domain_a) == box_of(d, b->domain_a) &&
           box_of(d, a->domain_b) == box_of(d, b->domain_b);
}

static bool is_red(const struct authority_breach *b)
{
    return b->weight == AUTHORITY_BREACH && b->domain_a >= 0;
}

static void put_breach(const struct dot *d, const struct authority_breach *b, uint32_t times)
{
    fputs("  ", d->f);
    put_box_id(d, box_of(d, b->domain_a));
    fputs(" -> ", d->f);
    put_box_id(d, box_of(d, b->domain_b >= 0 ? b->domain_b : b->domain_a));
    fprintf(d->f, " [color=\"%s\", fontcolor=\"%s\", penwidth=2, label=\"%s", COLOUR_BREACH,
            COLOUR_BREACH, authority_breach_name(b->kind));
    if (times > 1)
        fprintf(d->f, " × %u", times);
    fputs("\"];\n", d->f);
}

/* Breaches of one kind between the same boxes are one line; returns how many breaches are in none.
 */
static uint32_t put_breaches(const struct dot *d)
{
    struct line {
        const struct authority_breach *first;
        uint32_t times;
    } lines[MOST_BREACHES];
    uint32_t count = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < d->verdict.count; i++) {
        const struct authority_breach *b = &d->verdict.breach[i];
        uint32_t k = 0;
        while (k < count && !same_line(d, lines[k].first, b))
            k++;
        if (!is_red(b) || k == MOST_BREACHES) {
            left += b->weight == AUTHORITY_BREACH;
            continue;
        }
        if (k == count)
            lines[count++] = (struct line){b, 0};
        lines[k].times++;
    }
    for (uint32_t k = 0; k < count; k++)
        put_breach(d, lines[k].first, lines[k].times);
    return left;
}

/* --- the whole --- */

static void put_head(const struct dot *d)
{
    fputs("digraph capabilities {\n  rankdir=LR;\n  graph [fontname=\"sans-serif\", "
          "labelloc=t];\n  node [fontname=\"sans-serif\", fontsize=11];\n"
          "  edge [fontname=\"sans-serif\", fontsize=9, color=\"#5f6368\"];\n",
          d->f);
}

static void put_title(const struct dot *d, uint32_t objects, uint32_t breaches)
{
    char text[TEXT_BYTES];
    fprintf(d->f, "  label=\"snapshot %u: ", d->v->n);
    quote_text(d->f, authority_verdict_text(&d->verdict, text, sizeof(text)));
    if (objects)
        fprintf(d->f, "\\nnot drawn: %u more object%s that several domains use", objects,
                plural_s(objects));
    if (breaches)
        fprintf(d->f, "\\nnot drawn: %u more breach%s, capdb check lists %s", breaches,
                plural_es(breaches), breaches == 1 ? "it" : "them");
    fputs("\";\n}\n", d->f);
}

static enum error read_facts(struct dot *d, bool strict)
{
    enum error e = authority_uses(&d->v->authority, &d->uses, &d->use_count);
    if (e != ERR_OK)
        return e;
    e = authority_check(&d->v->authority, strict, &d->verdict);
    return e == ERR_OK ? colours_read(d->v->db, &d->colours) : e;
}

static void put_overview(struct dot *d)
{
    size_t size = (d->v->authority.domain_count + 1) * sizeof(*d->boxes);
    d->boxes = output_alloc(NULL, size);
    memset(d->boxes, 0, size);
    count_boxes(d);
    choose_boxes(d);
    find_channels(d);
    put_head(d);
    put_boxes(d);
    uint32_t objects = put_channels(d);
    put_title(d, objects, put_breaches(d));
    free(d->boxes);
    free(d->channels);
}

/* --- around a thing --- */

struct around {
    struct dot *d;
    int32_t *distance; /* by node, -1: not reached */
    int32_t *queue;
    uint32_t head, tail;
    bool cut; /* MOST_NODES were not enough */
    /* by place in the queue */
    uint64_t shape[MOST_NODES];
    uint32_t alike[MOST_NODES]; /* how many it stands for; 0: another stands for it */
    bool *folded;               /* by node: another stands for it */
};

static void reach(struct around *a, int32_t node, int32_t distance)
{
    if (a->distance[node] >= 0)
        return;
    a->cut |= a->tail == MOST_NODES;
    if (a->tail == MOST_NODES)
        return;
    a->distance[node] = distance;
    a->queue[a->tail++] = node;
}

static void spread_from(struct around *a, int32_t node)
{
    const struct authority *graph = &a->d->v->authority;
    int32_t next = a->distance[node] + 1;
    uint32_t count;
    const uint32_t *to = authority_edges_to(graph, node, &count);
    for (uint32_t i = graph->first_edge[node]; i < graph->first_edge[node + 1]; i++)
        if (graph->edges[i].kind != AUTHORITY_DESTROY)
            reach(a, graph->edges[i].to, next);
    for (uint32_t i = 0; i < count; i++)
        if (graph->edges[to[i]].kind != AUTHORITY_DESTROY)
            reach(a, graph->edges[to[i]].from, next);
}

/* One capability to untyped memory is the witness for all that it covers: of that only what a breach
 * is about. */
static bool shows_breach(const struct authority_breach *b, const struct authority_edge *e)
{
    bool about = e->kind != AUTHORITY_COVER || b->object == e->to || b->object_b == e->to;
    return b->weight == AUTHORITY_BREACH && about && (b->slot_a == e->slot || b->slot_b == e->slot);
}

static bool is_red_edge(const struct dot *d, const struct authority_edge *e)
{
    for (uint32_t i = 0; e->slot >= 0 && i < d->verdict.count; i++)
        if (shows_breach(&d->verdict.breach[i], e))
            return true;
    return false;
}

/* --- what is alike --- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Order does not count. */
static uint64_t edge_shape(const struct around *a, const struct authority_edge *e, int32_t other,
                           bool forward)
{
    if (e->kind == AUTHORITY_DESTROY || a->distance[other] < 0)
        return 0;
    return mix(mix(mix((uint64_t)other, e->kind), forward), is_red_edge(a->d, e));
}

static uint64_t shape_of(const struct around *a, int32_t node)
{
    const struct authority *graph = &a->d->v->authority;
    const struct capstate_object *o = &graph->state->objects[node];
    uint64_t shape = mix(mix(mix(o->type, o->bits), o->flags), (uint64_t)graph->home[node]);
    uint32_t count;
    const uint32_t *to = authority_edges_to(graph, node, &count);
    for (uint32_t i = graph->first_edge[node]; i < graph->first_edge[node + 1]; i++)
        shape += edge_shape(a, &graph->edges[i], graph->edges[i].to, true);
    for (uint32_t i = 0; i < count; i++)
        shape += edge_shape(a, &graph->edges[to[i]], graph->edges[to[i]].from, false);
    return shape;
}

static bool may_fold(const struct around *a, uint32_t place)
{
    int32_t node = a->queue[place];
    return a->distance[node] > 0 && !authority_type_is_entity(a->d->v->state.objects[node].type);
}

/* The first of those that are alike stands for all. */
static void fold(struct around *a)
{
    for (uint32_t i = 0; i < a->tail; i++) {
        uint32_t first = i;
        a->shape[i] = shape_of(a, a->queue[i]);
        for (uint32_t k = 0; may_fold(a, i) && k < i && first == i; k++)
            if (a->alike[k] && a->shape[k] == a->shape[i] && may_fold(a, k))
                first = k;
        a->alike[first]++;
        a->folded[a->queue[i]] = first != i;
    }
}

/* --- drawing it --- */

static void put_node_label(const struct dot *d, int32_t node, uint32_t alike)
{
    const struct capstate_object *o = &d->v->state.objects[node];
    char text[TEXT_BYTES];
    char size[SIZE_TEXT];
    if (alike == 1)
        quote(d->f, capstate_object_text(&d->v->state, node, text, sizeof(text)));
    else
        fprintf(d->f, "\"%u × %s %s\"", alike, record_cap_name(o->type),
                size_exact((uint64_t)1 << (o->bits & 63), size));
}

static void put_node(const struct dot *d, int32_t node, bool asked, uint32_t alike)
{
    const struct authority *a = &d->v->authority;
    char buf[COLOUR_BYTES];
    int32_t home = a->home[node];
    const char *colour =
        home < 0 ? "#ffffff"
                 : colour_of(&d->colours, a->domains[home].name, a->domains[home].trusted, buf);
    fprintf(d->f,
            "  n%d [shape=box, style=filled, fillcolor=\"%s\", fontcolor=\"%s\"%s, label=", node,
            colour, colour_of_text(colour), asked ? ", penwidth=3" : "");
    put_node_label(d, node, alike);
    fputs(", tooltip=", d->f);
    quote(d->f, domain_name(d->v, home));
    fputs("];\n", d->f);
}

static void put_edge(const struct around *a, const struct authority_edge *e, uint32_t kinds,
                     bool red)
{
    const char *behind = "";
    if (!kinds || a->distance[e->to] < 0 || a->folded[e->to])
        return;
    fprintf(a->d->f, "  n%d -> n%d [label=\"", e->from, e->to);
    for (uint32_t kind = 0; kind < AUTHORITY_EDGE_KINDS; kind++)
        if (kinds >> kind & 1) {
            fprintf(a->d->f, "%s%s", behind, authority_edge_name((enum authority_edge_kind)kind));
            behind = ", ";
        }
    fputc('"', a->d->f);
    if (red)
        fprintf(a->d->f, ", color=\"%s\", fontcolor=\"%s\", penwidth=2", COLOUR_BREACH,
                COLOUR_BREACH);
    fputs("];\n", a->d->f);
}

/* Edges between two nodes stand together, and are one line. */
static void put_edges_from(const struct around *a, int32_t node)
{
    const struct authority *graph = &a->d->v->authority;
    const uint32_t end = graph->first_edge[node + 1];
    for (uint32_t i = graph->first_edge[node]; i < end;) {
        const struct authority_edge *first = &graph->edges[i];
        bool red = false;
        uint32_t kinds = 0;
        for (; i < end && graph->edges[i].to == first->to; i++) {
            const struct authority_edge *e = &graph->edges[i];
            kinds |= e->kind == AUTHORITY_DESTROY ? 0 : 1u << e->kind;
            red |= a->distance[e->to] >= 0 && is_red_edge(a->d, e);
        }
        put_edge(a, first, kinds, red);
    }
}

static void put_nodes(const struct around *a, uint32_t depth)
{
    put_head(a->d);
    for (uint32_t i = 0; i < a->tail; i++) {
        if (!a->alike[i])
            continue;
        put_node(a->d, a->queue[i], a->distance[a->queue[i]] == 0, a->alike[i]);
        put_edges_from(a, a->queue[i]);
    }
    fprintf(a->d->f, "  label=\"snapshot %u: around ", a->d->v->n);
    quote_text(a->d->f, a->d->v->options->around);
    fprintf(a->d->f, ", %u step%s of authority%s\";\n}\n", depth, plural_s(depth),
            a->cut ? ", not all: the nearest objects are drawn" : "");
}

static void put_around(struct dot *d, const struct thing *thing)
{
    uint32_t nodes = d->v->authority.node_count;
    uint32_t depth = d->v->options->depth ? d->v->options->depth : USUAL_DEPTH;
    struct around a = {.d = d};
    bool *mark = output_alloc(NULL, nodes + 1);
    memset(mark, 0, nodes + 1);
    a.distance = output_alloc(NULL, (nodes + 1) * sizeof(*a.distance));
    memset(a.distance, 0xff, (nodes + 1) * sizeof(*a.distance));
    a.queue = output_alloc(NULL, (MOST_NODES + 1) * sizeof(*a.queue));
    a.folded = output_alloc(NULL, nodes + 1);
    memset(a.folded, 0, nodes + 1);
    thing_mark(d->v, thing, mark);
    for (uint32_t i = 0; i < nodes; i++)
        if (mark[i])
            reach(&a, (int32_t)i, 0);
    for (; a.head < a.tail; a.head++)
        if (a.distance[a.queue[a.head]] < (int32_t)depth)
            spread_from(&a, a.queue[a.head]);
    fold(&a);
    put_nodes(&a, depth);
    free(mark);
    free(a.folded);
    free(a.distance);
    free(a.queue);
}

enum status export_dot(FILE *f, struct options *o, const struct view *v)
{
    struct dot d = {.f = f, .v = v};
    struct thing thing;
    if (o->around && !thing_find(o, v, o->around, &thing))
        return STATUS_UNKNOWN;
    enum error e = read_facts(&d, o->strict);
    if (e == ERR_OK && o->around)
        put_around(&d, &thing);
    else if (e == ERR_OK)
        put_overview(&d);
    colours_free(&d.colours);
    free(d.uses);
    authority_verdict_free(&d.verdict);
    return e == ERR_OK ? STATUS_YES : command_complain(o->run, "%s", error_sentence(e));
}
