/* What the commands of `capdb` share: the table, the options, opening what is asked about, names of
 * things.  A command returns an exit status: 0 yes, 1 no or breach, 2 could not tell; for 2 it has
 * said why with command_complain(). */
#ifndef CAPSCOPE_CAPDB_COMMAND_H
#define CAPSCOPE_CAPDB_COMMAND_H

#include "capdb/capdb.h"
#include "capdb/outfile.h"
#include "capdb/output.h"

struct skeleton;
struct stream;

enum status { STATUS_YES = 0, STATUS_NO = 1, STATUS_UNKNOWN = 2 };

struct options {
    const char *at_text, *from_text, *to_text; /* --at, --from, --to as they were given */
    uint32_t at;                               /* snapshot --at, 0: the newest */
    uint32_t from, to;                         /* snapshots --from and --to, 0: not given */
    bool at_of_file;                           /* at_text stood behind the file: RUN@N, RUN@TIME */
    bool all;                                  /* --all */
    bool strict;                               /* --strict */
    bool explain;                              /* --explain */
    bool same_machine;                         /* --same-machine */
    bool flow;                                 /* --flow */
    double every;                              /* --every SECONDS, < 0: not given */
    double patience;                           /* --patience SECONDS, < 0: not given */
    bool on_change;                            /* --on-change */
    bool events;                               /* --events */
    uint32_t count;                            /* --count N, 0: no end */
    const char *domains;                       /* --domains FILE */
    const char *kernel;                        /* --kernel ELF: mainline */
    const char *layout;                        /* --layout FILE */
    const char *format;                        /* --format NAME */
    const char *output;                        /* -o FILE */
    const char *around;                        /* --around THING */
    uint32_t depth;                            /* --depth N, 0: not given */
    const char *policy;                        /* --policy FILE */
    const char *junit;                         /* --junit FILE */
    const char *name;                          /* --name NAME */
    const char *run;                           /* the first operand, for messages */
    char **operand;                            /* the others */
    int operands;
    const struct capstate *given; /* answers are taken from this snapshot of the target; NULL */
    bool quiet;                   /* tells no progress */
    bool whole;                   /* the command answers from all snapshots */
    bool one;                     /* the command can be asked about one: FILE@N */
    bool doubt;                   /* what it answers from is not all there: said, and exit 2 */
};

struct command {
    const char *name;
    int min, max; /* operands after RUN */
    enum status (*run)(struct options *o);
    const char *usage; /* the options that it names are those that the command takes */
    const char *summary;
    const char *example;
};

/* `capdb: WHERE: sentence` on stderr; returns STATUS_UNKNOWN. */
enum status command_complain(const char *where, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Says that what it writes, -o or standard output, could not be written; errno tells why. */
enum status command_unwritten(const struct options *o);
/* Ends an answer: its status, or STATUS_UNKNOWN with a sentence if it could not be written. */
struct output;
enum status command_finish(struct options *o, struct output *out, enum status s);

/* For SIGINT, SIGTERM and SIGHUP; without SA_RESTART, so that waiting and sleeping end. */
void command_catch_signals(void (*handler)(int number));

/* A sentence, as command_complain(), about what the answer is taken from; the command goes on and ends with STATUS_UNKNOWN. */
void command_doubt(struct options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* -o FILE, or standard output. The end keeps the file if the status is YES, and says what went
 * wrong with it. */
enum status command_begin_output(const struct options *o, struct outfile *f);
enum status command_end_output(const struct options *o, struct outfile *f, enum status s);

/* Closes a live target; what it could not put right there it tells on stderr. */
struct attach;
void command_leave(struct attach *a);

/* Tells on stderr where the layout of a mainline kernel (--kernel) deserves a sentence. */
void command_tell_layout(void);

/* One snapshot with its analysis, from a recording or a live target. */
struct view {
    struct options *options;
    struct capdb *db;          /* in memory for a live target; a file is held as it was */
    struct stream *stream;     /* once snapshots are loaded one after the other */
    struct skeleton *skeleton; /* of what a part was opened from, which may grow; NULL */
    bool second;               /* the database belongs to another view */
    uint32_t n;
    struct capstate state;
    struct authority authority;
    struct authority_rules rules;
};
/* RUN may be FILE, FILE@N, or a target (monitor:…, gdb:…, ram:…). */
enum status dbview_open_file(struct options *o, struct view *v);
/* moment.c: at, from and to of what the user gave; says what is wrong with it. */
enum status moments_resolve(struct options *o, struct view *v);
/* One snapshot by number or time: the newest that had been taken by then; of a time told in whole
 * seconds or minutes by its end, or by its beginning. name: what stands before the text in a
 * sentence. */
enum status moment_resolve(const struct options *o, struct view *v, const char *name,
                           const char *text, bool beginning, uint32_t *n);
/* Complains where both are times and the second lies before the first. */
enum status moments_ascend(const struct options *o, struct view *v, const char *from,
                           const char *to);
/* The range asked about: all of the recording where none was given. */
uint32_t range_first(const struct options *o);
uint32_t range_last(const struct options *o, const struct view *v);
/* Another snapshot of the same file; closed before the first. */
enum status dbview_open_second(struct options *o, const struct view *first, struct view *v);
/* What domains are called, and whose slots are whose, stands in the rows: with --domains they are other
 * rows, in a recording of its own that takes the place of v's. What is loaded stays. */
enum status dbview_tell_anew(struct options *o, struct view *v);
enum status dbview_open(struct options *o, struct view *v); /* and loads snapshot --at */
/* Loading them in ascending order reads the recording once. */
enum status dbview_load(struct options *o, struct view *v, uint32_t n);
/* Could a verdict on snapshot n differ from that on the one before, which was looked at? */
bool dbview_differs(struct options *o, struct view *v, uint32_t n);
/* The same as dbview_open(), but only what a question about `name` needs, where the indexes tell
 * that: then no edges, islands or verdicts are there. chains: with all above what it means. */
enum status dbview_open_about(struct options *o, struct view *v, const char *name, bool chains);
/* Of a snapshot only threads and domains. */
enum status dbview_load_threads(struct options *o, struct view *v, uint32_t n);
/* Where the view has only a part of its snapshot: the subtree below a slot in place of it. */
enum status dbview_load_tree(struct options *o, struct view *v, uint64_t slot);
/* The same as dbview_open(), but frames are there only where `name` means them (NULL: nowhere), if that
 * is quicker: threads, domains, islands and homes are those of the whole. */
enum status dbview_open_skeleton(struct options *o, struct view *v, const char *name);
/* Then, of an operand's skeleton: with all that goes when the root is revoked. gone: what goes of it
 * (facts/toll.h). Slots have other numbers afterwards. */
enum status dbview_load_revoked(struct options *o, struct view *v, int32_t root, const bool *gone);
/* The same for who gets at what, without --flow: frames are there only where one of the names means
 * them, behind the last of which stands NULL.  Each edge but DESTROY between objects that are there is
 * there, too, and islands are those of the whole. */
enum status dbview_open_edges(struct options *o, struct view *v, const char *const *names);
/* Then: with the frames that marked holders hold or map, and those in marked untyped memory (by object;
 * NULL: none).  *again: objects and edges have other numbers now. */
enum status dbview_add_frames(struct options *o, struct view *v, const bool *holders,
                              const bool *memory, bool *again);
/* All of the snapshot in place of a part: what there was to say of it has been said. */
enum status dbview_load_all(struct options *o, struct view *v);
/* v->state is that of snapshot n, or a part of it: says so where it is incomplete. */
void dbview_loaded(struct options *o, struct view *v, uint32_t n);
/* For tests: the whole snapshot is loaded, whatever the question. */
extern bool dbview_whole;
/* How many of the snapshots up to `last` are incomplete; *first: which is the first of them. */
uint32_t dbview_incomplete(struct view *v, uint32_t last, uint32_t *first);
/* For what decides who can do what: a snapshot with findings, or with capabilities that make no
 * sense, is said and ends with STATUS_UNKNOWN. An incomplete one was said when it was loaded. */
void dbview_doubt(struct options *o, const struct view *v);
/* --domains FILE, if it was given; says what is wrong with it. */
enum status rules_read(const char *path, struct authority_rules *out);
void dbview_unload(struct view *v);
void dbview_close(struct view *v);
bool target_is_live(const char *target);
/* The file behind RUN: without @N, of ram:FILE the file; the caller frees it. What is no file comes
 * back as it is. */
char *run_file(const char *run);

/* Things by name. A bare number is an address, physical unless it lies in the kernel's window;
 * phys: and kernel: before it say which. */
enum thing_kind { THING_ADDRESS, THING_OBJECT, THING_SLOT, THING_DOMAIN };
struct thing {
    enum thing_kind kind;
    uint64_t addr;
    int32_t object, slot, domain;
};
/* Digits alone, which a domain or thread may be called, too. */
bool thing_is_digits(const char *name);
/* Complains and returns false when the name means nothing here, more than one thread, or a number and
 * a name. */
bool thing_find(const struct options *o, const struct view *v, const char *name, struct thing *out);
/* The threads that a name fits, where it fits more than one; zeroed to begin with. */
struct candidates {
    uint32_t count;
    size_t used;
    char text[512];
};
void candidates_add(struct candidates *c, const struct capstate_thread *t, const char *label);
void candidates_complain(const struct options *o, const char *name, const struct candidates *c);
/* Address only; needs no snapshot beyond the RAM and kernel window of `snapshot`. Decimal without 0x; false
 * also for what is doubtful. */
bool address_parse(const char *text, const struct record_snapshot *snapshot, uint64_t *out);
/* As lists show it, physical: what is named with its type (tcb:0x…, slot:0x…) is looked for there first, so
 * that a board whose memory lies at addresses of the kernel's window can name it. */
bool address_as_printed(const char *text, const struct record_snapshot *snapshot, uint64_t *out);
/* Decimal digits that lead into RAM only as a hexadecimal number: somebody left the 0x away. */
bool address_is_doubtful(const char *text, const struct record_snapshot *snapshot);
/* Marks the nodes that a thing stands for. */
void thing_mark(const struct view *v, const struct thing *t, bool *mark);

const char *domain_name(const struct view *v, int32_t domain); /* "-" for none */
/* As `owner` calls it: a domain, "(shared)", "(kernel)", "-". */
const char *owner_name(const struct view *v, const struct authority_owner *w);
char *when_text(double time, char *buf, size_t size);

/* "strict", or who is left out. Returns buf. */
const char *assumption_text(const struct view *v, bool strict, char *buf, size_t size);
/* With whom a breach is, a capability as a witness, what a breach is about, and a way from one object
 * to another: "-" for none. Return buf. */
char *breach_other_text(const struct view *v, const struct authority_breach *b, char *buf,
                        size_t size);
char *breach_slot_text(const struct view *v, int32_t slot, char *buf, size_t size);
char *breach_object_text(const struct view *v, const struct authority_breach *b, char *buf,
                         size_t size);
char *breach_path_text(const struct view *v, const struct authority_step *steps, uint32_t count,
                       char *buf, size_t size);
/* The first two as cells. */
void breach_slot_cell(struct output *out, const struct view *v, int32_t slot);
void breach_object_cell(struct output *out, const struct view *v, const struct authority_breach *b);
/* `check --policy`. */
struct junit;
enum status check_by_policy(struct options *o, struct junit *junit);

/* On a terminal, how far a long command is: one line on stderr, at most ten times a second, from
 * the second second on. of == done takes it away. */
void progress_show(void *ctx, uint32_t done, uint32_t of);
/* The same where nobody knows of how much; progress_show() with all done takes it away. */
void progress_wait(void);
/* progress_wait() whenever SQLite has worked for a while, but not beside what goes to a terminal bit by
 * bit: `streams` to standard output. */
void progress_while(const struct options *o, struct capdb *db, bool streams);

/* Revocations as events tell them; wanted: the number of one, step by step, 0: a list. */
enum status revokes_by_events(struct options *o, struct view *v, uint32_t wanted);

/* The commands, by file. */
enum status command_record(struct options *o);
enum status command_snapshots(struct options *o);
enum status command_info(struct options *o);
enum status command_threads(struct options *o);
enum status command_domains(struct options *o);
enum status command_owner(struct options *o);
enum status command_who(struct options *o);
enum status command_history(struct options *o);
enum status command_cdt(struct options *o);
enum status command_preview(struct options *o);
enum status command_untyped(struct options *o);
enum status command_diff(struct options *o);
enum status command_path(struct options *o);
enum status command_can(struct options *o);
enum status command_who_can_reach(struct options *o);
enum status command_what_can_it_reach(struct options *o);
enum status command_check(struct options *o);
enum status command_policy(struct options *o);
enum status command_import(struct options *o);
enum status command_compare(struct options *o);
enum status command_revokes(struct options *o);
enum status command_export(struct options *o);
enum status command_report(struct options *o);
enum status command_sql(struct options *o);
enum status command_live(struct options *o);
enum status command_verify(struct options *o);
enum status command_upgrade(struct options *o);
enum status command_compact(struct options *o);
enum status command_cut(struct options *o);
enum status command_publish(struct options *o);
enum status command_why_not_running(struct options *o);
enum status command_why_fault(struct options *o);
enum status command_why_denied(struct options *o);
enum status command_retype(struct options *o);
enum status command_fit(struct options *o);
enum status command_leak(struct options *o);
enum status command_gdb_proxy(struct options *o);

/* main.c: a whole command line (argv[0] is skipped, argv[2] names a target), answered from one
 * snapshot of that target; what would write files, or go to the target again, is refused. */
enum status command_answer(int argc, char **argv, const struct capstate *given,
                           const char *domains);

#endif
