/* Reading a capDL specification: objects, caps, irq maps, cdt. What its parser refuses is refused
 * here, by line and column; what follows from several places is looked at in capdl_check.c. */
#include "capdb/capdl_arch.h"
#include "capdb/capdl_read.h"
#include "lib/array.h"
#include "lib/host/input.h"

#include "record/capdl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, CNODE_BITS_MAX = 27, CONTEXT_BITS_MIN = 7, CONTEXT_BITS_MAX = 24 };
enum { PORT_MAX = 0xffff, SGI_MAX = 15 };

/* --- growing --- */

static enum error add_object(struct capdl_reader *r, const char *name, struct capdl_where where,
                             int32_t inside, int32_t *out)
{
    struct capdl_spec *s = r->spec;
    struct capdl_object *grown = array_room(s->object, s->objects, &r->object_room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    s->object = grown;
    grown[s->objects] = (struct capdl_object){
        .where = where, .name = strdup(name), .inside = inside, .table_in = CAPDL_NONE};
    *out = (int32_t)s->objects++;
    return grown[*out].name ? ERR_OK : ERR_NO_MEMORY;
}

static enum error add_cap(struct capdl_reader *r, const struct capdl_cap *cap)
{
    struct capdl_spec *s = r->spec;
    struct capdl_cap *grown = array_room(s->cap, s->caps, &r->cap_room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    s->cap = grown;
    grown[s->caps++] = *cap;
    return ERR_OK;
}

/* A member that is named before it is declared. */
static enum error add_member(struct capdl_reader *r, const char *name, struct capdl_where where,
                             int32_t untyped)
{
    struct capdl_member *grown = array_room(r->member, r->members, &r->member_room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    r->member = grown;
    grown[r->members] = (struct capdl_member){where, strdup(name), untyped};
    return grown[r->members++].name ? ERR_OK : ERR_NO_MEMORY;
}

/* --- objects --- */

/* Parameters of an object, as they come; `seen` has a bit for each. */
enum {
    P_BITS = 1,
    P_PADDR = 2,
    P_SIZE = 4,
    P_ASID = 8,
    P_TCB_ADDR = 16,
    P_TCB_IP = 32,
    P_TCB_SP = 64,
    P_TCB_PRIO = 128,
    P_TCB_MAX = 256,
    P_TCB_AFFINITY = 512,
    P_PORTS = 1024,
    P_SGI_IRQ = 2048,
    P_SGI_TARGET = 4096,
    P_OTHER = 8192
};

static const struct parameter {
    const char *name;
    uint32_t type; /* of object */
    uint32_t bit;
} parameters[] = {
    {"paddr", RECORD_CAP_UNTYPED, P_PADDR},
    {"paddr", RECORD_CAP_FRAME, P_PADDR},
    {"asid_high", RECORD_CAP_ASID_POOL, P_ASID},
    {"addr", RECORD_CAP_TCB, P_TCB_ADDR},
    {"ip", RECORD_CAP_TCB, P_TCB_IP},
    {"sp", RECORD_CAP_TCB, P_TCB_SP},
    {"prio", RECORD_CAP_TCB, P_TCB_PRIO},
    {"max_prio", RECORD_CAP_TCB, P_TCB_MAX},
    {"affinity", RECORD_CAP_TCB, P_TCB_AFFINITY},
    {"dom", RECORD_CAP_TCB, P_OTHER},
    {"fault_ep", RECORD_CAP_TCB, P_OTHER},
    {"trigger", RECORD_CAP_IRQ_HANDLER, P_OTHER},
    {"target", RECORD_CAP_IRQ_HANDLER, P_OTHER},
    {"init", RECORD_CAP_TCB, P_OTHER},
    {"ports", RECORD_CAP_IO_PORT, P_PORTS},
    {"irq", RECORD_CAP_SGI_SIGNAL, P_SGI_IRQ},
    {"target", RECORD_CAP_SGI_SIGNAL, P_SGI_TARGET},
};

static void set_parameter(struct capdl_object *o, const char *name, uint64_t value)
{
    struct record_thread *t = &o->thread;
    if (strcmp(name, "paddr") == 0)
        o->addr = value, o->placed = true;
    else if (strcmp(name, "asid_high") == 0)
        o->asid_high = value;
    else if (strcmp(name, "addr") == 0)
        t->ipc_buffer = value;
    else if (strcmp(name, "ip") == 0)
        t->pc = value;
    else if (strcmp(name, "sp") == 0)
        t->sp = value;
    else if (strcmp(name, "prio") == 0)
        t->priority = (uint32_t)value;
    else if (strcmp(name, "max_prio") == 0)
        t->mcp = (uint32_t)value;
    else if (strcmp(name, "dom") == 0)
        t->domain = (uint32_t)value;
    else if (strcmp(name, "affinity") == 0)
        t->node = (uint32_t)value;
    else if (strcmp(name, "fault_ep") == 0)
        t->fault_handler = value;
    else if (strcmp(name, "irq") == 0)
        o->data = value;
    else if (strcmp(name, "target") == 0)
        o->extra = value;
}

static uint64_t word_most(const struct capdl_reader *r)
{
    return UINT64_MAX >> (64 - r->spec->arch->word_bits);
}

static uint64_t most_of(const struct capdl_reader *r, uint32_t bit, const char *name)
{
    if (bit == P_TCB_PRIO || bit == P_TCB_MAX || bit == P_TCB_AFFINITY || strcmp(name, "dom") == 0)
        return UINT8_MAX;
    return bit == P_ASID ? (1u << 7) - 1 : bit == P_SGI_IRQ ? SGI_MAX : word_most(r);
}

/* `init: [1, 2]` and `trigger: level` say nothing that a state has. */
static enum error skip_value(struct capdl_words *w)
{
    char name[CAPDL_WORD];
    uint64_t number;
    enum error e;
    if (w->token == TOKEN_NAME)
        return words_take_name(w, name);
    if (!words_is(w, '['))
        return words_take_number(w, UINT64_MAX, &number);
    e = words_next(w);
    while (e == ERR_OK && !words_is(w, ']')) {
        e = words_take_number(w, UINT64_MAX, &number);
        if (e == ERR_OK)
            e = words_skip_divider(w);
    }
    return e == ERR_OK ? words_next(w) : e;
}

/* "[0x60 .. 0x64]" */
static enum error take_ports(struct capdl_words *w, struct capdl_object *o)
{
    enum error e = words_take(w, '[');
    if (e == ERR_OK)
        e = words_take_number(w, PORT_MAX, &o->data);
    if (e == ERR_OK)
        e = words_take(w, '.');
    if (e == ERR_OK)
        e = words_take(w, '.');
    struct capdl_where where = w->where;
    if (e == ERR_OK)
        e = words_take_number(w, PORT_MAX, &o->extra);
    if (e == ERR_OK && o->extra < o->data)
        return capdl_refuse(w->fault, where, "the range ends before it begins");
    return e == ERR_OK ? words_take(w, ']') : e;
}

static enum error take_named(struct capdl_reader *r, struct capdl_object *o, uint32_t *seen)
{
    char name[CAPDL_WORD];
    uint64_t value = 0;
    struct capdl_words *w = &r->words;
    struct capdl_where where = w->where;
    enum error e = words_take_name(w, name);
    for (size_t i = 0; e == ERR_OK && i < sizeof(parameters) / sizeof(*parameters); i++) {
        const struct parameter *p = &parameters[i];
        if (p->type != o->type || strcmp(p->name, name) != 0)
            continue;
        if (p->bit != P_OTHER && (*seen & p->bit))
            return capdl_refuse(w->fault, where, "%s is given twice", name);
        *seen |= p->bit;
        e = words_take(w, ':');
        if (e == ERR_OK && (o->type == RECORD_CAP_IRQ_HANDLER || strcmp(name, "init") == 0))
            return skip_value(w);
        if (e == ERR_OK && p->bit == P_PORTS)
            return take_ports(w, o);
        if (e == ERR_OK)
            e = words_take_number(w, most_of(r, p->bit, name), &value);
        if (e == ERR_OK)
            set_parameter(o, name, value);
        return e;
    }
    if (e != ERR_OK)
        return e;
    return capdl_refuse(w->fault, where, "%.40s is no parameter of such an object", name);
}

static bool is_sized(const struct capdl_object *o)
{
    return o->type == RECORD_CAP_CNODE || o->type == RECORD_CAP_UNTYPED ||
           o->type == RECORD_CAP_SCHED_CONTEXT;
}

static bool size_fits(const struct capdl_arch *arch, uint32_t type, uint64_t bits)
{
    switch (type) {
    case RECORD_CAP_FRAME:
        return arch->frames >> bits & 1;
    case RECORD_CAP_CNODE:
        return bits >= 1 && bits <= CNODE_BITS_MAX;
    case RECORD_CAP_SCHED_CONTEXT:
        return bits >= CONTEXT_BITS_MIN && bits <= CONTEXT_BITS_MAX;
    default:
        return bits >= 4 && bits <= arch->address_bits;
    }
}

/* "12 bits", "4k" */
static enum error take_bare(struct capdl_reader *r, struct capdl_object *o, uint32_t *seen)
{
    struct capdl_words *w = &r->words;
    struct capdl_where where = w->where;
    uint64_t n;
    enum error e = words_take_number(w, UINT32_MAX, &n);
    bool frame = o->type == RECORD_CAP_FRAME;
    if (e == ERR_OK && !frame)
        e = is_sized(o) ? words_take_word(w, "bits")
                        : capdl_refuse(w->fault, where, "such an object has no size");
    if (e != ERR_OK)
        return e;
    uint32_t bits = frame ? 0 : (uint32_t)n;
    for (; frame && bits < 31 && n != (uint64_t)1 << bits; bits++)
        ;
    if (!size_fits(r->spec->arch, o->type, bits))
        return capdl_refuse(w->fault, where, "no such object has this size");
    o->bits = o->type == RECORD_CAP_CNODE ? bits + r->spec->arch->slot_bits : bits;
    *seen |= P_SIZE;
    return ERR_OK;
}

/* All of them, the first and the last, or none. */
static enum error check_tcb(struct capdl_words *w, const struct capdl_object *o, uint32_t seen)
{
    uint32_t all = P_TCB_ADDR | P_TCB_IP | P_TCB_SP | P_TCB_PRIO | P_TCB_MAX | P_TCB_AFFINITY;
    uint32_t given = seen & all;
    if (given == 0 || given == all || given == (P_TCB_ADDR | P_TCB_AFFINITY))
        return ERR_OK;
    return capdl_refuse(
        w->fault, o->where,
        "%.60s: a tcb has all of addr, ip, sp, prio, max_prio and affinity, or addr "
        "and affinity, or none",
        o->name);
}

static enum error check_parameters(struct capdl_words *w, const struct capdl_object *o,
                                   uint32_t seen)
{
    if ((is_sized(o) || o->type == RECORD_CAP_FRAME) && !(seen & P_SIZE))
        return capdl_refuse(w->fault, o->where, "%.60s: its size is missing", o->name);
    if (o->type == RECORD_CAP_IO_PORT && !(seen & P_PORTS))
        return capdl_refuse(w->fault, o->where, "%.60s: its ports are missing", o->name);
    if (o->type == RECORD_CAP_SGI_SIGNAL && (~seen & (P_SGI_IRQ | P_SGI_TARGET)))
        return capdl_refuse(w->fault, o->where, "%.60s: its irq or target is missing", o->name);
    if (o->type == RECORD_CAP_ASID_POOL && !(seen & P_ASID))
        return capdl_refuse(w->fault, o->where, "%.60s: its asid_high is missing", o->name);
    return o->type == RECORD_CAP_TCB ? check_tcb(w, o, seen) : ERR_OK;
}

static enum error take_parameters(struct capdl_reader *r, struct capdl_object *o)
{
    uint32_t seen = 0;
    struct capdl_words *w = &r->words;
    enum error e = ERR_OK;
    if (words_is(w, '(')) {
        e = words_next(w);
        while (e == ERR_OK && !words_is(w, ')')) {
            e = w->token == TOKEN_NUMBER ? take_bare(r, o, &seen) : take_named(r, o, &seen);
            if (e == ERR_OK && !words_is(w, ')'))
                e = words_take(w, ',');
        }
        if (e == ERR_OK)
            e = words_take(w, ')');
    }
    return e == ERR_OK ? check_parameters(w, o, seen) : e;
}

/* Of those with a size of their own: log2 of their bytes; 0: it is given, or there is no memory. */
static const struct {
    const char *word;
    uint32_t type, bits;
} types[] = {
    {"ep", RECORD_CAP_ENDPOINT, 4},
    {"notification", RECORD_CAP_NOTIFICATION, 0},
    {"tcb", RECORD_CAP_TCB, 0},
    {"cnode", RECORD_CAP_CNODE, 0},
    {"ut", RECORD_CAP_UNTYPED, 0},
    {"frame", RECORD_CAP_FRAME, 0},
    {"asid_pool", RECORD_CAP_ASID_POOL, 12},
    {"irq", RECORD_CAP_IRQ_HANDLER, 0},
    {"arm_irq", RECORD_CAP_IRQ_HANDLER, 0},
    {"sc", RECORD_CAP_SCHED_CONTEXT, 0},
    {"rtreply", RECORD_CAP_REPLY_OBJECT, 0},
    {"vcpu", RECORD_CAP_VCPU, 12},
    {"smc", RECORD_CAP_SMC, 0},
    {"arm_sgi_signal", RECORD_CAP_SGI_SIGNAL, 0},
    {"io_ports", RECORD_CAP_IO_PORT, 0},
};

static uint32_t bits_on(const struct capdl_arch *arch, uint32_t type, uint32_t bits)
{
    return type == RECORD_CAP_NOTIFICATION   ? arch->notification_bits
           : type == RECORD_CAP_TCB          ? arch->tcb_bits
           : type == RECORD_CAP_REPLY_OBJECT ? arch->reply_bits
                                             : bits;
}

/* Where all tables have one word (RISC-V), what hangs in what tells their levels, later. */
static bool is_table(const struct capdl_reader *r, struct capdl_object *o)
{
    const struct capdl_arch *arch = r->spec->arch;
    for (uint32_t i = 0; i < CAPDL_LEVELS && arch->table[i]; i++)
        if (words_is_name(&r->words, arch->table[i])) {
            bool top = arch->table[i] != arch->table[0] && i == arch->root_level;
            o->type = top ? RECORD_CAP_PAGE_DIRECTORY : RECORD_CAP_PAGE_TABLE;
            o->root = top;
            o->level = i;
            o->bits = arch->word_bits == 64 ? 12 : top ? 14 : 10;
            return true;
        }
    return false;
}

static enum error take_type(struct capdl_reader *r, struct capdl_object *o)
{
    char expected[64];
    struct capdl_words *w = &r->words;
    if (is_table(r, o))
        return words_next(w);
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (words_is_name(w, types[i].word)) {
            o->type = types[i].type;
            o->bits = bits_on(r->spec->arch, o->type, types[i].bits);
            r->spec->mcs |=
                o->type == RECORD_CAP_SCHED_CONTEXT || o->type == RECORD_CAP_REPLY_OBJECT;
            return words_next(w);
        }
    snprintf(expected, sizeof(expected), "a type of object of %s", r->spec->arch->word);
    return words_unexpected(w, expected);
}

/* What is shown of a name, \xNN for what cannot be, as bytes. */
static void set_thread_name(struct record_string *out, const char *shown)
{
    unsigned value;
    out->length = 0;
    for (; *shown && out->length < RECORD_STRING_MAX; shown++) {
        char c = *shown;
        if (sscanf(shown, "\\x%2x", &value) == 1 && value != 0) {
            c = (char)value;
            shown += 3;
        }
        out->bytes[out->length++] = c;
    }
    out->bytes[out->length] = '\0';
}

/* What comments say that the language has no word for. */
static void take_comment(const struct capdl_words *w, struct capdl_object *o)
{
    if (o->type == RECORD_CAP_TCB) {
        set_thread_name(&o->thread.name, w->comment);
        o->named = true;
    }
    o->device = strcmp(w->comment, "device") == 0;
    if (o->type == RECORD_CAP_SCHED_CONTEXT)
        (void)sscanf(w->comment, "budget %" SCNu64 ", period %" SCNu64 " ticks", &o->budget,
                     &o->period);
}

/* `inside`: the untyped whose braces this stands in; each opens one more level. */
static enum error take_object(struct capdl_reader *r, const char *name, struct capdl_where where,
                              int32_t inside, int32_t *out)
{
    enum error e = add_object(r, name, where, inside, out);
    struct capdl_object *o = e == ERR_OK ? &r->spec->object[*out] : NULL;
    if (e == ERR_OK)
        e = take_type(r, o);
    bool commented = r->words.commented;
    if (e == ERR_OK)
        e = take_parameters(r, o);
    if (e == ERR_OK && (commented || r->words.commented))
        take_comment(&r->words, o);
    return e;
}

/* Objects in braces follow each other; an untyped opens braces of its own. */
static enum error take_declaration(struct capdl_reader *r, uint32_t *depth,
                                   int32_t inside[DEPTH_MAX])
{
    char name[CAPDL_WORD];
    int32_t object;
    struct capdl_words *w = &r->words;
    struct capdl_where where = w->where;
    int32_t untyped = inside[*depth];
    enum error e = words_take_name(w, name);
    if (e == ERR_OK && untyped != CAPDL_NONE && !words_is(w, '='))
        return add_member(r, name, where, untyped);
    if (e == ERR_OK)
        e = words_take(w, '=');
    if (e == ERR_OK)
        e = take_object(r, name, where, untyped, &object);
    if (e != ERR_OK || !words_is(w, '{'))
        return e;
    if (r->spec->object[object].type != RECORD_CAP_UNTYPED)
        return capdl_refuse(w->fault, w->where, "only untyped memory has members");
    if (*depth + 1 == DEPTH_MAX)
        return capdl_refuse(w->fault, w->where, "objects are nested deeper than %d", DEPTH_MAX);
    inside[++*depth] = object;
    return words_next(w);
}

static enum error take_objects(struct capdl_reader *r)
{
    int32_t inside[DEPTH_MAX] = {CAPDL_NONE};
    uint32_t depth = 0;
    struct capdl_words *w = &r->words;
    enum error e = words_take_word(w, "objects");
    if (e == ERR_OK)
        e = words_take(w, '{');
    while (e == ERR_OK && !(depth == 0 && words_is(w, '}'))) {
        if (words_is(w, '}')) {
            depth--;
            e = words_next(w);
        } else {
            e = take_declaration(r, &depth, inside);
        }
        if (e == ERR_OK)
            e = words_skip_divider(w);
    }
    return e == ERR_OK ? words_next(w) : e;
}

/* --- caps --- */

static enum error take_object_name(struct capdl_reader *r, int32_t *out)
{
    char name[CAPDL_WORD];
    struct capdl_where where = r->words.where;
    enum error e = words_take_name(&r->words, name);
    if (e != ERR_OK)
        return e;
    *out = capdl_find(r, name);
    if (*out == CAPDL_NONE)
        return capdl_refuse(r->words.fault, where, "%.60s is not declared", name);
    return ERR_OK;
}

static const struct {
    const char *word;
    uint32_t slot;
} tcb_slots[] = {{"cspace", RECORD_TCB_CSPACE},
                 {"vspace", RECORD_TCB_VSPACE},
                 {"reply_slot", RECORD_TCB_REPLY},
                 {"caller_slot", RECORD_TCB_CALLER},
                 {"ipc_buffer_slot", RECORD_TCB_BUFFER},
                 {"fault_ep_slot", RECORD_TCB_FAULT_HANDLER},
                 {"temp_fault_ep_slot", RECORD_TCB_TIMEOUT_HANDLER},
                 {"bound_notification", CAPDL_TCB_BOUND},
                 {"sc_slot", CAPDL_TCB_CONTEXT}};

static enum error take_slot(struct capdl_reader *r, const struct capdl_object *holder,
                            uint32_t *slot)
{
    struct capdl_words *w = &r->words;
    uint64_t n;
    for (size_t i = 0; holder->type == RECORD_CAP_TCB && i < sizeof(tcb_slots) / sizeof(*tcb_slots);
         i++)
        if (words_is_name(w, tcb_slots[i].word)) {
            *slot = tcb_slots[i].slot;
            return words_next(w);
        }
    if (w->token != TOKEN_NUMBER)
        return words_unexpected(w, "a slot");
    enum error e = words_take_number(w, capdl_slots(r, holder) - 1, &n);
    *slot = (uint32_t)n;
    return e;
}

static bool take_rights(struct capdl_cap *c, const char *word)
{
    uint32_t rights = 0;
    for (const char *at = word; *at; at++) {
        uint32_t right = *at == 'R'   ? RECORD_RIGHT_READ
                         : *at == 'W' ? RECORD_RIGHT_WRITE
                         : *at == 'G' ? RECORD_RIGHT_GRANT
                         : *at == 'X' ? RECORD_RIGHT_EXECUTE
                         : *at == 'P' ? RECORD_RIGHT_GRANT_REPLY
                                      : 0u;
        if (right == 0 || (rights & right))
            return false;
        rights |= right;
    }
    c->rights = rights;
    return true;
}

/* (hi, lo) of an ASID; (container, slot) of a mapping */
static enum error take_asid(struct capdl_reader *r, struct capdl_cap *c)
{
    uint64_t high = 0, low = 0;
    uint32_t low_bits = r->spec->arch->asid_low_bits;
    struct capdl_words *w = &r->words;
    enum error e = words_take(w, '(');
    if (e == ERR_OK)
        e = words_take_number(w, (1u << 7) - 1, &high);
    if (e == ERR_OK)
        e = words_take(w, ',');
    if (e == ERR_OK)
        e = words_take_number(w, (1u << low_bits) - 1, &low);
    c->asid = high << low_bits | low;
    return e == ERR_OK ? words_take(w, ')') : e;
}

static enum error take_mapping(struct capdl_reader *r, struct capdl_cap *c)
{
    struct capdl_words *w = &r->words;
    enum error e = words_take(w, '(');
    if (e == ERR_OK)
        e = take_object_name(r, &c->mapping);
    if (e == ERR_OK)
        e = words_take(w, ',');
    if (e == ERR_OK)
        e = take_slot(r, &r->spec->object[c->mapping], &c->mapping_slot);
    return e == ERR_OK ? words_take(w, ')') : e;
}

static enum error take_cap_parameter(struct capdl_reader *r, struct capdl_cap *c)
{
    char name[CAPDL_WORD];
    struct capdl_words *w = &r->words;
    struct capdl_where where = w->where;
    enum error e = words_take_name(w, name);
    if (e != ERR_OK)
        return e;
    if (strcmp(name, "cached") == 0 || strcmp(name, "uncached") == 0)
        return c->uncached = name[0] == 'u', ERR_OK;
    if (strcmp(name, "reply") == 0 || strcmp(name, "master_reply") == 0)
        return c->type = RECORD_CAP_REPLY, c->master = name[0] == 'm', ERR_OK;
    if (!words_is(w, ':'))
        return take_rights(c, name)
                   ? ERR_OK
                   : capdl_refuse(w->fault, where, "%.40s: no rights and no parameter", name);
    e = words_next(w);
    if (e == ERR_OK && strcmp(name, "badge") == 0)
        return words_take_number(w, word_most(r), &c->badge);
    if (e == ERR_OK && strcmp(name, "guard") == 0)
        return words_take_number(w, word_most(r), &c->guard);
    if (e == ERR_OK && strcmp(name, "guard_size") == 0)
        return words_take_number(w, r->spec->arch->word_bits, &c->guard_size);
    if (e == ERR_OK && strcmp(name, "core") == 0)
        return words_take_number(w, UINT8_MAX, &c->core);
    if (e == ERR_OK && strcmp(name, "asid") == 0)
        return take_asid(r, c);
    if (e == ERR_OK && strcmp(name, "mapping") == 0)
        return take_mapping(r, c);
    return e == ERR_OK ? capdl_refuse(w->fault, where, "%.40s is no parameter", name) : e;
}

static enum error take_cap_parameters(struct capdl_reader *r, struct capdl_cap *c)
{
    struct capdl_words *w = &r->words;
    if (!words_is(w, '('))
        return ERR_OK;
    enum error e = words_next(w);
    while (e == ERR_OK && !words_is(w, ')')) {
        e = take_cap_parameter(r, c);
        if (e == ERR_OK && !words_is(w, ')'))
            e = words_take(w, ',');
    }
    return e == ERR_OK ? words_take(w, ')') : e;
}

static uint32_t global_type(const struct capdl_words *w)
{
    static const uint32_t globals[] = {RECORD_CAP_IRQ_CONTROL, RECORD_CAP_ASID_CONTROL,
                                       RECORD_CAP_DOMAIN, RECORD_CAP_SCHED_CONTROL};
    for (size_t i = 0; i < sizeof(globals) / sizeof(*globals); i++)
        if (words_is_name(w, capdl_global(globals[i])))
            return globals[i];
    return RECORD_CAP_NULL;
}

static enum error take_cap(struct capdl_reader *r, int32_t holder)
{
    struct capdl_words *w = &r->words;
    struct capdl_cap c = {.where = w->where,
                          .holder = holder,
                          .object = CAPDL_NONE,
                          .mapping = CAPDL_NONE,
                          .parent = CAPDL_NONE};
    enum error e = take_slot(r, &r->spec->object[holder], &c.slot);
    if (e == ERR_OK)
        e = words_take(w, ':');
    if (e != ERR_OK)
        return e;
    c.type = global_type(w);
    if (c.type != RECORD_CAP_NULL) {
        e = words_next(w);
    } else {
        e = take_object_name(r, &c.object);
        c.type = e == ERR_OK ? r->spec->object[c.object].type : RECORD_CAP_NULL;
    }
    if (e == ERR_OK)
        e = take_cap_parameters(r, &c);
    c.no_grant = w->commented && strcmp(w->comment, "no grant") == 0;
    if (e == ERR_OK)
        e = capdl_check_cap(r, &c);
    return e == ERR_OK ? add_cap(r, &c) : e;
}

static enum error take_holder(struct capdl_reader *r)
{
    int32_t holder;
    struct capdl_words *w = &r->words;
    struct capdl_where where = w->where;
    enum error e = take_object_name(r, &holder);
    if (e == ERR_OK && capdl_slots(r, &r->spec->object[holder]) == 0)
        return capdl_refuse(w->fault, where, "%.60s holds no capabilities",
                            r->spec->object[holder].name);
    if (e == ERR_OK)
        e = words_take(w, '{');
    while (e == ERR_OK && !words_is(w, '}')) {
        e = take_cap(r, holder);
        if (e == ERR_OK)
            e = words_skip_divider(w);
    }
    return e == ERR_OK ? words_next(w) : e;
}

static enum error take_caps(struct capdl_reader *r)
{
    enum error e = words_take_word(&r->words, "caps");
    if (e == ERR_OK)
        e = words_take(&r->words, '{');
    while (e == ERR_OK && !words_is(&r->words, '}'))
        e = take_holder(r);
    if (e == ERR_OK)
        e = words_next(&r->words);
    return e == ERR_OK ? capdl_sort_caps(r) : e;
}

/* --- irq maps --- */

/* Exactly one blank stands between the two words. */
static enum error take_irq_maps(struct capdl_reader *r)
{
    struct capdl_words *w = &r->words;
    const char *behind = w->at;
    enum error e = words_take_word(w, "irq");
    if (e == ERR_OK && (*behind != ' ' || w->at != behind + 1 + strlen("maps")))
        return capdl_refuse(w->fault, w->where, "`irq maps` has one blank");
    if (e == ERR_OK)
        e = words_take_word(w, "maps");
    if (e == ERR_OK)
        e = words_take(w, '{');
    while (e == ERR_OK && !words_is(w, '}')) {
        uint64_t number = 0;
        int32_t object = CAPDL_NONE;
        struct capdl_where where = w->where;
        e = words_take_number(w, CAPDL_IRQS - 1, &number);
        if (e == ERR_OK)
            e = words_take(w, ':');
        if (e == ERR_OK)
            e = take_object_name(r, &object);
        if (e == ERR_OK)
            e = capdl_set_irq(r, object, number, where);
        if (e == ERR_OK)
            e = words_skip_divider(w);
    }
    return e == ERR_OK ? words_next(w) : e;
}

/* --- cdt --- */

static enum error take_place(struct capdl_reader *r, int32_t *cap)
{
    int32_t holder = CAPDL_NONE;
    uint32_t slot = 0;
    struct capdl_words *w = &r->words;
    struct capdl_where where = w->where;
    enum error e = words_take(w, '(');
    if (e == ERR_OK)
        e = take_object_name(r, &holder);
    if (e == ERR_OK)
        e = words_take(w, ',');
    if (e == ERR_OK)
        e = take_slot(r, &r->spec->object[holder], &slot);
    if (e == ERR_OK)
        e = words_take(w, ')');
    if (e != ERR_OK)
        return e;
    *cap = capdl_find_cap(r->spec, holder, slot);
    if (*cap == CAPDL_NONE)
        return capdl_refuse(w->fault, where, "nothing is in that slot");
    return ERR_OK;
}

static enum error take_child(struct capdl_reader *r, int32_t parent)
{
    int32_t child;
    struct capdl_where where = r->words.where;
    enum error e = take_place(r, &child);
    if (e != ERR_OK)
        return e;
    if (words_is(&r->words, '{'))
        return capdl_refuse(r->words.fault, r->words.where,
                            "the cdt is flat: a child's children stand under a line of their own");
    struct capdl_cap *c = &r->spec->cap[child];
    if (c->parent != CAPDL_NONE)
        return capdl_refuse(r->words.fault, where, "this slot has a parent already");
    c->parent = parent;
    c->order = ++r->order;
    return ERR_OK;
}

static enum error take_cdt(struct capdl_reader *r)
{
    struct capdl_words *w = &r->words;
    enum error e = words_take_word(w, "cdt");
    if (e == ERR_OK)
        e = words_take(w, '{');
    while (e == ERR_OK && !words_is(w, '}')) {
        int32_t parent = CAPDL_NONE;
        e = take_place(r, &parent);
        if (e == ERR_OK)
            e = words_take(w, '{');
        while (e == ERR_OK && !words_is(w, '}')) {
            e = take_child(r, parent);
            if (e == ERR_OK)
                e = words_skip_divider(w);
        }
        if (e == ERR_OK)
            e = words_next(w);
    }
    return e == ERR_OK ? words_next(w) : e;
}

/* --- the whole --- */

static enum error take_arch(struct capdl_reader *r)
{
    struct capdl_words *w = &r->words;
    enum error e = words_take_word(w, "arch");
    if (e != ERR_OK)
        return e;
    r->spec->arch = w->token == TOKEN_NAME ? capdl_arch_named(w->name) : NULL;
    return r->spec->arch ? words_next(w) : words_unexpected(w, "arm11, aarch64, riscv or x86_64");
}

/* Where time is held in objects, a notification can lend it: on machines of 64 bits it has no room
 * for that in its usual size. */
static void widen_notifications(struct capdl_reader *r)
{
    struct capdl_spec *s = r->spec;
    for (uint32_t i = 0; s->mcs && s->arch->word_bits == 64 && i < s->objects; i++)
        s->object[i].bits += s->object[i].type == RECORD_CAP_NOTIFICATION;
}

/* Sections come in this order; those behind `objects` may be missing. */
static enum error take_file(struct capdl_reader *r)
{
    struct capdl_words *w = &r->words;
    enum error e = take_arch(r);
    if (e == ERR_OK)
        e = take_objects(r);
    if (e == ERR_OK)
        e = capdl_link_objects(r);
    widen_notifications(r);
    if (e == ERR_OK && words_is_name(w, "caps"))
        e = take_caps(r);
    if (e == ERR_OK && words_is_name(w, "irq"))
        e = take_irq_maps(r);
    if (e == ERR_OK && words_is_name(w, "cdt"))
        e = take_cdt(r);
    if (e == ERR_OK && w->token != TOKEN_END)
        e = words_unexpected(w, "the end, or caps, irq maps or cdt in this order,");
    return e == ERR_OK ? capdl_check_whole(r) : e;
}

static enum error read_bytes(const char *path, char **text, size_t *length, const char **why)
{
    enum { BLOCK = 65536 };
    FILE *f = input_text(path, why);
    size_t room = 0, n = 1;
    *text = NULL;
    *length = 0;
    if (!f)
        return ERR_IO;
    while (n > 0) {
        char *grown = array_room(*text, *length + BLOCK, &room, 1);
        if (!grown)
            break;
        *text = grown;
        *length += n = fread(*text + *length, 1, BLOCK, f);
    }
    enum error e = n > 0 ? ERR_NO_MEMORY : ferror(f) ? ERR_IO : ERR_OK;
    if (e == ERR_IO)
        *why = strerror(errno);
    fclose(f);
    return e;
}

enum error capdl_read(const char *path, struct capdl_spec *out, struct capdl_fault *fault)
{
    char *text;
    size_t length;
    struct capdl_spec spec = {.root_thread = CAPDL_NONE};
    struct capdl_reader r = {.spec = &spec};
    const char *why = "";
    enum error e = read_bytes(path, &text, &length, &why);
    if (e == ERR_IO)
        snprintf(fault->sentence, sizeof(fault->sentence), "%s", why);
    if (e == ERR_OK)
        e = words_begin(&r.words, text, length, fault);
    if (e == ERR_OK)
        e = take_file(&r);
    for (uint32_t i = 0; i < r.members; i++)
        free(r.member[i].name);
    free(r.member);
    free(r.by_name);
    free(text);
    if (e == ERR_OK)
        *out = spec;
    else
        capdl_free(&spec);
    return e;
}

void capdl_free(struct capdl_spec *spec)
{
    for (uint32_t i = 0; i < spec->objects; i++)
        free(spec->object[i].name);
    free(spec->object);
    free(spec->cap);
    *spec = (struct capdl_spec){.root_thread = CAPDL_NONE};
}
