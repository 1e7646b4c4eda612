/* Opening what a command asks about, and finding things by name. */
#include "capdb/command.h"

#include "attach/attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum status command_complain(const char *where, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "capdb: %s%s", where ? where : "", where ? ": " : "");
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return STATUS_UNKNOWN;
}

bool target_is_live(const char *target)
{
    return strncmp(target, "monitor:", 8) == 0 || strncmp(target, "gdb:", 4) == 0 ||
           strncmp(target, "ram:", 4) == 0;
}

/* One snapshot of a running system in a database in memory. */
static enum status open_live(struct options *o, struct view *v)
{
    char message[CAPDB_MESSAGE];
    struct attach *a;
    struct capstate state;
    uint32_t n;
    if (attach_open(o->run, &a, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    if (attach_snapshot(a, &state) != ERR_OK) {
        command_complain(NULL, "%s", attach_error(a));
        attach_close(a);
        return STATUS_UNKNOWN;
    }
    attach_close(a);
    enum error e = capdb_create(":memory:", o->run, &v->db, message);
    if (e != ERR_OK)
        command_complain(o->run, "%s", message);
    if (e == ERR_OK) {
        bool replaced;
        e = capdb_set_rules(v->db, &v->rules, &replaced);
        if (e == ERR_OK)
            e = capdb_append(v->db, &state, (double)time(NULL), &n);
        if (e == ERR_OK)
            e = capdb_flush(v->db);
        if (e != ERR_OK)
            command_complain(o->run, "%s", capdb_error(v->db));
    }
    capstate_free(&state);
    return e == ERR_OK ? STATUS_YES : STATUS_UNKNOWN;
}

/* FILE@N: only when no file has that whole name. */
static enum status open_file(struct options *o, struct view *v)
{
    char message[CAPDB_MESSAGE];
    char *path = strdup(o->run);
    char *at = path ? strrchr(path, '@') : NULL;
    if (!path)
        return command_complain(NULL, "out of memory");
    if (at && access(path, F_OK) != 0) {
        char *end;
        unsigned long n = strtoul(at + 1, &end, 10);
        if (at[1] && *end == '\0' && n > 0 && n < UINT32_MAX) {
            *at = '\0';
            o->at = o->at ? o->at : (uint32_t)n;
        }
    }
    enum error e = capdb_open(path, &v->db, message);
    if (e != ERR_OK)
        command_complain(path, "%s", message);
    free(path);
    return e == ERR_OK ? STATUS_YES : STATUS_UNKNOWN;
}

enum status rules_read(const char *path, struct authority_rules *out)
{
    struct authority_rules_fault fault;
    if (!path)
        return STATUS_YES;
    enum error e = authority_rules_read(path, out, &fault);
    if (e == ERR_FORMAT)
        return command_complain(path, "line %u, column %u: %s", fault.line, fault.column,
                                fault.sentence);
    if (e == ERR_NO_MEMORY)
        return command_complain(path, "out of memory");
    return e == ERR_OK ? STATUS_YES : command_complain(path, "%s", strerror(errno));
}

enum status view_open_db(struct options *o, struct view *v)
{
    *v = (struct view){0};
    enum status s = rules_read(o->domains, &v->rules);
    if (s == STATUS_YES)
        s = target_is_live(o->run) ? open_live(o, v) : open_file(o, v);
    if (s != STATUS_YES)
        view_close(v);
    return s;
}

/* The rules of the recording for this snapshot, unless the user has others. */
static enum error load_rules(struct options *o, struct view *v, uint32_t n)
{
    if (o->domains)
        return ERR_OK;
    authority_rules_free(&v->rules);
    return capdb_get_rules(v->db, n, &v->rules);
}

enum status view_load(struct options *o, struct view *v, uint32_t n)
{
    view_unload(v);
    if (capdb_load(v->db, n, &v->state) != ERR_OK || load_rules(o, v, n) != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    v->n = n;
    if (authority_build(&v->state, &v->rules, &v->authority) != ERR_OK)
        return command_complain(o->run, "out of memory");
    return STATUS_YES;
}

enum status view_open(struct options *o, struct view *v)
{
    enum status s = view_open_db(o, v);
    if (s != STATUS_YES)
        return s;
    uint32_t count = capdb_count(v->db);
    if (count == 0)
        s = command_complain(o->run, "has no snapshot");
    else
        s = view_load(o, v, o->at ? o->at : count);
    if (s != STATUS_YES)
        view_close(v);
    return s;
}

void view_unload(struct view *v)
{
    authority_free(&v->authority);
    capstate_free(&v->state);
}

void view_close(struct view *v)
{
    view_unload(v);
    authority_rules_free(&v->rules);
    capdb_close(v->db);
    v->db = NULL;
}

/* --- names --- */

bool address_parse(const char *text, const struct record_snapshot *snapshot, uint32_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long value = strtoul(text, &end, 0);
    if (*end != '\0' || value > UINT32_MAX)
        return false;
    uint32_t addr = (uint32_t)value;
    uint32_t window = snapshot->ram_base + snapshot->phys_offset;
    bool virtual = snapshot->phys_offset != 0 && addr - window < snapshot->ram_size;
    *out = virtual ? addr - snapshot->phys_offset : addr;
    return true;
}

struct prefix {
    const char *text;
    uint32_t type;
};

static const struct prefix prefixes[] = {
    {"tcb:", RECORD_CAP_TCB},           {"frame:", RECORD_CAP_FRAME},
    {"ep:", RECORD_CAP_ENDPOINT},       {"endpoint:", RECORD_CAP_ENDPOINT},
    {"ntfn:", RECORD_CAP_NOTIFICATION}, {"notification:", RECORD_CAP_NOTIFICATION},
    {"cnode:", RECORD_CAP_CNODE},       {"untyped:", RECORD_CAP_UNTYPED},
    {"ut:", RECORD_CAP_UNTYPED},        {"pt:", RECORD_CAP_PAGE_TABLE},
    {"pd:", RECORD_CAP_PAGE_DIRECTORY}, {"pool:", RECORD_CAP_ASID_POOL},
    {"irq:", RECORD_CAP_IRQ_HANDLER},
};

static int32_t object_of_type(const struct capstate *s, uint32_t addr, uint32_t type)
{
    for (uint32_t i = 0; i < s->object_count; i++)
        if (s->objects[i].addr == addr && s->objects[i].type == type)
            return (int32_t)i;
    return -1;
}

static bool find_prefixed(const struct options *o, const struct view *v, const char *name,
                          struct thing *out)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        size_t length = strlen(prefixes[i].text);
        if (strncmp(name, prefixes[i].text, length) != 0)
            continue;
        if (!address_parse(name + length, &v->state.snapshot, &out->addr))
            return command_complain(o->run, "%s: not an address", name), false;
        out->kind = THING_OBJECT;
        out->object = object_of_type(&v->state, out->addr, prefixes[i].type);
        if (out->object >= 0)
            return true;
        command_complain(o->run, "snapshot %u has no %s", v->n, name);
        return false;
    }
    command_complain(o->run, "snapshot %u has no domain, thread or object called %s", v->n, name);
    return false;
}

static bool find_slot(const struct options *o, const struct view *v, const char *name,
                      struct thing *out)
{
    if (!address_parse(name + strlen("slot:"), &v->state.snapshot, &out->addr))
        return command_complain(o->run, "%s: not an address", name), false;
    out->kind = THING_SLOT;
    out->slot = capstate_slot_at(&v->state, out->addr);
    if (out->slot < 0)
        return command_complain(o->run, "snapshot %u: %s is empty or no slot", v->n, name), false;
    out->object = v->state.slots[out->slot].object;
    return true;
}

static bool find_thread(const struct view *v, const char *name, struct thing *out)
{
    int32_t thread = capstate_thread_named(&v->state, name);
    if (thread < 0 || v->state.threads[thread].object < 0)
        return false;
    out->kind = THING_OBJECT;
    out->addr = v->state.threads[thread].rec.addr;
    out->object = v->state.threads[thread].object;
    return true;
}

bool thing_find(const struct options *o, const struct view *v, const char *name, struct thing *out)
{
    *out = (struct thing){.object = -1, .slot = -1, .domain = -1};
    out->domain = authority_domain_named(&v->authority, name);
    if (out->domain >= 0) {
        out->kind = THING_DOMAIN;
        return true;
    }
    if (address_parse(name, &v->state.snapshot, &out->addr)) {
        out->kind = THING_ADDRESS;
        out->object = capstate_object_at(&v->state, out->addr);
        if (out->object < 0)
            out->object = capstate_object_holding(&v->state, out->addr);
        return true;
    }
    if (strncmp(name, "slot:", 5) == 0)
        return find_slot(o, v, name, out);
    if (find_thread(v, strncmp(name, "thread:", 7) == 0 ? name + 7 : name, out))
        return true;
    return find_prefixed(o, v, name, out);
}

void thing_mark(const struct view *v, const struct thing *t, bool *mark)
{
    if (t->kind == THING_DOMAIN)
        authority_mark_domain(&v->authority, t->domain, mark);
    else if (t->object >= 0)
        mark[t->object] = true;
}

/* --- words --- */

const char *domain_name(const struct view *v, int32_t domain)
{
    return domain < 0 ? "-" : v->authority.domains[domain].name;
}

const char *rights_text(uint32_t type, uint32_t rights, char buf[8])
{
    char *at = buf;
    bool channel = type == RECORD_CAP_ENDPOINT;
    if (rights & RECORD_RIGHT_READ)
        *at++ = 'r';
    if (rights & RECORD_RIGHT_WRITE)
        *at++ = 'w';
    if ((rights & RECORD_RIGHT_GRANT) && (channel || type == RECORD_CAP_REPLY))
        *at++ = 'g';
    if ((rights & RECORD_RIGHT_GRANT_REPLY) && channel)
        *at++ = 'p';
    if (at == buf)
        *at++ = '-';
    *at = '\0';
    return buf;
}

char *when_text(double when, char *buf, size_t size)
{
    time_t t = (time_t)when;
    struct tm tm;
    gmtime_r(&t, &tm);
    if (strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 && size)
        buf[0] = '\0';
    return buf;
}
