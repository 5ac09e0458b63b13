# SPDX-License-Identifier: MIT
#
#   make                 the two plugins and the program, in build/
#   make install         DESTDIR= prefix= sysconfdir= ... as packagers expect
#   make check           every test; installs what it needs (make deps)
#   make check-postgres  the database tests on PostgreSQL 13 to 18
#   make deb             Debian packages, in build/deb; check-deb tests them
#   make demo            the whole story in a disposable copy of this host
#   make bench           figures as ratios, side by side
#   make bench-load      what a host, and one PostgreSQL, take
#   make fuzz lint       fuzz targets, 60 s each; static analysis
#   make coverage        what the tests run through, and what they do not
#   make check-sanitize check-thread check-valgrind
#                        the tests once more, where errors of memory are seen
#
# Paths are compiled in: give the same variables to make and make install, or
# make install rebuilds what they change.

VERSION = 0.1.0

prefix ?= /usr
exec_prefix ?= $(prefix)
sysconfdir ?= /etc
localstatedir ?= /var
runstatedir ?= /run
bindir ?= $(exec_prefix)/bin
sbindir ?= $(exec_prefix)/sbin
datarootdir ?= $(prefix)/share
mandir ?= $(datarootdir)/man
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
libdir ?= $(exec_prefix)/lib$(if $(multiarch),/$(multiarch))
pamdir ?= $(libdir)/security
sqldir ?= $(datarootdir)/oat/sql

INSTALL ?= install
B := build

# A build folder may have variables of its own, for every make that uses it:
# tests/coverage and tests/sanitize write some.
-include $B/variables.mk

# One short line a step; make V=1 shows the commands.
ifneq ($(V),1)
Q = @
say = @printf '  %-4s %s\n' $(1) $(2)
endif

# --- flags -----------------------------------------------------------------

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes \
	-Wstrict-prototypes -Wformat=2 -Wvla -Wswitch-enum
HARDENING = -fvisibility=hidden -fstack-protector-strong \
	-fstack-clash-protection -D_FORTIFY_SOURCE=3
ifneq (,$(filter x86_64% i%86%,$(multiarch)))
HARDENING += -fcf-protection
endif
CFLAGS ?= -O2 -g
WERROR ?= $(if $(CI),-Werror)
LIBPQ_CFLAGS ?= -isystem $(shell pg_config --includedir 2>/dev/null || \
	echo /usr/include/postgresql)

# Both spellings of an object: B is relative or not, and headers count anyhow.
dep_cflags = -MMD -MP -MT $(abspath $@) \
	-MT $(patsubst $(CURDIR)/%,%,$(abspath $@))
oat_cflags = -std=c11 -D_GNU_SOURCE $(dep_cflags) -fPIC -I. $(LIBPQ_CFLAGS) \
	$(WARNINGS) $(WERROR) $(HARDENING)
oat_paths = -DOAT_VERSION='"$(VERSION)"' -DOAT_SYSCONFDIR='"$(sysconfdir)"' \
	-DOAT_LOCALSTATEDIR='"$(localstatedir)"' \
	-DOAT_RUNSTATEDIR='"$(runstatedir)"' -DOAT_SBINDIR='"$(sbindir)"' \
	-DOAT_LIBDIR='"$(libdir)"' -DOAT_SQLDIR='"$(sqldir)"' -DOAT_PAMDIR='"$(pamdir)"' \
	-DOAT_STACK='"$(datarootdir)/oat/pam.d/oat"' \
	-DOAT_SSHD_CONFIG='"$(datarootdir)/oat/sshd_config.d/oat.conf"'
oat_ldflags = -Wl,-z,relro,-z,now,-z,defs,-z,noexecstack -Wl,--as-needed

COMPILE = $(CC) $(oat_cflags) $(oat_paths) $(CPPFLAGS) $(CFLAGS)

# --- what is built ---------------------------------------------------------

# What the network child is made of besides ours; root loads none of it.
courier_libs = -lpq -lssl -lcrypto

# One archive: a plugin takes from it what it uses, and -z defs with its short
# list of libraries makes anything that needs libpq or libargon2 a link error.
common_src := $(filter-out common/oat.c common/courier_load.c,\
	$(wildcard common/*.c))
common_obj := $(common_src:%.c=$B/%.o)
pam_obj := $(patsubst %.c,$B/%.o,$(wildcard pam_oat/*.c))
nss_obj := $(patsubst %.c,$B/%.o,$(wildcard nss_oat/*.c))

program := $B/oat
pam_module := $B/pam_oat.so
nss_module := $B/libnss_oat.so.2
courier := $B/courier.so

all: $(program) $(courier) $(pam_module) $(nss_module)

# courier_load.o stands before the archive: the program takes the courier's side
# of the dialogue from courier.so, and links no libpq itself.
$(program): $B/common/oat.o $B/common/courier_load.o $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie $(oat_ldflags) $(LDFLAGS) -o $@ $^ -largon2 -ldl

$(courier): $B/common/courier_child.o $B/common.a common/courier.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(oat_ldflags) $(LDFLAGS) \
		-Wl,--version-script=common/courier.map -o $@ \
		$B/common/courier_child.o $B/common.a $(courier_libs)

$(pam_module): $(pam_obj) $B/common.a pam_oat/pam_oat.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(oat_ldflags) $(LDFLAGS) \
		-Wl,--version-script=pam_oat/pam_oat.map -o $@ \
		$(pam_obj) $B/common.a -lpam

# Every process that resolves a name maps this one: noseparate-code, two
# mappings instead of four, takes 17 us off its start. It stays there (nodelete),
# since what has to be unmapped first may be in use, or a filter's to kill for.
$(nss_module): $(nss_obj) $B/common.a nss_oat/nss_oat.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(oat_ldflags) $(LDFLAGS) \
		-Wl,-soname,libnss_oat.so.2 -Wl,-z,noseparate-code,-z,nodelete \
		-Wl,--version-script=nss_oat/nss_oat.map -o $@ \
		$(nss_obj) $B/common.a

$B/common.a: $(common_obj)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# A change of flags or paths rebuilds, so that nothing keeps an old path.
$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -c -o $@ $<

$B/flags: FORCE
	@mkdir -p $B
	@printf '%s\n' "$(subst ",\",$(COMPILE) $(LDFLAGS))" | \
		cmp -s - $@ || \
		printf '%s\n' "$(subst ",\",$(COMPILE) $(LDFLAGS))" >$@
FORCE:

# --- tests -----------------------------------------------------------------

# tests/unit/test_<module>.c is one program: it defines `oat_suites`, and
# tests/runner.c gives it a main. tests/database/ alike, with libpq.
unit_tests := $(patsubst %.c,$B/%,$(wildcard tests/unit/test_*.c))
database_tests := $(patsubst %.c,$B/%,$(wildcard tests/database/test_*.c))
module_tests := $(patsubst %.c,$B/%,$(wildcard tests/module/test_*.c))
database_support := $(patsubst %.c,$B/%.o,\
	$(filter-out tests/database/test_%,$(wildcard tests/database/*.c)))
module_support := $(patsubst %.c,$B/%.o,\
	$(filter-out tests/module/test_%,$(wildcard tests/module/*.c)))
unit_support := $(patsubst %.c,$B/%.o,\
	$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
test_support := $B/tests/runner.o $B/tests/process.o

# The disposable hosts are shell but for what only a program can ask for.
host_tools := $(patsubst %.c,$B/%,$(wildcard tests/host/*.c))

$B/tests/host/ask: $B/common.a
$B/tests/host/impostor: $B/tests/unit/fake_server.o

# For LD_PRELOAD, or /etc/ld.so.preload of a disposable host.
host_preloads := $(patsubst %.c,$B/%.so,$(wildcard tests/host/preload/*.c))

# What is put in the place of a module on them.
host_modules := $(patsubst %.c,$B/%.so,$(wildcard tests/host/modules/*.c))

# The program, but for what its Argon2 child answers.
host_program := $B/tests/host/program/oat

$(host_program): $B/tests/host/program/prover.o $B/common/oat.o \
		$B/common/courier_load.o $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=oat_argon2id_check \
		-o $@ $^ -largon2 -ldl

host-tools: $(host_tools) $(host_preloads) $(host_modules) $(host_program)

# Every tests/bench/<what>.c is one program.
bench_tools := $(patsubst %.c,$B/%,$(wildcard tests/bench/*.c)) \
	$B/tests/bench/modules/libnss_nothing.so.2

bench-tools: $(bench_tools)

tests: $(unit_tests) $(database_tests) $(module_tests) host-tools

$B/tests/host/%: $B/tests/host/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lpam \
		-lssl -lcrypto

$B/tests/host/preload/%.so: $B/tests/host/preload/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(LDFLAGS) -o $@ $^ -ldl

$B/tests/host/modules/%.so: $B/tests/host/modules/%.o $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(LDFLAGS) -Wl,--as-needed -o $@ $^ \
		-lpam -lpq

$B/tests/bench/%: $B/tests/bench/%.o $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lpam -lm

$B/tests/bench/modules/libnss_%.so.2: $B/tests/bench/modules/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(oat_ldflags) $(LDFLAGS) \
		-Wl,-soname,$(@F) -o $@ $^

$B/tests/unit/%: $B/tests/unit/%.o $(test_support) $(unit_support) \
		$(nss_obj) $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcunit $(courier_libs) -largon2 -lz

# It replaces libc's own functions, and so is for this test alone.
$B/tests/unit/test_powercut: $B/tests/unit/powercut/disk.o

$B/tests/database/%: $B/tests/database/%.o $B/tests/runner.o \
		$(database_support) $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcunit $(courier_libs) -largon2

# They load the real modules; -rdynamic lets those find the test's syslog.
$B/tests/module/%: $B/tests/module/%.o $(test_support) $(module_support) \
		$B/common.a | $(pam_module) $(nss_module) \
		$B/tests/module/program/oat
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -rdynamic $(LDFLAGS) -o $@ $^ -lcunit -lpam -ldl

# What pam_oat.so runs in its tests, in the program's place.
$B/tests/module/program/oat: $B/tests/module/program/oat.o $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

.SECONDARY:

deps:
	tests/deps build test

check:
	tests/check

# The database tests on every supported release of PostgreSQL.
check-postgres:
	tests/check-postgres

demo:
	tests/demo

# The catalogue of attacks and faults, each with its tests.
cases:
	tests/cases

bench:
	tests/deps build test
	tests/bench/run
	tests/bench/names
	tests/bench/refusals

# Many at once and many in a row; tests/bench/soak SECONDS mixes them with faults.
bench-load:
	tests/deps build test
	tests/bench/load

lint:
	tests/lint

# Every tests/fuzz/fuzz_<what>.c, with libFuzzer and both sanitizers; the
# objects are clang's own and stand apart.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
fuzz_cflags = -std=c11 -D_GNU_SOURCE $(dep_cflags) -I. $(LIBPQ_CFLAGS) -g -O1 \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover
fuzz_programs := $(patsubst tests/fuzz/%.c,$B/fuzz/%,\
	$(wildcard tests/fuzz/fuzz_*.c))
fuzz_obj := $(patsubst %.c,$B/fuzz/%.o,$(common_src) $(wildcard nss_oat/*.c) \
	$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c)))

$B/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(FUZZ_CC) $(fuzz_cflags) $(oat_paths) -c -o $@ $<

$B/fuzz/fuzz_%: $B/fuzz/tests/fuzz/fuzz_%.o $(fuzz_obj)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(courier_libs) \
		-largon2

# Builds of their own: addresses and undefined behaviour; data races; memory
# that is lost or was never written.
check-sanitize:
	tests/sanitize address

check-thread:
	tests/sanitize thread

check-valgrind:
	tests/sanitize valgrind

# What the tests run through, by lines and branches; what they do not.
coverage:
	tests/coverage

fuzz: $(fuzz_programs)
	@for program in $(fuzz_programs); do \
		name=$${program##*/}; echo "$$name: $(FUZZ_SECONDS) s"; \
		mkdir -p $B/fuzz/corpus/$$name; seeds=tests/fuzz/corpus/$${name#fuzz_}; \
		test -d $$seeds || seeds=; \
		$$program -max_total_time=$(FUZZ_SECONDS) -verbosity=0 \
			-artifact_prefix=$B/fuzz/$$name- \
			$B/fuzz/corpus/$$name $$seeds || exit 1; \
	done

# The same targets without a fuzzer, on the inputs that are kept: what any
# compiler can, so that it is a part of make check.
replay_programs := $(patsubst tests/fuzz/%.c,$B/replay/%,\
	$(wildcard tests/fuzz/fuzz_*.c))
replay_obj := $(patsubst $B/fuzz/%,$B/replay/%,$(fuzz_obj)) \
	$B/replay/tests/replay.o
replay_cflags = -std=c11 -D_GNU_SOURCE $(dep_cflags) -I. $(LIBPQ_CFLAGS) -g -O1 \
	-fsanitize=address,undefined -fno-sanitize-recover

replays: $(replay_programs)

$B/replay/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(replay_cflags) $(oat_paths) -c -o $@ $<

$B/replay/fuzz_%: $B/replay/tests/fuzz/fuzz_%.o $(replay_obj)
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ $(courier_libs) -largon2

# --- installation ----------------------------------------------------------

docdir ?= $(datarootdir)/doc/oat
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
pamconfigsdir ?= $(datarootdir)/pam-configs
sudoersdir ?= $(sysconfdir)/sudoers.d
sshconfdir ?= $(sysconfdir)/ssh/sshd_config.d
systemdunitdir ?= $(prefix)/lib/systemd/system
sharedir = $(datarootdir)/oat
statedir = $(localstatedir)/lib/oat

# libpam looks for modules beside itself; those elsewhere are named whole.
libpam_dirs = $(foreach lib,/lib /usr/lib,$(if $(multiarch),\
	$(lib)/$(multiarch)/security,$(lib)/security $(lib)64/security))
pam_name = $(if $(filter $(pamdir),$(libpam_dirs)),,$(pamdir)/)pam_oat.so

# Files that name places get those of this build.
stacks := $(wildcard pam_oat/stacks/*)
jail := $(wildcard pam_oat/fail2ban/*/*)
units := $(wildcard common/systemd/*)
placed := $B/common/oat.tmpfiles $B/common/oat.conf.example \
	$B/pam_oat/pam-auth-update $(stacks:%=$B/%) $(units:%=$B/%)

$(placed): $B/%: % $B/flags
	@mkdir -p $(@D)
	$(Q)sed -e 's|@statedir@|$(statedir)|' \
		-e 's|@runstatedir@|$(runstatedir)|' \
		-e 's|@sysconfdir@|$(sysconfdir)|' \
		-e 's|@sbindir@|$(sbindir)|' \
		-e 's|\<pam_oat\.so|$(pam_name)|' $< >$@

# What is installed, and removed: mode:file:place.
man_pages := $(wildcard pam_oat/*.[578] nss_oat/*.[578] common/*.[1578] \
	sql/*.[578])
man_dir = $(mandir)/man$(subst .,,$(suffix $(1)))
into = $(foreach file,$(2),0644:$(file):$(1)/$(notdir $(file)))
files = 0755:$(program):$(sbindir)/oat \
	0644:$(nss_module):$(libdir)/libnss_oat.so.2 \
	0644:$(courier):$(libdir)/oat/courier.so \
	0644:$B/pam_oat/pam-auth-update:$(pamconfigsdir)/oat \
	$(call into,$(sharedir)/pam.d,$(stacks:%=$B/%)) \
	0755:common/oat-askpass:$(sharedir)/oat-askpass \
	0644:common/oat.sshd_config:$(sharedir)/sshd_config.d/oat.conf \
	$(foreach file,$(jail),0644:$(file):$(sharedir)/$(file:pam_oat/%=%)) \
	0644:common/oat.sysusers:$(sysusersdir)/oat.conf \
	0644:$B/common/oat.tmpfiles:$(tmpfilesdir)/oat.conf \
	$(call into,$(systemdunitdir),$(units:%=$B/%)) \
	$(call into,$(sqldir),$(wildcard sql/*.sql)) \
	$(foreach page,$(man_pages),$(call into,$(call man_dir,$(page)),$(page))) \
	$(call into,$(docdir),$(wildcard README.md LICENSE) $B/common/oat.conf.example) \
	$(call into,$(docdir)/examples,$(wildcard common/ci/*.yml))
module = 0644:$(pam_module):$(pamdir)/pam_oat.so

# Administrators edit these: put where there is none, taken back unedited.
edited = 0600:$B/common/oat.conf.example:$(sysconfdir)/oat/oat.conf \
	0440:common/oat.sudoers:$(sudoersdir)/oat \
	0644:common/oat.sshd_config:$(sshconfdir)/oat.conf

# Directories of our own, the inner ones first.
state_dirs = $(statedir)/home $(statedir)/spool $(statedir)
own_dirs = $(addprefix $(sharedir)/,pam.d fail2ban/filter.d \
	fail2ban/jail.d fail2ban sshd_config.d) $(sqldir) $(sharedir) $(libdir)/oat \
	$(docdir)/examples $(docdir) $(sysconfdir)/oat

# $(call each,list,commands) with $$mode, $$file and $$to; no commas in them.
# A file is whole from the moment that it is there: logins go on meanwhile.
each = @set -e; for entry in $(1); do mode=$${entry%%:*}; \
	file=$${entry\#*:}; file=$${file%%:*}; to=$(DESTDIR)$${entry\#\#*:}; \
	$(2); done
put = printf '  PUT  %s\n' $$to; $(INSTALL) -D -m $$mode $$file $$to.new; \
	mv -f $$to.new $$to
keep = printf '  KEEP %s, which is not %s\n' $$to $$file

# Neither nsswitch.conf nor pam.d is edited, and no unit is enabled: that is the
# administrator's.
install: all $(placed)
	$(Q)for dir in $(addprefix $(DESTDIR),$(own_dirs)); do \
		test -d $$dir || $(INSTALL) -d -m 0755 $$dir || exit; done
	$(call each,$(files) $(module),$(put))
	$(call each,$(edited),if test ! -e $$to; then $(put); \
		else cmp -s $$file $$to || $(keep); fi)
	$(Q)$(link)
	$(Q)$(INSTALL) -d -m 0755 $(addprefix $(DESTDIR),$(state_dirs))
	$(Q)chmod 0700 $(DESTDIR)$(statedir)/spool
	$(Q)$(if $(DESTDIR),:,$(create_user))
	$(Q)$(if $(DESTDIR),:,$(know_module))

# mint, inspect and whoami are for everybody, who may not have sbin in PATH.
from_bin = $(DESTDIR)$(bindir)/oat
is_our_link = { test -L $(from_bin) && test "$$(readlink -m $(from_bin))" = \
	"$$(readlink -m $(DESTDIR)$(sbindir)/oat)"; }
link = if test $(from_bin) -ef $(DESTDIR)$(sbindir)/oat; then :; \
	elif test -e $(from_bin) && ! $(is_our_link); then \
		echo "  KEEP $(from_bin), which is somebody else's"; \
	else $(INSTALL) -d -m 0755 $(DESTDIR)$(bindir) && \
		ln -sfr $(DESTDIR)$(sbindir)/oat $(from_bin); fi

# The program's children become this user, who owns no file.
create_user = grep -q '^_oat:' /etc/passwd || test "$$(id -u)" != 0 || \
	systemd-sysusers $(sysusersdir)/oat.conf 2>/dev/null || \
	useradd --system --user-group --no-create-home --home-dir / \
		--shell /usr/sbin/nologin _oat

# Else every process would look for the NSS module in a dozen directories.
know_module = test "$$(id -u)" != 0 || { ldconfig; \
	ldconfig -p | grep -q 'libnss_oat\.so\.2 ' || \
	echo "  NOTE libc does not look in $(libdir): see ld.so.conf(5)"; }

# Lines that the administrator wrote and has to take out; not in copies that
# editors and dpkg leave.
wired_pam = grep -sHn -d skip --exclude='*~' --exclude='*.dpkg-*' \
	--exclude='*.pam-old' '^[^\#]*pam_oat\.so' $(DESTDIR)/etc/pam.d/*
wired_nss = grep -sHn '^[^\#]*:.*[[:space:]]oat\([[:space:]]\|$$\)' \
	$(DESTDIR)/etc/nsswitch.conf

enabled_units = ls -d $(DESTDIR)/etc/systemd/system/*.wants/oat-sync.timer \
	$(DESTDIR)/etc/systemd/system/*.wants/oat-watch.service 2>/dev/null | \
	grep .

# State, homes and what was configured stay, as after apt-get remove, and so
# does the user. The module stays while PAM needs it: a line with default=die
# whose module is missing refuses everybody.
uninstall:
	$(call each,$(files),rm -f $$to)
	$(call each,$(edited),if test ! -e $$to || cmp -s $$file $$to; \
		then rm -f $$to; else $(keep); fi)
	$(call each,$(module),if $(wired_pam); then echo "  KEEP $$to:" \
		"without it these lines let nobody in. Take them out (in" \
		"common-* with pam-auth-update --package) and repeat this."; \
		else rm -f $$to; fi)
	$(Q)if $(is_our_link); then rm -f $(from_bin); fi
	@if $(wired_nss); then echo "  NOTE take oat out of these lines."; fi
	@if $(enabled_units); then echo "  NOTE these units are enabled still:" \
		"systemctl disable --now oat-sync.timer oat-watch.service"; fi
	$(Q)for dir in $(addprefix $(DESTDIR),$(own_dirs) $(state_dirs)); do \
		rmdir $$dir 2>/dev/null || :; done
	$(Q)$(if $(DESTDIR),:,test "$$(id -u)" != 0 || ldconfig)

# Debian packages, in $B/deb, from a copy of the sources; the compiler is told
# of paths without symbolic links, so that none stays in the files.
deb_sources = Makefile README.md LICENSE common debian nss_oat pam_oat sql tests

deb:
	tests/deps build deb
	rm -rf $B/deb
	mkdir -p $B/deb/oat-$(VERSION)
	cp -a $(deb_sources) $B/deb/oat-$(VERSION)
	cd -P $B/deb/oat-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
		dpkg-buildpackage -us -uc
	lintian --allow-root --fail-on error,warning $B/deb/*.changes

# Slow, and from the network: a bare Debian, in which they come and go.
check-deb: deb
	tests/check deb

clean:
	rm -rf $B


.PHONY: all tests replays host-tools bench-tools deps check check-postgres \
	check-sanitize check-thread check-valgrind coverage demo cases \
	bench bench-load fuzz lint install uninstall deb check-deb clean FORCE

-include $(shell find $(addprefix $B/,common fuzz nss_oat pam_oat replay \
	tests) -name '*.d' 2>/dev/null)
