/* Walking a view with the care that a moving target needs: a stop may fall into the middle of a
 * kernel operation, and a RAM file may change under the walk.  Such a walk is torn; it shows as
 * findings, as an incomplete list, or as a digest that differs from the one the kernel keeps. */
#include "attach/walk.h"

#include "layout/roots.h"
#include "lib/bytes.h"

#include <string.h>

static enum error open_failed(struct attach *a, enum error e, const struct objwalk *w)
{
    if (e == ERR_VERSION)
        return attach_fail(a, e, "kernel_roots has version %u, this program understands %u",
                           w->roots.version, (unsigned)ROOTS_VERSION);
    if (e == ERR_LAYOUT)
        return attach_fail(a, e, "the kernel's layout is 0x%08x, this program understands 0x%08x",
                           w->roots.layout, LAYOUT_HASH);
    if (e == ERR_CORRUPT)
        return attach_fail(a, e,
                           "kernel_roots is not what the kernel published: somebody wrote to it");
    return attach_fail(a, e, "%s", error_sentence(e));
}

enum error walk_open(struct attach *a, const struct memview *view, const struct memview *probe,
                     struct objwalk *w)
{
    kaddr_t at = 0;
    a->error[0] = '\0';
    memset(w, 0, sizeof(*w));
    enum error e = probe ? objwalk_probe_roots(probe, KERNEL_PHYS_BASE, &at) : ERR_NO_ROOTS;
    if (e == ERR_NO_ROOTS || e == ERR_READ)
        e = objwalk_find_roots(view, KERNEL_PHYS_BASE, &at);
    if (e == ERR_OK)
        e = objwalk_open(w, view, at);
    if (e == ERR_OK)
        return ERR_OK;
    return a->error[0] ? e : open_failed(a, e, w); /* a view's own sentence says more */
}

enum error walk_once(struct objwalk *w, bool stopped, struct stream *out)
{
    stream_clear(out);
    return objwalk_snapshot(w, stopped, stream_record, out);
}

static bool read_word(struct objwalk *w, kaddr_t addr, uint32_t *out)
{
    uint8_t bytes[4];
    if (addr == 0 || memview_read(w->view, addr, bytes, sizeof(bytes)) != ERR_OK)
        return false;
    *out = get_le32(bytes);
    return true;
}

static bool read_control(struct objwalk *w, size_t offset, uint32_t *out)
{
    kaddr_t control = w->roots.debug_control;
    return control != 0 && read_word(w, control + (kaddr_t)offset, out);
}

bool walk_in_debugger(struct objwalk *w)
{
    uint32_t stopped;
    return read_control(w, offsetof(struct debug_control, stopped), &stopped) && stopped != 0;
}

bool walk_is_idle(struct objwalk *w)
{
    uint32_t current;
    return read_word(w, w->roots.current, &current) && current == w->roots.idle_thread;
}

/* Does the digest the kernel keeps agree with what was walked?  True where it keeps none. */
static bool digest_agrees(struct objwalk *w, const struct record_end *end)
{
    struct running_digest d;
    if (w->roots.digest == 0 || memview_read(w->view, w->roots.digest, &d, sizeof(d)) != ERR_OK)
        return true;
    return !d.kept || (d.sum.lane[0] == end->digest0 && d.sum.lane[1] == end->digest1);
}

static bool same_state(const struct record_end *a, const struct record_end *b)
{
    return a->slots == b->slots && a->mappings == b->mappings && a->threads == b->threads &&
           a->digest0 == b->digest0 && a->digest1 == b->digest1;
}

/* The last walk, for comparison with the next. */
struct previous {
    struct record_end end;
    uint32_t findings;
    bool valid;
};

enum error walk_settled(struct attach *a, struct objwalk *w, walk_prepare prepare, bool twice,
                        unsigned tries)
{
    struct previous last = {0};
    for (unsigned i = 0; i < tries; i++) {
        bool stopped = false;
        enum error e = prepare ? prepare(a, i, &stopped) : ERR_OK;
        if (e != ERR_OK)
            return e;
        a->error[0] = '\0';
        e = walk_once(w, stopped, &a->stream);
        if (e != ERR_OK)
            return a->error[0] ? e : attach_fail(a, e, "%s", error_sentence(e));
        const struct record_end *end = &a->stream.end;
        bool clean = end->complete && a->stream.findings == 0 && digest_agrees(w, end);
        bool alike = last.valid && same_state(&last.end, end) &&
                     last.findings == a->stream.findings && last.end.complete == end->complete;
        if (alike || (clean && !twice))
            return ERR_OK;
        last = (struct previous){*end, a->stream.findings, true};
    }
    return attach_fail(a, ERR_TORN, "no whole snapshot in %u tries: %s", tries,
                       error_sentence(ERR_TORN));
}
