# Linux in a domain of the demo (guest/linux/README.md): included by the Makefile, and no target of
# its own but these needs anything of it.

LINUX_B := $(B)/linux
LINUX_ELF := $(LINUX_B)/vmlinux.elf

.PHONY: linux run-linux table1 check-linux linux-images

linux: deps ## build Linux for a domain of the demo, from Debian's sources (4 minutes; fetches 140 MB)
	@scripts/install-deps linux
	@guest/linux/build
	@$(MAKE) --no-print-directory $(CORES) linux-images

# An image is a manager whose table has Linux in it: NAME-VARIANT, for both kernels.
#   $(1) name  $(2) Linux's text  $(3) bits of its untypeds  $(4) the machine ends with it
define linux_image
$(foreach v,direct mediated,$(call linux_table,$(1)-$(v),$(v),$(2),$(subst +,$(comma),$(3)),$(4)))
endef
define linux_table
$(LINUX_B)/obj/$(1).o: guest/linux/manager/table_$(2).c guest/linux/manager/linux.h user/demo/demo.h guest/linux/linux.mk
	@mkdir -p $$(@D)
	$$(Q)$(ARMCC) $(USER_FLAGS) -DLINUX_TEXT='"$(3)"' -DLINUX_MEMORY_BITS='$(4)' -DLINUX_POWER_OFF=$(5) -c $$< -o $$@
$(LINUX_B)/manager-$(1).elf: $(LINUX_B)/obj/$(1).o $(DEMO_COMMON) $(USER_LIB) $(LINUX_B)/obj/linux.o \
    $(if $(filter mediated,$(2)),$(call blob,resources)) $(if $(filter refused,$(2)),$(call blob,refuser)) $(USER_LDS)
	$$(Q)$$(LINK_USER)
$(foreach k,debug release,$(call image_rule,$(LINUX_B)/$(k)-$(1).elf,$(B)/arm/$(k)/kernel.elf,$(LINUX_B)/manager-$(1).elf)
linux-images: $(LINUX_B)/$(k)-$(1).elf
)
endef

$(LINUX_B)/obj/linux.o: user/demo/blob.S $(LINUX_ELF)
	@mkdir -p $(@D)
	$(Q)$(ARMCC) -march=armv6 -c -DBLOB=linux_elf -DBLOB_END=linux_elf_end -DBLOB_FILE='"$(LINUX_ELF)"' $< -o $@

# console: a shell.  lat: the rows of the paper's table.  test: a shell, and the machine ends with it.  small:
# too little memory for Linux.  refused: a server that refuses each request.
$(eval $(call linux_image,console,,24+25,false))
$(eval $(call linux_image,test,,24+25,true))
$(eval $(call linux_image,lat,run=/bin/rows,24+25,true))
$(eval $(call linux_image,small,,24+17,false))
$(eval $(call linux_table,refused,refused,,24$(comma)25,false))

run-linux: ## boot Linux in its domain and open the inspector on it (VARIANT=mediated)
	@[ -e $(LINUX_ELF) ] || { echo "run-linux: there is no Linux yet: make linux"; exit 1; }
	@$(MAKE) --no-print-directory $(CORES) everything linux-images
	@guest/linux/run $(if $(VARIANT),--variant $(VARIANT))

table1: ## the paper's table 1: Linux direct and mediated, measured
	@[ -e $(LINUX_ELF) ] || { echo "table1: there is no Linux yet: make linux"; exit 1; }
	@$(MAKE) --no-print-directory $(CORES) linux-images
	@guest/linux/table1 $(TABLE1)

check-linux: ## boot, stress, isolation, re-boot of Linux, with figures
	@[ -e $(LINUX_ELF) ] || { echo "check-linux: there is no Linux yet: make linux"; exit 1; }
	@$(MAKE) --no-print-directory $(CORES) everything linux-images
	@guest/linux/check $(CHECK)
