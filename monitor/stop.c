/* Commands that stop the kernel, step it, and say where it stands. */
#include "monitor/command.h"
#include "monitor/door/door.h"
#include "monitor/lease.h"
#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/stop.h"
#include "monitor/text.h"
#include "monitor/view.h"
#include "record/names.h"

enum { LEFT_SHOWN = 10 };

/* ---- conditions ---- */

static void condition_line(uint32_t i)
{
    const struct break_condition *b = &debug_control.condition[i];
    out("%u: on", i + 1);
    if (b->kinds == 0)
        out(" any");
    for (uint32_t kind = 1; kind < EVENT_KINDS; kind++)
        if (b->kinds >> kind & 1)
            out(" %s", event_kind_name(kind));
    if (b->slot != 0)
        out(" slot 0x%08x", paddr_from_kaddr(b->slot));
    if (b->object_last != 0 && b->object_first == b->object_last)
        out(" object 0x%08x", paddr_from_kaddr(b->object_first));
    else if (b->object_last != 0)
        out(" range 0x%08x-0x%08x", paddr_from_kaddr(b->object_first),
            paddr_from_kaddr(b->object_last));
    if (b->thread != 0) {
        out(" thread ");
        text_thread(b->thread, TEXT_NAME);
    }
    out(", %u hit%s\n", b->hits, b->hits == 1 ? "" : "s");
}

static enum error condition_list(void)
{
    bool any = false;
    for (uint32_t i = 0; i < BREAK_CONDITIONS; i++) {
        if (!debug_control.condition[i].enabled)
            continue;
        condition_line(i);
        any = true;
    }
    if (!any)
        out("no conditions; `break on delete`, for example, makes one\n");
    return ERR_OK;
}

static enum error parse_kind(const char *word, word_t *kinds)
{
    if (args_equal(word, "any")) {
        *kinds = 0;
        return ERR_OK;
    }
    for (uint32_t kind = 1; kind < EVENT_KINDS; kind++)
        if (args_equal(event_kind_name(kind), word)) {
            *kinds = (word_t)1 << kind;
            return ERR_OK;
        }
    out("'%s' is no operation; any or one of:\n", word);
    for (uint32_t kind = 1; kind < EVENT_KINDS; kind++)
        out_piece("%s", event_kind_name(kind));
    out("\n");
    return ERR_ARGUMENT;
}

/* "A-B"; splits the word in place, so the arguments are the caller's own. */
static enum error parse_range(struct args *a, uint32_t i, struct break_condition *b)
{
    if (i >= a->count)
        return ERR_ARGUMENT;
    char *p = a->text + (a->word[i] - a->text);
    while (*p != '\0' && *p != '-')
        p++;
    if (*p == '\0' || a->count == ARGS_MAX)
        return ERR_ARGUMENT;
    *p = '\0';
    a->word[a->count] = p + 1;
    a->count++;
    enum error e = args_address(a, i, &b->object_first);
    if (e == ERR_OK)
        e = args_address(a, a->count - 1, &b->object_last);
    a->count--;
    if (e == ERR_OK && paddr_from_kaddr(b->object_last) < paddr_from_kaddr(b->object_first)) {
        out("the range ends before it begins\n");
        e = ERR_ARGUMENT;
    }
    return e;
}

/* In a condition the kernel's address 0, that of physical 0x90000000, means that any will do. */
static enum error watchable(kaddr_t address)
{
    if (address != 0)
        return ERR_OK;
    out("no condition can name 0x%08x: in the kernel's addresses that is 0\n", paddr_from_kaddr(0));
    return ERR_ARGUMENT;
}

/* One "slot A", "object A", "range A-B" or "thread T" from word i on. */
static enum error parse_filter(struct objwalk *w, struct args *a, uint32_t i,
                               struct break_condition *b)
{
    enum error e = ERR_ARGUMENT;
    if (args_is(a, i, "slot")) {
        e = args_address(a, i + 1, &b->slot);
        return e == ERR_OK ? watchable(b->slot) : e;
    }
    if (args_is(a, i, "object")) {
        e = args_address(a, i + 1, &b->object_first);
        b->object_last = b->object_first;
        return e == ERR_OK ? watchable(b->object_last) : e;
    }
    if (args_is(a, i, "range")) {
        e = parse_range(a, i + 1, b);
        return e == ERR_OK ? watchable(b->object_last) : e;
    }
    if (args_is(a, i, "thread"))
        return args_thread(w, a, i + 1, &b->thread);
    out("'%s' is none of slot, object, range, thread\n", a->word[i]);
    return e;
}

static int condition_free(void)
{
    for (int i = 0; i < BREAK_CONDITIONS; i++)
        if (!debug_control.condition[i].enabled)
            return i;
    return -1;
}

enum error command_break(const struct args *given)
{
    struct break_condition b = {.enabled = 1};
    static struct args a;
    struct objwalk *w = view_walk();
    if (given->count == 0 || (given->count == 1 && args_is(given, 0, "list")))
        return condition_list();
    if (!w)
        return ERR_NO_ROOTS;
    int free = condition_free();
    if (free < 0) {
        out("all %u conditions are in use; `delete` one\n", (uint32_t)BREAK_CONDITIONS);
        return ERR_REFUSED;
    }
    a = *given;
    for (uint32_t i = 0; i < a.count; i++) /* the copy's words lie in the copy */
        a.word[i] = a.text + (given->word[i] - given->text);
    uint32_t at = args_is(&a, 0, "on") ? 1 : 0;
    enum error e = at < a.count ? parse_kind(a.word[at], &b.kinds) : ERR_ARGUMENT;
    for (at++; e == ERR_OK && at < a.count; at += 2)
        e = parse_filter(w, &a, at, &b);
    if (e != ERR_OK)
        return e;
    debug_control.condition[free] = b;
    debug_control_changed();
    condition_line((uint32_t)free);
    return ERR_OK;
}

enum error command_delete(const struct args *a)
{
    uint32_t n;
    if (args_is(a, 0, "all")) {
        for (uint32_t i = 0; i < BREAK_CONDITIONS; i++)
            debug_control.condition[i].enabled = 0;
        debug_control_changed();
        return ERR_OK;
    }
    enum error e = args_number(a, 0, &n);
    if (e != ERR_OK)
        return e;
    if (n == 0 || n > BREAK_CONDITIONS || !debug_control.condition[n - 1].enabled) {
        out("there is no condition %u\n", n);
        return ERR_NOT_FOUND;
    }
    debug_control.condition[n - 1].enabled = 0;
    debug_control_changed();
    return ERR_OK;
}

/* ---- going on ---- */

enum error command_step(const struct args *a)
{
    uint32_t n = 1;
    enum error e = a->count > 0 ? args_number(a, 0, &n) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (n == 0)
        return ERR_ARGUMENT;
    debug_control.step = n;
    debug_resume();
    return ERR_OK;
}

enum error command_finish(const struct args *a)
{
    (void)a;
    bool deleting = debug_control.current.seq != 0 && debug_control.current.kind == EVENT_ZOMBIE;
    if (debug_control.revoke.root == 0 && !deleting) {
        out("finish: no revoke or delete is under way here\n");
        return ERR_REFUSED;
    }
    debug_control.finish = 1;
    debug_resume();
    return ERR_OK;
}

enum error command_continue(const struct args *a)
{
    (void)a;
    debug_resume();
    out("running\n");
    return ERR_OK;
}

enum error command_lease(const struct args *a, uint32_t at, uint32_t *seconds)
{
    enum error e = args_is(a, at, "for") ? args_number(a, at + 1, seconds) : ERR_ARGUMENT;
    if (e != ERR_OK)
        return e;
    if (*seconds != 0 && *seconds <= LEASE_SECONDS_MAX)
        return ERR_OK;
    out("for 1 to %u seconds, or, without `for`, until somebody ends it\n",
        (uint32_t)LEASE_SECONDS_MAX);
    return ERR_ARGUMENT;
}

/* Of a stop that somebody else made a lease makes nothing. */
static enum error halt_leased(uint32_t seconds)
{
    bool stopped = debug_is_stopped();
    if (stopped && !lease_is_on(&lease_of_stop)) {
        out("already stopped\n");
        return ERR_OK;
    }
    lease_begin(&lease_of_stop, seconds);
    out("%s until this line is silent for %u s\n", stopped ? "still stopped" : "stopped", seconds);
    if (!stopped)
        debug_request_halt();
    return ERR_OK;
}

enum error command_halt(const struct args *a)
{
    uint32_t seconds;
    if (a->count > 0) {
        enum error e = command_lease(a, 0, &seconds);
        return e == ERR_OK ? halt_leased(seconds) : e;
    }
    lease_end(&lease_of_stop);
    lease_end(&lease_of_gdb);
    if (debug_is_stopped()) {
        out("already stopped\n");
        return ERR_OK;
    }
    debug_request_halt();
    return ERR_OK;
}

/* ---- where ---- */

void stop_describe(enum debug_reason reason, const char *sentence)
{
    static const char *const words[] = {
        [STOP_CONDITION] = "condition",   [STOP_STEP] = "step",
        [STOP_FINISH] = "finished",       [STOP_HALT] = "halt",
        [STOP_PROGRAM] = "program",       [STOP_PANIC] = "panic",
        [STOP_BREAKPOINT] = "breakpoint",
    };
    const struct objwalk *w = view_walk_quiet();
    out("stopped: %s", words[reason]);
    if (reason == STOP_CONDITION)
        out(" %u", debug_control.stop_condition + 1);
    if (sentence)
        out(": %s", sentence);
    if (w && debug_control.current.seq != 0) {
        out("\n");
        text_event(w, &debug_control.current);
    } else if (!sentence && w) {
        out(", in ");
        text_thread(ks.current, TEXT_NAME);
    }
    out("\n");
}

/* What the revoke will still take, in derivation order, which is the order in which it goes. */
static void revoke_left(struct objwalk *w, kaddr_t root)
{
    struct record_slot r;
    uint32_t left = 0;
    enum error e;
    objwalk_cdt_begin(w, &view_cursor);
    do
        e = objwalk_cdt_next(w, &view_cursor, &r);
    while (e == ERR_OK && view_cursor.slot != root && !out_stopped());
    uint32_t depth = view_cursor.depth;
    if (e == ERR_OK) {
        out("root     0x%08x ", r.addr);
        text_cap(&r);
        out("\n");
    }
    while (e == ERR_OK && (e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK &&
           view_cursor.depth > depth && !out_stopped()) {
        if (left++ >= LEFT_SHOWN)
            continue;
        out(left == 1 ? "next     0x%08x " : "then     0x%08x ", r.addr);
        text_cap(&r);
        out("\n");
    }
    view_complain(w, e);
    /* a step takes more than one where a CNode goes with what it holds */
    out("done %u steps, left %u capabilities below the root, preempted %u times\n",
        debug_control.revoke.done, left, debug_control.revoke.preempted);
}

enum error command_where(const struct args *a)
{
    struct objwalk *w = view_walk();
    (void)a;
    if (!w)
        return ERR_NO_ROOTS;
    if (debug_is_stopped()) {
        stop_describe(debug_stop_reason(), debug_stop_sentence());
    } else {
        out("running: ");
        text_thread(ks.current, TEXT_NAME);
        out("\n");
    }
    kaddr_t root = debug_control.revoke.root;
    if (root != 0)
        revoke_left(w, root);
    else if (debug_control.trace || debug_control.armed)
        out("no revoke is under way\n");
    else
        out("a revoke would be known only with trace on or a condition armed\n");
    return ERR_OK;
}
