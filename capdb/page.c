/* Pieces of an HTML page. The page needs nothing else: no script, no address, no font. */
#include "capdb/page.h"

#include "lib/utf8.h"

#include <string.h>

const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "style-src 'unsafe-inline'\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<style>body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1000px;"
    "padding:0 1em;color:#222;background:#fff}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top;"
    "overflow-wrap:break-word;max-width:26em}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:12px}"
    ".bad{color:" COLOUR_BREACH ";font-weight:600}.good{color:#1b7f3b;font-weight:600}"
    ".key{white-space:nowrap;margin-right:1em}svg text{font:11px system-ui,sans-serif}"
    ".ink{fill:currentColor}.rule{stroke:currentColor;stroke-opacity:.25}"
    "rect,polygon{shape-rendering:crispEdges}svg{max-width:100%;height:auto}figure{margin:1em "
    "0}figcaption{color:#555}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
    "td,th{border-color:#444}figcaption{color:#aaa}.bad{color:#ff5c70}.good{color:#5fd38d}}"
    "@page{size:A4;margin:15mm}@media print{body{margin:0;padding:0;color:#000;background:#fff}"
    "figure,tr,h2{break-inside:avoid}h2{break-after:avoid}"
    "svg,rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}</style>";

/* Labels were escaped; whatever else came here is shown as far as it can be. */
static uint32_t put_character(FILE *f, const char *text)
{
    uint32_t n = utf8_printable(text, (uint32_t)strlen(text));
    if (n)
        fwrite(text, 1, n, f);
    else
        fputc('?', f);
    return n ? n : 1;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(FILE *f, const char *text)
{
    while (*text) {
        const char *e = entity(*text);
        if (e)
            fputs(e, f);
        text += e ? 1 : put_character(f, text);
    }
}

void cell_text(FILE *f, const char *text)
{
    fputs("<td>", f);
    html_text(f, text);
    fputs("</td>", f);
}

void html_key(FILE *f, const char *colour, const char *name)
{
    fprintf(f, "<span class=\"key\"><span style=\"color:%s\">&#9632;</span> ", colour);
    html_text(f, name);
    fputs("</span> ", f);
}
