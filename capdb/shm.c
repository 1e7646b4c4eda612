/* The -shm file, through which SQLite's processes find pages in the -wal, is mapped into memory.  Whoever
 * cuts it off would end us by SIGBUS, recorders and readers beside them.  So what SQLite maps of it is
 * guarded, by methods of the file that are SQLite's but for a few.
 *
 * What is read there after the cut is zeros, and leads to old pages, or to none.  So from then on no
 * transaction and no merge begins, and nothing more is written to the recording: the -wal has all that was
 * committed, and whoever opens it next finds its pages anew. */
#include "capdb/store.h"

#include "lib/host/guard.h"

static struct shm *shm_of(sqlite3_file *file)
{
    return (struct shm *)(uintptr_t)file->pMethods; /* its first member */
}
_Static_assert(offsetof(struct shm, methods) == 0, "as shm_of() takes it");

static int map(sqlite3_file *file, int region, int bytes, int extend, void volatile **out)
{
    struct shm *s = shm_of(file);
    if (s->cut)
        return SQLITE_IOERR_SHMMAP;
    int rc = s->below->xShmMap(file, region, bytes, extend, out);
    /* a reader's is mapped with SQLITE_READONLY */
    if (*out && region < SHM_REGIONS && !s->region[region] &&
        guard_add((const void *)*out, (size_t)bytes, &s->cut))
        s->region[region] = (const void *)*out;
    return rc;
}

static int unmap(sqlite3_file *file, int deletes)
{
    struct shm *s = shm_of(file);
    for (int i = 0; i < SHM_REGIONS; i++) {
        if (s->region[i])
            guard_remove(s->region[i]);
        s->region[i] = NULL;
    }
    return s->below->xShmUnmap(file, deletes);
}

static int lock(sqlite3_file *file, int offset, int n, int flags)
{
    struct shm *s = shm_of(file);
    if (s->cut && (flags & SQLITE_SHM_LOCK))
        return SQLITE_IOERR_SHMLOCK;
    return s->below->xShmLock(file, offset, n, flags);
}

static int write_page(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct shm *s = shm_of(file);
    return s->cut ? SQLITE_IOERR_WRITE : s->below->xWrite(file, bytes, amount, offset);
}

static int truncate_to(sqlite3_file *file, sqlite3_int64 size)
{
    struct shm *s = shm_of(file);
    return s->cut ? SQLITE_IOERR_TRUNCATE : s->below->xTruncate(file, size);
}

/* Anything but 0 makes a COMMIT a ROLLBACK. */
static int may_not_commit(void *ctx)
{
    const struct shm *s = ctx;
    return s->cut;
}

void shm_guard(struct capdb *db)
{
    sqlite3_file *file = NULL;
    struct shm *s = &db->shm;
    *s = (struct shm){0};
    if (sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        !file || !file->pMethods || file->pMethods->iVersion < 2 || !file->pMethods->xShmMap)
        return;
    s->below = file->pMethods;
    s->methods = *s->below;
    s->methods.xShmMap = map;
    s->methods.xShmUnmap = unmap;
    s->methods.xShmLock = lock;
    s->methods.xWrite = write_page;
    s->methods.xTruncate = truncate_to;
    file->pMethods = &s->methods;
    sqlite3_commit_hook(db->sql, may_not_commit, s);
}

enum error shm_check(struct capdb *db)
{
    if (!db->shm.cut)
        return ERR_OK;
    return capdb_fail(db, ERR_CLOSED, "had its -shm cut off while it was open");
}
