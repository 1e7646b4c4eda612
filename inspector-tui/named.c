/* Names with a prefix. */
#include "inspector-tui/named.h"

#include "capstate/prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *text, int base, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, base);
    return end > text && *end == 0 && errno == 0 && *text != '-';
}

static struct ref thread_named(const struct sample *s, const char *name)
{
    int32_t thread = capstate_thread_named(&s->state, name);
    return thread < 0 ? ref_to(REF_NONE, 0) : sample_thread_ref(s, thread);
}

/* An interrupt has a number and no address. An address that the kernel's window begins with may be a
 * device's, too: the type says. */
static struct ref object_named(const struct sample *s, const struct prefix *p, const char *text,
                               const char **why)
{
    bool irq = p->type == RECORD_CAP_IRQ_HANDLER;
    uint64_t addr = 0;
    if (!number(text, irq && strncmp(text, "0x", 2) != 0 ? 10 : 16, &addr))
        *why = irq ? "is no number of an interrupt" : "is no address of an object";
    int32_t object = capstate_object_typed(&s->state, addr, p->type);
    if (object < 0 && !irq)
        object = capstate_object_typed(&s->state, sample_physical(s, addr), p->type);
    return sample_object_ref(s, object);
}

static const char *behind(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* The kind of a name with an address, NULL behind it: the text is none. */
static const char *address_of(const struct sample *s, const char *text, struct ref *out,
                              const char **why)
{
    const char *slot = behind(text, "slot:"), *phys = behind(text, "phys:"),
               *kernel = behind(text, "kernel:"),
               *rest = slot   ? slot
                       : phys ? phys
                              : kernel;
    uint64_t addr = 0;
    if (!rest)
        return NULL;
    if (!number(rest, 16, &addr))
        *why = slot ? "is no address of a slot" : "is no address";
    if (slot)
        *out = ref_to(REF_SLOT, sample_physical(s, addr));
    else
        *out = sample_ref_at(s, phys ? addr : addr - s->state.snapshot.phys_offset);
    return rest;
}

bool named_find(const struct sample *s, const char *text, struct ref *out, const char **why)
{
    const struct prefix *p = prefix_of(text);
    const char *thread = behind(text, "thread:"), *domain = behind(text, "domain:");
    *why = NULL;
    if (p)
        *out = object_named(s, p, text + strlen(p->text), why);
    else if (thread)
        *out = thread_named(s, thread);
    else if (domain)
        *out = ref_to(REF_DOMAIN, ref_hash(domain));
    else if (!address_of(s, text, out, why))
        return false;
    if (!*why && out->kind == REF_NONE)
        *why = "is not there at this moment";
    return true;
}
