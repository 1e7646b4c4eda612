/* import: a capDL specification as a recording of one snapshot, so that a design is checked before
 * it runs. */
#include "capdb/command.h"

#include "capdb/capdl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Complains where the specification is wrong. */
static enum status read_design(const char *path, struct capdl_spec *spec, struct capstate *state)
{
    struct capdl_fault fault = {0};
    enum error e = capdl_read(path, spec, &fault);
    int why = errno;
    if (e == ERR_OK)
        e = capdl_place(spec, &fault);
    if (e == ERR_OK)
        e = capdl_state(spec, state);
    if (e == ERR_FORMAT && fault.where.line)
        return command_complain(path, "line %u, column %u: %s", fault.where.line,
                                fault.where.column, fault.sentence);
    if (e == ERR_IO)
        return command_complain(path, "%s", strerror(why));
    return e == ERR_OK ? STATUS_YES : command_complain(path, "%s", error_sentence(e));
}

static enum status record_design(const struct options *o, const char *path,
                                 const struct authority_rules *rules, const struct capstate *state)
{
    char message[CAPDB_MESSAGE];
    char target[CAPDB_MESSAGE];
    struct capdb *db;
    uint32_t n;
    snprintf(target, sizeof(target), "capdl:%s", o->run);
    if (capdb_create(path, target, &db, message) != ERR_OK)
        return command_complain(path, "%s", message);
    enum error e = rules->count ? capdb_set_rules(db, rules) : ERR_OK;
    if (e == ERR_OK)
        e = capdb_append(db, state, (double)time(NULL), &n);
    enum status s = e == ERR_OK ? STATUS_YES : command_complain(path, "%s", capdb_error(db));
    capdb_close(db);
    if (s != STATUS_YES)
        unlink(path);
    return s;
}

/* Without a capability nothing can be done with an object, and no kernel would keep it. */
static uint32_t without_capability(const struct capdl_spec *spec)
{
    bool *held = calloc(spec->objects + 1u, sizeof(*held));
    uint32_t count = 0;
    for (uint32_t i = 0; held && i < spec->caps; i++)
        if (spec->cap[i].object != CAPDL_NONE)
            held[spec->cap[i].object] = true;
    for (uint32_t i = 0; held && i < spec->objects; i++)
        count += !held[i];
    free(held);
    return count;
}

enum status command_import(struct options *o)
{
    struct capdl_spec spec = {0};
    struct capstate state;
    struct authority_rules rules = {0};
    capstate_init(&state);
    enum status s = rules_read(o->domains, &rules);
    if (s == STATUS_YES)
        s = read_design(o->run, &spec, &state);
    if (s == STATUS_YES)
        s = record_design(o, o->operand[0], &rules, &state);
    uint32_t lost = s == STATUS_YES ? without_capability(&spec) : 0;
    if (lost)
        fprintf(stderr, "capdb: %s: %u object%s that no capability refers to left out\n", o->run,
                lost, lost == 1 ? "" : "s");
    capdl_free(&spec);
    capstate_free(&state);
    authority_rules_free(&rules);
    return s;
}
