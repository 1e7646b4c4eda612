/* A memory view over the kernel's own address space. */
#include "monitor/view.h"

#include "kernel/armv6/guard.h"
#include "kernel/board.h"
#include "monitor/door/door.h"
#include "monitor/out.h"
#include "record/codec.h"

struct objwalk_cursor view_cursor;
struct objwalk_cursor view_inner;

static enum error guarded_read(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    (void)ctx;
    return arch_guarded_read(addr, buf, len) ? ERR_OK : ERR_READ;
}

/* RAM is mapped whole while the kernel runs. */
static const void *ram_window(void *ctx, record_word_t addr, uint32_t len)
{
    (void)ctx;
    uint32_t offset = addr - KERNEL_WINDOW;
    return offset < board.ram_size && len <= board.ram_size - offset ? kptr(addr) : NULL;
}

static const struct memview view = {.read = guarded_read, .window = ram_window};
static struct objwalk walk;
static bool walk_is_open;

bool view_is_ram(kaddr_t addr)
{
    return addr - KERNEL_WINDOW < board.ram_size;
}

enum error view_read(kaddr_t addr, void *buf, uint32_t len)
{
    return guarded_read(NULL, addr, buf, len);
}

static enum error open_once(void)
{
    if (walk_is_open)
        return ERR_OK;
    if (debug_roots_at == 0)
        return ERR_NO_ROOTS;
    enum error e = objwalk_open(&walk, &view, debug_roots_at);
    walk_is_open = e == ERR_OK;
    return e;
}

struct objwalk *view_walk_quiet(void)
{
    return open_once() == ERR_OK ? &walk : NULL;
}

struct objwalk *view_walk(void)
{
    enum error e = open_once();
    if (e == ERR_OK)
        return &walk;
    out("the kernel's state cannot be read: %s\n", error_sentence(e));
    return NULL;
}

void view_complain(const struct objwalk *w, enum error e)
{
    if (e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_STOPPED)
        return;
    out_fresh_line();
    out("stopped at 0x%08x: %s\n", paddr_from_kaddr(w->trouble), error_sentence(e));
}
