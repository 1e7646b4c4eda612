#!/usr/bin/env bash
# `make run ROOT=...` boots that root task or refuses; run-demo keeps the recording of the run before
# and writes through no symbolic link.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

export RUN_DIR=$work/run
image=build/arm/debug/image-root.elf

stage() { make --no-print-directory -s "$image" ROOT="$1"; } # FILE

refuses() { # text command...: fails and says the text
    local text=$1 output
    shift
    output=$("$@" 2>&1) && { echo "$output"; echo "exit 0"; return 1; }
    grep -qF -- "$text" <<<"$output" || { echo "$output"; return 1; }
}

boots() { # text command...: its output has the text
    local text=$1 output
    shift
    output=$("$@" 2>&1)
    grep -qF -- "$text" <<<"$output" || { echo "$output"; return 1; }
}

# --- which root task ---------------------------------------------------------------------------------

odd="$work/my root's \"x\" \$b.elf"
cp build/arm/user/hello.elf "$odd"
check "a name with blanks, quotes and a dollar is a name" stage "$odd"
check "the image is made of that file" cmp build/arm/root/root.elf "$odd"
check "a typo is refused" refuses "no such file" stage "$work/typo.elf"
check "a program for this machine is refused" refuses "32-bit" stage /bin/sh
echo text >"$work/text.elf"
check "a text is refused" refuses "not an ELF file" stage "$work/text.elf"
cp build/arm/user/many.elf "$work/old.elf"
touch -d 2001-01-01 "$work/old.elf"
before=$(cksum <"$image")
check "a file older than the image makes a new one" stage "$work/old.elf"
check "of itself" test "$(cksum <"$image")" != "$before"
check "run-demo boots no other root task" refuses "is not made of" scripts/run-demo --headless --root "$odd"
stage "$odd"
check "run-demo boots the one that was asked for" boots "rootserver" scripts/run-demo --headless --root "$odd"

# --- what is kept, and where it is written -------------------------------------------------------------

first=$(cksum <"$RUN_DIR/demo.capdb")
check "the next run says where the last recording is" boots "is kept as" scripts/run-demo --headless --root "$odd"
kept=$(ls "$RUN_DIR"/demo-*.capdb)
check "it is the same file" test "$(cksum <"$kept")" = "$first"
check "and whole" build/host/capdb verify "$kept"

echo precious >"$work/victim"
for name in ram qemu.log qemu.pid demo.capdb demo.capdb-wal monitor.sock; do
    rm -f "$RUN_DIR/$name"
    ln -s "$work/victim" "$RUN_DIR/$name"
done
check "links in the folder are not followed" boots "rootserver" scripts/run-demo --headless --root "$odd"
check "what they led to is as it was" test "$(cat "$work/victim")" = precious
mv "$RUN_DIR" "$work/elsewhere"
ln -s "$work/elsewhere" "$RUN_DIR"
check "a folder that is a link is refused" refuses "is a symbolic link" scripts/run-demo --headless --root "$odd"
plan
