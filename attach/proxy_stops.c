/* Stopping and going on, and what is planted for it.
 *
 * A stub that sees processors tells where the processor stands; which thread that is, the kernel's
 * memory tells.  In user mode the stop belongs to that thread, in the kernel to the processor.
 *
 * A breakpoint at a user address is one in every address space.  Where it shall hold in one thread
 * or address space only, whoever else comes along is stepped past it, and the debugger hears
 * nothing of it.  A step of a user thread that leads into the kernel, and one of a thread that is
 * not on the processor, ends where that thread comes back: at the instruction or behind it. */
#include "attach/proxy_state.h"

#include "attach/gdb_exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- where it stands --- */

void proxy_learn(struct proxy *p)
{
    const struct processor *c = p->stub->processor;
    bool user = false;
    uint64_t thread = 0;
    p->user = p->pc = 0;
    p->stopped_in = PROXY_PROCESSOR;
    p->selected = 0;
    if (p->knows_threads ||
        proxy_stub_failed(p, gdb_client_register(p->stub, c->pc, &p->pc)) != ERR_OK ||
        proxy_stub_failed(p, p->door->is_user(p->a, p->pc, &user)) != ERR_OK)
        return;
    if (user && proxy_stub_failed(p, p->door->current(p->a, &thread)) == ERR_OK && thread) {
        p->user = thread;
        p->stopped_in = proxy_id_of(thread);
    }
}

/* The stub's stop reply with the kernel's thread in the place of its own. */
static void word_stop(struct proxy *p, const char *reply)
{
    size_t used = (size_t)snprintf(p->stop, sizeof(p->stop), "T%.2sthread:%" PRIx64 ";",
                                   strlen(reply) > 2 ? reply + 1 : "05", p->stopped_in);
    const char *at = strlen(reply) > 3 && reply[0] == 'T' ? reply + 3 : "";
    while (*at && used < sizeof(p->stop)) {
        size_t n = strcspn(at, ";");
        if (strncmp(at, "thread:", 7) != 0 && strncmp(at, "core:", 5) != 0)
            used += (size_t)snprintf(p->stop + used, sizeof(p->stop) - used, "%.*s;", (int)n, at);
        at += n + (at[n] == ';');
    }
}

static void note_stop(struct proxy *p, const char *reply)
{
    if (p->knows_threads)
        snprintf(p->stop, sizeof(p->stop), "%s", reply);
    else
        word_stop(p, reply);
    const char *at = p->knows_threads ? strstr(reply, "thread:") : NULL;
    uint64_t id;
    if (!at)
        return;
    struct gdb_text t = {(const uint8_t *)at + 7, (const uint8_t *)at + strlen(at)};
    p->stopped_in = proxy_number(&t, &id) ? id : (uint64_t)PROXY_PROCESSOR;
}

static void end_chase(struct proxy *p);

bool proxy_halt(struct proxy *p)
{
    if (attach_is_halted(p->a))
        return true;
    enum error e = attach_halt(p->a);
    if (proxy_stub_failed(p, e) != ERR_OK)
        return false;
    proxy_forget(p);
    proxy_learn(p);
    end_chase(p);
    if (p->knows_threads) {
        e = gdb_client_ask(p->stub, "?", deadline_in(PROXY_REPLY_MS));
        note_stop(p, e == ERR_OK ? (const char *)p->stub->decoder.data : "T02thread:1;");
        return proxy_stub_failed(p, e) == ERR_OK;
    }
    note_stop(p, p->stub->stop);
    return true;
}

/* --- plant and take away --- */

static bool plant(struct proxy *p, char mark, const char *what)
{
    char request[48];
    snprintf(request, sizeof(request), "%c%s", mark, what);
    enum error e = gdb_client_plant(p->stub, request, deadline_in(PROXY_REPLY_MS));
    return proxy_stub_failed(p, e) == ERR_OK;
}

static bool plant_at(struct proxy *p, char mark, uint64_t address)
{
    char what[40];
    snprintf(what, sizeof(what), "1,%" PRIx64 ",%x", address, p->stub->processor->code_bytes);
    return plant(p, mark, what);
}

static struct proxy_planted *find_planted(struct proxy *p, const char *what)
{
    for (uint32_t i = 0; i < p->planted_count; i++)
        if (strcmp(p->planted[i].what, what) == 0)
            return &p->planted[i];
    return NULL;
}

static void remember(struct proxy *p, const char *what)
{
    uint64_t address = 0;
    if (find_planted(p, what))
        return;
    struct proxy_planted *b = &p->planted[p->planted_count++];
    snprintf(b->what, sizeof(b->what), "%s", what);
    struct gdb_text t = {(const uint8_t *)what + 2, (const uint8_t *)what + strlen(what)};
    b->code = proxy_number(&t, &address) && what[0] <= '1';
    b->address = address;
}

/* What is planted is known here, so that none of it outlives the debugger. */
void proxy_plant(struct proxy *p, const char *request)
{
    char what[sizeof(p->planted[0].what)];
    bool adds = request[0] == 'Z';
    if (strlen(request + 1) >= sizeof(what) || (adds && p->planted_count == PROXY_PLANTED_MAX)) {
        proxy_say(p, "E0e");
        return;
    }
    snprintf(what, sizeof(what), "%s", request + 1);
    enum error e = gdb_client_ask(p->stub, request, deadline_in(PROXY_REPLY_MS));
    if (proxy_stub_failed(p, e) != ERR_OK) {
        proxy_say(p, "E01");
        return;
    }
    bool done = strcmp((const char *)p->stub->decoder.data, "OK") == 0;
    struct proxy_planted *b = find_planted(p, what);
    if (adds && done)
        remember(p, what);
    else if (!adds && b)
        *b = p->planted[--p->planted_count];
    proxy_reply(p, p->stub->decoder.data, p->stub->decoder.length);
}

static void end_chase(struct proxy *p)
{
    for (uint32_t i = 0; p->chasing && i < PROXY_CHASED && !p->dead; i++)
        plant_at(p, 'z', p->chased[i]);
    p->chasing = false;
    p->stepping = 0;
}

void proxy_clear(struct proxy *p)
{
    end_chase(p);
    for (uint32_t i = 0; i < p->planted_count && !p->dead; i++)
        plant(p, 'z', p->planted[i].what);
    p->planted_count = p->only_count = 0;
    if (p->armed && p->door->disarm)
        p->door->disarm(p->a);
    p->armed = false;
}

void proxy_release(struct proxy *p)
{
    bool runs = !attach_is_halted(p->a) || p->ran;
    transport_protect(true); /* a signal may come just now */
    if (!p->dead && (p->planted_count || p->chasing || p->armed) && proxy_halt(p))
        proxy_clear(p);
    if (!p->dead && runs && attach_is_halted(p->a))
        (void)proxy_stub_failed(p, attach_continue(p->a));
    transport_protect(false);
    p->planted_count = p->only_count = 0;
    p->waits = false;
    p->selected = 0;
    proxy_forget(p);
}

/* --- going on --- */

/* Over a breakpoint of the kernel's door at which the machine stands. */
static bool leave_event(struct proxy *p)
{
    p->at_event = false;
    return !p->door->leave || proxy_stub_failed(p, p->door->leave(p->a)) == ERR_OK;
}

static bool resume(struct proxy *p, const char *request)
{
    proxy_forget(p);
    if (!leave_event(p))
        return false;
    enum error e = gdb_client_resume_by(p->stub, request, deadline_in(PROXY_REPLY_MS));
    p->a->halted = e != ERR_OK;
    return proxy_stub_failed(p, e) == ERR_OK;
}

void proxy_go(struct proxy *p, const char *request)
{
    p->waits = resume(p, request);
    if (!p->waits)
        proxy_say(p, "E01");
}

/* Where the thread is awaited. */
static bool chase(struct proxy *p)
{
    p->chased[0] = p->step_from;
    p->chased[1] = p->step_from + p->stub->processor->trap_bytes;
    p->chasing = plant_at(p, 'Z', p->chased[0]) && plant_at(p, 'Z', p->chased[1]);
    return p->chasing && resume(p, "c");
}

/* To leave the place of an event takes a step: that is the one. */
static void step_from_event(struct proxy *p)
{
    p->stepping_processor = false;
    if (!leave_event(p)) {
        proxy_say(p, "E01");
        return;
    }
    proxy_forget(p);
    proxy_learn(p);
    note_stop(p, "T05");
    proxy_reply(p, p->stop, strlen(p->stop));
}

void proxy_step(struct proxy *p, uint64_t id)
{
    int32_t thread = proxy_thread(p, id);
    p->stepping_processor = id == PROXY_PROCESSOR;
    p->stepping = thread < 0 ? 0 : p->state.threads[thread].rec.addr;
    if (p->at_event && p->stepping == 0) {
        step_from_event(p);
        return;
    }
    if (p->stepping == 0 || p->stepping == p->user) {
        p->step_from = p->pc;
        proxy_go(p, "s");
        return;
    }
    p->step_from = p->state.threads[thread].rec.pc;
    p->waits = chase(p);
    if (!p->waits)
        proxy_say(p, "E01");
}

/* --- breakpoints for one alone --- */

static bool breaks_at(const struct proxy *p, uint64_t address)
{
    for (uint32_t i = 0; i < p->planted_count; i++)
        if (p->planted[i].code && p->planted[i].address == address)
            return true;
    return false;
}

static bool chased_at(const struct proxy *p, uint64_t address)
{
    return p->chasing && (address == p->chased[0] || address == p->chased[1]);
}

static uint64_t space_of_user(struct proxy *p)
{
    int32_t thread = proxy_thread(p, proxy_id_of(p->user));
    int32_t root = thread < 0 ? -1 : capstate_thread_vspace(&p->state, thread);
    return root < 0 ? 0 : p->state.objects[root].addr;
}

/* Does a breakpoint here hold for the thread that came to it? */
static bool holds(struct proxy *p)
{
    bool limited = false;
    for (uint32_t i = 0; i < p->only_count; i++) {
        const struct proxy_only *o = &p->only[i];
        if (o->address != p->pc)
            continue;
        limited = true;
        if (p->user && (o->thread ? o->thread == p->user : o->space == space_of_user(p)))
            return true;
    }
    return !limited;
}

/* Past what is planted at the place where it stands. */
static bool step_past(struct proxy *p)
{
    bool done = true, again = chased_at(p, p->pc);
    uint64_t pc = p->pc;
    for (uint32_t i = 0; i < p->planted_count; i++)
        if (p->planted[i].code && p->planted[i].address == pc)
            done &= plant(p, 'z', p->planted[i].what);
    if (again)
        done &= plant_at(p, 'z', pc);
    enum error e = done ? gdb_client_move(p->stub, "s", deadline_in(PROXY_REPLY_MS)) : ERR_REFUSED;
    done = proxy_stub_failed(p, e) == ERR_OK;
    for (uint32_t i = 0; i < p->planted_count && !p->dead; i++)
        if (p->planted[i].code && p->planted[i].address == pc)
            done &= plant(p, 'Z', p->planted[i].what);
    if (again && !p->dead)
        done &= plant_at(p, 'Z', pc);
    return done;
}

/* --- it stopped --- */

static bool is_trap(const char *reply)
{
    return (reply[0] == 'T' || reply[0] == 'S') && memcmp(reply + 1, "05", 2) == 0;
}

/* An event that somebody armed a stop for is told in a sentence. */
static enum gdb_door_stop judge(struct proxy *p)
{
    enum gdb_door_stop what = GDB_DOOR_NOT_OURS;
    char sentence[PROXY_TEXT] = "";
    if (!p->door->judge || proxy_stub_failed(p, p->door->judge(p->a, p->pc, &what, sentence,
                                                               sizeof(sentence))) != ERR_OK)
        return GDB_DOOR_NOT_OURS;
    p->at_event = what != GDB_DOOR_NOT_OURS;
    if (what == GDB_DOOR_STAYS && p->waits) {
        size_t n = strlen(sentence);
        sentence[n < sizeof(sentence) - 1 ? n++ : n - 1] = '\n';
        proxy_print(p, sentence, n);
    }
    return what;
}

/* Is this stop none for the debugger?  Then the machine goes on. */
static bool goes_on(struct proxy *p, const char *reply)
{
    if (p->knows_threads || !is_trap(reply))
        return false;
    enum gdb_door_stop what = judge(p);
    if (what == GDB_DOOR_STAYS)
        return false;
    if (what == GDB_DOOR_PASSES && !breaks_at(p, p->pc))
        return resume(p, "c");
    if (p->stepping && !p->chasing)
        return !p->user && p->stepping != 0 && chase(p);
    if (chased_at(p, p->pc) && p->user == p->stepping)
        return false;
    bool passes = breaks_at(p, p->pc) ? !holds(p) : chased_at(p, p->pc);
    return passes && step_past(p) && resume(p, "c");
}

void proxy_stopped(struct proxy *p)
{
    char reply[PROXY_TEXT];
    snprintf(reply, sizeof(reply), "%.*s", (int)sizeof(reply) - 1,
             (const char *)p->stub->decoder.data);
    p->a->halted = true;
    proxy_forget(p);
    proxy_learn(p);
    if (p->dead || goes_on(p, reply))
        return;
    end_chase(p);
    if (p->stepping_processor && is_trap(reply))
        p->stopped_in = PROXY_PROCESSOR;
    p->stepping_processor = false;
    note_stop(p, reply);
    if (p->waits)
        proxy_reply(p, p->stop, strlen(p->stop));
    p->waits = false;
}

/* --- monitor cap only --- */

static void list_only(struct proxy *p)
{
    char line[PROXY_TEXT * 2];
    for (uint32_t i = 0; i < p->only_count; i++) {
        const struct proxy_only *o = &p->only[i];
        int n = snprintf(line, sizeof(line), "0x%" PRIx64 " holds in %s %s only\n", o->address,
                         o->thread ? "thread" : "the address space of", o->name);
        proxy_print(p, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
    }
    if (p->only_count == 0)
        proxy_print(p, "every breakpoint holds everywhere\n", 34);
}

static void complain(struct proxy *p, const char *sentence)
{
    proxy_print(p, sentence, strlen(sentence));
    proxy_print(p, "\n", 1);
}

static int32_t thread_named(struct proxy *p, const char *name)
{
    int32_t found = -1;
    for (uint32_t i = 0; proxy_know(p) && i < p->state.thread_count; i++)
        if (strcmp(p->state.threads[i].label, name) == 0) {
            if (found >= 0)
                return -1;
            found = (int32_t)i;
        }
    return found;
}

static void add_only(struct proxy *p, uint64_t address, const char *name, bool space)
{
    int32_t thread = thread_named(p, name);
    int32_t root = thread < 0 ? -1 : capstate_thread_vspace(&p->state, thread);
    if (thread < 0 || root < 0) {
        complain(p, "no thread, or more than one, has this name (info threads lists them)");
        return;
    }
    if (p->only_count == PROXY_ONLY_MAX) {
        complain(p, "there are too many of them already");
        return;
    }
    struct proxy_only *o = &p->only[p->only_count++];
    o->address = address;
    o->thread = space ? 0 : p->state.threads[thread].rec.addr;
    o->space = p->state.objects[root].addr;
    snprintf(o->name, sizeof(o->name), "%s", name);
    list_only(p);
}

static void drop_only(struct proxy *p, uint64_t address)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->only_count; i++)
        if (p->only[i].address != address)
            p->only[kept++] = p->only[i];
    p->only_count = kept;
    list_only(p);
}

void proxy_only(struct proxy *p, const char *operands)
{
    uint64_t address = 0;
    char kind[8] = "", name[PROXY_TEXT] = "";
    int n = sscanf(operands, " 0x%" SCNx64 " %7s %511[^\n]", &address, kind, name);
    if (p->knows_threads)
        complain(p, "this stub tells threads apart itself: break ADDRESS thread N");
    else if (n <= 0 && operands[strspn(operands, " ")] == '\0')
        list_only(p);
    else if (n == 2 && strcmp(kind, "all") == 0)
        drop_only(p, address);
    else if (n == 3 && (strcmp(kind, "thread") == 0 || strcmp(kind, "space") == 0))
        add_only(p, address, name, kind[0] == 's');
    else
        complain(p,
                 "usage: cap only [0xADDRESS thread NAME | 0xADDRESS space NAME | 0xADDRESS all]");
}
