/* The key help, as shown on '?'; it can be searched like any list. */
#include "inspector-tui/app.h"

const char *const help_lines[] = {
    "Views",
    "  1..7, Tab          CSpaces, derivation tree, threads, untyped, objects, verdict, console",
    "Moving",
    "  j k, arrows        down, up            PgDn PgUp, ^F ^B   by a page",
    "  g G, Home End      first, last         mouse              click, wheel",
    "Folding",
    "  l, Right, Enter    open                h, Left            close, or go to the parent",
    "  E C                open all, close all",
    "Finding",
    "  / text             search              n N                next, previous match",
    "  d                  jump to this capability in the derivation tree",
    "  w                  jump to its object: who holds it, where is it mapped",
    "Time",
    "  Space              pause or go on      r                  take a sample now",
    "  [ ]                one snapshot back, forward (recordings)",
    "Target",
    "  s                  stop or continue the machine",
    "  b                  stop when this capability is revoked (monitor doors)",
    "  S F c              one step (in a revoke: one capability), finish the revoke, continue",
    "  :                  a monitor command; the answer goes to the console view",
    "Screen",
    "  v                  detail pane on, off m                  mouse off for copy and paste",
    "  ^L                 redraw              ?                  this help        q   quit",
    "Marks",
    "  + - before a row   closed, open        *                  new or changed since the last "
    "sample",
    "  ! >                fault or breach; the capability that a revoke takes next",
    NULL,
};
