/* export: one snapshot for other programs, as JSON, CSV, capDL (capdl.c) or a picture (dot.c); the
 * events as a table (trace.c) or on a time axis (perfetto.c). */
#include "capdb/command.h"

#include "capdb/export.h"

#include "capdb/store.h"
#include "record/names.h"

#include <inttypes.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

/* --- JSON: SQLite makes the document from the views --- */

/* SQL's hex of an address, null where there is none. */
#define HEX(column) "iif(" column " IS NULL, NULL, printf('0x%08x', " column "))"

/* SQL, laid out by hand. */
/* clang-format off */
static const char json_sql[] =
    "SELECT json_object("
    "'snapshot', (SELECT json_object('n', n, 'taken', taken, 'ticks', ticks, 'digest', digest,"
    "    'board', board, 'build', build, 'complete', complete)"
    "  FROM snapshots WHERE n = ?1),"
    "'caps', (SELECT json_group_array(json_object('cap', cap, 'parent', parent,"
    "    'slot', " HEX("slot") ", 'holder', " HEX("holder") ", 'index', \"index\", 'domain', domain,"
    "    'type', type, 'object', " HEX("object") ", 'bits', bits, 'rights', rights,"
    "    'data', data, 'extra', extra))"
    "  FROM (SELECT * FROM caps WHERE n = ?1 ORDER BY pos)),"
    "'threads', (SELECT json_group_array(json_object('tcb', " HEX("addr") ", 'name', name,"
    "    'domain', domain, 'state', state, 'priority', priority, 'pc', " HEX("pc") "))"
    "  FROM threads WHERE n = ?1),"
    "'mappings', (SELECT json_group_array(json_object('dir', " HEX("dir") ", 'asid', asid,"
    "    'vaddr', " HEX("vaddr") ", 'frame', " HEX("frame") ", 'bits', bits, 'rights', rights))"
    "  FROM mappings WHERE n = ?1),"
    "'irqs', (SELECT json_group_array(json_object('irq', irq, 'state', state))"
    "  FROM irqs WHERE n = ?1))";
/* clang-format on */

static enum error export_json(FILE *f, struct view *v)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(v->db, json_sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, v->n);
    if (capdb_step(v->db, st, "exporting", &e))
        fprintf(f, "%s\n", capdb_column_text(st, 0));
    sqlite3_finalize(st);
    return e;
}

/* --- CSV (RFC 4180): one line a capability --- */

/* A spreadsheet takes a cell that begins so for a formula; names come from the target. "-" alone
 * says that there is none. */
static bool looks_like_formula(const char *text)
{
    return *text && strchr("=+-@\t\r", *text) && strcmp(text, "-") != 0;
}

static void csv_text(FILE *f, const char *text)
{
    fputs(looks_like_formula(text) ? "\"'" : "\"", f);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static void export_csv(FILE *f, const struct view *v)
{
    char text[TEXT_BYTES];
    char rights[5];
    fputs("slot,depth,parent,domain,place,object,bits,rights,data,extra,capability\r\n", f);
    for (uint32_t i = 0; i < v->state.slot_count; i++) {
        const struct capstate_slot *slot = &v->state.slots[i];
        fprintf(f, "0x%08" PRIx64 ",%u,", slot->rec.addr, slot->rec.depth);
        if (slot->parent >= 0)
            fprintf(f, "0x%08" PRIx64, v->state.slots[slot->parent].rec.addr);
        fputc(',', f);
        csv_text(f, domain_name(v, authority_slot_domain(&v->authority, (int32_t)i)));
        fputc(',', f);
        csv_text(f, capstate_place_text(&v->state, (int32_t)i, text, sizeof(text)));
        fprintf(f, ",0x%08" PRIx64 ",%u,%s,%" PRIu64 ",%" PRIu64 ",", slot->rec.object,
                slot->rec.bits, record_rights_text(slot->rec.type, slot->rec.rights, rights),
                slot->rec.data, slot->rec.extra);
        csv_text(f, capstate_slot_text(&v->state, (int32_t)i, text, sizeof(text)));
        fputs("\r\n", f);
    }
}

static enum status export_to(struct options *o, struct view *v, FILE *f)
{
    const char *format = o->format;
    if (strcmp(format, "dot") == 0)
        return export_dot(f, o, v);
    else if (strcmp(format, "csv") == 0)
        export_csv(f, v);
    else if (strcmp(format, "capdl") == 0) {
        if (export_capdl(f, &v->state) != ERR_OK)
            return command_complain(o->run, "out of memory");
    } else if (strcmp(format, "trace") == 0)
        return export_perfetto(f, o, v);
    else if (strcmp(format, "events") == 0)
        return export_events(f, o, v);
    else if (export_json(f, v) != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    return STATUS_YES;
}

enum status command_export(struct options *o)
{
    static const char *const formats[] = {"capdl", "dot", "json", "csv", "trace", "events", NULL};
    struct view v;
    bool known = false;
    for (size_t i = 0; o->format && formats[i]; i++)
        known |= strcmp(o->format, formats[i]) == 0;
    if (!known)
        return command_complain(NULL, "export: --format capdl, dot, json, csv, trace or events");
    o->whole = strcmp(o->format, "trace") == 0 || strcmp(o->format, "events") == 0;
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    progress_while(o, v.db, !o->output);
    struct outfile f;
    enum status s = command_begin_output(o, &f);
    if (s == STATUS_YES)
        s = command_end_output(o, &f, export_to(o, &v, f.file));
    progress_show(NULL, 1, 1);
    dbview_close(&v);
    return s;
}
