/* A VFS of SQLite above the machine's own: reads of the main file come from the overlay where it
 * has the page.  Formats: "Database File Format" of the SQLite documentation, parts 1.3, 3 and 4.
 * Everything in the three files may be wrong. */
#include "capdb/readfile.h"

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    HEADER = 100,
    HEADER_PAGE_SIZE = 16,
    HEADER_PAGES = 28,    /* as many the file has */
    HEADER_VERSIONS = 18, /* two bytes: 1 rollback journal, 2 WAL */
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    WAL_HEADER = 32,
    WAL_FRAME = 24,
    JOURNAL_HEADER = 28,
    JOURNAL_SUM_STEP = 200,
};

static const char *const tails[] = {"", "-wal", "-journal"};

struct image {
    sqlite3_file base;
    sqlite3_file *file; /* of the VFS below, behind this structure */
    int overlay;        /* descriptor of the file with other pages, -1 */
    uint32_t page_size, pages;
    uint32_t *at;   /* by page number: offset in the overlay / 4, 0: as in the file */
    uint32_t count; /* entries in `at` */
};

static uint32_t get_be(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t get_le(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static char *beside(const char *path, const char *tail)
{
    size_t size = strlen(path) + strlen(tail) + 1;
    char *out = malloc(size);
    if (out)
        snprintf(out, size, "%s%s", path, tail);
    return out;
}

/* --- pages that lie elsewhere ---------------------------------------------------------------- */

static bool overlay_put(struct image *m, uint32_t page, uint64_t offset)
{
    if (page == 0 || page >= m->count || offset % 4 != 0 || offset / 4 > UINT32_MAX)
        return false;
    m->at[page] = (uint32_t)(offset / 4);
    return true;
}

static void overlay_drop(struct image *m)
{
    if (m->overlay >= 0)
        close(m->overlay);
    free(m->at);
    m->overlay = -1;
    m->at = NULL;
    m->count = m->pages = 0;
}

/* Room for every page that file and overlay can hold. */
static bool overlay_begin(struct image *m, uint64_t file_size, uint64_t overlay_size)
{
    uint64_t count = file_size / m->page_size + overlay_size / m->page_size + 2;
    m->at = count < UINT32_MAX ? calloc((size_t)count, sizeof(*m->at)) : NULL;
    m->count = (uint32_t)count;
    return m->at;
}

/* --- RUN-wal --- */

struct wal {
    uint32_t salt[2];
    uint32_t sum[2];
    bool big_endian;
};

static void wal_sum(struct wal *w, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i + 8 <= length; i += 8) {
        w->sum[0] += (w->big_endian ? get_be(bytes + i) : get_le(bytes + i)) + w->sum[1];
        w->sum[1] += (w->big_endian ? get_be(bytes + i + 4) : get_le(bytes + i + 4)) + w->sum[0];
    }
}

static bool wal_begin(struct wal *w, const uint8_t head[WAL_HEADER], uint32_t page_size)
{
    uint32_t magic = get_be(head);
    *w = (struct wal){.salt = {get_be(head + 16), get_be(head + 20)}, .big_endian = magic & 1};
    wal_sum(w, head, 24);
    return (magic | 1) == 0x377f0683 && get_be(head + 4) == 3007000 &&
           get_be(head + 8) == page_size && get_be(head + 24) == w->sum[0] &&
           get_be(head + 28) == w->sum[1];
}

/* Is this the next frame? */
static bool wal_frame(struct wal *w, const uint8_t *frame, uint32_t page_size)
{
    if (get_be(frame + 8) != w->salt[0] || get_be(frame + 12) != w->salt[1])
        return false;
    wal_sum(w, frame, 8);
    wal_sum(w, frame + WAL_FRAME, page_size);
    return get_be(frame + 16) == w->sum[0] && get_be(frame + 20) == w->sum[1];
}

/* How many frames make whole transactions; *pages: size of the database behind them. */
static uint32_t wal_committed(int fd, struct wal w, uint32_t page_size, uint8_t *frame,
                              uint32_t *pages)
{
    uint32_t committed = 0;
    uint64_t offset = WAL_HEADER;
    size_t length = WAL_FRAME + page_size;
    for (uint32_t n = 1; pread(fd, frame, length, (off_t)offset) == (ssize_t)length; n++) {
        if (!wal_frame(&w, frame, page_size))
            break;
        if (get_be(frame + 4) != 0) {
            committed = n;
            *pages = get_be(frame + 4);
        }
        offset += length;
    }
    return committed;
}

static bool wal_map(struct image *m, uint32_t frames)
{
    uint8_t head[WAL_FRAME];
    for (uint32_t n = 0; n < frames; n++) {
        uint64_t offset = WAL_HEADER + (uint64_t)n * (WAL_FRAME + m->page_size);
        if (pread(m->overlay, head, sizeof(head), (off_t)offset) != (ssize_t)sizeof(head))
            return false;
        /* a page behind the end of a database that shrank is in no use */
        if (get_be(head) < m->count && !overlay_put(m, get_be(head), offset + WAL_FRAME))
            return false;
    }
    return true;
}

/* False when the file could not be taken in; one that holds nothing for us is dropped. */
static bool take_wal(struct image *m, uint64_t file_size)
{
    uint8_t head[WAL_HEADER];
    struct stat st;
    struct wal w;
    if (pread(m->overlay, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        !wal_begin(&w, head, m->page_size) || fstat(m->overlay, &st) != 0) {
        overlay_drop(m);
        return true;
    }
    uint8_t *frame = malloc(WAL_FRAME + m->page_size);
    uint32_t frames = 0;
    if (frame)
        frames = wal_committed(m->overlay, w, m->page_size, frame, &m->pages);
    free(frame);
    if (!frame || !overlay_begin(m, file_size, (uint64_t)st.st_size))
        return false;
    if (frames == 0)
        overlay_drop(m);
    return frames == 0 || (m->pages < m->count && wal_map(m, frames));
}

/* --- RUN-journal --- */

static bool journal_page_good(const uint8_t *record, uint32_t page_size, uint32_t nonce)
{
    uint32_t sum = nonce;
    for (uint32_t i = page_size - JOURNAL_SUM_STEP; i > 0 && i < page_size; i -= JOURNAL_SUM_STEP)
        sum += record[4 + i];
    return sum == get_be(record + 4 + page_size);
}

/* One header and the pages behind it; *offset moves to the next header. The first copy of a page is
 * the oldest. */
static bool journal_segment(struct image *m, const uint8_t *head, uint8_t *record, uint64_t *offset)
{
    uint32_t records = get_be(head + 8);
    uint32_t sector = get_be(head + 20);
    size_t length = 8 + (size_t)m->page_size;
    if (sector < JOURNAL_HEADER || sector > PAGE_MAX)
        return false;
    *offset += sector;
    for (uint32_t n = 0; n < records; n++, *offset += length) {
        if (pread(m->overlay, record, length, (off_t)*offset) != (ssize_t)length ||
            !journal_page_good(record, m->page_size, get_be(head + 12)))
            return records == UINT32_MAX;
        uint32_t page = get_be(record);
        if (page < m->count && m->at[page] == 0 && !overlay_put(m, page, *offset + 4))
            return false;
    }
    *offset = (*offset + sector - 1) / sector * sector;
    return true;
}

static bool journal_head(int fd, uint64_t offset, uint32_t page_size, uint8_t *head)
{
    static const uint8_t magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    return pread(fd, head, JOURNAL_HEADER, (off_t)offset) == JOURNAL_HEADER &&
           memcmp(head, magic, sizeof(magic)) == 0 && get_be(head + 24) == page_size;
}

/* Without a header, or with one that counts no page yet, the file itself is as it was. */
static bool take_journal(struct image *m, uint64_t file_size)
{
    uint8_t head[JOURNAL_HEADER];
    struct stat st;
    uint64_t offset = 0;
    if (fstat(m->overlay, &st) != 0 || !journal_head(m->overlay, 0, m->page_size, head) ||
        get_be(head + 8) == 0) {
        overlay_drop(m);
        return true;
    }
    uint8_t *record = malloc(8 + (size_t)m->page_size);
    bool good = record && overlay_begin(m, file_size, (uint64_t)st.st_size);
    m->pages = get_be(head + 16);
    while (good && journal_head(m->overlay, offset, m->page_size, head) && get_be(head + 8) != 0)
        good = journal_segment(m, head, record, &offset);
    free(record);
    return good && m->pages < m->count;
}

/* --- the file -------------------------------------------------------------------------------- */

static bool take_overlay(struct image *m, const char *path, bool wal)
{
    sqlite3_int64 size;
    char *file = beside(path, tails[wal ? 1 : 2]);
    if (!file || m->file->pMethods->xFileSize(m->file, &size) != SQLITE_OK) {
        free(file);
        return false;
    }
    m->overlay = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    bool absent = m->overlay < 0 && errno == ENOENT;
    free(file);
    if (m->overlay < 0)
        return absent;
    return wal ? take_wal(m, (uint64_t)size) : take_journal(m, (uint64_t)size);
}

static int image_read_page(struct image *m, uint8_t *out, int amount, uint64_t offset)
{
    uint32_t page = m->at ? (uint32_t)(offset / m->page_size) + 1 : 0;
    if (page == 0 || page >= m->count || m->at[page] == 0)
        return m->file->pMethods->xRead(m->file, out, amount, (sqlite3_int64)offset);
    off_t at = (off_t)((uint64_t)m->at[page] * 4 + offset % m->page_size);
    ssize_t n = pread(m->overlay, out, (size_t)amount, at);
    return n == amount ? SQLITE_OK : SQLITE_IOERR_READ;
}

/* Where it is kept how the newest pages are found is none of the reader's business. */
static void hide_versions(uint8_t *out, int amount, sqlite3_int64 offset)
{
    for (sqlite3_int64 i = HEADER_VERSIONS; i < HEADER_VERSIONS + 2; i++)
        if (i >= offset && i < offset + amount && out[i - offset] == 2)
            out[i - offset] = 1;
}

static int image_read(sqlite3_file *file, void *buffer, int amount, sqlite3_int64 offset)
{
    struct image *m = (struct image *)file;
    uint8_t *out = buffer;
    int rc = SQLITE_OK;
    for (int done = 0; done < amount && rc == SQLITE_OK;) {
        uint64_t at = (uint64_t)offset + (uint64_t)done;
        int left = m->at ? (int)(m->page_size - at % m->page_size) : amount;
        int n = left < amount - done ? left : amount - done;
        rc = image_read_page(m, out + done, n, at);
        done += n;
    }
    hide_versions(out, amount, offset);
    return rc;
}

static int image_close(sqlite3_file *file)
{
    struct image *m = (struct image *)file;
    overlay_drop(m);
    return m->file->pMethods->xClose(m->file);
}

static int image_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct image *m = (struct image *)file;
    if (!m->pages)
        return m->file->pMethods->xFileSize(m->file, size);
    *size = (sqlite3_int64)m->pages * m->page_size;
    return SQLITE_OK;
}

static int refuse_write(sqlite3_file *file, const void *buffer, int amount, sqlite3_int64 offset)
{
    (void)file, (void)buffer, (void)amount, (void)offset;
    return SQLITE_READONLY;
}

static int refuse_size(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file, (void)size;
    return SQLITE_READONLY;
}

static int ignore(sqlite3_file *file, int what)
{
    (void)file, (void)what;
    return SQLITE_OK;
}

static int nobody_writes(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

static int no_control(sqlite3_file *file, int op, void *argument)
{
    (void)file, (void)op, (void)argument;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file)
{
    (void)file;
    return PAGE_MIN;
}

static int immutable(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods image_methods = {
    .iVersion = 1,
    .xClose = image_close,
    .xRead = image_read,
    .xWrite = refuse_write,
    .xTruncate = refuse_size,
    .xSync = ignore,
    .xFileSize = image_size,
    .xLock = ignore,
    .xUnlock = ignore,
    .xCheckReservedLock = nobody_writes,
    .xFileControl = no_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = immutable,
};

static uint32_t page_size_of(const uint8_t head[HEADER])
{
    uint32_t size = (uint32_t)head[HEADER_PAGE_SIZE] << 8 | head[HEADER_PAGE_SIZE + 1];
    return size == 1 ? PAGE_MAX : size;
}

static bool image_begin(struct image *m, const char *path)
{
    uint8_t head[HEADER] = {0};
    m->overlay = -1;
    if (m->file->pMethods->xRead(m->file, head, HEADER, 0) != SQLITE_OK)
        return true; /* no database: SQLite says so */
    m->page_size = page_size_of(head);
    if (m->page_size < PAGE_MIN || (m->page_size & (m->page_size - 1)) != 0)
        return true;
    return take_overlay(m, path, head[HEADER_VERSIONS + 1] == 2);
}

static int read_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags,
                     int *out_flags)
{
    sqlite3_vfs *below = vfs->pAppData;
    struct image *m = (struct image *)file;
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return below->xOpen(below, path, file, flags, out_flags);
    *m = (struct image){.file = (sqlite3_file *)(m + 1)};
    int rc = below->xOpen(below, path, m->file, flags, out_flags);
    if (rc != SQLITE_OK)
        return rc;
    m->base.pMethods = &image_methods;
    if (image_begin(m, path))
        return SQLITE_OK;
    rc = m->overlay < 0 ? SQLITE_CANTOPEN : SQLITE_IOERR_READ;
    image_close(file);
    m->base.pMethods = NULL;
    return rc;
}

enum error readfile_register(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    if (sqlite3_vfs_find(READFILE_VFS))
        return ERR_OK;
    vfs = *below;
    vfs.szOsFile = (int)sizeof(struct image) + below->szOsFile;
    vfs.zName = READFILE_VFS;
    vfs.pAppData = below;
    vfs.pNext = NULL;
    vfs.xOpen = read_open;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? ERR_OK : ERR_NO_MEMORY;
}

/* --- looking at the files -------------------------------------------------------------------- */

void readfile_stamp(const char *path, struct readfile_stamp *out)
{
    *out = (struct readfile_stamp){0};
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        struct stat st;
        char *file = beside(path, tails[i]);
        if (file && stat(file, &st) == 0) {
            out->file[i].there = true;
            out->file[i].device = st.st_dev;
            out->file[i].inode = st.st_ino;
            out->file[i].size = st.st_size;
            out->file[i].modified = st.st_mtim;
        }
        free(file);
    }
}

bool readfile_stamp_same(const struct readfile_stamp *a, const struct readfile_stamp *b)
{
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++)
        if (a->file[i].there != b->file[i].there || a->file[i].device != b->file[i].device ||
            a->file[i].inode != b->file[i].inode || a->file[i].size != b->file[i].size ||
            a->file[i].modified.tv_sec != b->file[i].modified.tv_sec ||
            a->file[i].modified.tv_nsec != b->file[i].modified.tv_nsec)
            return false;
    return true;
}

/* The file's header, and what lies beside it. False: it has none. */
static bool read_head(const char *path, uint8_t head[HEADER], struct readfile_stamp *stamp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool whole = fd >= 0 && pread(fd, head, HEADER, 0) == HEADER;
    if (fd >= 0)
        close(fd);
    readfile_stamp(path, stamp);
    return whole && memcmp(head, "SQLite format 3", 16) == 0;
}

/* Pages of it stand in for those of the file, as in take_journal(). */
static bool has_journal(const char *path, uint32_t page_size)
{
    uint8_t head[JOURNAL_HEADER];
    char *file = beside(path, tails[2]);
    int fd = file ? open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW) : -1;
    bool has = fd >= 0 && journal_head(fd, 0, page_size, head) && get_be(head + 8) != 0;
    if (fd >= 0)
        close(fd);
    free(file);
    return has;
}

bool readfile_lacks_wal(const char *path)
{
    uint8_t head[HEADER];
    struct readfile_stamp stamp;
    return read_head(path, head, &stamp) && head[HEADER_VERSIONS + 1] == 2 &&
           !stamp.file[1].there && !has_journal(path, page_size_of(head));
}

bool readfile_is_cut(const char *path)
{
    uint8_t head[HEADER];
    struct readfile_stamp stamp;
    if (!read_head(path, head, &stamp))
        return false; /* told as what it is: no recording */
    uint64_t page = page_size_of(head), size = (uint64_t)stamp.file[0].size;
    if (page < 512)
        return false;
    bool elsewhere = stamp.file[1].size > 0 || stamp.file[2].size > 0;
    return size % page != 0 || (!elsewhere && size / page < get_be(head + HEADER_PAGES));
}
