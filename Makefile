# SPDX-License-Identifier: MIT
#
#   make                 the two plugins and the program, in build/
#   make install         DESTDIR= prefix= sysconfdir= ... as packagers expect
#   make check           every test; installs what it needs (make deps)
#   make check-postgres  the database tests on PostgreSQL 13 to 18
#   make demo            the whole story in a disposable copy of this host
#   make bench           figures as ratios, side by side
#   make fuzz lint       fuzz targets, 60 s each; static analysis
#
# Paths are compiled in: give the same variables to make and make install, or
# make install rebuilds what they change.

VERSION = 0.1.0

prefix ?= /usr
exec_prefix ?= $(prefix)
sysconfdir ?= /etc
localstatedir ?= /var
runstatedir ?= /run
sbindir ?= $(exec_prefix)/sbin
datarootdir ?= $(prefix)/share
mandir ?= $(datarootdir)/man
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
libdir ?= $(exec_prefix)/lib$(if $(multiarch),/$(multiarch))
pamdir ?= $(libdir)/security
sqldir ?= $(datarootdir)/oat/sql

INSTALL ?= install
B := build

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

oat_cflags = -std=c11 -D_GNU_SOURCE -MMD -MP -fPIC -I. $(LIBPQ_CFLAGS) \
	$(WARNINGS) $(WERROR) $(HARDENING)
oat_paths = -DOAT_VERSION='"$(VERSION)"' -DOAT_SYSCONFDIR='"$(sysconfdir)"' \
	-DOAT_LOCALSTATEDIR='"$(localstatedir)"' \
	-DOAT_RUNSTATEDIR='"$(runstatedir)"' -DOAT_SBINDIR='"$(sbindir)"' \
	-DOAT_LIBDIR='"$(libdir)"' -DOAT_SQLDIR='"$(sqldir)"' -DOAT_PAMDIR='"$(pamdir)"'
oat_ldflags = -Wl,-z,relro,-z,now,-z,defs,-z,noexecstack -Wl,--as-needed

COMPILE = $(CC) $(oat_cflags) $(oat_paths) $(CPPFLAGS) $(CFLAGS)

# --- what is built ---------------------------------------------------------

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
		$B/common/courier_child.o $B/common.a -lpq

$(pam_module): $(pam_obj) $B/common.a pam_oat/pam_oat.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(oat_ldflags) $(LDFLAGS) \
		-Wl,--version-script=pam_oat/pam_oat.map -o $@ \
		$(pam_obj) $B/common.a -lpam

$(nss_module): $(nss_obj) $B/common.a nss_oat/nss_oat.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared $(oat_ldflags) $(LDFLAGS) \
		-Wl,-soname,libnss_oat.so.2 \
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
host_tools := $B/tests/host/enter $B/tests/host/host

host-tools: $(host_tools)

# Every tests/bench/<what>.c is one program.
bench_tools := $(patsubst %.c,$B/%,$(wildcard tests/bench/*.c))

bench-tools: $(bench_tools)

tests: $(unit_tests) $(database_tests) $(module_tests) $(host_tools)

$B/tests/host/%: $B/tests/host/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$B/tests/bench/%: $B/tests/bench/%.o $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lpam

$B/tests/unit/%: $B/tests/unit/%.o $(test_support) $(unit_support) \
		$(nss_obj) $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcunit -lpq -largon2 -lz

$B/tests/database/%: $B/tests/database/%.o $B/tests/runner.o \
		$(database_support) $B/common.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcunit -lpq -largon2

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

bench:
	tests/deps build test
	tests/bench/run

lint:
	tests/lint

# Every tests/fuzz/fuzz_<what>.c, with libFuzzer and both sanitizers; the
# objects are clang's own and stand apart.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
fuzz_cflags = -std=c11 -D_GNU_SOURCE -MMD -MP -I. $(LIBPQ_CFLAGS) -g -O1 \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover
fuzz_programs := $(patsubst tests/fuzz/%.c,$B/fuzz/%,\
	$(wildcard tests/fuzz/fuzz_*.c))
fuzz_obj := $(patsubst %.c,$B/fuzz/%.o,$(common_src) $(wildcard nss_oat/*.c))

$B/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(FUZZ_CC) $(fuzz_cflags) $(oat_paths) -c -o $@ $<

$B/fuzz/fuzz_%: $B/fuzz/tests/fuzz/fuzz_%.o $(fuzz_obj)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ -lpq -largon2

fuzz: $(fuzz_programs)
	@for program in $(fuzz_programs); do \
		name=$${program##*/}; echo "$$name: $(FUZZ_SECONDS) s"; \
		mkdir -p $B/fuzz/corpus/$$name; seeds=tests/fuzz/corpus/$${name#fuzz_}; \
		test -d $$seeds || seeds=; \
		$$program -max_total_time=$(FUZZ_SECONDS) -verbosity=0 \
			-artifact_prefix=$B/fuzz/$$name- \
			$B/fuzz/corpus/$$name $$seeds || exit 1; \
	done

# --- installation ----------------------------------------------------------

docdir ?= $(datarootdir)/doc/oat
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
statedir = $(localstatedir)/lib/oat

sql_files = $(wildcard sql/*.sql)
man_pages = $(wildcard pam_oat/*.[578] nss_oat/*.[578] common/*.[1578] \
	sql/*.[578])
man_path = $(mandir)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
documents = $(wildcard README.md LICENSE) common/oat.conf.example

# $(call put,mode,file,destination). Directories that exist keep their modes:
# only our own are made with -d.
put = @printf '  %-4s %s\n' PUT $(DESTDIR)$(3); \
	$(INSTALL) -D -m $(1) $(2) $(DESTDIR)$(3)

# Neither nsswitch.conf nor pam.d is edited: that is the administrator's.
install: all install-documents
	$(call put,0755,$(program),$(sbindir)/oat)
	$(call put,0644,$(pam_module),$(pamdir)/pam_oat.so)
	$(call put,0644,$(nss_module),$(libdir)/libnss_oat.so.2)
	$(call put,0644,$(courier),$(libdir)/oat/courier.so)
	$(call put,0644,pam_oat/stacks/oat,$(datarootdir)/oat/pam.d/oat)
	$(call put,0440,common/oat.sudoers,$(sysconfdir)/sudoers.d/oat)
	$(call put,0644,common/oat.sysusers,$(sysusersdir)/oat.conf)
	$(Q)sed -e 's|@statedir@|$(statedir)|' \
		-e 's|@runstatedir@|$(runstatedir)|' \
		common/oat.tmpfiles >$B/tmpfiles.conf
	$(call put,0644,$B/tmpfiles.conf,$(tmpfilesdir)/oat.conf)
	$(Q)$(INSTALL) -d -m 0755 $(DESTDIR)$(sysconfdir)/oat \
		$(DESTDIR)$(statedir) $(DESTDIR)$(statedir)/home
	$(Q)$(INSTALL) -d -m 0700 $(DESTDIR)$(statedir)/spool
	$(Q)test -e $(DESTDIR)$(sysconfdir)/oat/oat.conf || \
		$(INSTALL) -m 0600 common/oat.conf.example \
		$(DESTDIR)$(sysconfdir)/oat/oat.conf
	$(Q)$(if $(DESTDIR),:,$(create_user))

install-documents: all
	$(call say,PUT,$(DESTDIR)$(sqldir))
	$(Q)$(INSTALL) -d -m 0755 $(DESTDIR)$(sqldir) $(DESTDIR)$(docdir)
	$(Q)$(INSTALL) -m 0644 $(sql_files) $(DESTDIR)$(sqldir)
	$(call say,PUT,$(DESTDIR)$(docdir))
	$(Q)$(INSTALL) -m 0644 $(documents) $(DESTDIR)$(docdir)
	$(call say,PUT,$(DESTDIR)$(mandir))
	$(Q)$(foreach page,$(man_pages),$(INSTALL) -D -m 0644 $(page) \
		$(DESTDIR)$(call man_path,$(page)) &&) :

# The program's children become this user, who owns no file.
create_user = grep -q '^_oat:' /etc/passwd || test "$$(id -u)" != 0 || \
	systemd-sysusers $(sysusersdir)/oat.conf 2>/dev/null || \
	useradd --system --user-group --no-create-home --home-dir / \
		--shell /usr/sbin/nologin _oat

# Configuration, state and the user stay, as after apt-get remove.
uninstall:
	rm -f $(DESTDIR)$(sbindir)/oat $(DESTDIR)$(pamdir)/pam_oat.so \
		$(DESTDIR)$(libdir)/libnss_oat.so.2 \
		$(DESTDIR)$(libdir)/oat/courier.so \
		$(DESTDIR)$(sysconfdir)/sudoers.d/oat \
		$(DESTDIR)$(sysusersdir)/oat.conf \
		$(DESTDIR)$(tmpfilesdir)/oat.conf
	rm -f $(foreach page,$(man_pages),$(DESTDIR)$(call man_path,$(page)))
	rm -rf $(DESTDIR)$(datarootdir)/oat $(DESTDIR)$(sqldir) \
		$(DESTDIR)$(docdir)

clean:
	rm -rf $B


.PHONY: check-postgres all tests host-tools bench-tools deps check demo bench fuzz lint \
	install install-documents uninstall clean FORCE

-include $(shell find $B -name '*.d' 2>/dev/null)
