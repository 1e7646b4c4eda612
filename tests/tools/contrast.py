#!/usr/bin/env python3
"""Measures the colors of a screen against a background (tests/e2e/colors.sh).

    tmux capture-pane -e -p | contrast.py LEAST BACKGROUND...

Reads text with its attributes. Every color in it must have at least the contrast LEAST (as WCAG defines
it) against each BACKGROUND, "black" or "white"; reversed text is the background on the color, which is
the same. Colors below 16 are those of xterm. Prints what was measured; exit 1: a color falls short, or
there was none to measure."""
import re
import sys

XTERM = [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
         (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
         (255, 255, 255)]
LEVELS = (0, 95, 135, 175, 215, 255)
BACKGROUNDS = {"black": (0, 0, 0), "white": (255, 255, 255)}


def shade(n):
    if n < 16:
        return XTERM[n]
    if n >= 232:
        return (8 + 10 * (n - 232),) * 3
    n -= 16
    return LEVELS[n // 36], LEVELS[n // 6 % 6], LEVELS[n % 6]


def luminance(color):
    parts = [c / 255 for c in color]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colors_of(text):
    """Numbers of the colors that are set, for letters or behind them."""
    found = set()
    for codes in re.findall(r"\x1b\[([0-9;:]*)m", text):
        numbers = [int(n or 0) for n in re.split("[;:]", codes)]
        while numbers:
            n = numbers.pop(0)
            if n in (38, 48) and numbers[:1] == [5]:
                found.add(numbers[1])
                numbers = numbers[2:]
            elif 30 <= n <= 37 or 40 <= n <= 47:
                found.add(n % 10)
            elif 90 <= n <= 97:
                found.add(n - 82)
    return found


def main():
    least, backgrounds = float(sys.argv[1]), sys.argv[2:]
    found, bad = colors_of(sys.stdin.read()), not backgrounds
    for n in sorted(found):
        for name in backgrounds:
            measured = contrast(shade(n), BACKGROUNDS[name])
            bad |= measured < least
            print(f"color {n} on {name}: {measured:.1f}{'' if measured >= least else f', wanted {least}'}")
    if not found:
        print("there is no color on the screen")
    sys.exit(bad or not found)


main()
