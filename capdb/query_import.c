/* import: a capDL specification as a recording of one snapshot, so that a design is checked before
 * it runs. */
#include "capdb/command.h"

#include "capdb/capdl.h"
#include "lib/plural.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Complains where the specification is wrong. */
static enum status read_design(const char *path, struct capdl_spec *spec, struct capstate *state,
                               uint32_t *kept)
{
    struct capdl_fault fault = {0};
    enum error e = capdl_read(path, spec, &fault);
    if (e == ERR_OK)
        e = capdl_place(spec, &fault);
    if (e == ERR_OK)
        e = capdl_keep(spec, kept, &fault);
    if (e == ERR_OK)
        e = capdl_state(spec, state);
    if (e == ERR_FORMAT && fault.where.line)
        return command_complain(path, "line %u, column %u: %s", fault.where.line,
                                fault.where.column, fault.sentence);
    if (e == ERR_IO)
        return command_complain(path, "%s", fault.sentence);
    return e == ERR_OK ? STATUS_YES : command_complain(path, "%s", error_sentence(e));
}

static enum status record_design(const struct options *o, const char *path,
                                 const struct authority_rules *rules, const struct capstate *state)
{
    char message[CAPDB_MESSAGE];
    char target[CAPDB_MESSAGE];
    struct capdb_new new;
    const struct capdb_source source = {.target = target};
    uint32_t n;
    snprintf(target, sizeof(target), "capdl:%s", o->run);
    if (capdb_begin_new(path, &source, &new, message) != ERR_OK)
        return command_complain(path, "%s", message);
    enum error e = rules->count ? capdb_set_rules(new.db, rules) : ERR_OK;
    if (e == ERR_OK)
        e = capdb_append(new.db, state, (double)time(NULL), &n);
    if (e != ERR_OK)
        snprintf(message, sizeof(message), "%s", capdb_error(new.db));
    e = capdb_end_new(&new, e, message);
    return e == ERR_OK ? STATUS_YES : command_complain(path, "%s", message);
}

/* By name, as many as a line takes. */
static void tell_kept(const char *path, const struct capdl_spec *spec, uint32_t kept)
{
    enum { NAMES = 8 };
    const struct capdl_cap *cap = &spec->cap[spec->caps - kept];
    fprintf(stderr,
            "capdb: %s: %u object%s that no capability refers to %s kept: what loads the design"
            " holds %s:",
            path, kept, plural_s(kept), kept == 1 ? "is" : "are", kept == 1 ? "it" : "them");
    for (uint32_t i = 0; i < kept && i < NAMES; i++)
        fprintf(stderr, "%s %s", i ? "," : "", spec->object[cap[i].object].name);
    if (kept > NAMES)
        fprintf(stderr, " and %u more", kept - NAMES);
    fputc('\n', stderr);
}

enum status command_import(struct options *o)
{
    struct capdl_spec spec = {0};
    struct capstate state;
    struct authority_rules rules = {0};
    uint32_t kept = 0;
    capstate_init(&state);
    enum status s = rules_read(o->domains, &rules);
    if (s == STATUS_YES)
        s = read_design(o->run, &spec, &state, &kept);
    if (s == STATUS_YES)
        s = record_design(o, o->operand[0], &rules, &state);
    if (s == STATUS_YES && kept)
        tell_kept(o->run, &spec, kept);
    capdl_free(&spec);
    capstate_free(&state);
    authority_rules_free(&rules);
    return s;
}
