/* Whose memory is at an address in any snapshot, from the indexes, without rebuilding it.
 *
 * An object over the address begins at one of few places: the address with its low bits cleared, or
 * where one of the few objects begins that do not lie at a multiple of their size.
 * The rule is that of authority_owner_of(): the untyped nearest to the object that untrusted
 * domains hold decides, then who holds the object itself, or maps the frame. */
#include "capdb/short.h"
#include "capdb/store.h"

#include "lib/array.h"
#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_BITS = 64 };

static const char objects_sql[] =
    "SELECT id, type, addr, bits FROM object_row WHERE addr = ?1 AND bits BETWEEN ?2 AND ?3"
    " AND t0 <= ?4 AND t1 > ?4";
static const char holders_sql[] =
    "SELECT d.name, d.trusted FROM cap_row c JOIN domain d ON d.id = c.domain"
    " WHERE c.object = ?1 AND c.t0 <= ?2 AND c.t1 > ?2 ORDER BY c.pos";

/* A mapping is its directory's, and a directory that of the threads that run there. */
static const char mappers_sql[] =
    "SELECT d.name, d.trusted FROM mapping_row m JOIN domain d ON d.id = (SELECT e.id"
    "  FROM object_row o JOIN cap_row c ON c.object = o.id AND c.t0 <= ?2 AND c.t1 > ?2"
    "  JOIN domain e ON e.id = c.domain LEFT JOIN object_row h ON h.id = c.holder AND"
    "   h.type = (SELECT value FROM word WHERE kind = 'cap' AND text = 'tcb')"
    "  WHERE o.addr = m.dir AND o.t0 <= ?2 AND o.t1 > ?2 AND"
    "   o.type = (SELECT value FROM word WHERE kind = 'cap' AND text = 'pagedir')"
    "  ORDER BY e.trusted <> 0, h.id IS NULL, c.pos LIMIT 1)"
    " WHERE m.frame = ?1 AND m.t0 <= ?2 AND m.t1 > ?2 ORDER BY m.row";

void capdb_forget_owner(struct capdb *db)
{
    short_forget(db);
    sqlite3_finalize(db->owner_objects);
    sqlite3_finalize(db->owner_holders);
    sqlite3_finalize(db->owner_mappers);
    db->owner_objects = db->owner_holders = db->owner_mappers = NULL;
    free(db->owner_odd);
    db->owner_odd = NULL;
    db->owner_odd_count = db->owner_odd_room = 0;
}

static const char odd_sql[] = "SELECT DISTINCT addr, bits FROM object_row"
                              " WHERE bits BETWEEN 1 AND 62 AND addr & ((1 << bits) - 1) <> 0";

static enum error add_odd(struct capdb *db, sqlite3_stmt *st)
{
    size_t at = db->owner_odd_count;
    struct owner_odd *grown = array_room(db->owner_odd, at, &db->owner_odd_room, sizeof(*grown));
    if (!grown)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    grown[at] =
        (struct owner_odd){(uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_int(st, 1)};
    db->owner_odd = grown;
    db->owner_odd_count = at + 1;
    return ERR_OK;
}

/* Device memory is cut into untypeds as boards have it; there are few of those. */
static enum error read_odd(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, odd_sql, &st);
    if (e != ERR_OK)
        return e;
    while (capdb_step(db, st, "looking for the owner", &e))
        e = add_odd(db, st);
    sqlite3_finalize(st);
    return e;
}

static enum error prepare_owner(struct capdb *db)
{
    enum error e = ERR_OK;
    if (!db->owner_objects)
        e = read_odd(db);
    if (e == ERR_OK && !db->owner_objects)
        e = capdb_prepare(db, objects_sql, &db->owner_objects);
    if (e == ERR_OK && !db->owner_holders)
        e = capdb_prepare(db, holders_sql, &db->owner_holders);
    if (e == ERR_OK && !db->owner_mappers)
        e = capdb_prepare(db, mappers_sql, &db->owner_mappers);
    return e;
}

/* --- objects --------------------------------------------------------------------------------- */

/* An untyped lies around its first child of the same size. */
static bool inside(const struct capdb_cover *a, const struct capdb_cover *b)
{
    if (a->bits != b->bits)
        return a->bits < b->bits;
    return a->type != RECORD_CAP_UNTYPED && b->type == RECORD_CAP_UNTYPED;
}

static void add_cover(struct capdb_covers *c, const struct capdb_cover *new)
{
    uint32_t at = c->count;
    if (c->count == CAPDB_COVERS)
        return;
    c->count++;
    for (; at > 0 && inside(new, &c->list[at - 1]); at--)
        c->list[at] = c->list[at - 1];
    c->list[at] = *new;
}

/* Objects that begin at addr and have from `low` to `high` bits. */
static enum error find_at(struct capdb *db, uint64_t addr, int low, int high, uint32_t n,
                          struct capdb_covers *out)
{
    sqlite3_stmt *st = db->owner_objects;
    enum error e = ERR_OK;
    sqlite3_bind_int64(st, 1, (int64_t)addr);
    sqlite3_bind_int(st, 2, low);
    sqlite3_bind_int(st, 3, high);
    sqlite3_bind_int64(st, 4, n);
    while (capdb_step(db, st, "looking for the owner", &e)) {
        const struct capdb_cover found = {.life = sqlite3_column_int64(st, 0),
                                          .type = (uint32_t)sqlite3_column_int64(st, 1),
                                          .addr = (uint64_t)sqlite3_column_int64(st, 2),
                                          .bits = (uint32_t)sqlite3_column_int64(st, 3)};
        add_cover(out, &found);
    }
    sqlite3_reset(st);
    return e;
}

/* From one beginning to the next the sizes that share it are asked for at once. */
static enum error find_covers(struct capdb *db, uint64_t addr, uint32_t n, struct capdb_covers *out)
{
    enum error e = ERR_OK;
    out->count = 0;
    for (int low = 1; e == ERR_OK && low < ADDRESS_BITS;) {
        uint64_t begin = addr >> low << low;
        int high = begin ? __builtin_ctzll(begin) : ADDRESS_BITS - 1;
        e = find_at(db, begin, low, high, n, out);
        low = high + 1;
    }
    for (size_t i = 0; e == ERR_OK && i < db->owner_odd_count; i++)
        if (addr - db->owner_odd[i].addr < (uint64_t)1 << db->owner_odd[i].bits)
            e = find_at(db, db->owner_odd[i].addr, db->owner_odd[i].bits, db->owner_odd[i].bits, n,
                        out);
    return e;
}

static enum error put_base(struct capdb *db, sqlite3_stmt *st, uint64_t begin, int low, int high)
{
    enum error e = ERR_OK;
    sqlite3_bind_int64(st, 1, (int64_t)begin);
    sqlite3_bind_int(st, 2, low);
    sqlite3_bind_int(st, 3, high);
    capdb_step(db, st, "looking for objects", &e);
    sqlite3_reset(st);
    return e;
}

static const char make_bases[] = "CREATE TEMP TABLE IF NOT EXISTS base (addr INTEGER, low INTEGER,"
                                 " high INTEGER); DELETE FROM temp.base";

static const char make_covered[] =
    "CREATE TEMP TABLE IF NOT EXISTS covered (bits INTEGER, t0 INTEGER, t1 INTEGER,"
    " covered INTEGER, PRIMARY KEY (bits, t0)) WITHOUT ROWID; DELETE FROM temp.covered;"
    "INSERT INTO temp.covered WITH life(untyped, bits, t0, t1) AS MATERIALIZED ("
    "  SELECT o.type = (SELECT value FROM word WHERE kind = 'cap' AND text = 'untyped'),"
    "   o.bits, o.t0, o.t1 FROM temp.base b CROSS JOIN object_row o"
    "   ON o.addr = b.addr AND o.bits BETWEEN b.low AND b.high),"
    " size(bits) AS MATERIALIZED (SELECT DISTINCT bits FROM life WHERE untyped),"
    " inside(bits, t0, t1) AS (SELECT z.bits, l.t0, l.t1 FROM size z JOIN life l"
    "  ON l.bits < z.bits OR (l.bits = z.bits AND NOT l.untyped)),"
    " event(bits, n, change) AS (SELECT bits, 0, 0 FROM size UNION ALL"
    "  SELECT bits, t0, 1 FROM inside UNION ALL SELECT bits, t1, -1 FROM inside)"
    " SELECT bits, n, lead(n, 1, 2147483647) OVER w, sum(sum(change)) OVER w > 0"
    "  FROM event WHERE n < 2147483647 GROUP BY bits, n"
    "  WINDOW w AS (PARTITION BY bits ORDER BY n)";

static enum error put_bases(struct capdb *db, uint64_t addr)
{
    sqlite3_stmt *st;
    enum error e = prepare_owner(db);
    if (e == ERR_OK)
        e = capdb_exec(db, make_bases, "looking for objects");
    if (e == ERR_OK)
        e = capdb_prepare(db, "INSERT INTO temp.base VALUES (?, ?, ?)", &st);
    if (e != ERR_OK)
        return e;
    for (int low = 1; e == ERR_OK && low < ADDRESS_BITS;) {
        uint64_t begin = addr >> low << low;
        int high = begin ? __builtin_ctzll(begin) : ADDRESS_BITS - 1;
        e = put_base(db, st, begin, low, high);
        low = high + 1;
    }
    for (size_t i = 0; e == ERR_OK && i < db->owner_odd_count; i++)
        if (addr - db->owner_odd[i].addr < (uint64_t)1 << db->owner_odd[i].bits)
            e = put_base(db, st, db->owner_odd[i].addr, db->owner_odd[i].bits,
                         db->owner_odd[i].bits);
    sqlite3_finalize(st);
    return e;
}

enum error capdb_find_bases(struct capdb *db, uint64_t addr)
{
    enum error e = put_bases(db, addr);
    return e == ERR_OK ? capdb_exec(db, make_covered, "looking for objects") : e;
}

enum error capdb_covers_at(struct capdb *db, uint32_t n, uint64_t addr, struct capdb_covers *out)
{
    enum error e = prepare_owner(db);
    return e == ERR_OK ? find_covers(db, addr, n, out) : e;
}

/* --- holders --------------------------------------------------------------------------------- */

static void take_name(char *to, sqlite3_stmt *st)
{
    snprintf(to, CAPDB_DOMAIN, "%s", capdb_column_text(st, 0));
}

/* The untrusted domain among those that the statement gives for `key`, if there is none yet; *shared
 * is set when there are several. manager: the first of any. */
static enum error domain_of(struct capdb *db, sqlite3_stmt *st, int64_t key, uint32_t n,
                            char *domain, char *manager, bool *shared)
{
    enum error e = ERR_OK;
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, n);
    while (capdb_step(db, st, "looking for the owner", &e)) {
        if (!manager[0])
            take_name(manager, st);
        if (sqlite3_column_int(st, 1))
            continue;
        *shared |= domain[0] && strcmp(domain, capdb_column_text(st, 0)) != 0;
        if (!domain[0])
            take_name(domain, st);
    }
    sqlite3_reset(st);
    return e;
}

static enum error holder_of(struct capdb *db, int64_t life, uint32_t n, char *domain, char *manager,
                            bool *shared)
{
    return domain_of(db, db->owner_holders, life, n, domain, manager, shared);
}

static enum error user_of(struct capdb *db, const struct capdb_cover *object, uint32_t n,
                          struct capdb_owner *out)
{
    char manager[CAPDB_DOMAIN] = "";
    enum error e = holder_of(db, object->life, n, out->domain, manager, &out->shared);
    if (e == ERR_OK && object->type == RECORD_CAP_FRAME)
        e = domain_of(db, db->owner_mappers, (int64_t)object->addr, n, out->domain, manager,
                      &out->shared);
    return e;
}

/* --- the rule -------------------------------------------------------------------------------- */

static const struct capdb_cover *object_of(const struct capdb_covers *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->list[i].type != RECORD_CAP_UNTYPED)
            return &c->list[i];
    return c->count ? &c->list[0] : NULL;
}

/* Untypeds around the object, itself if it is one, from the inside out. */
static enum error by_untyped(struct capdb *db, const struct capdb_covers *c, uint32_t from,
                             uint32_t n, struct capdb_owner *out)
{
    char manager[CAPDB_DOMAIN] = "";
    enum error e = ERR_OK;
    for (uint32_t i = from; e == ERR_OK && i < c->count && !out->domain[0]; i++) {
        if (c->list[i].type != RECORD_CAP_UNTYPED)
            continue;
        out->shared = false;
        e = holder_of(db, c->list[i].life, n, out->domain, manager, &out->shared);
    }
    out->by_untyped = out->domain[0] != '\0';
    return e;
}

/* Only trusted managers hold the object or the untypeds around it: the nearest of them. */
static enum error by_manager(struct capdb *db, const struct capdb_covers *c, uint32_t from,
                             uint32_t n, struct capdb_owner *out)
{
    char domain[CAPDB_DOMAIN] = "";
    bool shared = false;
    enum error e = ERR_OK;
    for (uint32_t i = from; e == ERR_OK && i < c->count && !out->domain[0]; i++)
        if (i == from || c->list[i].type == RECORD_CAP_UNTYPED)
            e = holder_of(db, c->list[i].life, n, domain, out->domain, &shared);
    return e;
}

static enum error judge(struct capdb *db, const struct capdb_covers *c, uint32_t n,
                        struct capdb_owner *out)
{
    const struct capdb_cover *object = object_of(c);
    if (!object)
        return ERR_OK;
    uint32_t from = (uint32_t)(object - c->list);
    out->found = true;
    for (uint32_t i = 0; i < c->count; i++)
        out->covered |= c->list[i].type == RECORD_CAP_UNTYPED;
    out->object = object->addr;
    out->type = object->type;
    out->bits = object->bits;
    enum error e = by_untyped(db, c, from, n, out);
    if (e == ERR_OK && !out->domain[0])
        e = user_of(db, object, n, out);
    return e == ERR_OK && !out->domain[0] ? by_manager(db, c, from, n, out) : e;
}

enum error capdb_owner_at(struct capdb *db, uint32_t n, uint64_t addr, struct capdb_owner *out)
{
    struct capdb_covers covers;
    *out = (struct capdb_owner){0};
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    e = prepare_owner(db);
    if (e == ERR_OK)
        e = find_covers(db, addr, n, &covers);
    if (e == ERR_OK)
        e = judge(db, &covers, n, out);
    enum error torn = capdb_release(db);
    return e == ERR_OK ? torn : e;
}
