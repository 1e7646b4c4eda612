/* What the debugger asks: answered here, or by the stub. */
#include "attach/proxy_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKET_MARGIN = 64, /* requests become longer on their way to the stub */
    COMMAND_MS = 60000, /* of the stub, as long as it goes on speaking */
};

enum error proxy_stub_failed(struct proxy *p, enum error e)
{
    if (e == ERR_CLOSED || e == ERR_IO) {
        p->dead = true;
        attach_judge(p->a, e);
    }
    return e;
}

void proxy_pass(struct proxy *p, const char *request)
{
    enum error e = gdb_client_ask(p->stub, request, deadline_in(PROXY_REPLY_MS));
    if (proxy_stub_failed(p, e) != ERR_OK)
        proxy_say(p, "E01");
    else
        proxy_reply(p, p->stub->decoder.data, p->stub->decoder.length);
}

/* --- what this server can do --- */

/* What the stub offers, but for what is decided here. */
static void answer_supported(struct proxy *p)
{
    static const char *const ours[] = {"PacketSize=",           "qXfer:threads", "multiprocess",
                                       "vContSupported",        "QStartNoAck",   "capscope-",
                                       "ConditionalBreakpoints"};
    char text[GDB_PACKET_DATA];
    uint32_t most = p->stub->packet_size;
    most = most > 4 * PACKET_MARGIN ? most - PACKET_MARGIN : 4 * (uint32_t)PACKET_MARGIN;
    size_t used = (size_t)snprintf(
        text, sizeof(text), "PacketSize=%" PRIx32 ";qXfer:threads:read+;vContSupported+", most);
    for (const char *at = p->stub->features; *at;) {
        size_t n = strcspn(at, ";");
        bool skip = n == 0 || used + n + 2 > sizeof(text);
        for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
            skip |= strncmp(at, ours[i], strlen(ours[i])) == 0;
        if (!skip)
            used += (size_t)snprintf(text + used, sizeof(text) - used, ";%.*s", (int)n, at);
        at += n + (at[n] == ';');
    }
    proxy_reply(p, text, used);
}

/* --- threads --- */

bool proxy_number(struct gdb_text *t, uint64_t *value)
{
    uint32_t digits = 0;
    *value = 0;
    for (; t->at < t->end && gdb_hex_digit(*t->at) >= 0; t->at++, digits++) {
        if (*value >> 60)
            return false;
        *value = *value << 4 | (uint64_t)gdb_hex_digit(*t->at);
    }
    return digits > 0;
}

/* A thread number; -1 and 0 stand for any. */
static bool take_thread(struct gdb_text *t, uint64_t *id)
{
    if (gdb_text_take(t, '-'))
        return proxy_number(t, id) && (*id = 0, true);
    return proxy_number(t, id);
}

static bool exists(struct proxy *p, uint64_t id)
{
    return id == 0 || id == PROXY_PROCESSOR || proxy_thread(p, id) >= 0;
}

static void answer_select(struct proxy *p, struct gdb_text *t, const char *request)
{
    uint64_t id;
    bool registers = gdb_text_take(t, 'g');
    if (!registers && !gdb_text_take(t, 'c')) {
        proxy_say(p, "E01");
    } else if (!take_thread(t, &id) || !exists(p, id)) {
        proxy_say(p, "E01");
    } else if (registers && p->knows_threads) {
        proxy_pass(p, request);
    } else {
        p->selected = registers ? id : p->selected;
        proxy_say(p, "OK");
    }
}

static void answer_extra(struct proxy *p, struct gdb_text *t)
{
    uint64_t id;
    char name[PROXY_TEXT], reason[PROXY_TEXT], all[2 * PROXY_TEXT + 4], hex[2 * sizeof(all)];
    if (!take_thread(t, &id) || !exists(p, id)) {
        proxy_say(p, "E01");
        return;
    }
    proxy_describe(p, id, name, reason, sizeof(name));
    snprintf(all, sizeof(all), "%s: %s", name, reason);
    proxy_reply(p, hex, gdb_hex_put(hex, all, (uint32_t)strlen(all)));
}

/* LLDB asks it of each thread. */
static void answer_stop_of(struct proxy *p, struct gdb_text *t)
{
    uint64_t id;
    char name[PROXY_TEXT], reason[PROXY_TEXT], hex[2 * PROXY_TEXT];
    if (!take_thread(t, &id) || !exists(p, id)) {
        proxy_say(p, "E01");
        return;
    }
    id = id ? id : p->stopped_in;
    proxy_describe(p, id, name, reason, sizeof(name));
    uint32_t n = gdb_hex_put(hex, name, (uint32_t)strlen(name));
    bool here = id == p->stopped_in;
    proxy_say(p, "T%.2sthread:%" PRIx64 ";hexname:%.*s;%s",
              here && strlen(p->stop) > 2 ? p->stop + 1 : "00", id, (int)n, hex,
              here ? "" : "reason:;");
}

/* --- monitor commands --- */

static enum error print_text(void *ctx, const char *bytes, size_t length)
{
    proxy_print(ctx, bytes, length);
    return ERR_OK;
}

static void print_line(struct proxy *p, const char *sentence)
{
    proxy_print(p, sentence, strlen(sentence));
    proxy_print(p, "\n", 1);
}

static void ask_capscope(struct proxy *p, const char *line)
{
    line += strspn(line, " ");
    if (strncmp(line, "only", 4) == 0 && (line[4] == ' ' || line[4] == '\0')) {
        proxy_only(p, line + 4);
        return;
    }
    if (!proxy_know(p)) {
        print_line(p, p->unknown);
        return;
    }
    char *text = p->help->answer(p->help->ctx, &p->state, line);
    if (text)
        proxy_print(p, text, strlen(text));
    else
        print_line(p, error_sentence(ERR_NO_MEMORY));
    free(text);
}

/* Commands that the kernel's door understands, where the kernel has none of its own. */
static bool ask_door(struct proxy *p, const char *line)
{
    struct text text = {0};
    bool known = p->door->command && p->door->command(p->a, line, &text);
    if (known && text.used)
        proxy_print(p, text.bytes, text.used);
    p->armed |= known;
    text_fini(&text);
    return known;
}

/* On failure the text is what gdb shows; it makes nonsense of an error reply. */
static void ask_stub(struct proxy *p, const char *line)
{
    if (ask_door(p, line))
        return;
    enum error e = gdb_client_command(p->stub, line, print_text, p, deadline_in(COMMAND_MS));
    if (proxy_stub_failed(p, e) != ERR_OK)
        print_line(p, p->stub->trouble);
    proxy_forget(p);
}

static void answer_command(struct proxy *p, struct gdb_text *t)
{
    char line[GDB_PACKET_DATA / 2 + 1];
    uint32_t n = gdb_text_left(t) / 2;
    if (n >= sizeof(line) || !gdb_hex_get(t->at, n, (uint8_t *)line)) {
        proxy_say(p, "E01");
        return;
    }
    line[n] = '\0';
    if (strncmp(line, "cap", 3) == 0 && (line[3] == ' ' || line[3] == '\0'))
        ask_capscope(p, line + 3);
    else
        ask_stub(p, line);
    proxy_say(p, "OK");
}

/* --- going on --- */

static void answer_vcont(struct proxy *p, struct gdb_text *t, const char *request)
{
    uint64_t id = p->stopped_in;
    if (p->knows_threads) {
        proxy_go(p, request);
        return;
    }
    bool steps = gdb_text_take(t, 's') || gdb_text_take(t, 'S');
    while (steps && gdb_text_left(t) && *t->at != ':' && *t->at != ';')
        t->at++; /* a signal */
    if (steps && gdb_text_take(t, ':') && !take_thread(t, &id))
        proxy_say(p, "E01");
    else if (steps)
        proxy_step(p, id ? id : p->stopped_in);
    else
        proxy_go(p, "c");
}

static void answer_step(struct proxy *p, const char *request)
{
    if (p->knows_threads)
        proxy_go(p, request);
    else
        proxy_step(p, p->stopped_in);
}

/* When the debugger hears of it, the machine runs already. */
static void answer_detach(struct proxy *p, bool answers)
{
    p->ran = true;
    proxy_release(p);
    if (answers)
        proxy_say(p, p->dead ? "E01" : "OK");
    p->detached = true;
}

/* --- the table --- */

static bool query(struct proxy *p, struct gdb_text *t, const char *request)
{
    if (gdb_text_take_word(t, "qSupported"))
        answer_supported(p);
    else if (gdb_text_take_word(t, "qXfer:threads:read::"))
        proxy_list_xml(p, (const char *)t->at);
    else if (gdb_text_take_word(t, "qXfer:features:read:"))
        return proxy_features(p, t);
    else if (gdb_text_take_word(t, "qfThreadInfo") || gdb_text_take_word(t, "qsThreadInfo"))
        proxy_list_numbers(p, request[1] == 'f');
    else if (gdb_text_take_word(t, "qThreadExtraInfo,"))
        answer_extra(p, t);
    else if (gdb_text_take_word(t, "qThreadStopInfo"))
        answer_stop_of(p, t);
    else if (gdb_text_take_word(t, "qRcmd,"))
        answer_command(p, t);
    else if (gdb_text_take_word(t, "qAttached"))
        proxy_say(p, "1");
    else if (strcmp(request, "QThreadSuffixSupported") == 0) {
        p->one_space = true; /* asked by LLDB alone; no is an answer */
        proxy_say(p, "%s", "");
    } else if (strcmp(request, "qC") == 0)
        proxy_say(p, "QC%" PRIx64, p->stopped_in);
    else if (strcmp(request, "QStartNoAckMode") == 0) {
        proxy_say(p, "OK");
        p->acks = false;
    } else
        return false;
    return true;
}

static bool resumes(struct proxy *p, struct gdb_text *t, const char *request)
{
    if (strcmp(request, "vCont?") == 0 && !p->knows_threads)
        proxy_say(p, "vCont;c;C;s;S");
    else if (gdb_text_take_word(t, "vCont;"))
        answer_vcont(p, t, request);
    else if (strcmp(request, "bc") == 0 || strcmp(request, "bs") == 0)
        proxy_go(p, request);
    else if (request[0] == 'c' || request[0] == 'C')
        proxy_go(p, p->knows_threads ? request : "c");
    else if (request[0] == 's' || request[0] == 'S')
        answer_step(p, request);
    else
        return false;
    return true;
}

static bool looks(struct proxy *p, struct gdb_text *t, char kind, const char *request)
{
    bool others = !p->knows_threads;
    if (kind == 'm' && others)
        proxy_read_memory(p, t);
    else if (kind == 'M' && others)
        proxy_write_memory(p, t);
    else if (kind == 'g' && others && !proxy_means_processor(p))
        proxy_registers(p);
    else if (kind == 'p' && others && !proxy_means_processor(p))
        proxy_register(p, t);
    else if ((kind == 'G' || kind == 'P') && others)
        proxy_write_registers(p, request);
    else if (kind == 'Z' || kind == 'z')
        proxy_plant(p, request);
    else if (strchr("mgp", kind))
        proxy_pass(p, request);
    else
        return false;
    return true;
}

static void answer_rest(struct proxy *p, struct gdb_text *t, char kind, const char *request)
{
    uint64_t id;
    t->at++;
    if (kind == '?')
        proxy_reply(p, p->stop, strlen(p->stop));
    else if (kind == 'H')
        answer_select(p, t, request);
    else if (kind == 'T')
        proxy_say(p, take_thread(t, &id) && exists(p, id) ? "OK" : "E01");
    else if (kind == 'D' || strncmp(request, "vKill", 5) == 0)
        answer_detach(p, true);
    else if (kind == 'k')
        answer_detach(p, false);
    else if (kind == 'X' || kind == 'R' || kind == 'A' || kind == '!' || kind == 'v')
        proxy_say(p, "%s", ""); /* binary data, and what starts or exchanges programs */
    else if (!looks(p, t, kind, request)) {
        proxy_pass(p, request);
        proxy_forget(p);
    }
}

/* Whatever it asks, it asks of a machine that stands. */
void proxy_handle(struct proxy *p)
{
    char request[GDB_PACKET_DATA + 1];
    struct gdb_text t;
    memcpy(request, p->decoder.data, p->decoder.length + 1);
    if (!proxy_halt(p)) {
        proxy_say(p, "E01");
        return;
    }
    p->waits = false;
    t = gdb_text_of(&p->decoder);
    if (strcmp(request, "vCont?") == 0 && p->knows_threads)
        proxy_pass(p, request);
    else if (p->decoder.length == 0)
        proxy_say(p, "%s", "");
    else if (!query(p, &t, request) && !resumes(p, &t, request))
        answer_rest(p, &t, request[0], request);
}

void proxy_interrupt(struct proxy *p)
{
    if (!p->waits)
        return;
    if (proxy_halt(p)) {
        p->waits = false;
        proxy_reply(p, p->stop, strlen(p->stop));
    }
}
