# capscope: one Makefile, everything it makes goes below build/.
#
# `make help` lists the targets.  Sources are found by wildcard: a new .c file in a floor is built
# without touching this file.  V=1 shows commands.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

B     := build
comma := ,
CROSS ?= arm-none-eabi-
CC    := gcc
ARMCC := $(CROSS)gcc
Q     := $(if $(V),,@)
ROOT  ?=
DEMO  ?=

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
STD  := -std=gnu11 -fno-common -g
DEP   = -MMD -MP -MT $@

# All cores, unless -j says otherwise; nothing here depends on an order that is not written down.
CORES  = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

## ---- target: kernel ---------------------------------------------------------------------------
ARM_ARCH  := -march=armv6k -mtune=arm1136j-s -marm -mfloat-abi=soft -mno-unaligned-access
ARM_FLAGS := $(STD) $(WARN) $(ARM_ARCH) -O2 -ffreestanding -fno-short-enums -fno-builtin \
             -ffunction-sections -fdata-sections -fno-strict-aliasing -I.
KERNEL_FLAGS := $(ARM_FLAGS) -Ikernel/armv6 -DCAPSCOPE_BUILD='"$(VERSION)"'

KERNEL_SRC := $(wildcard kernel/*.c kernel/armv6/*.c kernel/armv6/*.S plat/imx31/*.c plat/imx31/*.S)
RELEASE_SRC := $(KERNEL_SRC) $(wildcard kernel/nodebug/*.c) lib/string.c
DEBUG_SRC  := $(KERNEL_SRC) $(wildcard lib/*.c wire/*.c record/*.c objwalk/capscope/*.c monitor/*.c monitor/door/*.c monitor/door/*.S gdbstub/*.c)

# cache.c and cache.S may stand side by side: objects keep the suffix of their source
obj = $(patsubst %,$(1)/%.o,$(2))

DEBUG_OBJ   := $(call obj,$(B)/arm/debug/obj,$(DEBUG_SRC))
RELEASE_OBJ := $(call obj,$(B)/arm/release/obj,$(RELEASE_SRC))

# $(1) folder of objects, $(2) compiler, $(3) its flags; a source's path below the folder is its own.
# SAY names what is made, one line each; V=1 shows the commands instead, make -s shows nothing.
SAY = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo "  $(1) $(patsubst $(B)/%,%,$@)" &&))
define object_tree
$(1)/%.c.o: %.c
	@mkdir -p $$(@D)
	$$(call SAY,CC ) $(2) $(3) $$(DEP) -c $$< -o $$@
$(1)/%.S.o: %.S
	@mkdir -p $$(@D)
	$$(call SAY,AS ) $(2) $(3) $$(DEP) -c $$< -o $$@
endef
$(eval $(call object_tree,$(B)/arm/debug/obj,$(ARMCC),$$(KERNEL_FLAGS) -Imonitor/door))
$(eval $(call object_tree,$(B)/arm/release/obj,$(ARMCC),$$(KERNEL_FLAGS) -Ikernel/nodebug))

KERNEL_LDS := plat/imx31/kernel.lds
LINK_KERNEL = $(ARMCC) $(ARM_ARCH) -nostdlib -nostartfiles -Wl,--gc-sections -Wl,--build-id=none \
              -Wl,-T,$(KERNEL_LDS) -Wl,-Map,$@.map $(filter %.o,$^) -lgcc -o $@

$(B)/arm/debug/kernel.elf: $(DEBUG_OBJ) $(KERNEL_LDS)
	$(call SAY,LD ) $(LINK_KERNEL)
$(B)/arm/release/kernel.elf: $(RELEASE_OBJ) $(KERNEL_LDS)
	$(call SAY,LD ) $(LINK_KERNEL)
%.bin: %.elf
	$(Q)$(CROSS)objcopy -O binary $< $@

## ---- target: user level -----------------------------------------------------------------------
# Every folder user/NAME/ but user/lib/ is one root task, build/arm/user/NAME.elf; user/lib/ is
# linked into all of them.  user/demo/ is built once for each table user/demo/table_*.c.
USER_FLAGS := $(STD) $(WARN) -march=armv6 -marm -mfloat-abi=soft -O2 -ffreestanding -fno-short-enums \
              -fno-builtin -ffunction-sections -fdata-sections -I.
USER_LIB   := $(call obj,$(B)/arm/user/obj,$(wildcard user/lib/*.c user/lib/*.S) lib/string.c lib/format.c)
USER_LDS   := user/user.lds

$(eval $(call object_tree,$(B)/arm/user/obj,$(ARMCC),$$(USER_FLAGS)))

LINK_USER = $(ARMCC) $(ARM_ARCH) -nostdlib -nostartfiles -Wl,--gc-sections -Wl,--build-id=none \
            -Wl,-z,max-page-size=4096 -Wl,-T,$(USER_LDS) $(filter %.o,$^) -lgcc -o $@

DEMO_TABLES := $(wildcard user/demo/table_*.c)
DEMO_COMMON := $(call obj,$(B)/arm/user/obj,$(filter-out $(DEMO_TABLES),$(wildcard user/demo/*.c)))
DEMO_ELFS   := $(patsubst user/demo/table_%.c,$(B)/arm/user/demo-%.elf,$(DEMO_TABLES))
$(B)/arm/user/demo-%.elf: $(B)/arm/user/obj/user/demo/table_%.c.o $(DEMO_COMMON) $(USER_LIB) $(USER_LDS)
	$(call SAY,LD ) $(LINK_USER)
# Tables with hosted programs carry those programs' ELF files.
blob = $(B)/arm/user/blob/$(1).o
$(B)/arm/user/blob/%.o: user/demo/blob.S $(B)/arm/user/%.elf
	@mkdir -p $(@D)
	$(Q)$(ARMCC) -march=armv6 -c -DBLOB=$* -DBLOB_END=$*_end -DBLOB_FILE='"$(B)/arm/user/$*.elf"' $< -o $@
$(B)/arm/user/demo-hosted.elf: $(call blob,client)
$(B)/arm/user/demo-large.elf: $(call blob,large)
$(B)/arm/user/demo-served.elf: $(call blob,client) $(call blob,resources)

USER_NAMES := $(filter-out lib demo,$(notdir $(patsubst %/,%,$(wildcard user/*/))))
USER_ELFS  := $(foreach n,$(USER_NAMES),$(B)/arm/user/$(n).elf)
define user_rule
$(B)/arm/user/$(1).elf: $(call obj,$(B)/arm/user/obj,$(wildcard user/$(1)/*.c user/$(1)/*.S)) $(USER_LIB) $(USER_LDS)
	$$(call SAY,LD ) $$(LINK_USER)
endef
$(foreach n,$(USER_NAMES),$(eval $(call user_rule,$(n))))

## ---- target: bootable images ------------------------------------------------------------------
# The loader (plat/imx31/loader/) carries a kernel and a root task; image-NAME.elf boots NAME.elf.
LOADER_SRC := $(wildcard plat/imx31/loader/*.c plat/imx31/loader/*.S)
LOADER_LDS := plat/imx31/loader/image.lds
# A root task of the user's may lie under any name, with blanks or quotes: it is checked and copied.
ROOT_COPY  := $(B)/arm/root/root.elf
ROOT_ELF    = $(if $(value ROOT),$(ROOT_COPY),$(B)/arm/user/demo-$(if $(DEMO),$(DEMO),healthy).elf)
export ROOT_FILE := $(value ROOT)
# phony, since make would pass over a file between others that it takes for intermediate
.PHONY: $(ROOT_COPY)
$(ROOT_COPY):
	@scripts/stage-root "$$ROOT_FILE" $@

# $(1) image, $(2) kernel, $(3) root task
define image_rule
$(1): $(LOADER_SRC) $(LOADER_LDS) $(2) $(3) lib/string.c
	@mkdir -p $$(@D)
	$$(call SAY,IMG) $(ARMCC) $(ARM_FLAGS) -DKERNEL_ELF='"$(2)"' -DROOT_ELF='"$(3)"' -nostdlib -nostartfiles \
	    -Wl,--build-id=none -Wl,-T,$(LOADER_LDS) $(LOADER_SRC) lib/string.c -lgcc -o $$@
endef
$(foreach k,debug release,$(foreach n,$(USER_NAMES) $(patsubst $(B)/arm/user/%.elf,%,$(DEMO_ELFS)),\
    $(eval $(call image_rule,$(B)/arm/$(k)/image-$(n).elf,$(B)/arm/$(k)/kernel.elf,$(B)/arm/user/$(n).elf))))
$(eval $(call image_rule,$(B)/arm/debug/image.elf,$(B)/arm/debug/kernel.elf,$(ROOT_ELF)))
$(eval $(call image_rule,$(B)/arm/release/image.elf,$(B)/arm/release/kernel.elf,$(ROOT_ELF)))
$(eval $(call image_rule,$(B)/arm/debug/image-root.elf,$(B)/arm/debug/kernel.elf,$(ROOT_COPY)))
# The root task is the user's choice, so these two are always made anew.
$(B)/arm/debug/image.elf $(B)/arm/release/image.elf: FORCE
FORCE:

IMAGES := $(foreach k,debug release,$(foreach n,$(USER_NAMES) $(patsubst $(B)/arm/user/%.elf,%,$(DEMO_ELFS)),$(B)/arm/$(k)/image-$(n).elf))

## ---- host ---------------------------------------------------------------------------------------
HOST_FLAGS := $(STD) $(WARN) -D_GNU_SOURCE -I.
HOST_OPT   := -O2
ASAN       := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# Two libraries are used where they are: one draws tables, one opens serial devices. LIBSMARTCOLS= and
# LIBSERIALPORT= leave them out.
has = $(if $(shell echo '\#include <$(1)>' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes),$(2))
ifeq ($(origin LIBSMARTCOLS),undefined)
LIBSMARTCOLS := $(call has,libsmartcols/libsmartcols.h,-lsmartcols)
endif
ifeq ($(origin LIBSERIALPORT),undefined)
LIBSERIALPORT := $(call has,libserialport.h,-lserialport)
endif
LIBS_LEAST := -lsqlite3 -lb2 -ldw -lelf -lpthread -lm
LIBS_CAPDB := $(LIBSMARTCOLS) $(LIBSERIALPORT) $(LIBS_LEAST)
LIBS_TUI   := -lncursesw -ltinfo

HOST_FLOORS := lib lib/host wire record objwalk/capscope objwalk/capscope/host objwalk/sel4 capstate attach authority facts
HOST_SRC    := $(wildcard $(foreach f,$(HOST_FLOORS),$(f)/*.c))
HOST_SRC    += attach/serial/$(if $(LIBSERIALPORT),libserialport,none).c
CAPDB_SRC   := $(filter-out capdb/main.c,$(wildcard capdb/*.c)) capdb/table/$(if $(LIBSMARTCOLS),libsmartcols,plain).c
TUI_SRC     := $(filter-out inspector-tui/main.c,$(wildcard inspector-tui/*.c))
SIM_SRC     := $(wildcard kernel/*.c plat/hostsim/*.c)
MODEL_SRC   := $(wildcard model/*.c)
# string.c defines memcpy and friends for builds without a C library
HOST_SRC    := $(filter-out lib/string.c,$(HOST_SRC))

# the commit, in a file that changes with it
$(shell mkdir -p $(B) && { echo '$(VERSION)' | cmp -s - $(B)/version || echo '$(VERSION)' >$(B)/version; })
# the libraries there are, likewise
$(shell echo '$(LIBS_CAPDB)' | cmp -s - $(B)/libraries || echo '$(LIBS_CAPDB)' >$(B)/libraries)
VERSION_OBJ := $(foreach b,host/obj asan/obj fuzz/obj,$(B)/$(b)/lib/host/version.c.o)
$(VERSION_OBJ): $(B)/version
$(VERSION_OBJ): DEP += -DCAPSCOPE_BUILD='"$(VERSION)"'

$(eval $(call object_tree,$(B)/host/obj,$(CC),$$(HOST_FLAGS) $$(HOST_OPT)))
$(eval $(call object_tree,$(B)/asan/obj,$(CC),$$(HOST_FLAGS) $$(ASAN)))
# the kernel core over simulated memory
$(eval $(call object_tree,$(B)/host/sim,$(CC),$$(HOST_FLAGS) $$(HOST_OPT) -Iplat/hostsim))
$(eval $(call object_tree,$(B)/asan/sim,$(CC),$$(HOST_FLAGS) $$(ASAN) -Iplat/hostsim))

define host_libs
$(B)/$(1)/libhost.a: $(call obj,$(B)/$(1)/obj,$(HOST_SRC))
$(B)/$(1)/libcapdb.a: $(call obj,$(B)/$(1)/obj,$(CAPDB_SRC))
$(B)/$(1)/libtui.a: $(call obj,$(B)/$(1)/obj,$(TUI_SRC))
$(B)/$(1)/libkernel.a: $(call obj,$(B)/$(1)/sim,$(SIM_SRC))
$(B)/$(1)/libmodel.a: $(call obj,$(B)/$(1)/obj,$(MODEL_SRC))
$(B)/$(1)/libhost.a $(B)/$(1)/libcapdb.a: $(B)/libraries
endef
$(eval $(call host_libs,host))
$(eval $(call host_libs,asan))
%.a:
	@mkdir -p $(@D)
	$(call SAY,AR ) rm -f $@ && ar rcs $@ $(filter %.o,$^)

# the schema stands in the program as it stands in the source
$(foreach b,host/obj asan/obj fuzz/obj,$(B)/$(b)/capdb/schema.c.o): $(wildcard capdb/*.sql)

$(B)/host/capdb: $(B)/host/obj/capdb/main.c.o $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_CAPDB) -o $@
$(B)/host/inspector-tui: $(B)/host/obj/inspector-tui/main.c.o $(B)/host/libtui.a $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_TUI) $(LIBS_CAPDB) -o $@
# with nothing but the libraries that it must have, to try that it does without the others
$(B)/host/capdb-least: $(call obj,$(B)/host/obj,capdb/main.c capdb/table/plain.c attach/serial/none.c) $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_LEAST) -o $@
$(B)/asan/capdb: $(B)/asan/obj/capdb/main.c.o $(B)/asan/libcapdb.a $(B)/asan/libhost.a
	$(call SAY,LD ) $(CC) $(ASAN) $^ $(LIBS_CAPDB) -o $@

$(B)/asan/inspector-tui: $(B)/asan/obj/inspector-tui/main.c.o $(B)/asan/libtui.a $(B)/asan/libcapdb.a $(B)/asan/libhost.a
	$(call SAY,LD ) $(CC) $(ASAN) $^ $(LIBS_TUI) $(LIBS_CAPDB) -o $@

## ---- tests --------------------------------------------------------------------------------------
# cmocka programs under ASan and UBSan: tests/unit (host code), tests/sim (the kernel in simulation),
# tests/lockstep (kernel and model).  tests/e2e/*.sh: against QEMU.  All speak TAP.
TEST_DIRS := tests/unit tests/sim tests/lockstep
TEST_SRC  := $(wildcard $(patsubst %,%/test_*.c,$(TEST_DIRS)))
TEST_BIN  := $(patsubst %.c,$(B)/asan/%,$(notdir $(TEST_SRC)))
TEST_HELP := $(call obj,$(B)/asan/sim,$(filter-out $(TEST_SRC),$(wildcard $(patsubst %,%/*.c,$(TEST_DIRS)))))

define test_rule
$(B)/asan/test_%: $(B)/asan/sim/$(1)/test_%.c.o $(TEST_HELP) $(B)/asan/libtui.a $(B)/asan/libcapdb.a $(B)/asan/libkernel.a $(B)/asan/libmodel.a $(B)/asan/libhost.a
	$$(call SAY,LD ) $$(CC) $$(ASAN) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka -lz $$(LIBS_TUI) $$(LIBS_CAPDB) -o $$@
endef
$(foreach dir,$(TEST_DIRS),$(eval $(call test_rule,$(dir))))

# Kernel and model in lockstep: for the bulk without sanitizers, for a share with them, and with a
# kernel that has a planted fault for each script in tests/mutants.
LOCKSTEP_SRC := tests/tools/lockstep.c $(wildcard tests/lockstep/lockstep*.c) tests/sim/sim.c tests/sim/sim_check.c
MUTANTS      := $(patsubst tests/mutants/%.sed,%,$(wildcard tests/mutants/*.sed))
MUTANT_BIN   := $(patsubst %,$(B)/mutants/%/lockstep,$(MUTANTS))
KERNEL_TEXT  := $(wildcard kernel/*.[ch] abi/*.h layout/*.h plat/hostsim/*.h)
# gcc 12 takes the null that kptr() gives for no object for what is written to
SIM_QUIET    := -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-truncation
$(B)/host/sim/%.o: HOST_FLAGS += $(SIM_QUIET)

# the fuzzers without libFuzzer, for their kept inputs
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_HELP := tests/sim/sim.c tests/sim/sim_check.c tests/unit/recordings.c tests/unit/state_builder.c tests/unit/proxy_rig.c
$(B)/asan/fuzz_%: $(B)/asan/sim/tests/fuzz/fuzz_%.c.o $(B)/asan/sim/tests/tools/fuzz_replay.c.o $(call obj,$(B)/asan/sim,$(FUZZ_HELP)) $(B)/asan/libkernel.a $(B)/asan/libcapdb.a $(B)/asan/libhost.a
	$(call SAY,LD ) $(CC) $(ASAN) $^ -lcmocka $(LIBS_CAPDB) -o $@

define lockstep_rule
$(B)/$(1)/lockstep: $(call obj,$(B)/$(1)/sim,$(LOCKSTEP_SRC)) $(B)/$(1)/libkernel.a $(B)/$(1)/libmodel.a $(B)/$(1)/libhost.a
	$$(call SAY,LD ) $(CC) $(2) $$^ -lcmocka -o $$@
endef
$(eval $(call lockstep_rule,host,))
$(eval $(call lockstep_rule,asan,$(ASAN)))
$(B)/mutants/%/lockstep: tests/mutants/%.sed scripts/build-mutant $(B)/host/lockstep $(KERNEL_TEXT)
	@mkdir -p $(@D)
	$(call SAY,BUG) scripts/build-mutant $< $@ $(CC) $(STD) $(WARN) -D_GNU_SOURCE -Iplat/hostsim $(SIM_QUIET) -O1 -- \
	    $(CC) $(call obj,$(B)/host/sim,$(LOCKSTEP_SRC)) $(B)/host/libkernel.a $(B)/host/libmodel.a $(B)/host/libhost.a -lcmocka
.SECONDARY:

# The same with the objects of the release kernel, a program for QEMU (tests/lockstep-arm): of them
# plat/imx31/board.c is left out, in its place stands the simulation's board.
ARM_TEST_FLAGS := $(ARM_FLAGS) -Itests/lockstep-arm -Itests/lockstep-arm/libc -Ikernel/nodebug -Wno-format
ARM_TEST_LDS   := tests/lockstep-arm/lockstep.lds
ARM_TEST_SRC   := $(filter-out %/lockstep_exhaustive.c %/lockstep_trial.c,$(LOCKSTEP_SRC)) \
                  $(wildcard tests/lockstep-arm/*.[cS] model/*.c record/*.c objwalk/capscope/*.c) lib/errors.c plat/hostsim/board.c
ARM_TEST_OBJ   := $(call obj,$(B)/arm/lockstep/obj,$(ARM_TEST_SRC))
ARM_TEST_WRAP  := board_init kernel_panic kernel_init kernel_enter_syscall kernel_enter_irq \
                  kernel_enter_undefined kernel_enter_data_abort kernel_enter_prefetch_abort
ARM_TEST_LIBS   = $(ARM_TEST_OBJ) $(B)/arm/lockstep/libkernel.a -lgcc $(ARM_ARCH) -nostdlib -nostartfiles -u _start \
                  -Wl,--gc-sections,--build-id=none,--no-enum-size-warning $(patsubst %,-Wl$(comma)--wrap=%,$(ARM_TEST_WRAP)) \
                  -Wl,-T,$(ARM_TEST_LDS)
ARM_MUTANTS    := cnode_dies_filled preempted_revoke_is_done arm/clear_forgets_its_end arm/space_stays
ARM_MUTANTS_ALL = $(patsubst tests/mutants/%.sed,%,$(wildcard tests/mutants/*.sed tests/mutants/arm/*.sed))

$(eval $(call object_tree,$(B)/arm/lockstep/obj,$(ARMCC),$$(ARM_TEST_FLAGS)))
$(B)/arm/lockstep/libkernel.a: $(filter-out %/plat/imx31/board.c.o,$(RELEASE_OBJ))
$(B)/arm/lockstep/lockstep.elf: $(ARM_TEST_OBJ) $(B)/arm/lockstep/libkernel.a $(ARM_TEST_LDS)
	$(call SAY,LD ) $(ARMCC) $(ARM_TEST_LIBS) -o $@
$(B)/arm/mutants/%/lockstep.elf: tests/mutants/%.sed scripts/build-mutant $(ARM_TEST_OBJ) $(B)/arm/lockstep/libkernel.a $(KERNEL_TEXT) kernel/armv6/cp15.S
	@mkdir -p $(@D)
	$(call SAY,BUG) scripts/build-mutant $< $@ $(ARMCC) $(KERNEL_FLAGS) -Ikernel/nodebug -- $(ARMCC) $(ARM_TEST_LIBS)
$(foreach t,lockstep $(patsubst %,mutants/%,$(ARM_MUTANTS_ALL)),$(eval $(call image_rule,$(B)/arm/$(t)/image.elf,$(B)/arm/$(t)/lockstep.elf,$(B)/arm/user/hello.elf)))

.PHONY: tools install uninstall help all everything deps release run run-record demo-headless test check check-all check-sel4 proof proof-code proof-tie bench screenshots fuzz clean format host arm tests-build

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

all: ## every program and image
	@$(MAKE) --no-print-directory $(CORES) everything

everything: host arm

host: $(B)/host/capdb $(B)/host/inspector-tui

arm: $(B)/arm/debug/kernel.elf $(B)/arm/debug/kernel.bin $(B)/arm/release/kernel.elf $(B)/arm/release/kernel.bin $(B)/arm/debug/image.elf $(IMAGES) $(if $(value ROOT),$(B)/arm/debug/image-root.elf)

release: $(B)/arm/release/kernel.elf $(B)/arm/release/kernel.bin ## the release kernel

deps: ## install what is missing from Debian's packages
	@scripts/install-deps

run: deps ## boot the demo and open the inspector on it, recording (DEMO=leaky, ROOT=root.elf)
	@$(MAKE) --no-print-directory $(CORES) everything
	@scripts/run-demo $(if $(DEMO),--demo $(DEMO)) $(if $(value ROOT),--root "$$ROOT_FILE")

run-record: deps ## record a run of the demo, replay it, go back in it (docs/reverse.md)
	@$(MAKE) --no-print-directory $(CORES) everything
	@scripts/run-record $(if $(DEMO),--demo $(DEMO)) $(if $(value ROOT),--root "$$ROOT_FILE")
	@[ ! -t 0 ] || scripts/run-replay

demo-headless: deps ## boot the demo, record ten snapshots, print what is in them
	@$(MAKE) --no-print-directory $(CORES) everything
	@scripts/run-demo --headless $(if $(DEMO),--demo $(DEMO)) $(if $(value ROOT),--root "$$ROOT_FILE")

tests-build: $(B)/host/capdb-least $(B)/host/record_many $(B)/host/odd_recordings $(B)/host/serve_sel4 $(B)/asan/capdb $(TEST_BIN) $(B)/asan/inspector-tui $(B)/host/lockstep $(B)/asan/lockstep $(MUTANT_BIN) $(patsubst %,$(B)/asan/fuzz_%,$(FUZZERS)) \
    $(patsubst %,$(B)/arm/%/image.elf,lockstep $(addprefix mutants/,$(ARM_MUTANTS))) everything

# A plugin for QEMU 7.2, whose header Debian does not ship: the program declares what it uses.
$(B)/host/count_instructions.so: tests/tools/count_instructions.c user/bench/operations.h
	@mkdir -p $(@D)
	$(call SAY,LD ) $(CC) $(HOST_FLAGS) $(HOST_OPT) -fPIC -shared $< -o $@

$(B)/host/record_many: $(B)/host/obj/tests/tools/record_many.c.o $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_CAPDB) -o $@

$(B)/host/odd_recordings: $(B)/host/obj/tests/tools/odd_recordings.c.o $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_CAPDB) -o $@

# Recordings of a week and of a million capabilities, which sanitizers would make hours long.
$(B)/host/record_long: $(call obj,$(B)/host/sim,tests/unit/test_capdb_long.c tests/unit/recordings.c tests/unit/state_builder.c) $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ -lcmocka $(LIBS_CAPDB) -o $@

$(B)/host/bench_authority: $(B)/host/obj/tests/tools/bench_authority.c.o $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ -lm -o $@
$(B)/host/bench_growth: $(B)/host/obj/tests/tools/bench_growth.c.o $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_CAPDB) -o $@
$(B)/host/bench_recording: $(B)/host/obj/tests/tools/bench_recording.c.o $(B)/host/libcapdb.a $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_CAPDB) -o $@

$(B)/host/time_keys.so: tests/tools/time_keys.c
	@mkdir -p $(@D)
	$(call SAY,LD ) $(CC) $(HOST_FLAGS) $(HOST_OPT) -fPIC -shared $< -ldl -o $@
# A million capabilities, for the inspector to show.
$(B)/host/million.capdb: $(B)/host/record_many
	$(call SAY,REC) rm -f $@* && $< $@ 250 4000

bench: deps ## kernel instructions of each operation, counted
	@$(MAKE) --no-print-directory $(CORES) $(B)/host/count_instructions.so $(B)/host/bench_authority $(B)/host/bench_recording $(B)/host/bench_growth $(B)/host/capdb \
	    $(B)/host/inspector-tui $(B)/host/time_keys.so $(B)/host/million.capdb \
	    $(foreach k,release debug,$(B)/arm/$(k)/image-bench.elf $(B)/arm/$(k)/image-tests.elf) \
	    $(B)/arm/debug/image-many.elf $(B)/arm/debug/image-crowd.elf
	@scripts/bench
	@scripts/bench-costs
	@$(B)/host/bench_authority
	@$(B)/host/bench_recording
	@$(B)/host/bench_growth
	@tests/tools/bench_inspector.py $(B)/host/time_keys.so -- $(B)/host/inspector-tui $(B)/host/million.capdb
	@for door in ram gdb monitor; do \
	    tests/tools/bench_inspector.py $(B)/host/time_keys.so --live $(B)/arm/debug/image-crowd.elf 95000 --door $$door \
	        --views OTVBMX -- $(B)/host/inspector-tui || exit; \
	done

screenshots: deps ## make the pictures of README.md and docs/screens/ from the real inspector
	@$(MAKE) --no-print-directory $(CORES) $(B)/host/inspector-tui $(B)/arm/debug/image-demo-leaky.elf
	@scripts/make-screenshots

check: ## floors, formatting, headers, static analysis
	@scripts/check-floors
	@scripts/check-headers
	@scripts/check-format
	@scripts/check-static

test: deps ## every test
	@$(MAKE) --no-print-directory $(CORES) tests-build
	@scripts/run-tests

# Long tests: some ten million actions of kernel and model in lockstep, from a seed of the day, every
# planted fault in the ARM objects, and the authority analysis on 100,000 random systems.
LOCKSTEP_ACTIONS ?= 10000000
AUTHORITY_ROUNDS ?= 100000
WITNESS_SYSTEMS  ?= 400
RAM_SIZES := 68 80 96 100 112 127 128 129 160 192 255 256 257 384 511 512
check-all: deps check ## every test, with ten million operations in lockstep; the proofs, their tie
	@scripts/install-deps proof
	@scripts/install-deps others
	@$(MAKE) --no-print-directory $(CORES) tests-build $(B)/host/distributions $(B)/host/record_long ARM_MUTANTS="$(ARM_MUTANTS_ALL)"
	@WITH_PROOF=1 AUTHORITY_ROUNDS=$(AUTHORITY_ROUNDS) WITNESS_SYSTEMS=$(WITNESS_SYSTEMS) LOCKSTEP_ARM_MUTANTS="$(ARM_MUTANTS_ALL)" LOCKSTEP_ACTIONS=$(LOCKSTEP_ACTIONS) LOCKSTEP_SEED=$${LOCKSTEP_SEED:-$$(date +%Y%m%d)} \
	    VERIFY_FLIPS=2000 LOCK_SECONDS=65 WITNESS_SEEDS=60 WITNESS_DEMO=all SEL4_DAMAGES=50000 WHY_REQUESTS=240 RECORDING_KILLS=120 RECORDING_SNAPSHOTS=604800 RECORDING_CAPS=1000000 \
	    MONKEY_KEYS=20000 MONKEY_SEEDS="1 2 5 6" STATES=all LEAVING=all POKES_HALTED=600 POKES_RUNNING=200 RAM_SIZES="$(RAM_SIZES)" \
	    TEST_TIMEOUT=$${TEST_TIMEOUT:-7200} scripts/run-tests

# These take a proof assistant, a prover of C and their kin, 600 MB, so that no other target but
# check-all asks for them.
proof: ## check the Coq proof of isolation, and that no premise is idle (installs coq)
	@scripts/install-deps proof
	@scripts/prove

proof-code: ## prove the kernel's bits, retype and list operations in C (installs frama-c)
	@scripts/install-deps proof
	@scripts/prove-code

proof-tie: ## run what is proved beside authority/ on random distributions (TIE_COUNT)
	@scripts/install-deps proof
	@$(MAKE) --no-print-directory $(CORES) $(B)/host/distributions
	@scripts/prove-tie

# random distributions of capabilities with what authority/ says of them, for scripts/prove-tie
$(B)/host/distributions: $(call obj,$(B)/host/sim,tests/tie/distributions.c tests/unit/state_builder.c) $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ -lcmocka -o $@

# For those who only attach: no ARM compiler, no QEMU. What is installed is a list, so that what is
# taken away is the same.
PREFIX  ?= /usr/local
DESTDIR ?=
INSTALL_BIN  := $(B)/host/capdb $(B)/host/inspector-tui
INSTALL_DATA := $(wildcard scripts/capscope-*.py)
INSTALL_DOC  := README.md LICENSE $(wildcard docs/*.md)
INSTALL_MAN  := $(wildcard docs/*.1)
INSTALL_DIRS := bin share/capscope share/doc/capscope share/doc/capscope/screens share/man/man1 \
                share/bash-completion/completions share/zsh/site-functions
# what is installed, as FILE=PLACE below the prefix
INSTALL_FILES := $(foreach f,$(INSTALL_BIN),$(f)=bin/$(notdir $(f))) \
                 $(foreach f,$(INSTALL_DATA),$(f)=share/capscope/$(notdir $(f))) \
                 $(foreach f,$(INSTALL_DOC),$(f)=share/doc/capscope/$(notdir $(f))) \
                 $(foreach f,$(wildcard docs/screens/*),$(f)=share/doc/capscope/screens/$(notdir $(f))) \
                 $(foreach f,$(INSTALL_MAN),$(f)=share/man/man1/$(notdir $(f))) \
                 docs/capdb.bash-completion=share/bash-completion/completions/capdb \
                 docs/_capdb=share/zsh/site-functions/_capdb

tools: $(INSTALL_BIN) ## capdb and inspector-tui alone: no ARM compiler, no QEMU

install: tools ## install the tools, man pages, completions, gdb scripts and documents (PREFIX=/usr/local DESTDIR=)
	@set -e; for dir in $(INSTALL_DIRS); do install -d "$(DESTDIR)$(PREFIX)/$$dir"; done
	@set -e; for pair in $(INSTALL_FILES); do \
	    mode=644; case $$pair in *=bin/*) mode=755;; esac; \
	    install -m $$mode "$${pair%%=*}" "$(DESTDIR)$(PREFIX)/$${pair#*=}"; done
	@echo "installed below $(DESTDIR)$(PREFIX)"

# Of the system's own folders none goes, also when it is empty; below another prefix all empty ones go.
IS_SYSTEM := $(filter /usr /usr/local,$(DESTDIR)$(PREFIX))
EMPTY_DIRS := share/doc/capscope/screens share/doc/capscope share/capscope $(if $(IS_SYSTEM),,$(INSTALL_DIRS))

uninstall: ## take away what install put there
	@for pair in $(INSTALL_FILES); do rm -f "$(DESTDIR)$(PREFIX)/$${pair#*=}"; done
	@[ ! -d "$(DESTDIR)$(PREFIX)" ] || { cd "$(DESTDIR)$(PREFIX)" && for dir in $(EMPTY_DIRS); do \
	    [ ! -d $$dir ] || rmdir $(if $(IS_SYSTEM),,-p) --ignore-fail-on-non-empty $$dir; done; }
	$(if $(DESTDIR),@[ ! -d "$(DESTDIR)" ] || { cd "$(DESTDIR)" && [ ! -d ".$(PREFIX)" ] || rmdir -p --ignore-fail-on-non-empty ".$(PREFIX)" 2>/dev/null; true; })

$(B)/host/step_sel4: $(B)/host/obj/tests/tools/step_sel4.c.o $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ $(LIBS_CAPDB) -o $@

$(B)/host/serve_sel4: $(call obj,$(B)/host/sim,tests/tools/serve_sel4.c $(addprefix tests/unit/,sel4_stub.c sel4_fixture.c elf_maker.c)) $(B)/host/libhost.a
	$(call SAY,LD ) $(CC) $^ -lcmocka $(LIBS_CAPDB) -o $@

check-sel4: ## boot a mainline seL4 of yours and check what is read of it (docs/sel4.md)
	@$(MAKE) --no-print-directory $(CORES) $(B)/host/capdb $(B)/host/step_sel4
	@scripts/check-sel4 "$(KERNEL)" "$(IMAGE)" '$(QEMU)' "$(LAYOUT)"

## ---- fuzzing ------------------------------------------------------------------------------------
# tests/fuzz/fuzz_NAME.c runs on tests/fuzz/corpus/NAME; what it finds new lies in
# build/fuzz/corpus/NAME until `make fuzz-keep` adds what covers more.
FUZZ_SECONDS ?= 60
FUZZ_CC    := clang -std=gnu11 -g -O1 -D_GNU_SOURCE -I. -Iplat/hostsim -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=all
FUZZ_SRC   := $(HOST_SRC) $(CAPDB_SRC) $(SIM_SRC) $(FUZZ_HELP)
FUZZ_OBJ   := $(call obj,$(B)/fuzz/obj,$(FUZZ_SRC))

$(eval $(call object_tree,$(B)/fuzz/obj,,$$(FUZZ_CC)))
# judges, not what is judged
define fuzz_judge
$(B)/fuzz/obj/$(1)/%.c.o: $(1)/%.c
	@mkdir -p $$(@D)
	$$(Q)clang -std=gnu11 -g -O2 -D_GNU_SOURCE -I. -Iplat/hostsim $$(DEP) -c $$< -o $$@
endef
$(foreach dir,$(TEST_DIRS),$(eval $(call fuzz_judge,$(dir))))
$(B)/fuzz/libfuzz.a: $(FUZZ_OBJ)
$(B)/fuzz/fuzz_%: $(B)/fuzz/obj/tests/fuzz/fuzz_%.c.o $(B)/fuzz/libfuzz.a
	$(Q)clang -fsanitize=fuzzer,address,undefined $^ -lcmocka $(LIBS_CAPDB) -o $@

fuzz: deps ## run every fuzzer for FUZZ_SECONDS (60) on its kept corpus
	@$(MAKE) --no-print-directory $(CORES) $(patsubst %,$(B)/fuzz/fuzz_%,$(FUZZERS))
	@for f in $(FUZZERS); do \
	    mkdir -p $(B)/fuzz/corpus/$$f tests/fuzz/corpus/$$f && echo "fuzz_$$f: $(FUZZ_SECONDS) s" && \
	    $(B)/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=20 -print_final_stats=1 -verbosity=1 \
	        -artifact_prefix=$(B)/fuzz/$$f- $(B)/fuzz/corpus/$$f tests/fuzz/corpus/$$f \
	        2>$(B)/fuzz/$$f.log || { tail -n 40 $(B)/fuzz/$$f.log; exit 1; }; \
	    grep -E 'number_of_executed_units|new_units_added' $(B)/fuzz/$$f.log; done

fuzz-keep: ## add to the kept corpora what the last `make fuzz` found new
	@for f in $(FUZZERS); do mkdir -p tests/fuzz/corpus/$$f $(B)/fuzz/corpus/$$f && \
	    $(B)/fuzz/fuzz_$$f -set_cover_merge=1 tests/fuzz/corpus/$$f $(B)/fuzz/corpus/$$f; done

include guest/linux/linux.mk

format: ## clang-format every source
	@scripts/list-sources '*.c' '*.h' | xargs clang-format -i

clean: ## remove build/
	$(Q)rm -rf $(B)

-include $(shell find $(B) -path $(B)/linux -prune -o -name '*.d' -print 2>/dev/null)
