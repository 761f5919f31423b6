# SPDX-License-Identifier: MIT
# Builds the module and the helper, and runs the tests; make help lists the targets.

BUILD  ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
jobs         := -j$(shell nproc)

# The module is built for KDIR. KERNEL=6.1, 6.12 or 7.2 chooses Debian's newest of this series; without
# it, the running kernel's headers if they are there, else this release's own series.
ifdef KERNEL
KDIR ?= $(shell scripts/kernel.sh headers $(KERNEL))
else
KDIR ?= $(or $(realpath /lib/modules/$(shell uname -r)/build),\
	$(shell scripts/kernel.sh headers $(shell scripts/kernel.sh default)))
endif
KVER = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
KOUT = $(abspath $(BUILD))/kmod-$(KVER)

all: modules helper plugin

help:
	@sed -n 's/^#: //p' Makefile

#: make                      the module for KDIR (default: the running kernel, else the newest
#:                           Debian kernel; KERNEL=6.1|6.12|7.2 chooses a series), ikehelper,
#:                           and what makes ip(8) know the link's options
#: make modules|helper|plugin  one of the three
#: make check                every test: the six below, on every kernel this Debian offers
#: make check-static         style, static analysis, generated files, warnings
#: make check-unit           the parts without a kernel, under ASan and UBSan (VECTORS=DIR: more)
#: make check-sim            10,000 lives of two helpers in one process (SIM_RUNS=N, SIM_SEED=N)
#: make check-vm             the module in QEMU (KERNEL=6.1|6.12|7.2: on this kernel only)
#: make check-interop        strongSwan and libreswan as the peer, and README's commands, in QEMU
#: make check-renewal        hundreds of renewals with each peer (RENEWALS="60 20": ESP, control)
#: make check-demo           what the demo's capture and key log say
#: make fuzz                 every fuzzer for FUZZ_SECONDS=600 (VECTORS=DIR: more seeds)
#: make demo                 two sites in QEMU, the ten packets drawn (KERNEL=6.1|6.12|7.2);
#:                           with STORY=1 the renewals of both kinds of tunnel, too
#: make install              module, ikehelper, ip's plug-in, man pages and systemd unit
#:                           (PREFIX, DESTDIR)
#: make clean                remove build/

# --- the module ------------------------------------------------------------------------------

# Objects of different kernels stay apart: kbuild puts them beside the sources, which here are
# links in a folder of each kernel.
modules:
	@test -e "$(KDIR)/include/generated/utsrelease.h" || \
		{ echo "no kernel headers at KDIR=$(KDIR): run scripts/setup.sh build"; exit 1; }
	@mkdir -p $(KOUT)
	@find $(KOUT) -xtype l -delete
	@cp -rsf $(CURDIR)/Kbuild $(CURDIR)/kmod $(CURDIR)/uapi $(KOUT)
	+scripts/kbuild.sh $(KDIR) M=$(KOUT) modules

# --- the helper ------------------------------------------------------------------------------

packages := libnl-genl-3.0 libcrypto libevent_core libcjson libseccomp libcap-ng

CPPFLAGS  = -D_GNU_SOURCE -Iikehelper/core -Iikehelper -Ikmod -Iuapi $(shell pkg-config --cflags $(packages)) -MMD -MP
CFLAGS   ?= -O2 -g
WARN     := -std=gnu11 -Wall -Wextra -Werror
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDLIBS    = $(shell pkg-config --libs $(packages))

# The helper's sources, and the module's parts that also run outside the kernel.
sources := $(wildcard ikehelper/*.c ikehelper/core/*.c)
pure    := kmod/esp.c kmod/replay.c kmod/select.c
library := $(filter-out ikehelper/main.c,$(sources)) $(pure)

helper: $(BUILD)/ikehelper

$(BUILD)/ikehelper: $(sources:%.c=$(BUILD)/obj/%.o)
	$(CC) -pie -Wl,-z,relro,-z,now -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) $(HARDEN) -c -o $@ $<

# What `ip link` opens for links of type esptun; its own symbols come from ip.
plugin: $(BUILD)/link_esptun.so

$(BUILD)/link_esptun.so: uapi/iproute2/link_esptun.c uapi/linux/esptun.h
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -Iuapi $(CFLAGS) $(WARN) -fPIC -shared -Wl,-z,relro,-z,now -o $@ $<

# --- the tests without a kernel --------------------------------------------------------------

SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

units   := $(patsubst %.c,$(BUILD)/asan/%,$(wildcard selftests/unit/test_*.c))
sims    := $(patsubst %.c,$(BUILD)/asan/%,$(wildcard selftests/sim/test_*.c))
fuzzers := $(patsubst %.c,$(BUILD)/fuzz/%,$(wildcard selftests/fuzz/fuzz_*.c))

$(BUILD)/asan/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(WARN) $(SANITIZE) -c -o $@ $<

$(BUILD)/asan/lib.a: $(library:%.c=$(BUILD)/asan/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

# Two cores back to back are the harness of some tests, and the simulator's.
$(units) $(sims): $(addprefix $(BUILD)/asan/selftests/unit/,pair.o pair_seen.o natbox.o)
$(sims): $(BUILD)/asan/selftests/sim/sim.o $(BUILD)/asan/selftests/sim/world.o

$(units) $(sims): %: %.o $(BUILD)/asan/lib.a
	$(CC) $(SANITIZE) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LDLIBS)

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	clang $(CPPFLAGS) $(WARN) $(SANITIZE) -fsanitize=fuzzer-no-link -c -o $@ $<

$(BUILD)/fuzz/lib.a: $(library:%.c=$(BUILD)/fuzz/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(fuzzers): %: %.o $(BUILD)/fuzz/lib.a
	clang $(SANITIZE) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# --- checks ----------------------------------------------------------------------------------

PROVE := prove --comments -e ''
export CMOCKA_MESSAGE_OUTPUT = TAP
export BUILD VECTORS FUZZ_SECONDS KERNEL RENEWALS STORY

kernels = $(or $(KERNEL),$(shell scripts/kernel.sh series))

check: check-static check-unit $(if $(sims),check-sim) check-vm check-interop check-demo

check-static: setup-build setup-static
	$(PROVE) scripts/check-static.sh

check-unit: setup-build setup-unit setup-fuzz
	$(MAKE) -s $(jobs) $(units) $(fuzzers)
	FUZZERS="$(fuzzers)" $(PROVE) $(units) scripts/fuzz-replay.sh

check-sim: setup-build setup-unit
	$(MAKE) -s $(jobs) $(sims)
	$(PROVE) $(sims)

check-vm:
	scripts/check-vm.sh vm $(kernels)
	$(PROVE) scripts/intree.sh :: $(or $(KERNEL),$(shell scripts/kernel.sh default))

check-interop:
	scripts/check-vm.sh interop $(or $(KERNEL),$(shell scripts/kernel.sh default))

check-renewal:
	scripts/check-vm.sh renewal $(or $(KERNEL),$(shell scripts/kernel.sh default))

check-demo: setup-build setup-vm setup-tshark
	$(PROVE) selftests/demo/check.sh

fuzz: setup-build setup-fuzz
	$(MAKE) -s $(jobs) $(fuzzers)
	scripts/fuzz.sh $(fuzzers)

demo: setup-build setup-vm
	scripts/demo.sh

setup-%:
	@scripts/setup.sh $*

# --- the rest --------------------------------------------------------------------------------

# Where Debian's ip looks.
IPLIBDIR ?= /usr/lib/$(shell $(CC) -print-multiarch)/ip

man  := $(wildcard docs/*.[578])
unit := $(DESTDIR)$(PREFIX)/lib/systemd/system/ikehelper.service

install: all
	+scripts/kbuild.sh $(KDIR) M=$(KOUT) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_STRIP=1 CONFIG_MODULE_SIG_ALL= modules_install
	$(if $(DESTDIR),,/sbin/depmod $(KVER))
	install -D -m 755 $(BUILD)/ikehelper $(DESTDIR)$(PREFIX)/sbin/ikehelper
	install -D -m 644 $(BUILD)/link_esptun.so $(DESTDIR)$(IPLIBDIR)/link_esptun.so
	for m in $(man); do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/} || exit 1; done
	install -d $(dir $(unit))
	sed 's|@SBIN@|$(PREFIX)/sbin|' scripts/ikehelper.service.in >$(unit)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all help modules helper plugin check check-static check-unit check-sim check-vm check-interop \
	check-renewal check-demo fuzz demo install clean
.SECONDARY:
.DELETE_ON_ERROR:
