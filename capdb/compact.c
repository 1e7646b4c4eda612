/* compact: the same recording in a file without the room that nothing uses.
 *
 * The old file is brought to rest first, so that nothing of it lies beside it; then a copy is
 * written next to it, and takes its name once its chain has been followed to the same end. Whatever
 * interrupts this leaves the old file or the new one; a copy that was left is overwritten by the
 * next compact. */
#include "capdb/ledger.h"
#include "capdb/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REST_MS = 2000 };

static const char doing[] = "compacting";

/* One plain file with nothing in its tail. */
static enum error bring_to_rest(struct capdb *db)
{
    bool plain;
    enum error e = capdb_rest(db, REST_MS, &plain);
    if (e == ERR_OK && !plain)
        e = capdb_fail(db, ERR_TIMEOUT, "is being read just now; compact it later");
    if (e == ERR_OK && capdb_int(db, "SELECT count(*) FROM main.tail", 0) > 0)
        e = capdb_merge(db);
    return e;
}

static void ignore(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence;
}

/* Does the copy end as the original, and does all in it lead there? */
static enum error check_copy(const char *copy, const uint8_t *hash, char *message)
{
    struct capdb *db;
    struct ledger_entry last = {0};
    enum error e = capdb_open(copy, &db, message);
    if (e != ERR_OK)
        return e;
    e = capdb_verify_chain(db, ignore, NULL);
    if (e == ERR_OK)
        e = ledger_last(db, &last);
    if (e == ERR_OK && memcmp(last.hash, hash, sizeof(last.hash)) != 0)
        e = capdb_fail(db, ERR_CORRUPT, "is damaged; capdb verify says where");
    if (e != ERR_OK)
        snprintf(message, CAPDB_MESSAGE, "%s", capdb_error(db));
    capdb_close(db);
    return e;
}

/* The copy looks to others as the original did, and is on the disk before it takes its name. */
static bool put_in_place(const char *copy, const char *path)
{
    struct stat st;
    char *folder = strdup(path);
    bool done = folder && stat(path, &st) == 0 && chmod(copy, st.st_mode & 07777) == 0;
    if (done && geteuid() == 0)
        done = chown(copy, st.st_uid, st.st_gid) == 0;
    done = done && outfile_sync(copy, O_RDONLY) && rename(copy, path) == 0;
    if (done)
        outfile_sync(dirname(folder), O_RDONLY | O_DIRECTORY);
    free(folder);
    return done;
}

static enum error write_copy(struct capdb *db, const char *copy, struct ledger_entry *last)
{
    enum error e = bring_to_rest(db);
    if (e == ERR_OK)
        e = ledger_last(db, last);
    if (e == ERR_OK && unlink(copy) != 0 && errno != ENOENT)
        e = capdb_fail(db, ERR_IO, "%s is in the way (%s)", copy, strerror(errno));
    return e == ERR_OK ? capdb_exec_texts(db, doing, "VACUUM main INTO ?", &copy, 1) : e;
}

static enum error compact(struct capdb *db, const char *path, const char *copy, char *message)
{
    struct ledger_entry last;
    enum error e = write_copy(db, copy, &last);
    if (e != ERR_OK)
        snprintf(message, CAPDB_MESSAGE, "%s", capdb_error(db));
    if (e == ERR_OK)
        e = check_copy(copy, last.hash, message);
    /* SQLite lets go of the old file before another has its name; the lock is held on */
    sqlite3_close(db->sql);
    db->sql = NULL;
    if (e == ERR_OK && !put_in_place(copy, path)) {
        snprintf(message, CAPDB_MESSAGE, "cannot be replaced (%s)", strerror(errno));
        e = ERR_IO;
    }
    if (e != ERR_OK)
        unlink(copy);
    return e;
}

enum error capdb_compact(const char *path, char *message)
{
    struct capdb *db;
    char *copy = NULL;
    char *real = realpath(path, NULL); /* a link goes on pointing where it did */
    enum error e = ERR_OK;
    if (!real || asprintf(&copy, "%s-compact", real) < 0) {
        snprintf(message, CAPDB_MESSAGE, "%s", strerror(errno));
        e = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        copy = NULL;
    }
    if (e == ERR_OK)
        e = capdb_open_to_rewrite(real, &db, message);
    if (e == ERR_OK) {
        e = compact(db, real, copy, message);
        capdb_close(db);
    }
    free(real);
    free(copy);
    return e;
}
