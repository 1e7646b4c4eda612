#include "lib/host/clock_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DAYS = 366 }; /* looked at before and behind what is at hand */
#define AGES 1e11

struct reading {
    struct tm tm;
    double fraction; /* of the second */
    bool dated, utc;
};

/* --- the text --- */

static bool read_second(const char **text, struct reading *r, double *length)
{
    char *end;
    double second = (*text)[1] >= '0' && (*text)[1] <= '9' ? strtod(*text + 1, &end) : 60;
    if (!(second < 60))
        return false;
    r->tm.tm_sec = (int)second;
    r->fraction = second - (double)r->tm.tm_sec;
    *length = memchr(*text, '.', (size_t)(end - *text)) ? 0 : 1;
    *text = end;
    return true;
}

static bool read_time(const char *text, struct reading *r, double *length)
{
    int read = 0;
    if (sscanf(text, "%2d:%2d%n", &r->tm.tm_hour, &r->tm.tm_min, &read) != 2)
        return false;
    if (r->tm.tm_hour < 0 || r->tm.tm_hour > 23 || r->tm.tm_min < 0 || r->tm.tm_min > 59)
        return false;
    *length = 60;
    text += read;
    if (*text == ':' && !read_second(&text, r, length))
        return false;
    r->utc |= strcmp(text, "Z") == 0;
    return *text == '\0' || strcmp(text, "Z") == 0;
}

static bool read_text(const char *text, struct reading *r, double *length)
{
    const char *rest = strptime(text, "%Y-%m-%d", &r->tm);
    if (rest && (*rest == 'T' || *rest == ' ')) {
        r->dated = true;
        return read_time(rest + 1, r, length);
    }
    return read_time(text, r, length);
}

/* --- which moment it is --- */

static struct tm day_of(double time, bool utc)
{
    time_t seconds = (time_t)time;
    struct tm tm = {0};
    if (utc)
        gmtime_r(&seconds, &tm);
    else
        localtime_r(&seconds, &tm);
    return tm;
}

static bool same_day(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_yday == b->tm_yday;
}

/* The reading on the day so many behind that of `day`, with or without summer time; false: no clock
 * showed it. */
static bool candidate(const struct reading *r, const struct tm *day, int days, int summer,
                      double *out)
{
    struct tm tm = r->tm;
    tm.tm_year = day->tm_year;
    tm.tm_mon = day->tm_mon;
    tm.tm_mday = day->tm_mday + days;
    tm.tm_isdst = summer;
    time_t time = r->utc ? timegm(&tm) : mktime(&tm);
    struct tm shown = day_of((double)time, r->utc);
    *out = (double)time + r->fraction;
    return shown.tm_hour == r->tm.tm_hour && shown.tm_min == r->tm.tm_min;
}

/* Less is better; three questions, the first decides. */
static double badness(const struct clock_frame *f, const struct reading *r, double length,
                      double time)
{
    struct tm near = day_of(f->near, r->utc), on = day_of(time, r->utc);
    double far = fabs(time - f->near);
    if (time + length < f->first || time > f->last)
        far += 4 * AGES;
    if (!same_day(&near, &on))
        far += 2 * AGES;
    return time > f->near ? far + AGES : far;
}

bool clock_text_read(const char *text, const struct clock_frame *f, struct clock_moment *out)
{
    struct reading r = {.utc = f->utc};
    double best = INFINITY, time, length;
    struct clock_frame frame = *f;
    if (!read_text(text, &r, &length))
        return false;
    if (!(fabs(f->near) < AGES / 4))
        frame.near = 0;
    struct tm day = r.dated ? r.tm : day_of(frame.near, r.utc);
    const int days = r.dated ? 0 : DAYS;
    *out = (struct clock_moment){0, length};
    for (int d = -days; d <= days; d++)
        for (int summer = 0; summer < (r.utc ? 1 : 2); summer++) {
            bool is = candidate(&r, &day, d, summer, &time);
            double bad = badness(&frame, &r, length, time) + (is ? 0 : 8 * AGES);
            if (bad < best) {
                best = bad;
                out->time = time;
            }
        }
    return true;
}

bool clock_text_ago(const char *text, double *seconds)
{
    static const char units[] = "smhd";
    static const double lengths[] = {1, 60, 3600, 86400};
    char *end;
    double value = *text == '-' && text[1] >= '0' && text[1] <= '9' ? strtod(text + 1, &end) : -1;
    const char *unit = value >= 0 && *end ? strchr(units, *end) : NULL;
    if (!unit || end[1] != '\0' || !isfinite(value))
        return false;
    *seconds = value * lengths[unit - units];
    return true;
}

const char *clock_text_of_file(char *path)
{
    char *at = strrchr(path, '@');
    if (!at || access(path, F_OK) == 0)
        return NULL;
    *at = '\0';
    if (access(path, F_OK) == 0)
        return at + 1;
    *at = '@';
    return NULL;
}
