/* Rules for domains: sets of them, each in force from a snapshot on. */
#include "capdb/recorder.h"

#include <stdio.h>
#include <string.h>

enum { SQL_BYTES = 96 };

static enum error copy_rules(struct capdb *db, const struct authority_rules *rules,
                             struct authority_rules *out)
{
    enum error e = ERR_OK;
    *out = (struct authority_rules){0};
    for (uint32_t i = 0; e == ERR_OK && i < rules->count; i++)
        e = authority_rules_add(out, rules->rules[i].pattern, rules->rules[i].domain,
                                rules->rules[i].trusted);
    if (e == ERR_OK)
        return e;
    authority_rules_free(out);
    return capdb_fail(db, e, "out of memory");
}

static enum error put_rule(struct capdb *db, long long set, const struct authority_rule *rule)
{
    char sql[SQL_BYTES];
    const char *texts[] = {rule->pattern, rule->domain};
    snprintf(sql, sizeof(sql), "INSERT INTO main.domain_rule VALUES (NULL, %lld, ?, ?, %d)", set,
             rule->trusted);
    return capdb_exec_texts(db, "storing the domain rules", sql, texts, 2);
}

static enum error put_rules(struct capdb *db, const struct authority_rules *rules)
{
    enum error e =
        capdb_execf(db, "storing the domain rules", "INSERT INTO main.rule_set VALUES (NULL, %lld)",
                    (long long)db->count + 1);
    long long set = sqlite3_last_insert_rowid(db->sql);
    for (uint32_t i = 0; e == ERR_OK && i < rules->count; i++)
        e = put_rule(db, set, &rules->rules[i]);
    return e;
}

enum error capdb_set_rules(struct capdb *db, const struct authority_rules *rules)
{
    struct authority_rules copy;
    enum error e = recorder_begin(db);
    if (e != ERR_OK || authority_rules_equal(rules, &db->recorder->rules))
        return e;
    e = copy_rules(db, rules, &copy);
    if (e != ERR_OK)
        return e;
    e = recorder_transaction(db, "storing the domain rules");
    if (e == ERR_OK)
        e = put_rules(db, rules);
    if (e == ERR_OK)
        e = recorder_commit(db, LEDGER_KIND_RULES_CHANGED, db->count, NULL,
                            "storing the domain rules");
    if (e != ERR_OK) {
        recorder_roll_back(db);
        authority_rules_free(&copy);
        return e;
    }
    authority_rules_free(&db->recorder->rules);
    db->recorder->rules = copy;
    db->recorder->rules_changed = true;
    return ERR_OK;
}

/* A cell of a damaged file may hold anything, nothing too. */
static enum error add_rule(struct capdb *db, sqlite3_stmt *st, struct authority_rules *rules)
{
    for (int c = 0; c < 2; c++)
        if (sqlite3_column_type(st, c) != SQLITE_TEXT)
            return capdb_fail(db, ERR_CORRUPT, "is damaged: a domain rule is no text");
    enum error e = authority_rules_add(rules, capdb_column_text(st, 0), capdb_column_text(st, 1),
                                       sqlite3_column_int(st, 2) != 0);
    if (e == ERR_NO_MEMORY)
        return capdb_fail(db, e, "out of memory");
    return e == ERR_OK ? e
                       : capdb_fail(db, ERR_CORRUPT, "is damaged: a domain rule makes no sense");
}

static const char rules_sql[] =
    "SELECT pattern, domain, trusted FROM domain_rule WHERE rule_set ="
    " (SELECT id FROM rule_set WHERE first <= ?1 ORDER BY id DESC LIMIT 1) ORDER BY id";

static enum error read_rules(struct capdb *db, int64_t n, struct authority_rules *out)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, rules_sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    while (capdb_step(db, st, "reading the domain rules", &e))
        e = add_rule(db, st, out);
    sqlite3_finalize(st);
    return e;
}

enum error capdb_get_rules(struct capdb *db, uint32_t n, struct authority_rules *out)
{
    *out = (struct authority_rules){0};
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    e = read_rules(db, n ? (int64_t)n : INT64_MAX, out);
    capdb_release(db);
    if (e != ERR_OK)
        authority_rules_free(out);
    return e;
}
