/* What is typed after ':'. A word of our own, else a line for the target's monitor. */
#include "inspector-tui/app.h"

#include "capdb/nearest.h"
#include "capstate/size.h"
#include "facts/retype.h"
#include "facts/why.h"
#include "inspector-tui/named.h"
#include "inspector-tui/questions.h"
#include "lib/host/clock_text.h"
#include "lib/plural.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void run_goto(struct app *app, const char *text)
{
    app_goto(app, text);
}

static void run_quit(struct app *app, const char *text)
{
    (void)text;
    app_quit(app);
}

static void run_sql(struct app *app, const char *text)
{
    session_ask(&app->session, text);
    app_go(app, VIEW_SQL);
}

static void run_help(struct app *app, const char *text)
{
    (void)text;
    app->show_help = true;
}

static void say_no_action(struct app *app, const char *wanted)
{
    struct nearest n = {.wanted = wanted};
    for (uint32_t i = 0; i < action_count; i++)
        nearest_offer(&n, actions[i].name);
    session_say(&app->session, true, "'%s' is no action%s%s; Tab completes them", wanted,
                n.best ? ": did you mean " : "", n.best ? n.best : "");
}

static void run_bind(struct app *app, const char *text)
{
    char key[32], action[64];
    if (sscanf(text, "%31s %63s", key, action) != 2)
        session_say(&app->session, true,
                    "bind KEY ACTION: the key as \"F5\", \"^F\", \"Enter\" or a character; Tab "
                    "completes the action");
    else if (!bindings_has_key(key))
        session_say(&app->session, true, "'%s' is no key: F5, ^F, Enter and such, or a character",
                    key);
    else if (!bindings_set(key, action))
        say_no_action(app, action);
}

/* 11:47:27 by the clock in the bar, as capdb takes it; without a date, of the day that is shown where the
 * time line has it then. */
static bool end_of_moment(const struct session *s, const char *text, double *out)
{
    struct clock_frame frame = {.near = s->now->time};
    struct clock_moment at;
    session_reach(s, &frame.first, &frame.last);
    if (!clock_text_read(text, &frame, &at))
        return false;
    *out = at.time + (at.length > 0 ? at.length - 1e-6 : 0);
    return true;
}

/* -60: seconds before what is shown; a moment; 17: a snapshot. */
static void run_at(struct app *app, const char *text)
{
    char *end;
    double moment;
    struct session *s = &app->session;
    if (!s->now)
        return;
    if (end_of_moment(s, text, &moment)) {
        session_seek_time(s, moment);
        return;
    }
    errno = 0;
    long n = strtol(text, &end, 10);
    double unit = n < 0 && strcmp(end, "m") == 0 ? 60 : n < 0 && strcmp(end, "h") == 0 ? 3600 : 1;
    bool whole = !*end || unit > 1 || (n < 0 && strcmp(end, "s") == 0);
    if (end == text || errno || !whole || n == 0 || n > UINT32_MAX)
        session_say(s, true,
                    "at TIME: 11:47:27, -60 (seconds, -1m), or the number of a snapshot, from 1");
    else if (n < 0)
        session_seek_time(s, s->now->time + (double)n * unit);
    else
        session_seek_shown(s, (uint32_t)n);
}

/* `:killed SLOT`, `:made SLOT`: as K and I, for any slot. */
static void run_moment(struct app *app, const char *text, uint32_t goal)
{
    const char *why = NULL;
    struct ref r = ref_to(REF_SLOT, 0);
    char *end;
    bool named = app->session.now && named_find(app->session.now, text, &r, &why);
    uint64_t slot = named ? r.addr : strtoull(text, &end, 16);
    if (why || (named ? r.kind != REF_SLOT : end == text || *end)) {
        session_say(&app->session, true, "'%s' %s", text,
                    why ? why : "is no slot: a hexadecimal address, slot: before it or not");
        return;
    }
    const struct ask ask = {.kind = ASK_FIND, .number = goal, .addr = slot};
    session_say(&app->session, false, "searching the replay for slot 0x%" PRIx64 " ...", slot);
    source_ask(app->session.source, &ask);
}

static void run_killed(struct app *app, const char *text)
{
    run_moment(app, text, ATTACH_KILLED);
}

static void run_made(struct app *app, const char *text)
{
    run_moment(app, text, ATTACH_MADE);
}

/* In the pane below the thread that it was asked of. */
static void say_why(struct app *app, uint64_t thread, const struct why *w)
{
    char *text = why_join(w);
    if (text)
        app_tell(app, thread, text);
    free(text);
}

/* The thread under the cursor; -1 with a message. */
static int32_t thread_here(struct app *app)
{
    struct ref r = app_ref(app);
    int32_t thread =
        r.kind == REF_THREAD && app->session.now ? sample_thread_at(app->session.now, r.addr) : -1;
    if (thread < 0)
        session_say(&app->session, true, "the cursor is on no thread");
    return thread;
}

/* `:why`: as `capdb why-not-running` and `capdb why-fault`, for the thread under the cursor; of a
 * recording with what was before. */
static void run_why(struct app *app, const char *text)
{
    struct why w;
    const struct sample *now = app->session.now;
    int32_t thread = thread_here(app);
    (void)text;
    if (thread < 0)
        return;
    const struct record_thread *t = &now->state.threads[thread].rec;
    struct ask ask = {.kind = ASK_WHY, .number = now->number, .addr = t->addr};
    if (!source_is_live(app->session.source)) {
        source_ask(app->session.source, &ask);
        return;
    }
    why_init(&w);
    why_not_running(&now->state, thread, &w);
    if (t->fault)
        why_fault(&now->state, thread, &w);
    say_why(app, t->addr, &w);
    why_free(&w);
}

/* `:denied CPTR`: as `capdb why-denied`, for the thread under the cursor. */
static void run_denied(struct app *app, const char *text)
{
    char *end;
    struct why w;
    uint64_t cptr = strtoull(text, &end, 0);
    int32_t thread = thread_here(app);
    if (thread < 0)
        return;
    if (end == text || *end) {
        session_say(&app->session, true, "denied CPTR: '%s' is no capability address", text);
        return;
    }
    why_init(&w);
    why_denied(&app->session.now->authority, thread, cptr, &w);
    say_why(app, app->session.now->state.threads[thread].rec.addr, &w);
    why_free(&w);
}

/* The words of a command, in a copy that the caller frees; how many, 0: no memory, or none. */
static uint32_t split(const char *text, char **copy, char *word[], uint32_t most)
{
    char *rest = NULL;
    uint32_t n = 0;
    *copy = strdup(text);
    for (char *w = *copy ? strtok_r(*copy, " ", &rest) : NULL; w && n < most;
         w = strtok_r(NULL, " ", &rest))
        word[n++] = w;
    return n;
}

static void say_plan(struct session *s, const struct retype_request *r, const char *name,
                     const struct retype_plan *p)
{
    char size[SIZE_TEXT], first[24];
    if (p->rule != RETYPE_ALLOWED) {
        session_say(s, true, "%s: %s", retype_rule_answer(p->rule), retype_rule_sentence(p->rule));
        return;
    }
    session_say(s, false,
                "%" PRIu64 " %s of %s from 0x%s on, %" PRIu64 " byte%s lost to alignment, %" PRIu64
                " left",
                r->count, name, size_exact(1ull << p->object_bits, size),
                sample_hex(s->now, p->start, first), p->lost, plural_s(p->lost), p->left);
}

/* `:retype TYPE [SIZE] [COUNT]`: as `capdb retype`, for the untyped under the cursor. */
static void run_retype(struct app *app, const char *text)
{
    enum { WORDS = 4 };
    char *copy, *word[WORDS], why[RETYPE_WHY];
    struct retype_request request;
    struct retype_plan p;
    struct ref r = app_ref(app);
    struct session *s = &app->session;
    int32_t slot = s->now && r.kind == REF_SLOT ? sample_slot_at(s->now, r.addr) : -1;
    uint32_t words = split(text, &copy, word, WORDS);
    if (words == 0 || words == WORDS || slot < 0)
        session_say(
            s, true,
            "retype TYPE [SIZE] [COUNT], with the cursor on a capability to untyped memory");
    else if (!retype_read(word, words, &request, why))
        session_say(s, true, "%s", why);
    else if (retype_plan(&s->now->state, slot, request.type, request.size_bits, request.count,
                         &p) != ERR_OK)
        session_say(s, true, "how large a %s is on this kernel is not known", word[0]);
    else
        say_plan(s, &request, word[0], &p);
    free(copy);
}

static const struct {
    const char *word, *help;
    void (*run)(struct app *app, const char *text);
    bool alone; /* it takes no word */
} commands[] = {
    {"goto", "ADDRESS, TYPE:ADDRESS, ADDRESS in NAME, a domain or a thread", run_goto, false},
    {"at", "a time, seconds back, or a snapshot", run_at, false},
    {"sql", "SELECT ...", run_sql, false},
    {"killed", "SLOT: the moment of a replay that emptied it", run_killed, false},
    {"made", "SLOT: the moment of a replay that filled it", run_made, false},
    {"why", "why this thread does not run, or faulted, and since when", run_why, true},
    {"denied", "CPTR: where it leads in the CSpace of this thread", run_denied, false},
    {"retype", "TYPE [SIZE] [COUNT]: what it would do to this untyped memory", run_retype, false},
    {"fit", "SIZE: which untyped memory could give it", questions_fit, false},
    {"leak", "memory that nobody can get back, or that is idle", questions_leak, true},
    {"bind", "KEY ACTION: what a key does from now on; Tab completes", run_bind, false},
    {"help", "the keys", run_help, true},
    {"quit", "leave", run_quit, true},
    {"q", "", run_quit, true},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

/* No word of ours and none of the target's: what it might have been. */
void command_unknown(struct app *app, const char *text)
{
    char word[32];
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, " "), text);
    struct nearest n = {.wanted = word};
    for (uint32_t i = 0; i < COMMANDS; i++)
        nearest_offer(&n, commands[i].word);
    if (n.best)
        session_say(&app->session, true, "no command is called '%s'; did you mean :%s?", word,
                    n.best);
    else
        session_say(&app->session, true, "no command is called '%s'; :help lists them", word);
}

static void run_one(struct app *app, uint32_t i, const char *text)
{
    if (commands[i].alone && *text)
        session_say(&app->session, true, ":%s takes no word%s%s", commands[i].word,
                    commands[i].help[0] ? ": " : "", commands[i].help);
    else
        commands[i].run(app, text);
}

/* To the monitor of the target, where there is one. */
static void send(struct app *app, const char *text)
{
    struct ask ask = {.kind = ASK_COMMAND};
    if (!source_can_command(app->session.source)) {
        command_unknown(app, text);
        return;
    }
    snprintf(ask.text, sizeof(ask.text), "%s", text);
    snprintf(app->sent, sizeof(app->sent), "%s", text);
    app->asked_show = source_ask(app->session.source, &ask);
}

void command_run(struct app *app, const char *text)
{
    while (*text == ' ')
        text++;
    size_t word = strcspn(text, " ");
    if (word == 0)
        return;
    for (uint32_t i = 0; i < COMMANDS; i++)
        if (strlen(commands[i].word) == word && strncmp(commands[i].word, text, word) == 0) {
            run_one(app, i, text + word + strspn(text + word, " "));
            return;
        }
    send(app, text);
}

const char *command_help(uint32_t n, const char **help)
{
    if (n >= COMMANDS)
        return NULL;
    *help = commands[n].help;
    return commands[n].word;
}

/* --- completion: words first, names behind goto --- */

static bool nth(const char *candidate, const char *beginning, uint32_t *n)
{
    return strncmp(candidate, beginning, strlen(beginning)) == 0 && (*n)-- == 0;
}

/* "bind KEY " and the beginning of an action. */
static bool complete_action(const char *text, uint32_t n, char *out, size_t size)
{
    size_t key = strlen("bind "), action = key + strcspn(text + key, " ");
    if (text[action] != ' ')
        return false;
    action++;
    for (uint32_t i = 0; i < action_count; i++)
        if (nth(actions[i].name, text + action, &n)) {
            snprintf(out, size, "%.*s%s", (int)action, text, actions[i].name);
            return true;
        }
    return false;
}

/* "retype " and the beginning of a type. */
static bool complete_type(const char *text, uint32_t n, char *out, size_t size)
{
    enum { TYPE_AT = sizeof("retype ") - 1 };
    char names[RETYPE_NAMES_MAX], *rest = NULL;
    retype_type_names(names, sizeof(names));
    for (char *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        if (nth(name, text + TYPE_AT, &n)) {
            snprintf(out, size, "retype %s ", name);
            return true;
        }
    return false;
}

/* Where in "goto " and what is behind it the name of a domain or a thread begins: behind "thread:",
 * "domain:" and "ADDRESS in ". */
static size_t name_in(const char *text, bool *domains, bool *threads)
{
    static const char in[] = " in ", domain[] = "domain:", thread[] = "thread:";
    const char *name = text + strlen("goto "), *behind = strstr(name, in);
    name = behind ? behind + strlen(in) : name;
    *domains = strncmp(name, thread, strlen(thread)) != 0;
    *threads = strncmp(name, domain, strlen(domain)) != 0;
    name += *domains && *threads ? 0 : strlen(domain);
    return (size_t)(name - text);
}

static bool complete_name(const struct sample *now, const char *text, uint32_t n, char *out,
                          size_t size)
{
    bool domains, threads;
    size_t at = name_in(text, &domains, &threads);
    for (uint32_t i = 0; domains && i < sample_domains(now); i++)
        if (nth(sample_domain_name(now, (int32_t)i), text + at, &n)) {
            snprintf(out, size, "%.*s%s", (int)at, text, sample_domain_name(now, (int32_t)i));
            return true;
        }
    for (uint32_t i = 0; threads && i < now->state.thread_count; i++)
        if (nth(now->state.threads[i].label, text + at, &n)) {
            snprintf(out, size, "%.*s%s", (int)at, text, now->state.threads[i].label);
            return true;
        }
    return false;
}

bool command_complete(const struct app *app, const char *text, uint32_t n, char *out, size_t size)
{
    const struct sample *now = app->session.now;
    if (strncmp(text, "bind ", 5) == 0)
        return complete_action(text, n, out, size);
    if (strncmp(text, "retype ", 7) == 0)
        return complete_type(text, n, out, size);
    if (strncmp(text, "goto ", 5) == 0)
        return now && complete_name(now, text, n, out, size);
    for (uint32_t i = 0; i < COMMANDS; i++)
        if (nth(commands[i].word, text, &n)) {
            snprintf(out, size, "%s ", commands[i].word);
            return true;
        }
    return false;
}
