/* Is the file that is recorded into still the one of that name? Whoever removes, moves, cuts off or
 * overwrites it leaves SQLite writing into what nobody will find, or find whole, and SQLite says
 * nothing. Looked at before each transaction, and once more at the end. */
#include "capdb/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static const char *const tails[] = {"-wal", "-shm"};

/* Zeros where there is none. */
static struct stat look_beside(const struct capdb *db, const char *tail)
{
    struct stat st;
    char *path;
    if (asprintf(&path, "%s%s", db->path, tail) < 0)
        return (struct stat){0};
    if (stat(path, &st) != 0)
        st = (struct stat){0};
    free(path);
    return st;
}

void place_note(struct capdb *db)
{
    struct place *p = &db->place;
    struct stat here;
    if (p->fd < 0 || fstat(p->fd, &here) != 0)
        return;
    p->size = here.st_size;
    p->modified = here.st_mtim;
    for (int i = 0; i < 2; i++) {
        struct stat st = look_beside(db, tails[i]);
        p->beside[i] = st.st_ino;
        p->beside_size[i] = st.st_size;
    }
}

static enum error check_beside(struct capdb *db)
{
    struct place *p = &db->place;
    for (int i = 0; i < 2; i++) {
        struct stat st = look_beside(db, tails[i]);
        if (p->beside[i] && st.st_ino != p->beside[i])
            return capdb_fail(db, ERR_CLOSED, "lost its %s while it was recorded", tails[i]);
        bool cut = p->beside[i] && st.st_size < p->beside_size[i];
        if (cut && i == 1)
            return capdb_fail(db, ERR_CLOSED, "had its -shm cut off while it was open");
        p->touched |= cut;
    }
    return ERR_OK;
}

enum error place_check(struct capdb *db)
{
    struct place *p = &db->place;
    struct stat here, there;
    if (p->fd < 0)
        return ERR_OK;
    if (fstat(p->fd, &here) != 0 || stat(db->path, &there) != 0 || !same_file(&here, &there))
        return capdb_fail(db, ERR_CLOSED, "was removed, moved or replaced while it was recorded");
    if (here.st_size < p->size)
        return capdb_fail(db, ERR_CLOSED, "was cut off by somebody while it was recorded");
    p->touched |= !same_time(here.st_mtim, p->modified);
    enum error e = check_beside(db);
    return e == ERR_OK ? shm_check(db) : e;
}

/* Another program may have merged the -wal into it, which changes nothing. What we wrote is read from
 * the file, not from memory. */
static enum error check_whole(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e = capdb_exec(db, "PRAGMA shrink_memory", "checking");
    if (e == ERR_OK)
        e = capdb_prepare(db, "PRAGMA main.quick_check(1)", &st);
    if (e != ERR_OK)
        return e;
    bool whole = capdb_step(db, st, "checking", &e) && strcmp(capdb_column_text(st, 0), "ok") == 0;
    sqlite3_finalize(st);
    return whole ? ERR_OK
                 : capdb_fail(db, ERR_CORRUPT,
                              "was written into by somebody else while it was recorded, and is"
                              " damaged");
}

enum error capdb_is_in_place(struct capdb *db)
{
    struct ledger_entry last;
    enum error e = place_check(db);
    if (e != ERR_OK || !db->place.touched)
        return e;
    e = check_whole(db);
    if (e == ERR_OK)
        e = ledger_last(db, &last);
    if (e == ERR_OK && memcmp(last.hash, db->recorder->ledger.hash, sizeof(last.hash)) != 0)
        e = capdb_fail(db, ERR_CORRUPT, "does not end as it was recorded: somebody wrote into it");
    return e;
}
