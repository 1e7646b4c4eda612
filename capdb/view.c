/* Opening what a command asks about. */
#include "attach/sel4.h"
#include "capdb/command.h"

#include "attach/attach.h"
#include "capdb/part.h"
#include "capdb/skeleton.h"
#include "capdb/stream.h"
#include "lib/host/clock_text.h"
#include "lib/utf8.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Names of files and what was typed may hold anything; a terminal must not obey it. */
static void say(const char *where, const char *fmt, va_list args)
{
    char text[4096], shown[2 * sizeof(text)];
    int used = snprintf(text, sizeof(text), "%.1000s%s", where ? where : "", where ? ": " : "");
    vsnprintf(text + used, sizeof(text) - (size_t)used, fmt, args);
    utf8_escape(shown, sizeof(shown), text, (uint32_t)strlen(text));
    fprintf(stderr, "capdb: %s\n", shown);
}

enum status command_complain(const char *where, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(where, fmt, args);
    va_end(args);
    return STATUS_UNKNOWN;
}

enum status command_unwritten(const struct options *o)
{
    return command_complain(o->output ? o->output : "stdout", "could not be written (%s)",
                            strerror(errno));
}

enum status command_finish(struct options *o, struct output *out, enum status s)
{
    return output_end(out) ? s : command_unwritten(o);
}

void command_catch_signals(void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

void command_doubt(struct options *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(o->run, fmt, args);
    va_end(args);
    o->doubt = true;
}

enum status command_begin_output(const struct options *o, struct outfile *f)
{
    if (outfile_open(f, o->output))
        return STATUS_YES;
    return command_complain(o->output, "%s",
                            errno == ENXIO ? "is a pipe that nobody reads" : strerror(errno));
}

enum status command_end_output(const struct options *o, struct outfile *f, enum status s)
{
    bool written = outfile_close(f, s == STATUS_YES);
    if (!written && s == STATUS_YES)
        s = command_unwritten(o);
    return s;
}

bool target_is_live(const char *target)
{
    return strncmp(target, "monitor:", 8) == 0 || strncmp(target, "gdb:", 4) == 0 ||
           strncmp(target, "ram:", 4) == 0;
}

/* --- a running system ------------------------------------------------------------------------ */

static volatile sig_atomic_t signalled;

static void end_by_signal(int number)
{
    signalled = number;
    attach_interrupt();
}

void command_tell_layout(void)
{
    const char *note;
    for (unsigned i = 0; (note = attach_kernel_note(i)); i++)
        fprintf(stderr, "capdb: %s\n", note);
}

void command_leave(struct attach *a)
{
    const char *left = attach_close(a);
    if (left[0])
        fprintf(stderr, "capdb: %s\n", left);
}

static enum status take_live(struct options *o, struct capstate *state)
{
    char message[CAPDB_MESSAGE];
    struct attach *a;
    if (attach_open(o->run, &a, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    command_tell_layout();
    enum status s = STATUS_YES;
    if (attach_snapshot(a, state) != ERR_OK)
        s = command_complain(NULL, "%s", attach_error(a));
    else if (attach_was_at_work(a, &state->snapshot))
        fprintf(stderr,
                "capdb: %s: the kernel was at work when it was read%s: what it was changing may be "
                "half changed\n",
                o->run, strncmp(o->run, "gdb:", 4) == 0 ? ", and did not leave off" : "");
    command_leave(a);
    return s;
}

/* Whoever ends the program while the machine stands for it finds the machine running all the same:
 * the signal takes effect once the line is closed. */
static enum status take_live_whole(struct options *o, struct capstate *state)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = end_by_signal}, before[3];
    for (size_t i = 0; i < 3; i++)
        sigaction(numbers[i], &action, &before[i]);
    enum status s = take_live(o, state);
    for (size_t i = 0; i < 3; i++)
        sigaction(numbers[i], &before[i], NULL);
    if (signalled)
        raise(signalled);
    return s;
}

static enum error fill_live(struct view *v, const struct capstate *state)
{
    uint32_t n;
    enum error e = capdb_set_rules(v->db, &v->rules);
    if (e == ERR_OK)
        e = capdb_append(v->db, state, (double)time(NULL), &n);
    return e == ERR_OK ? capdb_flush(v->db) : e;
}

/* One snapshot of a running system in a database in memory. */
static enum status open_live(struct options *o, struct view *v)
{
    char message[CAPDB_MESSAGE];
    struct capstate state;
    enum status s = o->given ? STATUS_YES : take_live_whole(o, &state);
    if (s != STATUS_YES)
        return s;
    if (capdb_create(":memory:", o->run, &v->db, message) != ERR_OK)
        s = command_complain(o->run, "%s", message);
    else if (fill_live(v, o->given ? o->given : &state) != ERR_OK)
        s = command_complain(o->run, "%s", capdb_error(v->db));
    if (!o->given)
        capstate_free(&state);
    return s;
}

/* --- a file ---------------------------------------------------------------------------------- */

char *run_file(const char *run)
{
    static const char ram[] = "ram:";
    bool image = strncmp(run, ram, sizeof(ram) - 1) == 0;
    char *path = strdup(image ? run + sizeof(ram) - 1 : run);
    if (path && !image)
        clock_text_of_file(path);
    return path;
}

/* FILE@MOMENT says which snapshot is meant, and nothing else may say otherwise. */
static enum status take_moment(struct options *o, char *path)
{
    const char *other = o->at_text ? "--at" : o->all ? "--all" : o->from_text ? "--from" : "--to";
    const char *moment = clock_text_of_file(path);
    if (!moment)
        return STATUS_YES;
    if (!o->one)
        return command_complain(path, "@%s: this command is about the whole recording", moment);
    if (o->at_text || o->all || o->from_text || o->to_text)
        return command_complain(path, "@%s and %s exclude each other", moment, other);
    o->at_text = o->run + (moment - path);
    o->at_of_file = true;
    return STATUS_YES;
}

static enum status open_file(struct options *o, struct view *v)
{
    char message[CAPDB_MESSAGE];
    char *path = strdup(o->run);
    if (!path)
        return command_complain(NULL, "out of memory");
    enum status s = take_moment(o, path);
    if (s == STATUS_YES && capdb_open(path, &v->db, message) != ERR_OK)
        s = command_complain(path, "%s", message);
    if (s == STATUS_YES && capdb_hold(v->db) != ERR_OK)
        s = command_complain(path, "%s", capdb_error(v->db));
    free(path);
    return s;
}

/* --- what an answer has to be taken with ----------------------------------------------------- */

uint32_t dbview_incomplete(struct view *v, uint32_t last, uint32_t *first)
{
    static const char sql[] = "SELECT count(*), min(n) FROM snapshot WHERE complete = 0 AND n <= ?";
    sqlite3_stmt *st;
    uint32_t count = 0;
    enum error e = capdb_prepare(v->db, sql, &st);
    if (e != ERR_OK)
        return 0;
    sqlite3_bind_int64(st, 1, last);
    if (capdb_step(v->db, st, "looking for incomplete snapshots", &e)) {
        count = (uint32_t)sqlite3_column_int64(st, 0);
        *first = (uint32_t)sqlite3_column_int64(st, 1);
    }
    sqlite3_finalize(st);
    return count;
}

/* A command that looks at all snapshots answers from the incomplete ones, too. */
static void doubt_incomplete(struct options *o, struct view *v)
{
    uint32_t first, count = dbview_incomplete(v, UINT32_MAX, &first);
    if (count)
        command_doubt(o,
                      "%u of its snapshots %s incomplete, from %u on: what could not be read is "
                      "in no answer",
                      count, count == 1 ? "is" : "are", first);
}

static void doubt_file(struct options *o, struct view *v)
{
    const char *warning = capdb_warning(v->db);
    if (warning)
        command_doubt(o, "%s", warning);
    if (o->whole)
        doubt_incomplete(o, v);
}

/* --- views ----------------------------------------------------------------------------------- */

/* What came through a pipe does not come again, and a command may open two views. */
static struct piped {
    char *path;
    struct authority_rules rules;
} piped;

static enum error rules_once(const char *path, struct authority_rules *out,
                             struct authority_rules_fault *fault)
{
    struct stat st;
    if (piped.path && strcmp(piped.path, path) == 0)
        return authority_rules_copy(&piped.rules, out);
    bool again = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    enum error e = authority_rules_read(path, out, fault);
    if (e != ERR_OK || again || piped.path)
        return e;
    piped.path = strdup(path);
    return piped.path ? authority_rules_copy(out, &piped.rules) : ERR_NO_MEMORY;
}

enum status rules_read(const char *path, struct authority_rules *out)
{
    struct authority_rules_fault fault;
    if (!path)
        return STATUS_YES;
    enum error e = rules_once(path, out, &fault);
    if (e == ERR_FORMAT)
        return command_complain(path, "line %u, column %u: %s", fault.line, fault.column,
                                fault.sentence);
    if (e == ERR_NO_MEMORY)
        return command_complain(path, "out of memory");
    return e == ERR_OK ? STATUS_YES : command_complain(path, "%s", fault.sentence);
}

enum status dbview_open_file(struct options *o, struct view *v)
{
    *v = (struct view){.options = o};
    enum status s = rules_read(o->domains, &v->rules);
    if (s == STATUS_YES)
        s = target_is_live(o->run) ? open_live(o, v) : open_file(o, v);
    if (s == STATUS_YES)
        s = moments_resolve(o, v);
    if (s == STATUS_YES)
        doubt_file(o, v);
    else
        dbview_close(v);
    return s;
}

enum status dbview_tell_anew(struct options *o, struct view *v)
{
    char message[CAPDB_MESSAGE];
    struct capdb_beginning beginning;
    struct capdb *anew;
    if (!o->domains || target_is_live(o->run))
        return STATUS_YES;
    if (capdb_beginning(v->db, &beginning) != ERR_OK) {
        capdb_beginning_free(&beginning);
        return command_complain(o->run, "%s", capdb_error(v->db));
    }
    enum error e = capdb_create_from(":memory:", &beginning.source, &anew, message);
    capdb_beginning_free(&beginning);
    if (e != ERR_OK)
        return command_complain(o->run, "%s", message);
    if (capdb_tell_anew(v->db, anew, &v->rules) != ERR_OK) {
        const char *said = capdb_error(v->db)[0] ? capdb_error(v->db) : capdb_error(anew);
        command_complain(o->run, "%s", said);
        capdb_close(anew);
        return STATUS_UNKNOWN;
    }
    if (capdb_release(v->db) != ERR_OK)
        command_doubt(o, "%s", capdb_error(v->db));
    capdb_close(v->db);
    v->db = anew;
    capdb_hold(v->db);
    return STATUS_YES;
}

enum status dbview_open_second(struct options *o, const struct view *first, struct view *v)
{
    *v = (struct view){.options = o, .db = first->db, .second = true};
    return rules_read(o->domains, &v->rules);
}

/* Without --domains, those that were in force when the snapshot was recorded. */
static enum error find_rules(const struct options *o, struct view *v, uint32_t n)
{
    if (o->domains)
        return ERR_OK;
    authority_rules_free(&v->rules);
    return capdb_get_rules(v->db, n, &v->rules);
}

static enum status take_rules(struct options *o, struct view *v, uint32_t n)
{
    if (find_rules(o, v, n) != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    return STATUS_YES;
}

void dbview_loaded(struct options *o, struct view *v, uint32_t n)
{
    v->n = n;
    if (!v->state.end.complete && !o->whole)
        command_doubt(o, "snapshot %u is incomplete: what could not be read is not in this answer",
                      v->n);
}

/* The next snapshot begins a stream, which goes on as long as later ones are asked for. */
static enum error load_state(struct view *v, uint32_t n)
{
    enum error e = ERR_OK;
    if (v->stream && n < stream_at(v->stream)) {
        stream_close(v->stream);
        v->stream = NULL;
    }
    if (!v->stream && (v->n == 0 || n != v->n + 1))
        return capdb_load(v->db, n, &v->state);
    if (!v->stream)
        e = stream_open(v->db, n, &v->stream);
    if (e == ERR_OK)
        e = stream_to(v->stream, n);
    return e == ERR_OK ? stream_state(v->stream, &v->state) : e;
}

/* Rows apart from what threads run. */
static bool rows_differ(const struct stream *s)
{
    for (int k = 0; k < ROW_KINDS; k++)
        if (k != ROW_RUN && stream_changes(s, (enum row_kind)k))
            return true;
    return false;
}

static bool heads_differ(const struct view *v, uint32_t n)
{
    struct record a[LOADING_HEADS];
    struct record b[LOADING_HEADS];
    if (capdb_heads_at(v->db, n - 1, a) != ERR_OK || capdb_heads_at(v->db, n, b) != ERR_OK)
        return true;
    return a[0].snapshot.root_thread != b[0].snapshot.root_thread ||
           a[0].snapshot.kernel != b[0].snapshot.kernel || a[1].end.complete != b[1].end.complete ||
           a[3].revoke.root != b[3].revoke.root;
}

bool dbview_differs(struct options *o, struct view *v, uint32_t n)
{
    char sql[96];
    if (!v->stream && (v->n + 1 != n || stream_open(v->db, n - 1, &v->stream) != ERR_OK))
        return true;
    uint64_t before = stream_at(v->stream) == 0 && stream_to(v->stream, n - 1) != ERR_OK
                          ? 0
                          : stream_waiting(v->stream);
    if (stream_at(v->stream) != n - 1 || stream_to(v->stream, n) != ERR_OK)
        return true;
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM rule_set WHERE first = %u", n);
    return rows_differ(v->stream) || before != stream_waiting(v->stream) || heads_differ(v, n) ||
           (!o->domains && capdb_int(v->db, sql, 1) != 0);
}

static enum status load_whole(struct options *o, struct view *v, uint32_t n, bool again)
{
    dbview_unload(v);
    if (take_rules(o, v, n) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (load_state(v, n) != ERR_OK)
        return command_complain(o->run, "%s", capdb_error(v->db));
    if (!again)
        dbview_loaded(o, v, n);
    if (authority_build(&v->state, &v->rules, &v->authority) != ERR_OK)
        return command_complain(o->run, "out of memory");
    return STATUS_YES;
}

enum status dbview_load(struct options *o, struct view *v, uint32_t n)
{
    return load_whole(o, v, n, false);
}

enum status dbview_load_all(struct options *o, struct view *v)
{
    return load_whole(o, v, v->n, true);
}

/* --- a part of a snapshot -------------------------------------------------------------------- */

bool dbview_whole;

/* As it is shown, or typed as it is. */
struct called {
    const char *typed;
    char shown[RECORD_STRING_MAX * 4 + 1];
};

static bool is_called(const struct called *c, const char *name)
{
    return strcmp(name, c->typed) == 0 || strcmp(name, c->shown) == 0;
}

static bool thread_is_called(const struct part *p, const struct row *thread, const char *label,
                             const struct called *c)
{
    const struct authority_domain *domain = part_domain(p, thread);
    return is_called(c, label) || (domain && is_called(c, domain->name));
}

/* Threads of this name or of a domain of this name. */
static enum error add_called(struct part *p, const char *name)
{
    struct called called = {.typed = name};
    const struct rowset *threads = &p->l.sets[ROW_THREAD];
    sqlite3_stmt *st;
    enum error e = capdb_prepare(p->db, "SELECT text FROM name WHERE id = ?", &st);
    utf8_escape(called.shown, sizeof(called.shown), name, (uint32_t)strlen(name));
    for (uint32_t i = 0; e == ERR_OK && i < threads->count; i++) {
        sqlite3_reset(st);
        sqlite3_bind_int64(st, 1, threads->rows[i].v[1]);
        bool named = capdb_step(p->db, st, "reading a name", &e);
        const char *label = named ? capdb_column_text(st, 0) : "";
        if (thread_is_called(p, &threads->rows[i], label, &called))
            e = part_add_address(p, (uint64_t)threads->rows[i].v[0]);
    }
    sqlite3_finalize(st);
    return e;
}

/* What may be named by an address behind a type: as lists show it, and as the kernel's window shows it. */
static enum error add_typed(struct part *p, const char *name, const char *digits)
{
    const struct record_snapshot *s = &p->heads[0].snapshot;
    bool slot = strncmp(name, "slot:", 5) == 0;
    uint64_t at[2];
    uint32_t count = address_as_printed(digits, s, &at[0]) ? 1 : 0;
    enum error e = ERR_OK;
    if (address_parse(digits, s, &at[count]) && (count == 0 || at[0] != at[1]))
        count++;
    if (count == 0)
        return add_called(p, name);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++)
        e = slot ? part_add_slot(p, at[i]) : part_add_memory(p, at[i]);
    return e;
}

/* All that thing_find() may find under this name. */
static enum error add_name(struct part *p, const char *name)
{
    const char *colon = strchr(name, ':');
    uint64_t addr;
    if (address_parse(name, &p->heads[0].snapshot, &addr)) {
        enum error e = part_add_memory(p, addr);
        if (e == ERR_OK && thing_is_digits(name))
            e = add_called(p, name);
        return e == ERR_OK ? part_add_slot(p, addr) : e; /* which cdt means, if there is one */
    }
    if (strncmp(name, "domain:", 7) == 0 || strncmp(name, "thread:", 7) == 0)
        return add_called(p, colon + 1);
    if (strncmp(name, "irq:", 4) == 0)
        return part_add_number(p, strtoull(colon + 1, NULL, 0));
    return colon ? add_typed(p, name, colon + 1) : add_called(p, name);
}

/* False: the whole has to be loaded, which also says what is wrong. */
static bool load_about(struct options *o, struct view *v, uint32_t n, const char *name, bool chains)
{
    struct part part;
    if (o->domains || dbview_whole || target_is_live(o->run))
        return false;
    enum error e = part_begin(v->db, n, chains, &part);
    if (e == ERR_OK)
        e = add_name(&part, name);
    if (e == ERR_OK)
        e = part_finish(&part, &v->state, &v->authority);
    part_free(&part);
    if (e == ERR_OK)
        dbview_loaded(o, v, n);
    return e == ERR_OK;
}

enum status dbview_load_threads(struct options *o, struct view *v, uint32_t n)
{
    struct part part;
    if (o->domains || dbview_whole || target_is_live(o->run))
        return dbview_load(o, v, n);
    if (take_rules(o, v, n) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum error e = part_begin(v->db, n, false, &part);
    if (e == ERR_OK)
        e = part_finish(&part, &v->state, &v->authority);
    part_free(&part);
    if (e != ERR_OK)
        return dbview_load(o, v, n);
    dbview_loaded(o, v, n);
    return STATUS_YES;
}

enum status dbview_load_tree(struct options *o, struct view *v, uint64_t slot)
{
    struct part part;
    if (!v->state.part)
        return STATUS_YES;
    dbview_unload(v);
    enum error e = part_begin(v->db, v->n, false, &part);
    if (e == ERR_OK)
        e = part_add_tree(&part, slot);
    if (e == ERR_OK)
        e = part_finish(&part, &v->state, &v->authority);
    part_free(&part);
    return e == ERR_OK ? STATUS_YES : dbview_load_all(o, v);
}

/* --- a snapshot without frames --------------------------------------------------------------- */

/* The frames that an operand may mean: each number in it as thing_find() may read it. */
static enum error add_named_frames(struct skeleton *k, const char *name)
{
    const struct record_snapshot *s = &k->heads[0].snapshot;
    const char *colon = strchr(name, ':');
    const char *text[] = {name, colon ? colon + 1 : name};
    enum error e = ERR_OK;
    for (int i = 0; e == ERR_OK && i < 2; i++) {
        uint64_t addr;
        if (address_parse(text[i], s, &addr))
            e = skeleton_add_at(k, addr);
        if (e == ERR_OK && address_as_printed(text[i], s, &addr))
            e = skeleton_add_at(k, addr);
    }
    return e;
}

static enum error build_skeleton(struct view *v)
{
    enum error e = skeleton_state(v->skeleton, &v->state);
    if (e == ERR_OK)
        e = authority_build(&v->state, &v->rules, &v->authority);
    return e;
}

static void drop_skeleton(struct view *v)
{
    if (v->skeleton)
        skeleton_free(v->skeleton);
    free(v->skeleton);
    v->skeleton = NULL;
}

/* The lists of a tail have no indexes to look frames up by. */
static bool may_lack_frames(const struct options *o, const struct view *v, const char *name)
{
    return !dbview_whole && !target_is_live(o->run) && !(name && v->db->overlaid);
}

static enum error begin_skeleton(struct view *v, uint32_t n, const char *const *names, bool edges)
{
    v->skeleton = output_alloc(NULL, sizeof(*v->skeleton));
    enum error e = edges ? skeleton_begin_edges(v->db, n, v->skeleton)
                         : skeleton_begin(v->db, n, names[0], v->skeleton);
    for (size_t i = 0; e == ERR_OK && names[i]; i++)
        e = add_named_frames(v->skeleton, names[i]);
    return e == ERR_OK ? build_skeleton(v) : e;
}

/* False: the whole has to be loaded. */
static bool load_without_frames(struct options *o, struct view *v, uint32_t n,
                                const char *const *names, bool edges)
{
    if (!may_lack_frames(o, v, names[0]) || find_rules(o, v, n) != ERR_OK)
        return false;
    enum error e = begin_skeleton(v, n, names, edges);
    if (e != ERR_OK)
        drop_skeleton(v);
    else
        dbview_loaded(o, v, n);
    return e == ERR_OK;
}

static bool load_skeleton(struct options *o, struct view *v, uint32_t n, const char *const *names)
{
    return load_without_frames(o, v, n, names, false);
}

static bool load_edges(struct options *o, struct view *v, uint32_t n, const char *const *names)
{
    return load_without_frames(o, v, n, names, true);
}

enum status dbview_add_frames(struct options *o, struct view *v, const bool *holders,
                              const bool *memory, bool *again)
{
    *again = false;
    if (!v->state.part)
        return STATUS_YES;
    uint32_t before = v->skeleton->l.sets[ROW_CAP].count;
    enum error e = holders ? skeleton_add_held(v->skeleton, &v->state, holders) : ERR_OK;
    if (e == ERR_OK && memory)
        e = skeleton_add_inside(v->skeleton, &v->state, memory);
    *again = e != ERR_OK || v->skeleton->l.sets[ROW_CAP].count != before;
    if (!*again)
        return STATUS_YES;
    dbview_unload(v);
    if (e == ERR_OK)
        e = build_skeleton(v);
    return e == ERR_OK ? STATUS_YES : dbview_load_all(o, v);
}

enum status dbview_load_revoked(struct options *o, struct view *v, int32_t root, const bool *gone)
{
    const struct rowset *caps = &v->skeleton->l.sets[ROW_CAP];
    uint32_t before = caps->count;
    enum error e = skeleton_add_revoked(v->skeleton, &v->state, root, gone);
    if (e == ERR_OK && caps->count == before)
        return STATUS_YES;
    dbview_unload(v);
    if (e == ERR_OK)
        e = build_skeleton(v);
    return e == ERR_OK ? STATUS_YES : dbview_load_all(o, v);
}

/* --- opening --------------------------------------------------------------------------------- */

/* Loads a part, or not. names: what is asked about, behind the last one NULL. */
typedef bool (*load_fn)(struct options *o, struct view *v, uint32_t n, const char *const *names);

static bool load_nothing(struct options *o, struct view *v, uint32_t n, const char *const *names)
{
    (void)o, (void)v, (void)n, (void)names;
    return false;
}

static bool load_thing(struct options *o, struct view *v, uint32_t n, const char *const *names)
{
    return load_about(o, v, n, names[0], false);
}

static bool load_chain(struct options *o, struct view *v, uint32_t n, const char *const *names)
{
    return load_about(o, v, n, names[0], true);
}

/* Where `load` loads no part, the whole. */
static enum status open_by(struct options *o, struct view *v, load_fn load,
                           const char *const *names)
{
    enum status s = dbview_open_file(o, v);
    if (s != STATUS_YES)
        return s;
    uint32_t count = capdb_count(v->db);
    uint32_t n = o->at ? o->at : o->to ? o->to : count;
    if (count == 0)
        s = command_complain(o->run, "has no snapshot");
    else if (!load(o, v, n, names))
        s = dbview_load(o, v, n);
    if (s != STATUS_YES)
        dbview_close(v);
    return s;
}

enum status dbview_open(struct options *o, struct view *v)
{
    return open_by(o, v, load_nothing, NULL);
}

enum status dbview_open_about(struct options *o, struct view *v, const char *name, bool chains)
{
    return open_by(o, v, chains ? load_chain : load_thing, (const char *[]){name, NULL});
}

enum status dbview_open_skeleton(struct options *o, struct view *v, const char *name)
{
    return open_by(o, v, load_skeleton, (const char *[]){name, NULL});
}

enum status dbview_open_edges(struct options *o, struct view *v, const char *const *names)
{
    return open_by(o, v, load_edges, names);
}

void dbview_doubt(struct options *o, const struct view *v)
{
    const char *doubt = authority_doubt(&v->authority);
    if (doubt && v->state.end.complete)
        command_doubt(o, "snapshot %u: cannot be told: %s", v->n, doubt);
}

void dbview_unload(struct view *v)
{
    authority_free(&v->authority);
    capstate_free(&v->state);
}

void dbview_close(struct view *v)
{
    dbview_unload(v);
    drop_skeleton(v);
    authority_rules_free(&v->rules);
    stream_close(v->stream);
    v->stream = NULL;
    if (v->second)
        return;
    if (v->db && capdb_release(v->db) != ERR_OK)
        command_doubt(v->options, "%s", capdb_error(v->db));
    capdb_close(v->db);
    v->db = NULL;
}

/* --- words ----------------------------------------------------------------------------------- */

const char *domain_name(const struct view *v, int32_t domain)
{
    return domain < 0 ? "-" : v->authority.domains[domain].name;
}

char *when_text(double when, char *buf, size_t size)
{
    time_t t = when > -1e15 && when < 1e15 ? (time_t)when : 0;
    struct tm tm = {0};
    if (!gmtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(buf, size, "?");
    return buf;
}
