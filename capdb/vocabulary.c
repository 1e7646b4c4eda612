/* The word table: numbers of enumerations and their names, for those who ask in SQL. */
#include "capdb/store.h"

#include "record/vocabulary.h"

#include <string.h>

struct word {
    const char *kind;
    int value;
    const char *text;
};

static const struct word words[] = {
#define X(value, NAME, text) {"cap", value, text},
    RECORD_CAP_LIST(X)
#undef X
#define X(value, NAME, text) {"thread", value, text},
        RECORD_THREAD_STATE_LIST(X)
#undef X
#define X(value, NAME, text) {"fault", value, text},
            RECORD_FAULT_LIST(X)
#undef X
#define X(value, NAME, text) {"endpoint", value, text},
                RECORD_ENDPOINT_STATE_LIST(X)
#undef X
#define X(value, NAME, text) {"notification", value, text},
                    RECORD_NOTIFICATION_STATE_LIST(X)
#undef X
#define X(value, NAME, text) {"irq", value, text},
                        RECORD_IRQ_STATE_LIST(X)
#undef X
                            {"event", CAPDB_EVENT_GAP, "gap"},
#define X(value, NAME, text, detail) {"event", value, text},
    RECORD_EVENT_LIST(X)
#undef X
};
enum { WORDS = sizeof(words) / sizeof(*words) };

static void bind_word(sqlite3_stmt *st, const struct word *w)
{
    sqlite3_reset(st);
    sqlite3_bind_text(st, 1, w->kind, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 2, w->value);
    sqlite3_bind_text(st, 3, w->text, -1, SQLITE_STATIC);
}

enum error capdb_fill_words(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, "INSERT INTO word VALUES (?, ?, ?)", &st);
    for (size_t i = 0; e == ERR_OK && i < WORDS; i++) {
        bind_word(st, &words[i]);
        capdb_step(db, st, "creating", &e);
    }
    sqlite3_finalize(st);
    return e;
}

/* A recording of a later program of this format may know more of them. */
bool capdb_words_are_ours(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e =
        capdb_prepare(db, "SELECT 1 FROM word WHERE kind = ? AND value = ? AND text = ?", &st);
    bool all = e == ERR_OK;
    for (size_t i = 0; all && i < WORDS; i++) {
        bind_word(st, &words[i]);
        all = capdb_step(db, st, "reading the words", &e);
    }
    sqlite3_finalize(st);
    return all;
}
