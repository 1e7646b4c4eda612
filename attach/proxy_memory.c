/* Registers and memory of the thread that the debugger means.
 *
 * The thread on the processor has the processor's registers; all others have what the kernel saved.
 * User addresses go through the thread's own page tables to physical memory, where the kernel's
 * window, or a stub's physical mode, finds them; devices are not touched. */
#include "attach/proxy_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { READ_MAX = 1024, WRITE_MAX = 512, ENCLOSED_MAX = 1 << 16, ENCLOSED_BYTES = 256 << 20 };

static uint64_t meant(const struct proxy *p)
{
    return p->selected ? p->selected : p->stopped_in;
}

bool proxy_means_processor(const struct proxy *p)
{
    uint64_t id = meant(p);
    return id == PROXY_PROCESSOR || (p->user && id == proxy_id_of(p->user));
}

/* --- registers --- */

static bool is_error(const struct gdb_decoder *d)
{
    return d->length == 3 && d->data[0] == 'E';
}

static void put_value(char *hex, uint64_t value, uint32_t bytes)
{
    uint8_t raw[8];
    for (uint32_t i = 0; i < sizeof(raw); i++)
        raw[i] = (uint8_t)(value >> 8 * i);
    gdb_hex_put(hex, raw, bytes);
}

static bool saved_registers(struct proxy *p, struct walker_registers *r)
{
    int32_t thread = proxy_thread(p, meant(p));
    if (thread < 0)
        return false;
    const struct record_thread *t = &p->state.threads[thread].rec;
    return proxy_stub_failed(p, p->door->registers(p->a, t, r)) == ERR_OK && r->count > 1;
}

/* Where the status word lies in an answer to `g` of this many bytes. */
static uint32_t status_at(const struct processor *c, uint32_t length)
{
    for (size_t i = 0; i < sizeof(c->all) / sizeof(*c->all); i++)
        if (c->all[i].length == length)
            return c->all[i].mode_at;
    return c->all[0].mode_at;
}

static bool is_known(const struct walker_registers *r, uint32_t i)
{
    return i < r->count && r->known >> i & 1;
}

/* As long as the stub's own; what is not known is x. */
void proxy_registers(struct proxy *p)
{
    struct walker_registers r;
    char text[GDB_PACKET_DATA];
    const struct processor *c = p->stub->processor;
    enum error e = gdb_client_ask(p->stub, "g", deadline_in(PROXY_REPLY_MS));
    uint32_t digits = p->stub->decoder.length;
    if (proxy_stub_failed(p, e) != ERR_OK || digits > sizeof(text) || !saved_registers(p, &r)) {
        proxy_say(p, "E01");
        return;
    }
    memset(text, 'x', digits);
    uint32_t bytes = c->pc.bytes, at = status_at(c, digits / 2);
    for (uint32_t i = 0; i + 1 < r.count && 2 * (i + 1) * bytes <= digits; i++)
        if (is_known(&r, i))
            put_value(text + (size_t)2 * i * bytes, r.value[i], bytes);
    if (is_known(&r, r.count - 1) && at != 0 && 2 * (at + c->mode.bytes) <= digits)
        put_value(text + (size_t)2 * at, r.value[r.count - 1], c->mode.bytes);
    proxy_reply(p, text, digits);
}

static void unknown_register(struct proxy *p, uint32_t number)
{
    char request[16], text[GDB_PACKET_DATA];
    snprintf(request, sizeof(request), "p%" PRIx32, number);
    enum error e = gdb_client_ask(p->stub, request, deadline_in(PROXY_REPLY_MS));
    uint32_t digits = p->stub->decoder.length;
    if (proxy_stub_failed(p, e) != ERR_OK || digits > sizeof(text) || digits < 4) {
        proxy_say(p, "E01");
        return;
    }
    memset(text, 'x', digits);
    proxy_reply(p, text, digits);
}

void proxy_register(struct proxy *p, struct gdb_text *t)
{
    struct walker_registers r;
    char text[16];
    uint32_t number;
    const struct processor *c = p->stub->processor;
    if (!gdb_text_number(t, &number) || !saved_registers(p, &r)) {
        proxy_say(p, "E01");
        return;
    }
    bool status = number == c->mode.number && c->mode.bytes && is_known(&r, r.count - 1);
    if (!status && (number + 1 >= r.count || !is_known(&r, number))) {
        unknown_register(p, number);
        return;
    }
    uint32_t bytes = status ? c->mode.bytes : c->pc.bytes;
    put_value(text, r.value[status ? r.count - 1 : number], bytes);
    proxy_reply(p, text, (size_t)2 * bytes);
}

/* QEMU takes registers that a short request leaves out from what lies behind it: so the length is
 * held against that of the stub's own answer. */
void proxy_write_registers(struct proxy *p, const char *request)
{
    char question[24] = "g";
    const char *value = request + 1;
    if (request[0] == 'P') {
        size_t n = strcspn(request, "=");
        value = request[n] ? request + n + 1 : "";
        snprintf(question, sizeof(question), "p%.*s", (int)(n - 1), request + 1);
    }
    enum error e = proxy_means_processor(p)
                       ? gdb_client_ask(p->stub, question, deadline_in(PROXY_REPLY_MS))
                       : ERR_REFUSED;
    if (proxy_stub_failed(p, e) != ERR_OK || strlen(value) != p->stub->decoder.length ||
        strspn(value, "0123456789abcdefABCDEF") != strlen(value) || is_error(&p->stub->decoder))
        proxy_say(p, "E01");
    else
        proxy_pass(p, request);
}

/* --- memory --- */

static bool in_ranges(const struct capstate *s, uint64_t physical, uint32_t length)
{
    for (uint32_t i = 0; i < s->range_count; i++) {
        const struct record_range *r = &s->ranges[i];
        if (physical >= r->base && physical - r->base < r->size &&
            length <= r->size - (physical - r->base))
            return true;
    }
    return false;
}

static const struct capstate_object *holding(const struct capstate *s, uint64_t physical)
{
    int32_t object = capstate_object_holding(s, physical);
    return object < 0 ? NULL : &s->objects[object];
}

/* Known to be memory: the kernel's image, and what is of no device. */
static bool is_memory(struct proxy *p, uint64_t physical)
{
    const struct capstate_object *o = holding(&p->state, physical);
    return o ? !(o->flags & RECORD_SLOT_DEVICE)
             : p->door->is_image && p->door->is_image(p->a, physical);
}

/* Device untypeds that lie without a gap between memory and memory are memory too, which the kernel
 * kept out of its hands: what a boot loader left there.  Two walks, each past so many objects. */
static bool is_enclosed(struct proxy *p, uint64_t physical)
{
    const struct capstate_object *o;
    uint64_t below = physical, above = physical;
    uint32_t steps = 0;
    for (; (o = holding(&p->state, below)) && o->flags & RECORD_SLOT_DEVICE; below = o->addr - 1)
        if (steps++ == ENCLOSED_MAX || o->addr == 0)
            return false;
    for (; (o = holding(&p->state, above)) && o->flags & RECORD_SLOT_DEVICE;
         above = o->addr + ((uint64_t)1 << o->bits))
        if (steps++ == ENCLOSED_MAX)
            return false;
    return above - below <= ENCLOSED_BYTES && is_memory(p, below) && is_memory(p, above);
}

/* Reading a device may change it. */
static bool in_ram(struct proxy *p, uint64_t physical, uint32_t length)
{
    return in_ranges(&p->state, physical, length) || is_memory(p, physical) ||
           is_enclosed(p, physical);
}

static uint64_t space_of(struct proxy *p, int32_t thread)
{
    int32_t root = capstate_thread_vspace(&p->state, thread);
    return root < 0 ? 0 : p->state.objects[root].addr;
}

static const struct record_mapping *mapping_of(const struct capstate *s, uint64_t root,
                                               uint64_t vaddr)
{
    for (uint32_t i = 0; root && i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (m->dir == root && m->bits < 64 && (vaddr - m->vaddr) >> m->bits == 0)
            return m;
    }
    return NULL;
}

/* Where a user address of the thread that is meant lies, and how many of the bytes with it. */
static bool locate_user(struct proxy *p, uint64_t vaddr, uint32_t *length, uint64_t *physical)
{
    int32_t thread = proxy_thread(p, meant(p));
    const struct record_mapping *m =
        thread < 0 ? NULL : mapping_of(&p->state, space_of(p, thread), vaddr);
    if (!m)
        return false;
    uint64_t inside = vaddr - m->vaddr, left = ((uint64_t)1 << m->bits) - inside;
    *length = left < *length ? (uint32_t)left : *length;
    *physical = m->frame + inside;
    return in_ram(p, *physical, *length);
}

/* Where an address of the kernel's lies. */
static bool locate_kernel(struct proxy *p, uint64_t vaddr, uint32_t length, uint64_t *physical)
{
    return proxy_know(p) && p->door->physical(p->a, vaddr, physical) &&
           in_ram(p, *physical, length);
}

/* What the stub calls the place of an address.  A thread's own mappings come first: a hypervisor
 * has addresses of its own, and its threads may have the same ones. */
static bool locate(struct proxy *p, uint64_t vaddr, uint32_t *length, uint64_t *wire)
{
    uint64_t physical = 0;
    bool kernel = vaddr >= p->door->user_top(p->a);
    if (!locate_user(p, vaddr, length, &physical)) {
        if (kernel && !p->stub->physical) {
            *wire = vaddr;
            return true;
        }
        if (!kernel || !locate_kernel(p, vaddr, *length, &physical))
            return false;
    }
    *wire = p->stub->physical ? physical : walker_kernel_address(&p->state.snapshot, physical);
    return true;
}

/* The processor's own view: whatever its page tables say now. */
static enum error as_processor(struct proxy *p, const char *request)
{
    deadline_t deadline = deadline_in(PROXY_REPLY_MS);
    enum error e = ERR_OK;
    if (p->stub->physical)
        e = gdb_client_ask(p->stub, "Qqemu.PhyMemMode:0", deadline);
    if (e == ERR_OK)
        e = gdb_client_ask(p->stub, request, deadline);
    char answer[GDB_PACKET_DATA + 1];
    uint32_t length = p->stub->decoder.length;
    memcpy(answer, p->stub->decoder.data, length + 1);
    if (e == ERR_OK && p->stub->physical)
        e = gdb_client_ask(p->stub, "Qqemu.PhyMemMode:1", deadline);
    memcpy(p->stub->decoder.data, answer, length + 1);
    p->stub->decoder.length = length;
    return proxy_stub_failed(p, e);
}

static bool range(struct gdb_text *t, uint64_t *addr, uint32_t *length)
{
    return proxy_number(t, addr) && gdb_text_take(t, ',') && gdb_text_number(t, length);
}

/* Pieces until one cannot be read; bytes read. */
static uint32_t read_pieces(struct proxy *p, uint64_t addr, uint8_t *to, uint32_t length)
{
    uint32_t done = 0;
    while (done < length) {
        uint32_t n = length - done;
        uint64_t wire;
        if (!locate(p, addr + done, &n, &wire) ||
            proxy_stub_failed(p, gdb_client_read(p->stub, wire, to + done, n)) != ERR_OK)
            return done;
        done += n;
    }
    return done;
}

/* As hex digits; how many. */
static uint32_t read_as_processor(struct proxy *p, uint64_t addr, uint32_t length, char *text)
{
    char request[32];
    const struct gdb_decoder *d = &p->stub->decoder;
    snprintf(request, sizeof(request), "m%" PRIx64 ",%" PRIx32, addr, length);
    if (as_processor(p, request) != ERR_OK || is_error(d) || d->length > 2 * length)
        return 0;
    memcpy(text, d->data, d->length);
    return d->length;
}

/* The kernel's own memory cannot be read through the processor while that is in user mode. */
static uint32_t read_as_meant(struct proxy *p, uint64_t addr, uint32_t length, char *text)
{
    uint8_t bytes[READ_MAX];
    bool processor = proxy_means_processor(p);
    uint32_t digits = processor ? read_as_processor(p, addr, length, text) : 0;
    if (digits || (processor && addr < p->door->user_top(p->a)))
        return digits;
    return gdb_hex_put(text, bytes, read_pieces(p, addr, bytes, length));
}

void proxy_read_memory(struct proxy *p, struct gdb_text *t)
{
    uint64_t addr;
    uint32_t length;
    char text[2 * READ_MAX];
    uint64_t selected = p->selected;
    if (!range(t, &addr, &length)) {
        proxy_say(p, "E01");
        return;
    }
    length = length < READ_MAX ? length : (uint32_t)READ_MAX;
    uint32_t digits = read_as_meant(p, addr, length, text);
    if (digits == 0 && p->one_space) {
        p->selected = p->stopped_in;
        digits = read_as_meant(p, addr, length, text);
        p->selected = selected;
    }
    if (digits == 0 && length > 0)
        proxy_say(p, "E14");
    else
        proxy_reply(p, text, digits);
}

static bool write_piece(struct proxy *p, uint64_t wire, const uint8_t *hex, uint32_t n)
{
    char request[2 * WRITE_MAX + 40];
    snprintf(request, sizeof(request), "M%" PRIx64 ",%" PRIx32 ":%.*s", wire, n, (int)(2 * n),
             (const char *)hex);
    enum error e = gdb_client_ask(p->stub, request, deadline_in(PROXY_REPLY_MS));
    return proxy_stub_failed(p, e) == ERR_OK && p->stub->decoder.length == 2;
}

static bool write_pieces(struct proxy *p, uint64_t addr, const uint8_t *hex, uint32_t length)
{
    for (uint32_t done = 0; done < length;) {
        uint32_t n = length - done < WRITE_MAX ? length - done : (uint32_t)WRITE_MAX;
        uint64_t wire;
        if (!locate(p, addr + done, &n, &wire) || !write_piece(p, wire, hex + (size_t)2 * done, n))
            return false;
        done += n;
    }
    return true;
}

void proxy_write_memory(struct proxy *p, struct gdb_text *t)
{
    uint64_t addr;
    uint32_t length;
    if (!range(t, &addr, &length) || !gdb_text_take(t, ':') || gdb_text_left(t) != 2 * length ||
        length > GDB_PACKET_DATA) {
        proxy_say(p, "E01");
        return;
    }
    bool done = false;
    if (proxy_means_processor(p)) {
        done = as_processor(p, (const char *)p->decoder.data) == ERR_OK;
        done = done && p->stub->decoder.length == 2;
    } else {
        done = write_pieces(p, addr, t->at, length);
    }
    proxy_forget(p);
    proxy_say(p, done ? "OK" : "E14");
}
