#!/usr/bin/env bash
# The release kernel is free of the debugger: of its symbols, of its sentences, and of every
# instruction that its hooks could have left behind.
#
# Names and sentences come from the debug kernel's own objects: whatever the floors above the kernel
# define and the kernel does not.  For the last claim the release kernel is built twice, as it is and
# with hooks that the preprocessor deletes, and must come out the same byte for byte.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

kernel=build/arm/release/kernel.elf
debug=build/arm/debug/obj
above="$debug/monitor $debug/gdbstub $debug/objwalk $debug/record $debug/wire"
below="$debug/kernel $debug/plat $debug/lib/string.c.o $debug/monitor/door/cpsr.c.o"

# (monitor/door/cpsr.c gives the debug build a constant that the release build has from elsewhere.)
# Objects without a source are left over from before it moved.
objects() { # folders
    local object source
    find "$@" -name '*.o' | sort | while read -r object; do
        source=${object#"$debug/"}
        [ -f "${source%.o}" ] && echo "$object"
    done
}

names() { # folders
    objects "$@" | xargs arm-none-eabi-nm --defined-only | awk 'NF == 3 && $3 !~ /^[$.]/ { print $3 }' |
        sed 's/\..*//' | sort -u
}

# Texts of two words and more; what the compiler says of itself is in all objects alike.
sentences() { # folders
    objects "$@" | xargs strings -a -n 8 | grep ' ' | sort -u
}

none_in_common() { # list1 list2
    local common
    common=$(comm -12 "$1" "$2")
    [ -z "$common" ] || { echo "in the release kernel: $common"; return 1; }
}

has() { # list word...
    local list=$1 word
    shift
    for word in "$@"; do
        grep -qxF -- "$word" "$list" || { echo "$word is not in the list"; return 1; }
    done
}

comm -23 <(names $above) <(names $below) >"$work/debug-names"
arm-none-eabi-nm "$kernel" | awk '{ print $NF }' | sed 's/\..*//' | sort -u >"$work/names"
check "the list of debugger's symbols is the debugger's" \
    has "$work/debug-names" monitor_port gdbstub_port door_event objwalk_snapshot debug_control
check "the release kernel has its own symbols" has "$work/names" fastpath_call cdt_insert ks
check "the release kernel has none of the debugger's symbols" \
    none_in_common "$work/debug-names" "$work/names"

comm -23 <(sentences $above) <(sentences $below) >"$work/debug-sentences"
arm-none-eabi-objcopy -O binary "$kernel" "$work/kernel.bin"
# Each sentence is looked for on its own, inside longer ones too.
no_sentence_in() { # file
    local found
    found=$(grep -aoF -f "$work/debug-sentences" "$1" | sort -u | head)
    [ -z "$found" ] || { echo "in the release kernel: $found"; return 1; }
}
check "the list of the debugger's sentences is long" \
    [ "$(wc -l <"$work/debug-sentences")" -gt 100 ]
arm-none-eabi-objcopy -O binary build/arm/debug/kernel.elf "$work/debug.bin"
check "the debug kernel has them" grep -qaF -f "$work/debug-sentences" "$work/debug.bin"
check "the release kernel has none of the debugger's sentences" no_sentence_in "$work/kernel.bin"

# --- the same kernel without hooks --------------------------------------------------------------

mkdir "$work/door"
{
    sed -n 's/^\(enum .*;\)$/\1/p; s/^\(struct .*;\)$/\1/p' kernel/nodebug/debug_door.h
    sed -n 's/^static inline \(void\|bool\|word_t\|const .*\*\)\s*\(debug_[a-z_]*\)(.*/\1 \2/p' \
        kernel/nodebug/debug_door.h | while read -r line; do
        case $line in
        void*) echo "#define ${line##* }(...) ((void)0)" ;;
        bool*) echo "#define ${line##* }(...) 0" ;;
        word_t*) echo "#define ${line##* }(first, last) (last)" ;;
        *) echo "#define ${line##* }(...) NULL" ;;
        esac
    done
    echo '#define debug_panic(...) for (;;)'
} >"$work/door/debug_door.h"

build() { # folder, more flags of the compiler
    make -j2 --no-print-directory B="$1" WARN= VERSION=same ARMCC="arm-none-eabi-gcc $2" \
        "$1/arm/release/kernel.elf" || return 1
    arm-none-eabi-objcopy -O binary "$1/arm/release/kernel.elf" "$1/kernel.bin"
}
check "every hook is deleted" \
    [ "$(grep -c '^#define debug_' "$work/door/debug_door.h")" = \
    "$(grep -cE '(inline|\*)[a-z _]*\**debug_[a-z_]*\(' kernel/nodebug/debug_door.h)" ]
check "the release kernel builds" build "$work/as-it-is" ""
check "and builds without hooks" build "$work/without" "-I$work/door -Wno-unused"
check "the release kernel is the kernel without hooks, byte for byte" \
    cmp "$work/without/kernel.bin" "$work/as-it-is/kernel.bin"

# All memory of the kernel's own, trace ring and page tables included, as the ELF file lays it out.
stays_below() { # kernel.elf bytes
    local size
    size=$(arm-none-eabi-size "$1" | awk 'NR == 2 { print $4 }')
    [ "${size:-0}" -gt 0 ] && [ "$size" -lt "$2" ] || { echo "$1 has $size bytes"; return 1; }
}
check "the release kernel stays below 256 KiB" stays_below "$kernel" $((256 << 10))
check "the debug kernel stays below 3 MiB" stays_below build/arm/debug/kernel.elf $((3 << 20))
plan
