/* The table of threads and the words for them. */
#include "gdbstub/threads.h"

#include "kernel/arch.h"
#include "monitor/places.h"
#include "monitor/view.h"
#include "record/names.h"

static uint32_t ids[THREADS_MAX];
static uint32_t used; /* 0: not collected */

void threads_forget(void)
{
    used = 0;
}

uint32_t threads_id(kaddr_t tcb)
{
    return paddr_from_kaddr(tcb) >> TCB_BITS;
}

kaddr_t threads_tcb(uint32_t id)
{
    return id == THREAD_KERNEL ? 0 : kaddr_from_paddr(id << TCB_BITS);
}

/* A broken derivation list gives the threads that were found before the break. */
static void collect(void)
{
    struct objwalk *w = view_walk_quiet();
    if (used != 0)
        return;
    ids[used++] = THREAD_KERNEL;
    if (!w)
        return;
    places_collect(w);
    for (uint32_t i = 0; i < places_count() && used < THREADS_MAX; i++)
        if (places_at(i)->kind == PLACE_TCB)
            ids[used++] = threads_id(places_at(i)->base);
}

uint32_t threads_count(void)
{
    collect();
    return used;
}

uint32_t threads_at(uint32_t i)
{
    return ids[i];
}

bool threads_exists(uint32_t id)
{
    collect();
    for (uint32_t i = 0; i < used; i++)
        if (ids[i] == id)
            return true;
    return false;
}

kaddr_t threads_directory(uint32_t id)
{
    struct record_slot s;
    struct objwalk *w = view_walk_quiet();
    kaddr_t tcb = id == THREAD_KERNEL ? ks.current : threads_tcb(id);
    if (!w || tcb == 0 ||
        objwalk_slot(w, tcb + TCB_VSPACE * (uint32_t)sizeof(struct slot), &s) != ERR_OK ||
        s.type != RECORD_CAP_PAGE_DIRECTORY)
        return 0;
    return kaddr_from_paddr(s.object);
}

/* ---- words ---- */

static const struct record_thread *record_of(uint32_t id)
{
    static struct record_thread t;
    struct objwalk *w = view_walk_quiet();
    if (id == THREAD_KERNEL || !w || objwalk_thread(w, threads_tcb(id), &t) != ERR_OK)
        return NULL;
    return &t;
}

static void escaped(format_sink sink, void *ctx, const char *bytes, uint32_t len)
{
    static char text[4 * RECORD_STRING_MAX + 1];
    format_escape(text, sizeof(text), bytes, len);
    format_to(sink, ctx, "%s", text);
}

void threads_name(uint32_t id, format_sink sink, void *ctx)
{
    const struct record_thread *t = record_of(id);
    if (id == THREAD_KERNEL)
        format_to(sink, ctx, "kernel");
    else if (t && t->idle)
        format_to(sink, ctx, "idle");
    else if (t && t->name.length != 0)
        escaped(sink, ctx, t->name.bytes, t->name.length);
    else
        format_to(sink, ctx, "tcb 0x%08x", paddr_from_kaddr(threads_tcb(id)));
}

/* A name "guest/init" says that the thread is of domain guest. */
static void describe_domain(const struct record_thread *t, format_sink sink, void *ctx)
{
    uint32_t n = 0;
    while (n < t->name.length && t->name.bytes[n] != '/')
        n++;
    if (n == 0 || n == t->name.length)
        return;
    format_to(sink, ctx, "domain ");
    escaped(sink, ctx, t->name.bytes, n);
    format_to(sink, ctx, ", ");
}

static void describe_state(const struct record_thread *t, format_sink sink, void *ctx)
{
    switch (t->state) {
    case THREAD_RUNNING:
    case THREAD_RESTART:
        format_to(sink, ctx, t->current ? "running" : "ready");
        break;
    case THREAD_BLOCKED_ON_RECEIVE:
        format_to(sink, ctx, "waits to receive on endpoint 0x%08x", t->blocked_on);
        break;
    case THREAD_BLOCKED_ON_SEND:
        format_to(sink, ctx, "waits to send on endpoint 0x%08x, badge 0x%x", t->blocked_on,
                  t->blocked_badge);
        break;
    case THREAD_BLOCKED_ON_NOTIFICATION:
        format_to(sink, ctx, "waits on notification 0x%08x", t->blocked_on);
        break;
    case THREAD_BLOCKED_ON_REPLY:
        format_to(sink, ctx, "waits for a reply");
        break;
    default:
        format_to(sink, ctx, "%s", thread_state_name(t->state));
        break;
    }
}

static void describe_fault(const struct record_thread *t, format_sink sink, void *ctx)
{
    static const char *const names[] = {
#define X(value, NAME, text) [value] = text,
        FAULT_LIST(X)
#undef X
    };
    bool known = t->fault < sizeof(names) / sizeof(names[0]) && names[t->fault];
    if (t->fault != FAULT_NONE)
        format_to(sink, ctx, ", fault: %s 0x%x", known ? names[t->fault] : "unknown",
                  t->fault_addr);
}

void threads_describe(uint32_t id, format_sink sink, void *ctx)
{
    const struct record_thread *t;
    if (id == THREAD_KERNEL) {
        format_to(sink, ctx, "on behalf of ");
        threads_name(threads_id(ks.current), sink, ctx);
        return;
    }
    t = record_of(id);
    if (!t) {
        format_to(sink, ctx, "cannot be read as a thread");
        return;
    }
    describe_domain(t, sink, ctx);
    describe_state(t, sink, ctx);
    describe_fault(t, sink, ctx);
    format_to(sink, ctx, ", priority %u", t->priority);
}
