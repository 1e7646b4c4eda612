/* Breakpoints on a mainline kernel's functions: planting, what a stop means, who wants it. */
#include "attach/sel4_stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REQUEST_MAX = 48, STEP_MS = 2000, STEP_TRIES = 64, NO_WORD = 0xff };

#define KIND(NAME) (1u << SEL4_EVENT_##NAME)
#define KINDS_OF_REVOKES                                                                           \
    (KIND(REVOKE) | KIND(VICTIM) | KIND(PREEMPTED) | KIND(RESUMED) | KIND(REVOKED))

/* Which argument word is what.  A capability passed by value takes two words. */
static const struct {
    const char *function;
    uint32_t kind;
    uint8_t slot;
    uint8_t src;
    uint8_t cap;
} places[SEL4_FUNCTIONS] = {
    [SEL4_AT_RETYPE] = {"createNewObjects", KIND(RETYPE), NO_WORD, 1, NO_WORD},
    [SEL4_AT_INSERT] = {"cteInsert", KIND(INSERT), 3, 2, 0},
    [SEL4_AT_MOVE] = {"cteMove", KIND(MOVE), 3, 2, 0},
    [SEL4_AT_SWAP] = {"cteSwap", KIND(SWAP), 5, 2, 0},
    [SEL4_AT_DELETE] = {"emptySlot", KIND(DELETE), 0, NO_WORD, NO_WORD},
    [SEL4_AT_REVOKE] = {"cteRevoke", KIND(REVOKE), 0, NO_WORD, NO_WORD},
};

/* Of createNewObjects(); the first three stood in one structure before 12.1. */
enum { WORD_BASE = 2, WORD_FIRST = 3, WORD_COUNT = 4, WORD_MEMORY = 5 };

const char *sel4_event_name(enum sel4_event_kind kind)
{
    static const char *const names[] = {
#define X(NAME, text) text,
        SEL4_EVENT_LIST(X)
#undef X
    };
    return names[kind];
}

const char *sel4_place_function(enum sel4_place place)
{
    return places[place].function;
}

const struct processor *sel4_processor(enum sel4_arch arch)
{
    static const char *const architecture[SEL4_ARCHES] = {[SEL4_AARCH32] = "arm",
                                                          [SEL4_AARCH64] = "aarch64",
                                                          [SEL4_RISCV64] = "riscv:rv64",
                                                          [SEL4_X86_64] = "i386:x86-64"};
    return processor_named(architecture[arch]);
}

void sel4_stops_init(struct sel4_stops *s, struct gdb_client *client, struct sel4_side *side)
{
    const struct sel4_kernel *k = &side->kernel;
    *s = (struct sel4_stops){.client = client, .side = side};
    s->processor = sel4_processor(k->layout.options.arch);
    for (unsigned i = 0; i < SEL4_FUNCTIONS; i++) {
        struct sel4_symbol symbol;
        if (!sel4_image_symbol(&k->image, places[i].function, &symbol))
            continue;
        s->place[i] = symbol.addr;
        s->size[i] = symbol.size;
    }
}

/* --- planting --- */

uint32_t sel4_stops_needs(uint32_t kinds)
{
    uint32_t needs = 0;
    if (kinds == 0)
        return (1u << SEL4_FUNCTIONS) - 1;
    for (unsigned i = 0; i < SEL4_FUNCTIONS; i++)
        needs |= (kinds & places[i].kind) != 0 ? 1u << i : 0;
    return needs | ((kinds & KINDS_OF_REVOKES) != 0 ? 1u << SEL4_AT_REVOKE : 0);
}

/* Kinds that somebody waits for; 0: nobody; 1 << SEL4_EVENTS: all. */
static uint32_t wanted(const struct sel4_stops *s)
{
    const uint32_t all = (1u << SEL4_EVENTS) - 1;
    uint32_t kinds = s->watching ? all : 0;
    for (unsigned i = 0; i < SEL4_CONDITIONS; i++) {
        const struct sel4_condition *c = &s->condition[i];
        if (c->armed)
            kinds |= c->kinds == 0 ? all : c->kinds;
    }
    if (s->steps > 0)
        kinds |= s->side->revoke.root != 0 ? KINDS_OF_REVOKES : all;
    return kinds;
}

static uint32_t places_wanted(const struct sel4_stops *s)
{
    uint32_t kinds = wanted(s);
    uint32_t needs = kinds == 0 ? 0 : sel4_stops_needs(kinds);
    if (s->side->revoke.root != 0 && (kinds != 0 || s->finish)) {
        needs |= 1u << SEL4_AT_REVOKE;
        if (s->inside)
            needs |= 1u << SEL4_AT_RETURN;
        if (s->inside && ((kinds & KINDS_OF_REVOKES & ~KIND(REVOKE)) != 0 || s->finish))
            needs |= 1u << SEL4_AT_DELETE;
    }
    return needs;
}

static enum error ask_breakpoint(struct sel4_stops *s, char action, unsigned place, uint64_t at)
{
    char request[REQUEST_MAX];
    (void)snprintf(request, sizeof(request), "%c%c,%" PRIx64 ",%" PRIx32, action, s->method[place],
                   at, s->processor->code_bytes);
    return gdb_client_plant(s->client, request, deadline_in(GDB_REPLY_MS));
}

/* A stub refuses where none stands: it was taken away before, and the answer was lost with a line. */
static enum error take_away(struct sel4_stops *s, unsigned place)
{
    if (s->planted[place] == 0)
        return ERR_OK;
    enum error e = ask_breakpoint(s, 'z', place, s->planted[place]);
    if (e == ERR_REFUSED)
        e = ERR_OK;
    if (e == ERR_OK)
        s->planted[place] = 0;
    return e;
}

/* Hardware breakpoints change nothing in memory; when there are no more, one in software. */
static enum error plant_one(struct sel4_stops *s, unsigned place)
{
    if (s->planted[place] == s->place[place])
        return ERR_OK;
    enum error e = take_away(s, place);
    s->method[place] = '1';
    if (e == ERR_OK)
        e = ask_breakpoint(s, 'Z', place, s->place[place]);
    if (e == ERR_REFUSED) {
        s->method[place] = '0';
        e = ask_breakpoint(s, 'Z', place, s->place[place]);
    }
    if (e == ERR_OK)
        s->planted[place] = s->place[place];
    return e;
}

static enum error plant(struct sel4_stops *s, uint32_t needs)
{
    enum error e = ERR_OK;
    for (unsigned i = 0; e == ERR_OK && i < SEL4_PLACES; i++)
        e = (needs >> i & 1) != 0 && s->place[i] != 0 ? plant_one(s, i) : take_away(s, i);
    return e;
}

enum error sel4_stops_plant(struct sel4_stops *s)
{
    return plant(s, places_wanted(s));
}

/* Of a request whose answer was lost nobody knows what became: it is said again once. */
enum error sel4_stops_clear(struct sel4_stops *s)
{
    enum error first = ERR_OK;
    for (unsigned i = 0; i < SEL4_PLACES; i++) {
        enum error e = take_away(s, i);
        if (e != ERR_OK && e != ERR_CLOSED)
            e = take_away(s, i);
        first = first == ERR_OK ? e : first;
    }
    return first;
}

bool sel4_stops_stand(const struct sel4_stops *s)
{
    for (unsigned i = 0; i < SEL4_PLACES; i++)
        if (s->planted[i] != 0)
            return true;
    return false;
}

static void revoke_ends(struct sel4_stops *s)
{
    s->side->revoke = (struct sel4_revoke){0};
    s->inside = false;
    s->resuming = false;
}

static unsigned place_at(const struct sel4_stops *s, uint64_t pc)
{
    unsigned i = 0;
    while (i < SEL4_PLACES && (s->planted[i] == 0 || s->planted[i] != pc))
        i++;
    return i;
}

bool sel4_stops_is_place(const struct sel4_stops *s, uint64_t pc)
{
    return place_at(s, pc) < SEL4_PLACES || (pc != 0 && pc == s->at);
}

/* Planted or not any more: what was asked for may have changed since it stopped there. */
static unsigned place_left(const struct sel4_stops *s)
{
    unsigned i = 0;
    while (s->at != 0 && i < SEL4_PLACES && s->place[i] != s->at)
        i++;
    return s->at != 0 ? i : (unsigned)SEL4_PLACES;
}

/* QEMU may take an interrupt in place of the step (of a mode that the kernel cannot mask, or one of
 * its own), and reports that as a step.  Where the machine stands as before, it is told again;
 * where it is in a handler, the same call comes by once more. */
static enum error step_over(struct sel4_stops *s, unsigned place)
{
    uint64_t pc = s->at;
    enum error e = ERR_OK;
    for (unsigned i = 0; e == ERR_OK && pc == s->at && i < STEP_TRIES; i++) {
        e = gdb_client_move(s->client, "s", deadline_in(STEP_MS));
        if (e == ERR_OK)
            e = gdb_client_register(
                s->client,
                (struct processor_register){s->processor->pc.number, s->side->kernel.layout.word},
                &pc);
    }
    bool inside = place >= SEL4_FUNCTIONS || (pc > s->at && pc - s->at < s->size[place]);
    s->unfinished = inside ? 0 : s->at;
    return e;
}

enum error sel4_stops_leave(struct sel4_stops *s)
{
    unsigned at = place_left(s);
    if (wanted(s) == 0 && !s->finish)
        revoke_ends(s); /* nobody hears how it goes on */
    uint32_t needs = places_wanted(s);
    enum error e = plant(s, at < SEL4_PLACES ? needs & ~(1u << at) : needs);
    if (e == ERR_OK && at < SEL4_PLACES && (needs >> at & 1) != 0) {
        e = step_over(s, at);
        if (e == ERR_OK)
            e = plant(s, needs);
    }
    if (e == ERR_OK) {
        s->side->revoke.done += (s->event.kinds & KIND(VICTIM)) != 0 && s->side->revoke.root != 0;
        s->side->revoke.victim = 0;
        s->at = 0;
        s->why = SEL4_WHY_NOT;
        s->event.kinds = 0;
    }
    return e;
}

/* --- arguments --- */

static enum error register_of(const struct sel4_stops *s, uint32_t number, uint64_t *out)
{
    return gdb_client_register(
        s->client, (struct processor_register){number, s->side->kernel.layout.word}, out);
}

/* Word `i` of the stack pointer's; the kernel's stack is in its own image. */
static enum error stack_word(const struct sel4_stops *s, uint32_t i, uint64_t *out)
{
    uint64_t sp = 0;
    enum error e = register_of(s, s->processor->call.sp, &sp);
    if (e == ERR_OK)
        e = sel4_memory_words(&s->side->kernel.memory,
                              sp + (uint64_t)i * s->side->kernel.layout.word, out, 1);
    return e;
}

static enum error argument(const struct sel4_stops *s, uint32_t i, uint64_t *out)
{
    const struct processor *p = s->processor;
    if (i < p->call.words)
        return register_of(s, p->call.word[i], out);
    return stack_word(s, i - p->call.words + p->call.stack_gap, out);
}

static enum error arguments(const struct sel4_stops *s, uint32_t first, uint32_t count,
                            uint64_t *out)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < count; i++)
        e = argument(s, first + i, &out[i]);
    return e;
}

static enum error return_address(const struct sel4_stops *s, uint64_t *out)
{
    enum error e = s->processor->call.linked ? register_of(s, s->processor->call.link, out)
                                             : stack_word(s, 0, out);
    if (e == ERR_OK && s->side->kernel.layout.options.arch == SEL4_AARCH32)
        *out &= ~(uint64_t)1;
    return e;
}

/* --- what an event is about --- */

static uint64_t physical(const struct sel4_stops *s, uint64_t va)
{
    return va == 0 ? 0 : sel4_memory_physical(&s->side->kernel.memory, va);
}

static void set_object(const struct sel4_stops *s, struct sel4_event *v)
{
    struct sel4_extent x;
    v->object = sel4_cap_extent(&s->side->kernel.layout, &v->about.cap, &x) ? x.base : 0;
}

static enum error read_slot(const struct sel4_stops *s, uint64_t slot, struct sel4_slot *out)
{
    uint64_t words[4];
    enum error e = sel4_memory_words(&s->side->kernel.memory, slot, words, 4);
    if (e == ERR_OK)
        sel4_slot_decode(&s->side->kernel.layout, slot, words, out);
    return e;
}

/* The capability that a function was given by value. */
static enum error read_cap(const struct sel4_stops *s, uint32_t word, struct sel4_slot *out)
{
    uint64_t words[4] = {0};
    enum error e = arguments(s, word, 2, words);
    if (e == ERR_OK)
        sel4_slot_decode(&s->side->kernel.layout, 0, words, out);
    return e;
}

static enum error read_retype(const struct sel4_stops *s, struct sel4_event *v)
{
    const struct sel4_layout *l = &s->side->kernel.layout;
    uint64_t words[WORD_MEMORY + 1];
    enum error e = read_slot(s, v->src, &v->about);
    if (e != ERR_OK || l->earliest < SEL4_12_1)
        return e;
    e = arguments(s, 0, WORD_MEMORY + 1, words);
    if (e != ERR_OK)
        return e;
    v->slot = words[WORD_BASE] + (words[WORD_FIRST] << l->slot_bits);
    v->last = v->slot + ((words[WORD_COUNT] - 1) << l->slot_bits);
    v->object = words[WORD_MEMORY];
    return ERR_OK;
}

static enum error read_thread(const struct sel4_stops *s, struct sel4_event *v)
{
    const struct sel4_layout *l = &s->side->kernel.layout;
    uint64_t tcb = 0;
    if (!sel4_has(l, SEL4_SYM_CUR_THREAD))
        return ERR_OK;
    enum error e =
        sel4_memory_words(&s->side->kernel.memory, l->symbol[SEL4_SYM_CUR_THREAD].addr, &tcb, 1);
    v->thread = tcb == 0 ? 0 : sel4_tcb_base(l, tcb);
    return e;
}

static enum error read_event(const struct sel4_stops *s, unsigned place, struct sel4_event *v)
{
    enum error e = ERR_OK;
    v->kinds = places[place].kind;
    if (places[place].slot != NO_WORD)
        e = argument(s, places[place].slot, &v->slot);
    if (e == ERR_OK && places[place].src != NO_WORD)
        e = argument(s, places[place].src, &v->src);
    v->last = v->slot;
    if (e == ERR_OK && place == SEL4_AT_RETYPE)
        return read_retype(s, v);
    if (e == ERR_OK && places[place].cap != NO_WORD)
        e = read_cap(s, places[place].cap, &v->about);
    else if (e == ERR_OK)
        e = read_slot(s, v->slot, &v->about);
    if (e == ERR_OK)
        set_object(s, v);
    return e;
}

/* --- a revoke that is followed --- */

/* It is followed from its beginning, if anybody waits for what comes. */
static enum error revoke_begins(struct sel4_stops *s, struct sel4_event *v)
{
    struct sel4_revoke *r = &s->side->revoke;
    bool again = r->root == v->slot && s->resuming;
    if (r->root != 0 && s->resuming && !again)
        return ERR_OK; /* somebody else's, in between */
    if (again)
        v->kinds = KIND(RESUMED);
    else
        *r = (struct sel4_revoke){.root = v->slot};
    s->inside = true;
    s->resuming = false;
    return return_address(s, &s->place[SEL4_AT_RETURN]);
}

/* Where cteRevoke() has returned to: 0 says that it is over. */
static enum error revoke_returns(struct sel4_stops *s, struct sel4_event *v)
{
    struct sel4_revoke *r = &s->side->revoke;
    uint64_t result = 0;
    enum error e = register_of(s, s->processor->call.result, &result);
    v->slot = v->last = r->root;
    if (e == ERR_OK)
        e = read_slot(s, r->root, &v->about);
    if (e != ERR_OK)
        return e;
    set_object(s, v);
    v->kinds = (uint32_t)result == 0 ? KIND(REVOKED) : KIND(PREEMPTED);
    s->inside = false;
    s->resuming = (uint32_t)result != 0;
    r->preempted += s->resuming;
    return ERR_OK;
}

static void note_victim(struct sel4_stops *s, struct sel4_event *v)
{
    if (v->about.cap.kind == SEL4_CAP_NULL) {
        v->kinds = 0; /* emptySlot() is called for empty slots too */
    } else if (s->inside) {
        v->kinds |= KIND(VICTIM);
        v->src = s->side->revoke.root;
        s->side->revoke.victim = v->slot;
    }
}

static enum error take_event(struct sel4_stops *s, unsigned place, struct sel4_event *v)
{
    if (place == SEL4_AT_RETURN)
        return revoke_returns(s, v);
    enum error e = read_event(s, place, v);
    if (e == ERR_OK && place == SEL4_AT_REVOKE)
        e = revoke_begins(s, v);
    if (e == ERR_OK && place == SEL4_AT_DELETE)
        note_victim(s, v);
    return e;
}

/* --- who wants it --- */

static bool is_between(uint64_t x, uint64_t first, uint64_t last)
{
    return x >= first && x <= last;
}

static bool fits(const struct sel4_stops *s, const struct sel4_condition *c,
                 const struct sel4_event *v)
{
    if (!c->armed || (c->kinds != 0 && (c->kinds & v->kinds) == 0))
        return false;
    if (c->slot != 0 && c->slot != physical(s, v->src) &&
        !is_between(c->slot, physical(s, v->slot), physical(s, v->last)))
        return false;
    if (c->object_last != 0 &&
        (v->object == 0 || !is_between(physical(s, v->object), c->object_first, c->object_last)))
        return false;
    return c->thread == 0 || c->thread == physical(s, v->thread);
}

/* In a revoke only its own steps count. */
static bool is_step(const struct sel4_stops *s, const struct sel4_event *v)
{
    uint64_t root = s->side->revoke.root;
    return root == 0 || (v->kinds & (KIND(VICTIM) | KIND(REVOKED))) != 0 ||
           ((v->kinds & KIND(REVOKE)) != 0 && v->slot == root);
}

static bool is_wanted(struct sel4_stops *s, const struct sel4_event *v)
{
    bool over = (v->kinds & KIND(REVOKED)) != 0;
    s->why = SEL4_WHY_NOT;
    for (unsigned i = 0; i < SEL4_CONDITIONS; i++) {
        if (!fits(s, &s->condition[i], v))
            continue;
        s->condition[i].hits++;
        if (s->why == SEL4_WHY_NOT)
            s->matched = i + 1;
        s->why = SEL4_WHY_CONDITION;
    }
    bool stepped = s->steps > 0 && is_step(s, v) && (--s->steps == 0 || over);
    if (s->finish && over)
        s->why = SEL4_WHY_FINISH;
    else if (stepped && s->why == SEL4_WHY_NOT)
        s->why = SEL4_WHY_STEP;
    return s->why != SEL4_WHY_NOT;
}

/* Hardware that matches addresses of user mode too, as where the kernel has a space of its own. */
static bool is_users(const struct sel4_stops *s)
{
    uint64_t mode = 0;
    const struct processor *p = s->processor;
    return p->mode.bytes != 0 && gdb_client_register(s->client, p->mode, &mode) == ERR_OK &&
           processor_is_user(p, mode);
}

static void conclude(struct sel4_stops *s, bool stays)
{
    const uint32_t later = KINDS_OF_REVOKES & ~KIND(REVOKE);
    bool ignored = (s->event.kinds & KIND(REVOKE)) != 0 && !stays && (wanted(s) & later) == 0;
    if (stays) {
        s->steps = 0;
        s->finish = false;
    }
    s->over = s->side->revoke;
    if ((s->event.kinds & KIND(REVOKED)) != 0 || (ignored && !s->finish))
        revoke_ends(s);
}

enum error sel4_stops_judge(struct sel4_stops *s, uint64_t pc, bool *stays)
{
    unsigned place = place_at(s, pc);
    struct sel4_event v = {0};
    *stays = false;
    s->why = SEL4_WHY_NOT;
    s->event = v;
    s->at = place < SEL4_PLACES ? pc : 0;
    bool known = s->at != 0 && s->at == s->unfinished;
    if (s->at != 0)
        s->unfinished = 0;
    if (place == SEL4_PLACES || known || is_users(s))
        return ERR_OK;
    sel4_memory_forget(&s->side->kernel.memory);
    enum error e = take_event(s, place, &v);
    if (e == ERR_OK)
        e = read_thread(s, &v);
    if (e != ERR_OK || v.kinds == 0)
        return e == ERR_READ ? ERR_OK : e; /* no slot: nothing that could be told */
    v.number = ++s->events;
    s->event = v;
    *stays = is_wanted(s, &v);
    conclude(s, *stays);
    return ERR_OK;
}
