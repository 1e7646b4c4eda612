/* import: a capDL specification as a recording of one snapshot, so that a design is checked before
 * it runs. */
#include "capdb/command.h"

#include "capdb/capdl.h"
#include "lib/plural.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without a capability nothing can be done with an object, and no kernel would keep it; but a thread
 * runs. */
static uint32_t without_capability(const struct capdl_spec *spec)
{
    bool *held = calloc(spec->objects + 1u, sizeof(*held));
    uint32_t count = 0;
    for (uint32_t i = 0; held && i < spec->caps; i++)
        if (spec->cap[i].object != CAPDL_NONE)
            held[spec->cap[i].object] = true;
    for (uint32_t i = 0; held && i < spec->objects; i++)
        count += !held[i] && spec->object[i].type != RECORD_CAP_TCB;
    free(held);
    return count;
}

/* What a specification has without a capability. */
struct unheld {
    uint32_t threads, others;
};

/* Complains where the specification is wrong. */
static enum status read_design(const char *path, struct capdl_spec *spec, struct capstate *state,
                               struct unheld *unheld)
{
    struct capdl_fault fault = {0};
    enum error e = capdl_read(path, spec, &fault);
    if (e == ERR_OK)
        e = capdl_place(spec, &fault);
    unheld->others = e == ERR_OK ? without_capability(spec) : 0;
    if (e == ERR_OK)
        e = capdl_keep_threads(spec, &unheld->threads);
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

static void tell_unheld(const char *path, const struct unheld *u)
{
    if (u->threads)
        fprintf(stderr,
                "capdb: %s: %u thread%s that no capability refers to %s kept: what loads the design"
                " holds %s\n",
                path, u->threads, plural_s(u->threads), u->threads == 1 ? "is" : "are",
                u->threads == 1 ? "it" : "them");
    if (u->others)
        fprintf(stderr, "capdb: %s: %u object%s that no capability refers to left out\n", path,
                u->others, plural_s(u->others));
}

enum status command_import(struct options *o)
{
    struct capdl_spec spec = {0};
    struct capstate state;
    struct authority_rules rules = {0};
    struct unheld unheld = {0};
    capstate_init(&state);
    enum status s = rules_read(o->domains, &rules);
    if (s == STATUS_YES)
        s = read_design(o->run, &spec, &state, &unheld);
    if (s == STATUS_YES)
        s = record_design(o, o->operand[0], &rules, &state);
    if (s == STATUS_YES)
        tell_unheld(o->run, &unheld);
    capdl_free(&spec);
    capstate_free(&state);
    authority_rules_free(&rules);
    return s;
}
