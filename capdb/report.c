/* report: one HTML page that needs nothing else, with pictures of memory and authority over time.
 * All text of a target is escaped twice over: capstate made it printable, html_text() makes it
 * text. */
#include "capdb/page.h"

#include "lib/errors.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_BYTES = 1024,
    MAP_COLUMNS = 128,
    MAP_ROWS = 64,
    MAP_CELL = 7,
    LISTED_BREACHES = 200,
    FLOW_DOMAINS_MAX = 10,
    LISTED_KEYS = 40,
    LISTED_ROWS = 200,
};

static const char *domain_colour(const struct view *v, const struct colours *colours,
                                 int32_t domain, char buf[COLOUR_BYTES])
{
    if (domain < 0)
        return COLOUR_NOBODY;
    const struct authority_domain *d = &v->authority.domains[domain];
    return colour_of(colours, d->name, d->trusted, buf);
}

/* --- map of memory by owner --- */

static void put_map(FILE *f, const struct view *v, const struct colours *colours)
{
    char buf[COLOUR_BYTES];
    uint32_t cells = MAP_COLUMNS * MAP_ROWS;
    uint64_t step = v->state.snapshot.ram_size / cells;
    fprintf(f, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Memory by owner\">",
            MAP_COLUMNS * MAP_CELL, MAP_ROWS * MAP_CELL);
    for (uint32_t i = 0; step && i < cells;) {
        struct authority_owner w;
        struct authority_owner next;
        uint64_t addr = v->state.snapshot.ram_base + i * step;
        authority_owner_of(&v->authority, addr, &w);
        uint32_t run = 1; /* neighbours in this line with the same owner are one box */
        while ((i + run) % MAP_COLUMNS != 0) {
            authority_owner_of(&v->authority, addr + run * step, &next);
            if (next.domain != w.domain || next.kernel != w.kernel)
                break;
            run++;
        }
        fprintf(f,
                "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%d\" fill=\"%s\"><title>0x%08" PRIx64
                " "
                "",
                i % MAP_COLUMNS * MAP_CELL, i / MAP_COLUMNS * MAP_CELL, run * MAP_CELL, MAP_CELL,
                w.kernel ? COLOUR_KERNEL : domain_colour(v, colours, w.domain, buf), addr);
        html_text(f, w.kernel ? "kernel" : domain_name(v, w.domain));
        fputs("</title></rect>", f);
        i += run;
    }
    fprintf(f, "</svg><figcaption>RAM from 0x%08" PRIx64 ", %" PRIu64 " bytes a cell, by owner: ",
            v->state.snapshot.ram_base, step);
    for (uint32_t d = 0; d < v->authority.domain_count && d < LISTED_KEYS; d++)
        html_key(f, domain_colour(v, colours, (int32_t)d, buf), v->authority.domains[d].name);
    html_key(f, COLOUR_KERNEL, "kernel");
    html_key(f, COLOUR_NOBODY, "nobody alone");
    fputs("</figcaption></figure>", f);
}

/* --- picture of authority between domains --- */

enum { FLOW_BOX = 120, FLOW_GAP = 16, FLOW_STEP = FLOW_BOX + FLOW_GAP, FLOW_LIFT = 22 };

struct flow_picture {
    FILE *f;
    const struct view *v;
    const struct colours *colours;
    uint32_t domains;                 /* that are drawn */
    int32_t domain[FLOW_DOMAINS_MAX]; /* by place, ascending */
    int32_t *place;                   /* by domain, -1: not drawn */
    int base;                         /* y of the boxes' middle */
};

/* --- which domains: those with breaches, then those with most crossings --- */

static uint64_t *domain_weights(const struct view *v, const struct authority_use *uses,
                                uint32_t count, const struct authority_verdict *verdict)
{
    size_t size = (v->authority.domain_count + 1) * sizeof(uint64_t);
    uint64_t *weight = output_alloc(NULL, size);
    memset(weight, 0, size);
    for (uint32_t i = 0; i < count; i++)
        weight[uses[i].domain]++;
    for (uint32_t i = 0; i < verdict->count; i++) {
        const struct authority_breach *b = &verdict->breach[i];
        if (b->weight != AUTHORITY_BREACH)
            continue;
        if (b->domain_a >= 0)
            weight[b->domain_a] += UINT64_C(1) << 32;
        if (b->domain_b >= 0)
            weight[b->domain_b] += UINT64_C(1) << 32;
    }
    return weight;
}

/* Marks them with 0; of equals the first. */
static void choose_domains(struct flow_picture *p, const uint64_t *weight)
{
    uint32_t count = p->v->authority.domain_count;
    for (uint32_t chosen = 0; chosen < FLOW_DOMAINS_MAX && chosen < count; chosen++) {
        int32_t best = -1;
        for (uint32_t d = 0; d < count; d++)
            if (p->place[d] < 0 && (best < 0 || weight[d] > weight[best]))
                best = (int32_t)d;
        p->place[best] = 0;
    }
}

static void place_domains(struct flow_picture *p, const struct authority_use *uses, uint32_t count,
                          const struct authority_verdict *verdict)
{
    uint32_t domains = p->v->authority.domain_count;
    uint64_t *weight = domain_weights(p->v, uses, count, verdict);
    p->place = output_alloc(NULL, (domains + 1) * sizeof(*p->place));
    memset(p->place, 0xff, (domains + 1) * sizeof(*p->place));
    choose_domains(p, weight);
    for (uint32_t d = 0; d < domains; d++)
        if (p->place[d] == 0) {
            p->place[d] = (int32_t)p->domains;
            p->domain[p->domains++] = (int32_t)d;
        }
    free(weight);
}

/* --- drawing them --- */

/* `nudge` keeps lines of two kinds apart. */
static void put_arc(const struct flow_picture *p, uint32_t from, uint32_t to, const char *colour,
                    int nudge)
{
    int x1 = (int)(from * FLOW_STEP + FLOW_BOX / 2) + nudge;
    int x2 = (int)(to * FLOW_STEP + FLOW_BOX / 2) - nudge;
    int far = abs((int)to - (int)from);
    int side = from < to ? -1 : 1;
    int y = p->base + side * 20;
    fprintf(p->f,
            "<path d=\"M%d %dQ%d %d %d %d\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" "
            "marker-end=\"url(#%s)\"><title>",
            x1, y, (x1 + x2) / 2, y + side * FLOW_LIFT * (far + 1), x2, y, colour,
            nudge ? "2.5" : "1.5", nudge ? "red" : "grey");
}

static void put_flow_arc(const struct flow_picture *p, uint32_t from, uint32_t to, uint32_t objects)
{
    put_arc(p, from, to, "#888888", 0);
    fprintf(p->f, "%u object%s</title></path>", objects, plural_s(objects));
}

static void count_flow(const struct flow_picture *p, const struct authority_use *from,
                       const struct authority_use *to, uint32_t *objects)
{
    int32_t x = p->place[from->domain];
    int32_t y = p->place[to->domain];
    if (x >= 0 && y >= 0 && from->writer >= 0 && to->reader >= 0)
        objects[(uint32_t)x * p->domains + (uint32_t)y]++;
}

/* objects[from * domains + to]: through how many information goes. */
static void count_flows(const struct flow_picture *p, const struct authority_use *uses,
                        uint32_t count, uint32_t *objects)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = i + 1;
             p->place[uses[i].domain] >= 0 && k < count && uses[k].object == uses[i].object; k++) {
            count_flow(p, &uses[i], &uses[k], objects);
            count_flow(p, &uses[k], &uses[i], objects);
        }
}

static void put_flow_arcs(const struct flow_picture *p, const struct authority_use *uses,
                          uint32_t count)
{
    uint32_t objects[FLOW_DOMAINS_MAX * FLOW_DOMAINS_MAX] = {0};
    count_flows(p, uses, count, objects);
    for (uint32_t from = 0; from < p->domains; from++)
        for (uint32_t to = 0; to < p->domains; to++)
            if (objects[from * p->domains + to])
                put_flow_arc(p, from, to, objects[from * p->domains + to]);
}

static void put_breach_arcs(const struct flow_picture *p, const struct authority_verdict *verdict)
{
    for (uint32_t i = 0; i < verdict->count; i++) {
        const struct authority_breach *b = &verdict->breach[i];
        int32_t from = b->domain_a < 0 ? -1 : p->place[b->domain_a];
        int32_t to = b->domain_b < 0 ? -1 : p->place[b->domain_b];
        if (b->weight != AUTHORITY_BREACH || from < 0 || to < 0 || from == to)
            continue;
        put_arc(p, (uint32_t)from, (uint32_t)to, COLOUR_BREACH, 12);
        html_text(p->f, authority_breach_name(b->kind));
        fputs("</title></path>", p->f);
    }
}

/* The box cuts a name that is longer. */
static void put_flow_box(const struct flow_picture *p, uint32_t place)
{
    char buf[COLOUR_BYTES];
    int32_t d = p->domain[place];
    const char *colour = domain_colour(p->v, p->colours, d, buf);
    fprintf(p->f,
            "<svg x=\"%u\" y=\"%d\" width=\"%d\" height=\"40\"><rect width=\"100%%\" "
            "height=\"100%%\" rx=\"4\" fill=\"%s\"/><text x=\"50%%\" y=\"24\" "
            "text-anchor=\"middle\" fill=\"%s\">",
            place * FLOW_STEP, p->base - 20, FLOW_BOX, colour, colour_of_text(colour));
    html_text(p->f, p->v->authority.domains[d].name);
    fputs("</text></svg>", p->f);
}

static void put_tip(FILE *f, const char *id, const char *colour)
{
    fprintf(f,
            "<marker id=\"%s\" markerUnits=\"userSpaceOnUse\" markerWidth=\"10\" "
            "markerHeight=\"10\" refX=\"8\" refY=\"4\" orient=\"auto\"><path d=\"M0 0L9 4L0 "
            "8z\" fill=\"%s\"/></marker>",
            id, colour);
}

static void put_flows(FILE *f, const struct view *v, const struct colours *colours,
                      const struct authority_use *uses, uint32_t count,
                      const struct authority_verdict *verdict)
{
    struct flow_picture p = {.f = f, .v = v, .colours = colours};
    uint32_t domains = v->authority.domain_count;
    place_domains(&p, uses, count, verdict);
    p.base = (int)(p.domains * FLOW_LIFT) / 2 + 34;
    fprintf(f,
            "<figure><svg viewBox=\"-4 0 %u %d\" style=\"max-width:%upx\" role=\"img\" "
            "aria-label=\"Authority between domains\"><defs>",
            p.domains * FLOW_STEP, p.base * 2, p.domains * FLOW_STEP);
    put_tip(f, "grey", "#888888");
    put_tip(f, "red", COLOUR_BREACH);
    fputs("</defs>", f);
    put_flow_arcs(&p, uses, count);
    put_breach_arcs(&p, verdict);
    for (uint32_t d = 0; d < p.domains; d++)
        put_flow_box(&p, d);
    fputs("</svg><figcaption>Where information can go in one step (grey), and breaches (red): from "
          "left to right above, from right to left below. Trusted managers are left out.",
          f);
    if (domains > p.domains)
        fprintf(f,
                " Of %u domains, these are the %u with breaches or most crossings; capdb export "
                "--format dot draws more.",
                domains, p.domains);
    fputs("</figcaption></figure>", f);
    free(p.place);
}

static void put_table_end(FILE *f, uint32_t rows)
{
    fputs("</table>", f);
    if (rows > LISTED_ROWS)
        fprintf(f, "<p>and %u more.</p>", rows - LISTED_ROWS);
}

static void put_flow_table(FILE *f, const struct view *v, const struct authority_use *uses,
                           uint32_t count)
{
    static const char *const words[] = {"", "writes", "reads", "writes and reads"};
    char text[TEXT_BYTES];
    fputs("<table><tr><th>object</th><th>domain</th><th>does</th></tr>", f);
    for (uint32_t i = 0; i < count && i < LISTED_ROWS; i++) {
        fputs("<tr>", f);
        cell_text(f, capstate_object_text(&v->state, uses[i].object, text, sizeof(text)));
        cell_text(f, domain_name(v, uses[i].domain));
        cell_text(f, words[(uses[i].writer >= 0) + 2 * (uses[i].reader >= 0)]);
        fputs("</tr>\n", f);
    }
    put_table_end(f, count);
}

/* --- verdict over time --- */

static void put_witness(FILE *f, const struct view *v, int32_t slot)
{
    char text[TEXT_BYTES];
    char place[TEXT_BYTES / 2];
    if (slot < 0)
        return;
    snprintf(text, sizeof(text), "0x%08" PRIx64 ", %s: ", v->state.slots[slot].rec.addr,
             capstate_place_text(&v->state, slot, place, sizeof(place)));
    html_text(f, text);
    html_text(f, capstate_slot_text(&v->state, slot, text, sizeof(text)));
    fputs("<br>", f);
}

static void put_breach(FILE *f, const struct view *v, const struct authority_breach *b)
{
    char text[TEXT_BYTES];
    fputs("<tr>", f);
    cell_text(f, authority_breach_name(b->kind));
    cell_text(f, domain_name(v, b->domain_a));
    cell_text(f, breach_other_text(v, b, text, sizeof(text)));
    cell_text(f, authority_breach_sentence(b->kind));
    fputs("<td><code>", f);
    put_witness(f, v, b->slot_a);
    put_witness(f, v, b->slot_b);
    fputs("</code></td></tr>\n", f);
}

static const char *verdict_class(const struct authority_verdict *verdict)
{
    return authority_outcome(verdict) == AUTHORITY_ISOLATED ? "good" : "bad";
}

static void put_verdict(FILE *f, const struct view *v, const struct authority_verdict *verdict,
                        bool strict)
{
    char text[TEXT_BYTES];
    fprintf(f, "<p class=\"%s\">", verdict_class(verdict));
    html_text(f, authority_verdict_text(verdict, text, sizeof(text)));
    fputs(strict ? ". Nobody is trusted." : ". Trusted managers left out: ", f);
    if (!strict)
        html_text(f, authority_managers_text(&v->authority, text, sizeof(text)));
    fputs("</p>", f);
    if (verdict->count)
        fputs("<table><tr><th>breach</th><th>of</th><th>with</th><th>meaning</th>"
              "<th>witnesses</th></tr>",
              f);
    for (uint32_t i = 0; i < verdict->count && i < LISTED_BREACHES; i++)
        put_breach(f, v, &verdict->breach[i]);
    fputs(verdict->count ? "</table>" : "", f);
    if (verdict->count > LISTED_BREACHES)
        fprintf(f, "<p>and %u more: capdb check lists them.</p>", verdict->count - LISTED_BREACHES);
}

/* --- the page --- */

static void put_threads(FILE *f, const struct view *v)
{
    fputs("<h2>Threads</h2><table><tr><th>thread</th><th>domain</th><th>state</th>"
          "<th>priority</th></tr>",
          f);
    for (uint32_t i = 0; i < v->state.thread_count && i < LISTED_ROWS; i++) {
        const struct capstate_thread *t = &v->state.threads[i];
        fputs("<tr>", f);
        cell_text(f, t->rec.idle && !t->label[0] ? "(idle)" : t->label);
        cell_text(f, domain_name(v, v->authority.thread_domain[i]));
        cell_text(f, thread_shown_name(t->rec.state, t->rec.current));
        fprintf(f, "<td class=\"n\">%u</td></tr>\n", t->rec.priority);
    }
    put_table_end(f, v->state.thread_count);
}

static void put_title(FILE *f, struct view *v, uint32_t count)
{
    struct capdb_snapshot first = {0};
    struct capdb_snapshot last = {0};
    char when[32];
    capdb_snapshot_info(v->db, 1, &first);
    capdb_snapshot_info(v->db, count, &last);
    fputs(page_head, f);
    fputs("<title>Capability report</title></head><body><h1>Capability report</h1><p>", f);
    html_text(f, last.target);
    fputs(", kernel ", f);
    html_text(f, last.build);
    fprintf(f, ". %u snapshot%s from %s", count, plural_s(count),
            when_text(first.time, when, sizeof(when)));
    fprintf(f, " to %s.</p>", when_text(last.time, when, sizeof(when)));
}

/* What one snapshot shows. */
static enum status put_snapshot(FILE *f, struct options *o, struct view *v,
                                const struct colours *colours)
{
    struct authority_use *uses = NULL;
    uint32_t use_count = 0;
    struct authority_verdict verdict = {0};
    enum error e = authority_check(&v->authority, o->strict, &verdict);
    if (e == ERR_OK)
        e = authority_uses(&v->authority, &uses, &use_count);
    if (e == ERR_OK) {
        fprintf(f, "<h2>Verdict on snapshot %u</h2>", v->n);
        put_verdict(f, v, &verdict, o->strict);
        fputs("<h2>Authority between domains</h2>", f);
        put_flows(f, v, colours, uses, use_count, &verdict);
        put_flow_table(f, v, uses, use_count);
        fputs("<h2>Memory</h2>", f);
        put_map(f, v, colours);
        fputs("<h2>Untyped memory</h2>", f);
        report_untyped(f, v, colours);
    }
    free(uses);
    authority_verdict_free(&verdict);
    return e == ERR_OK ? STATUS_YES : command_complain(o->run, "%s", error_sentence(e));
}

static enum status write_page(struct options *o, struct view *v, FILE *f)
{
    struct colours colours;
    uint32_t count = capdb_count(v->db);
    if (colours_read(v->db, &colours) != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    put_title(f, v, count);
    enum status s = put_snapshot(f, o, v, &colours);
    if (s == STATUS_YES)
        put_threads(f, v);
    if (s == STATUS_YES)
        s = report_over_time(f, o, v, &colours);
    fputs("<h2>Revocations</h2>", f);
    report_revocations(f, v);
    fputs("</body></html>\n", f);
    colours_free(&colours);
    return s;
}

enum status command_report(struct options *o)
{
    struct view v;
    if (!o->output)
        return command_complain(NULL, "report: -o FILE.html is missing");
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    progress_while(o, v.db, false);
    struct outfile f;
    enum status s = command_begin_output(o, &f);
    if (s == STATUS_YES)
        s = command_end_output(o, &f, write_page(o, &v, f.file));
    progress_show(NULL, 1, 1);
    dbview_close(&v);
    return s;
}
