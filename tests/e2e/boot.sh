#!/usr/bin/env bash
# Boots the hello root task on both kernels and checks what it finds, as ABI sheet 5 and 6 say:
# registers at its first instruction and BootInfo (read through QEMU's gdbstub, so that release and
# debug kernel are judged by the same eyes), console output of the debug kernel, extra BootInfo with
# a device tree, and the boot loader's refusals.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

root=build/arm/user/hello.elf
deadline=30

is() { # got wanted claim
    check "$3" equal "$1" "$2"
}

equal() {
    [ "$1" = "$2" ] || { printf 'got    %s\nwanted %s\n' "$1" "$2"; return 1; }
}

# --- helpers -------------------------------------------------------------------------------------

start_qemu() { # image arguments...
    local image=$1
    shift
    rm -f "$work/gdb.sock"
    : >"$work/console"
    qemu-system-arm -M kzm -m 128M -display none -monitor none -serial "file:$work/console" \
        -kernel "$image" "$@" </dev/null &
    qemu_pid=$!
}

symbol() { # elf name
    arm-none-eabi-nm "$1" | awk -v name="$2" '$3 == name { print "0x" $1 }'
}

prints() { # text that must come on UART1
    wait_for $deadline grep -aq "$1" "$work/console" && return
    tail -n 5 "$work/console"
    return 1
}

# Runs the image to the root task's first instruction; leaves registers and BootInfo in $work.
stop_at_entry() { # image
    rm -f "$work/bootinfo" "$work/globals" "$work/extra" "$work/registers"
    start_qemu "$1" -S -gdb "unix:$work/gdb.sock,server=on,wait=off"
    wait_for $deadline listens "$work/gdb.sock" || return 1
    cat >"$work/script" <<EOF
set pagination off
set confirm off
target remote $work/gdb.sock
hbreak *$entry
continue
printf "registers"
printf " %x", \$r0
printf " %x", \$r1|\$r2|\$r3|\$r4|\$r5|\$r6|\$r7|\$r8|\$r9|\$r10|\$r11|\$r12
printf " %x %x %x %x\n", \$sp, \$lr, \$pc, \$cpsr
dump binary memory $work/bootinfo \$r0 \$r0+4096
dump binary memory $work/globals 0xffffc000 0xffffd000
if *(unsigned int *)\$r0 != 0
  dump binary memory $work/extra \$r0+4096 \$r0+4096+*(unsigned int *)\$r0
end
kill
EOF
    timeout $deadline gdb-multiarch -nx -batch -x "$work/script" "$root" >"$work/gdb.out" 2>&1
    halt_machine
    grep '^registers' "$work/gdb.out" >"$work/registers" && [ -s "$work/bootinfo" ] && return
    tail -n 5 "$work/gdb.out" "$work/console"
    return 1
}

# BootInfo as words: ${bi[offset/4]}, hexadecimal without prefix.
read_bootinfo() {
    mapfile -t bi < <(od -An -v -tx4 -w4 "$work/bootinfo" | tr -d ' ')
}
word() { echo $((16#${bi[$1 / 4]})); }
region() { echo "$(word "$1")..$(word $(($1 + 4)))"; }

untypeds() { # 1: device, 0: RAM; as paddr:bits
    local i n=$(($(word 80) - $(word 76)))
    for ((i = 0; i < n; i++)); do
        local desc=$((16#${bi[21 + 2 * i + 1]}))
        [ $((desc >> 8)) = "$1" ] && printf '%s:%d ' "${bi[21 + 2 * i]}" $((desc & 255))
    done
}

# Where a list of blocks does not go on where the last one ended: "end-start ..."
gaps() {
    local block at=-1 start
    for block in $1; do
        start=$((16#${block%:*}))
        [ "$at" -ge 0 ] && [ "$at" != "$start" ] && printf '%x-%x ' "$at" "$start"
        at=$((start + (1 << ${block#*:})))
    done
    printf 'end %x' $at
}

devices="00000000:28 10000000:29 30001000:12 30002000:13 30004000:14 30008000:15 30010000:16 \
30020000:17 30040000:18 30080000:19 30100000:20 30200000:21 30400000:22 30800000:23 31000000:24 \
32000000:25 34000000:26 38000000:27 40000000:28 50000000:25 52000000:24 53000000:23 53800000:22 \
53c00000:21 53e00000:20 53f00000:19 53f80000:16 53f90000:14 53f95000:12 53f96000:13 53f98000:15 \
53fa0000:17 53fc0000:18 54000000:26 58000000:27 60000000:27 68001000:12 68002000:13 68004000:14 \
68008000:15 68010000:16 68020000:17 68040000:18 68080000:19 68100000:20 68200000:21 68400000:22 \
68800000:23 69000000:24 6a000000:25 6c000000:26 70000000:28 a0000000:28 b0000000:29 d0000000:29 f0000000:27 \
f8000000:26 fc000000:25 fe000000:24 ff000000:23 ff800000:22 ffc00000:21 ffe00000:20 fff00000:19 \
fff80000:18 fffc0000:17 fffe0000:16 ffff0000:15 ffff8000:14 ffffc000:13 ffffe000:12 fffff000:11 \
fffff800:10 fffffc00:9 fffffe00:8 ffffff00:7 ffffff80:6 ffffffc0:5 ffffffe0:4 "

# --- both kernels --------------------------------------------------------------------------------

entry=0x$(arm-none-eabi-readelf -h "$root" | awk '/Entry point/ { sub("0x", "", $4); print $4 }')
vstart=$(symbol "$root" image_start)
vend=$(symbol "$root" image_end)
pages=$(((vend - vstart) / 4096))

check_kernel() { # name cpsr limit-in-bytes
    local kernel=build/arm/$1/kernel.elf end memory
    check "$1: reaches the root task" stop_at_entry "build/arm/$1/image-hello.elf"
    [ -s "$work/bootinfo" ] || return
    is "$(cat "$work/registers")" \
        "$(printf 'registers %x 0 0 0 %x %x' $((vend + 4096)) $((entry)) "$2")" \
        "$1: registers at the first instruction: r0 BootInfo, cpsr $2, all others 0"
    is "$(tr -d '\0' <"$work/globals" | wc -c)" 0 "$1: globals frame is readable and zero"

    read_bootinfo
    is "$(word 0) $(word 4) $(word 8) $(word 12)" "0 0 1 0" "$1: no extra BootInfo, one node"
    is "$(word 16)" "$((vend))" "$1: IPC buffer stands at the end of the image"
    is "$(region 44) $(region 60) $(region 36)" "14..15 0..0 15..$((15 + pages))" \
        "$1: one page table, no extra pages, one frame a page of the image"
    is "$(region 28) $(region 52) $(word 68) $(word 72)" "0..0 0..0 12 0" \
        "$1: nothing shared, no IO spaces, root CNode of 2^12, domain 0"
    is "$(word 76) $(region 20)" "$((15 + pages)) $(word 80)..4096" \
        "$1: untypeds follow the frames, the rest is empty"
    is "$(untypeds 1)" "$devices" "$1: the 79 device untypeds, none of them where RAM answers"
    is "$(tail -c +1925 "$work/bootinfo" | tr -d '\0' | wc -c)" 0 "$1: nothing behind BootInfo"

    end=$(symbol "$kernel" kernel_image_end)
    memory=$((end - 0xf0000000))
    is "$(gaps "$(untypeds 0)")" "87fe0000-87ff7600 end 88000000" \
        "$1: RAM untypeds leave out the root task's objects only"
    is "$(untypeds 0 | cut -d: -f1)" "$(printf %x $((end - 0x70000000 + pages * 4096)))" \
        "$1: RAM untypeds begin behind kernel and image"
    check "$1: the kernel takes no more than $(($3 / 1024)) KiB of memory" test $memory -le $3
}

check_kernel release 0x150 $((256 * 1024))
check_kernel debug 0x50 $((3 * 1024 * 1024))

start_qemu build/arm/debug/image-hello.elf
check "debug: the root task's console output arrives" prints 'hello: done'
is "$(grep -a 'hello: untyped.*device' "$work/console" | awk '{ printf "%s ", $3 }')" "$devices" \
    "debug: the root task prints what BootInfo holds"
halt_machine

start_qemu build/arm/release/image-uart.elf
check "release: a driver at user level carves UART1 from a device untyped and prints" \
    prints 'uart: done'
halt_machine

# --- other images ----------------------------------------------------------------------------------

link_image() { # output kernel root flags...
    local out=$1 kernel=$2 task=$3
    shift 3
    arm-none-eabi-gcc -std=gnu11 -march=armv6k -marm -mfloat-abi=soft -mno-unaligned-access -O2 \
        -ffreestanding -fno-builtin -fno-short-enums -fno-strict-aliasing -I. \
        -DKERNEL_ELF="\"$kernel\"" -DROOT_ELF="\"$task\"" "$@" -nostdlib -nostartfiles \
        -Wl,--build-id=none -Wl,-T,plat/imx31/loader/image.lds plat/imx31/loader/*.c \
        plat/imx31/loader/*.S lib/string.c -lgcc -o "$out"
}

kernel=build/arm/release/kernel.elf
head -c 7757 /dev/urandom >"$work/tree.dtb"
link_image "$work/tree.elf" $kernel $root -DDTB_FILE="\"$work/tree.dtb\""
check "device tree: reaches the root task" stop_at_entry "$work/tree.elf"
if [ -s "$work/extra" ]; then
    read_bootinfo
    is "$(word 0) $(region 60) $(region 36)" "$((0x2008)) 15..18 18..$((18 + pages))" \
        "device tree: extra BootInfo of 0x2008 bytes in three pages before the image's frames"
    is "$(od -An -tx4 -N8 "$work/extra" | tr -s ' ')" " 00000006 00002008" "device tree: chunk header"
    tail -c +9 "$work/extra" >"$work/payload"
    check "device tree: arrives byte for byte" cmp -n 7757 "$work/tree.dtb" "$work/payload"
    is "$(gaps "$(untypeds 0)" | awk '{ print $(NF-2) }')" "87fe0000-87ffb600" \
        "device tree: root task's objects hold 16 KiB more"
fi

refuses() { # claim sentence kernel root
    link_image "$work/bad.elf" "$3" "$4" || return
    start_qemu "$work/bad.elf"
    check "loader $1" prints "$2"
    halt_machine
}

patched() { # offset hex-bytes -> copy of the root task with these bytes
    cp "$root" "$work/patched.elf"
    printf "$2" | dd of="$work/patched.elf" bs=1 seek="$1" conv=notrunc status=none
}

refuses "refuses a root task that is not ELF" "the root task is not an ELF file" $kernel LICENSE
refuses "refuses a program for the host" "the root task is not a 32-bit little-endian ELF file" \
    $kernel /bin/true
patched 18 '\x03'
refuses "refuses another processor's program" "the root task is not for ARM" $kernel \
    "$work/patched.elf"
patched 44 '\xff\xff'
refuses "refuses program headers that cannot be" "the root task has no program headers" $kernel \
    "$work/patched.elf"
patched 24 '\x00\x00\x00\xe0'
refuses "refuses an entry point outside the image" "the root task has its entry point outside" \
    $kernel "$work/patched.elf"
head -c 6000 "$root" >"$work/short.elf"
refuses "refuses a file that was cut short" "the root task has a segment that reaches beyond" \
    $kernel "$work/short.elf"
refuses "refuses a kernel that is linked elsewhere" "the kernel overlaps" "$root" "$root"
refuses "refuses a root task in the kernel's part" "the root task is linked beyond" $kernel $kernel

plan
