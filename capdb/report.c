/* report: one HTML page that needs nothing else, with pictures of memory and authority over time.
 * All text of a target is escaped twice over: capstate made it printable, html_text() makes it
 * text. */
#include "capdb/command.h"

#include "lib/utf8.h"
#include "record/names.h"

#include <inttypes.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_BYTES = 1024,
    CHART_WIDTH = 900,
    CHART_HEIGHT = 160,
    MAP_COLUMNS = 128,
    MAP_ROWS = 64,
    MAP_CELL = 7,
    LISTED_BREACHES = 200,
    FLOW_DOMAINS_MAX = 64,
};

static const char *const palette[] = {"#4e79a7", "#f28e2b", "#59a14f", "#e15759",
                                      "#b07aa1", "#edc948", "#76b7b2", "#ff9da7"};
enum { PALETTE = sizeof(palette) / sizeof(*palette) };

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<style>body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1000px;"
    "padding:0 1em;color:#222;background:#fff}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:12px}"
    ".bad{color:#b00020;font-weight:600}.good{color:#1b7f3b;font-weight:600}"
    "svg{max-width:100%;height:auto}figure{margin:1em 0}figcaption{color:#555}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
    "td,th{border-color:#444}figcaption{color:#aaa}}</style>";

/* Labels were escaped; whatever else came here is shown as far as it can be. */
static uint32_t put_character(FILE *f, const char *text)
{
    uint32_t n = utf8_printable(text, (uint32_t)strlen(text));
    if (n)
        fwrite(text, 1, n, f);
    else
        fputc('?', f);
    return n ? n : 1;
}

static void html_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        case '\'':
            fputs("&#39;", f);
            break;
        default:
            text += put_character(f, text) - 1;
        }
    }
}

static void cell_text(FILE *f, const char *text)
{
    fputs("<td>", f);
    html_text(f, text);
    fputs("</td>", f);
}

static const char *domain_colour(const struct view *v, int32_t domain)
{
    if (domain < 0)
        return "#e8e8e8";
    return v->authority.domains[domain].trusted ? "#9aa0a6" : palette[domain % PALETTE];
}

/* --- chart of counts over snapshots --- */

static void put_line(FILE *f, const uint32_t *values, uint32_t count, const char *colour)
{
    uint32_t top = 1;
    for (uint32_t i = 0; i < count; i++)
        top = values[i] > top ? values[i] : top;
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colour);
    for (uint32_t i = 0; i < count; i++)
        fprintf(f, "%.1f,%.1f ",
                count > 1 ? (double)i * CHART_WIDTH / (double)(count - 1) : CHART_WIDTH / 2.0,
                CHART_HEIGHT - (double)values[i] * (CHART_HEIGHT - 10) / (double)top);
    fputs("\"/>", f);
}

static void put_chart(FILE *f, struct view *v, uint32_t count)
{
    uint32_t *caps = output_alloc(NULL, count * sizeof(*caps));
    uint32_t *changes = output_alloc(NULL, count * sizeof(*changes));
    for (uint32_t n = 1; n <= count; n++) {
        struct capdb_snapshot s = {0};
        capdb_snapshot_info(v->db, n, &s);
        caps[n - 1] = s.slots;
        changes[n - 1] = n == 1 ? 0 : s.added + s.removed + s.changed;
    }
    fprintf(f,
            "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Capabilities and changes "
            "over time\">",
            CHART_WIDTH, CHART_HEIGHT);
    put_line(f, caps, count, palette[0]);
    put_line(f, changes, count, palette[1]);
    fprintf(f,
            "</svg><figcaption>Capabilities (blue, %u at the end) and capabilities that changed "
            "from one snapshot to the next (orange), each to its own scale, over %u "
            "snapshots.</figcaption></figure>",
            caps[count - 1], count);
    free(caps);
    free(changes);
}

/* --- map of memory by owner --- */

static void put_map(FILE *f, const struct view *v)
{
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
                w.kernel ? "#333" : domain_colour(v, w.domain), addr);
        html_text(f, w.kernel ? "kernel" : domain_name(v, w.domain));
        fputs("</title></rect>", f);
        i += run;
    }
    fprintf(f, "</svg><figcaption>RAM from 0x%08" PRIx64 ", %" PRIu64 " KiB a cell, by owner: ",
            v->state.snapshot.ram_base, step >> 10);
    for (uint32_t d = 0; d < v->authority.domain_count; d++) {
        fprintf(f, "<span style=\"color:%s\">&#9632;</span> ", domain_colour(v, (int32_t)d));
        html_text(f, v->authority.domains[d].name);
        fputc(' ', f);
    }
    fputs("<span style=\"color:#333\">&#9632;</span> kernel</figcaption></figure>", f);
}

/* --- picture of flows between domains --- */

enum { FLOW_BOX = 130, FLOW_GAP = 30, FLOW_HEIGHT = 240, FLOW_BASE = 170 };

static void put_flow_arc(FILE *f, uint32_t from, uint32_t to, uint32_t objects)
{
    uint32_t x1 = from * (FLOW_BOX + FLOW_GAP) + FLOW_BOX / 2;
    uint32_t x2 = to * (FLOW_BOX + FLOW_GAP) + FLOW_BOX / 2;
    uint32_t far = from < to ? to - from : from - to;
    int bend = (int)(30 + 25 * far) * (from < to ? 1 : -1);
    int base = from < to ? FLOW_BASE - 20 : FLOW_BASE + 20;
    fprintf(f,
            "<path d=\"M%u %d Q%u %d %u %d\" fill=\"none\" stroke=\"#888\" stroke-width=\"1.5\" "
            "marker-end=\"url(#tip)\"><title>%u objects</title></path>",
            x1, base, (x1 + x2) / 2, base - bend, x2, base, objects);
}

/* objects[from * domains + to]: through how many information goes. */
static void count_flows(const struct authority_use *uses, uint32_t count, uint32_t domains,
                        uint32_t *objects)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = i + 1; k < count && uses[k].object == uses[i].object; k++) {
            if (uses[i].writer >= 0 && uses[k].reader >= 0)
                objects[(uint32_t)uses[i].domain * domains + (uint32_t)uses[k].domain]++;
            if (uses[k].writer >= 0 && uses[i].reader >= 0)
                objects[(uint32_t)uses[k].domain * domains + (uint32_t)uses[i].domain]++;
        }
}

static void put_flow_arcs(FILE *f, const struct authority_use *uses, uint32_t count,
                          uint32_t domains)
{
    uint32_t *objects = output_alloc(NULL, (domains * domains + 1) * sizeof(*objects));
    memset(objects, 0, domains * domains * sizeof(*objects));
    count_flows(uses, count, domains, objects);
    for (uint32_t from = 0; from < domains; from++)
        for (uint32_t to = 0; to < domains; to++)
            if (objects[from * domains + to])
                put_flow_arc(f, from, to, objects[from * domains + to]);
    free(objects);
}

static void put_flows(FILE *f, const struct view *v, const struct authority_use *uses,
                      uint32_t count)
{
    uint32_t domains = v->authority.domain_count;
    if (domains > FLOW_DOMAINS_MAX) {
        fprintf(f, "<p>%u domains are too many for a picture; the table has all.</p>", domains);
        return;
    }
    fprintf(f,
            "<figure><svg viewBox=\"0 0 %u %d\" role=\"img\" aria-label=\"Flows\"><defs><marker "
            "id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"3\" "
            "orient=\"auto\"><path d=\"M0 0L7 3L0 6z\" fill=\"#888\"/></marker></defs>",
            domains * (FLOW_BOX + FLOW_GAP) + FLOW_GAP, FLOW_HEIGHT);
    put_flow_arcs(f, uses, count, domains);
    for (uint32_t d = 0; d < domains; d++) {
        fprintf(f,
                "<rect x=\"%u\" y=\"%d\" width=\"%d\" height=\"40\" rx=\"4\" fill=\"%s\"/><text "
                "x=\"%u\" y=\"%d\" text-anchor=\"middle\" font-size=\"12\" fill=\"#fff\">",
                d * (FLOW_BOX + FLOW_GAP), FLOW_BASE - 20, FLOW_BOX, domain_colour(v, (int32_t)d),
                d * (FLOW_BOX + FLOW_GAP) + FLOW_BOX / 2, FLOW_BASE + 4);
        html_text(f, v->authority.domains[d].name);
        fputs("</text>", f);
    }
    fputs("</svg><figcaption>Where information can go in one step: forwards above, backwards "
          "below.</figcaption></figure>",
          f);
}

static void put_flow_table(FILE *f, const struct view *v, const struct authority_use *uses,
                           uint32_t count)
{
    static const char *const words[] = {"", "writes", "reads", "writes and reads"};
    char text[TEXT_BYTES];
    fputs("<table><tr><th>object</th><th>domain</th><th>does</th></tr>", f);
    for (uint32_t i = 0; i < count; i++) {
        fputs("<tr>", f);
        cell_text(f, capstate_object_text(&v->state, uses[i].object, text, sizeof(text)));
        cell_text(f, domain_name(v, uses[i].domain));
        cell_text(f, words[(uses[i].writer >= 0) + 2 * (uses[i].reader >= 0)]);
        fputs("</tr>\n", f);
    }
    fputs("</table>", f);
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
    fputs("<tr>", f);
    cell_text(f, authority_breach_name(b->kind));
    cell_text(f, domain_name(v, b->domain_a));
    cell_text(f, domain_name(v, b->domain_b));
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

static enum error put_verdict(FILE *f, const struct view *v, bool strict)
{
    struct authority_verdict verdict;
    char text[TEXT_BYTES];
    enum error e = authority_check(&v->authority, strict, &verdict);
    if (e != ERR_OK)
        return e;
    fprintf(f, "<p class=\"%s\">", verdict_class(&verdict));
    html_text(f, authority_verdict_text(&verdict, text, sizeof(text)));
    fputs(strict ? ". Nobody is trusted." : ". Trusted managers left out: ", f);
    if (!strict)
        html_text(f, authority_managers_text(&v->authority, text, sizeof(text)));
    fputs("</p>", f);
    if (verdict.count)
        fputs("<table><tr><th>breach</th><th>of</th><th>with</th><th>meaning</th>"
              "<th>witnesses</th></tr>",
              f);
    for (uint32_t i = 0; i < verdict.count && i < LISTED_BREACHES; i++)
        put_breach(f, v, &verdict.breach[i]);
    fputs(verdict.count ? "</table>" : "", f);
    if (verdict.count > LISTED_BREACHES)
        fprintf(f, "<p>and %u more: capdb check lists them.</p>", verdict.count - LISTED_BREACHES);
    authority_verdict_free(&verdict);
    return ERR_OK;
}

static const char *outcome_colour(enum authority_outcome outcome)
{
    switch (outcome) {
    case AUTHORITY_ISOLATED:
        return "#59a14f";
    case AUTHORITY_BREACHED:
        return "#e15759";
    case AUTHORITY_UNKNOWN:
        break;
    }
    return "#bab0ac";
}

/* One box a snapshot. */
static enum status put_strip(FILE *f, struct options *o, struct view *v, uint32_t count)
{
    fprintf(f, "<figure><svg viewBox=\"0 0 %d 20\" role=\"img\" aria-label=\"Verdicts\">",
            CHART_WIDTH);
    for (uint32_t n = 1; n <= count; n++) {
        struct authority_verdict verdict;
        char text[TEXT_BYTES];
        if (dbview_load(o, v, n) != STATUS_YES)
            return STATUS_UNKNOWN;
        if (authority_check(&v->authority, o->strict, &verdict) != ERR_OK)
            return command_complain(o->run, "out of memory");
        fprintf(f,
                "<rect x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"20\" fill=\"%s\"><title>snapshot "
                "%u: ",
                (double)(n - 1) * CHART_WIDTH / count, (double)CHART_WIDTH / count,
                outcome_colour(authority_outcome(&verdict)), n);
        html_text(f, authority_verdict_text(&verdict, text, sizeof(text)));
        fputs("</title></rect>", f);
        authority_verdict_free(&verdict);
    }
    fputs(
        "</svg><figcaption>Verdict of each snapshot: green isolated, red breached, grey could not "
        "tell.</figcaption></figure>",
        f);
    return STATUS_YES;
}

/* --- the page --- */

static void put_threads(FILE *f, const struct view *v)
{
    fputs("<h2>Threads</h2><table><tr><th>thread</th><th>domain</th><th>state</th>"
          "<th>priority</th></tr>",
          f);
    for (uint32_t i = 0; i < v->state.thread_count; i++) {
        const struct capstate_thread *t = &v->state.threads[i];
        fputs("<tr>", f);
        cell_text(f, t->rec.idle && !t->label[0] ? "(idle)" : t->label);
        cell_text(f, domain_name(v, v->authority.thread_domain[i]));
        cell_text(f, thread_state_name(t->rec.state));
        fprintf(f, "<td class=\"n\">%u</td></tr>\n", t->rec.priority);
    }
    fputs("</table>", f);
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
    fprintf(f, ". %u snapshots from %s", count, when_text(first.time, when, sizeof(when)));
    fprintf(f, " to %s.</p>", when_text(last.time, when, sizeof(when)));
}

static enum status write_page(struct options *o, struct view *v, FILE *f)
{
    struct authority_use *uses;
    uint32_t use_count;
    uint32_t count = capdb_count(v->db);
    put_title(f, v, count);
    fputs("<h2>Over time</h2>", f);
    put_chart(f, v, count);
    enum status s = put_strip(f, o, v, count);
    if (s == STATUS_YES)
        s = dbview_load(o, v, o->at ? o->at : count);
    if (s != STATUS_YES)
        return s;
    fprintf(f, "<h2>Verdict on snapshot %u</h2>", v->n);
    if (put_verdict(f, v, o->strict) != ERR_OK ||
        authority_uses(&v->authority, &uses, &use_count) != ERR_OK)
        return command_complain(o->run, "out of memory");
    fputs("<h2>Memory</h2>", f);
    put_map(f, v);
    fputs("<h2>Flows</h2>", f);
    put_flows(f, v, uses, use_count);
    put_flow_table(f, v, uses, use_count);
    free(uses);
    put_threads(f, v);
    fputs("</body></html>\n", f);
    return STATUS_YES;
}

enum status command_report(struct options *o)
{
    struct view v;
    if (!o->output)
        return command_complain(NULL, "report: -o FILE.html is missing");
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    FILE *f = fopen(o->output, "w");
    enum status s = f ? write_page(o, &v, f) : command_complain(o->output, "%s", strerror(errno));
    if (f && (ferror(f) | (fclose(f) != 0)) && s == STATUS_YES)
        s = command_complain(o->output, "could not be written");
    dbview_close(&v);
    return s;
}
