/* Colours of pictures. Hues of the palette lie between 45 and 320 degrees: red is for breaches. */
#include "capdb/colour.h"

#include "capdb/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const palette[COLOUR_PALETTE] = {
    "#4e79a7", "#59a14f", "#a479c8", "#d9b83c", "#5aa9a4", "#7b86d6",
    "#93b83d", "#3f8fb5", "#6f9c7c", "#8a6fae", "#b39b2f", "#7fb3de",
};

enum { HUE_FIRST = 60, HUES = 230, SECTOR = 60, CHROMA = 90, DARKEST = 90, BRIGHT = 140 };

enum error colours_read(struct capdb *db, struct colours *out)
{
    sqlite3_stmt *st;
    *out = (struct colours){.count = 0};
    enum error e = capdb_prepare(
        db, "SELECT name FROM domain WHERE NOT trusted GROUP BY name ORDER BY min(id) LIMIT ?",
        &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int(st, 1, COLOUR_PALETTE);
    while (out->count < COLOUR_PALETTE && capdb_step(db, st, "reading domains", &e)) {
        out->name[out->count] = strdup(capdb_column_text(st, 0));
        if (!out->name[out->count])
            e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
        else
            out->count++;
    }
    sqlite3_finalize(st);
    if (e != ERR_OK)
        colours_free(out);
    return e;
}

void colours_free(struct colours *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        free(c->name[i]);
    c->count = 0;
}

/* FNV-1a: the same name gives the same colour in any recording. */
static uint32_t hash(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* A hue in degrees as red, green, blue between DARKEST and DARKEST + CHROMA. */
static void hue_colour(uint32_t hue, char buf[COLOUR_BYTES])
{
    uint32_t up = DARKEST + hue % SECTOR * CHROMA / SECTOR;
    uint32_t down = DARKEST + CHROMA - hue % SECTOR * CHROMA / SECTOR;
    const uint32_t top = DARKEST + CHROMA;
    const uint32_t low = DARKEST;
    const uint32_t rgb[6][3] = {{top, up, low},   {down, top, low}, {low, top, up},
                                {low, down, top}, {up, low, top},   {top, low, down}};
    const uint32_t *c = rgb[hue / SECTOR % 6];
    snprintf(buf, COLOUR_BYTES, "#%02x%02x%02x", c[0] & 0xff, c[1] & 0xff, c[2] & 0xff);
}

const char *colour_of(const struct colours *c, const char *domain, bool trusted,
                      char buf[COLOUR_BYTES])
{
    if (trusted)
        return COLOUR_MANAGER;
    for (uint32_t i = 0; i < c->count; i++)
        if (strcmp(c->name[i], domain) == 0)
            return palette[i];
    hue_colour(HUE_FIRST + hash(domain) % HUES, buf);
    return buf;
}

/* Brightness as the eye weighs it (ITU-R BT.601). */
const char *colour_of_text(const char *background)
{
    unsigned long rgb = strtoul(background + 1, NULL, 16);
    unsigned long brightness =
        ((rgb >> 16 & 0xff) * 299 + (rgb >> 8 & 0xff) * 587 + (rgb & 0xff) * 114) / 1000;
    return brightness > BRIGHT ? "#111111" : "#ffffff";
}
