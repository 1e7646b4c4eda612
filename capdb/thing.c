/* Finding things by name.  What a name looks like decides before what the target calls its threads:
 * an address is an address and `slot:0x…` a slot, whatever thread or domain is called so; those are
 * reached as `thread:NAME` and `domain:NAME`. */
#include "capdb/command.h"
#include "capdb/nearest.h"

#include "capstate/prefix.h"
#include "lib/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = RECORD_STRING_MAX * 4 + 1 };

/* --- addresses ------------------------------------------------------------------------------- */

static bool number_parse(const char *text, uint64_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    *out = value;
    return *end == '\0' && errno == 0;
}

static uint64_t last_word(const struct record_snapshot *s)
{
    return record_word_bits(s) == 32 ? UINT32_MAX : UINT64_MAX;
}

/* As the kernel sees RAM through its window; where it has none, RAM itself. */
static bool in_window(const struct record_snapshot *s, uint64_t addr)
{
    return addr - ((s->ram_base + s->phys_offset) & last_word(s)) < s->ram_size;
}

static bool in_ram(const struct record_snapshot *s, uint64_t addr)
{
    return addr - s->ram_base < s->ram_size || in_window(s, addr);
}

bool address_is_doubtful(const char *text, const struct record_snapshot *snapshot)
{
    const char *digits = text + (strncmp(text, "phys:", 5) == 0     ? 5
                                 : strncmp(text, "kernel:", 7) == 0 ? 7
                                                                    : 0);
    if (!*digits || digits[strspn(digits, "0123456789")])
        return false;
    return !in_ram(snapshot, strtoull(digits, NULL, 10)) &&
           in_ram(snapshot, strtoull(digits, NULL, 16));
}

bool address_as_printed(const char *text, const struct record_snapshot *snapshot, uint64_t *out)
{
    return !address_is_doubtful(text, snapshot) && number_parse(text, out) &&
           *out <= last_word(snapshot);
}

bool address_parse(const char *text, const struct record_snapshot *snapshot, uint64_t *out)
{
    if (address_is_doubtful(text, snapshot))
        return false;
    const uint64_t last = last_word(snapshot);
    if (strncmp(text, "phys:", 5) == 0)
        return number_parse(text + 5, out) && *out <= last;
    bool kernel = strncmp(text, "kernel:", 7) == 0;
    if (!number_parse(kernel ? text + 7 : text, out) || *out > last)
        return false;
    if (kernel || (snapshot->phys_offset != 0 && in_window(snapshot, *out)))
        *out = (*out - snapshot->phys_offset) & last;
    return true;
}

/* --- prefixes -------------------------------------------------------------------------------- */

/* An address without 0x is decimal, and as some tool prints it perhaps not. False. */
static bool no_address(const struct options *o, const struct view *v, const char *name,
                       const char *text)
{
    if (address_is_doubtful(text, &v->state.snapshot))
        command_complain(o->run, "%s: as a decimal number this is not in memory: is 0x%s meant?",
                         name, text);
    else
        command_complain(o->run, "%s: not an address", name);
    return false;
}

static bool find_prefixed(const struct options *o, const struct view *v, const char *name,
                          const struct prefix *prefix, struct thing *out)
{
    const char *text = name + strlen(prefix->text);
    bool irq = prefix->type == RECORD_CAP_IRQ_HANDLER; /* a number, not an address */
    uint64_t addr = 0;
    if (irq && !number_parse(text, &addr))
        return command_complain(o->run, "%s: not a number", name), false;
    if (!irq && !address_as_printed(text, &v->state.snapshot, &addr) &&
        !address_parse(text, &v->state.snapshot, &addr))
        return no_address(o, v, name, text);
    out->kind = THING_OBJECT;
    out->object = capstate_object_typed(&v->state, addr, prefix->type);
    if (out->object < 0 && !irq && address_parse(text, &v->state.snapshot, &addr))
        out->object = capstate_object_typed(&v->state, addr, prefix->type);
    out->addr = addr;
    if (out->object < 0)
        command_complain(o->run, "snapshot %u has no %s", v->n, name);
    return out->object >= 0;
}

static bool find_slot(const struct options *o, const struct view *v, const char *name,
                      struct thing *out)
{
    const char *text = name + strlen("slot:");
    uint64_t addr = 0;
    if (!address_as_printed(text, &v->state.snapshot, &addr) &&
        !address_parse(text, &v->state.snapshot, &addr))
        return no_address(o, v, name, text);
    out->kind = THING_SLOT;
    out->slot = capstate_slot_at(&v->state, addr);
    if (out->slot < 0 && address_parse(text, &v->state.snapshot, &addr))
        out->slot = capstate_slot_at(&v->state, addr);
    out->addr = addr;
    if (out->slot < 0)
        return command_complain(o->run, "snapshot %u: %s is empty or no slot", v->n, name), false;
    out->object = v->state.slots[out->slot].object;
    return true;
}

/* --- names ----------------------------------------------------------------------------------- */

static void take_thread(const struct view *v, int32_t thread, struct thing *out)
{
    out->kind = THING_OBJECT;
    out->addr = v->state.threads[thread].rec.addr;
    out->object = v->state.threads[thread].object;
}

/* A name that is typed as it is, as it is shown; itself when it is longer than any. */
static const char *as_shown(const char *name, char label[LABEL_BYTES])
{
    if (strlen(name) > RECORD_STRING_MAX)
        return name;
    utf8_escape(label, LABEL_BYTES, name, (uint32_t)strlen(name));
    return label;
}

/* --- several threads of one name --- */

void candidates_add(struct candidates *c, const struct capstate_thread *t, const char *label)
{
    enum { SHOWN = 5 };
    size_t room = sizeof(c->text) - c->used;
    c->count++;
    if (c->count > SHOWN + 1 || c->used >= sizeof(c->text))
        return;
    c->used +=
        (size_t)(c->count > SHOWN ? snprintf(c->text + c->used, room, ", ...")
                                  : snprintf(c->text + c->used, room, "%s%s (tcb:0x%" PRIx64 ")",
                                             c->used ? ", " : "", label, t->rec.addr));
}

void candidates_complain(const struct options *o, const char *name, const struct candidates *c)
{
    command_complain(o->run, "%s fits %u threads: %s", name, c->count, c->text);
}

/* -1: none is called so; or more than one is, which has been said. */
static int32_t only_thread(const struct options *o, const struct view *v, const char *name,
                           bool *told)
{
    char label[LABEL_BYTES];
    const char *shown = as_shown(name, label);
    struct candidates c = {0};
    int32_t thread = -1;
    for (uint32_t i = 0; i < v->state.thread_count; i++) {
        const struct capstate_thread *t = &v->state.threads[i];
        if (strcmp(t->label, name) != 0 && strcmp(t->label, shown) != 0)
            continue;
        candidates_add(&c, t, t->label);
        thread = (int32_t)i;
    }
    if (c.count <= 1)
        return thread;
    candidates_complain(o, name, &c);
    *told = true;
    return -1;
}

static bool find_thread(const struct options *o, const struct view *v, const char *name, bool *told,
                        struct thing *out)
{
    int32_t thread = only_thread(o, v, name, told);
    if (thread < 0 || v->state.threads[thread].object < 0)
        return false;
    take_thread(v, thread, out);
    return true;
}

static bool find_domain(const struct view *v, const char *name, struct thing *out)
{
    char label[LABEL_BYTES];
    out->domain = authority_domain_named(&v->authority, name);
    if (out->domain < 0)
        out->domain = authority_domain_named(&v->authority, as_shown(name, label));
    if (out->domain < 0)
        return false;
    out->kind = THING_DOMAIN;
    return true;
}

static void no_such_name(const struct options *o, const struct view *v, const char *name)
{
    const char *colon = strchr(name, ':');
    struct nearest n = {.wanted = colon ? colon + 1 : name};
    for (uint32_t i = 0; i < v->authority.domain_count; i++)
        nearest_offer(&n, v->authority.domains[i].name);
    for (uint32_t i = 0; i < v->state.thread_count; i++)
        nearest_offer(&n, v->state.threads[i].label);
    command_complain(o->run, "snapshot %u has no domain, thread or object called %s%s%s", v->n,
                     name, n.best ? "; the nearest is " : "", n.best ? n.best : "");
}

static bool find_named(const struct options *o, const struct view *v, const char *name,
                       struct thing *out)
{
    bool found, told = false;
    if (strncmp(name, "domain:", 7) == 0)
        found = find_domain(v, name + 7, out);
    else if (strncmp(name, "thread:", 7) == 0)
        found = find_thread(o, v, name + 7, &told, out);
    else
        found = find_domain(v, name, out) || find_thread(o, v, name, &told, out);
    if (!found && !told)
        no_such_name(o, v, name);
    return found;
}

static void find_address(const struct view *v, uint64_t addr, struct thing *out)
{
    out->kind = THING_ADDRESS;
    out->addr = addr;
    out->object = capstate_object_at(&v->state, addr);
    if (out->object < 0)
        out->object = capstate_object_holding(&v->state, addr);
}

bool thing_is_digits(const char *name)
{
    return *name && !name[strspn(name, "0123456789")];
}

/* A system may call its threads by numbers; an answer about memory would pass for one about them. */
static bool is_number_and_name(const struct options *o, const struct view *v, const char *name)
{
    uint64_t addr;
    bool domain = authority_domain_named(&v->authority, name) >= 0, thread = false;
    for (uint32_t i = 0; !domain && !thread && i < v->state.thread_count; i++)
        thread = strcmp(v->state.threads[i].label, name) == 0;
    if ((!domain && !thread) || !number_parse(name, &addr))
        return false;
    command_complain(o->run, "%s is an address and the name of a %s: 0x%" PRIx64 " or %s:%s", name,
                     domain ? "domain" : "thread", addr, domain ? "domain" : "thread", name);
    return true;
}

bool thing_find(const struct options *o, const struct view *v, const char *name, struct thing *out)
{
    uint64_t addr;
    const struct prefix *prefix = prefix_of(name);
    *out = (struct thing){.object = -1, .slot = -1, .domain = -1};
    if (thing_is_digits(name) && is_number_and_name(o, v, name))
        return false;
    if (address_parse(name, &v->state.snapshot, &addr)) {
        find_address(v, addr, out);
        return true;
    }
    if (address_is_doubtful(name, &v->state.snapshot))
        return no_address(o, v, name, name);
    if (strncmp(name, "slot:", 5) == 0)
        return find_slot(o, v, name, out);
    if (prefix)
        return find_prefixed(o, v, name, prefix, out);
    return find_named(o, v, name, out);
}

void thing_mark(const struct view *v, const struct thing *t, bool *mark)
{
    if (t->kind == THING_DOMAIN)
        authority_mark_domain(&v->authority, t->domain, mark);
    else if (t->object >= 0)
        mark[t->object] = true;
}
