/* compact, cut: smaller files for those who keep or send them. */
#include "capdb/command.h"

#include "lib/plural.h"

#include <sys/stat.h>

static long long size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long long)st.st_size : 0;
}

enum status command_compact(struct options *o)
{
    char message[CAPDB_MESSAGE];
    if (target_is_live(o->run))
        return command_complain(o->run, "is a running system, not a recording");
    long long before = size_of(o->run);
    if (capdb_compact(o->run, message) != ERR_OK)
        return command_complain(o->run, "%s", message);
    printf("%lld bytes, %lld before\n", size_of(o->run), before);
    return STATUS_YES;
}

enum status command_cut(struct options *o)
{
    char message[CAPDB_MESSAGE];
    struct view v;
    if (target_is_live(o->run))
        return command_complain(o->run, "is a running system, not a recording");
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    uint32_t count = capdb_count(v.db);
    uint32_t first = o->from ? o->from : 1;
    uint32_t last = o->to ? o->to : count;
    enum status s = STATUS_YES;
    if (count == 0)
        s = command_complain(o->run, "has no snapshot");
    else if (capdb_cut(v.db, first, last, o->operand[0], message) != ERR_OK)
        s = command_complain(o->run, "%s", message);
    else
        printf("%u snapshot%s, %lld bytes\n", last - first + 1, plural_s(last - first + 1),
               size_of(o->operand[0]));
    dbview_close(&v);
    return s;
}
