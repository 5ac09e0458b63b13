#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Programs that resolve names of identities, or are run by one.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

identities=1000

# As the identity: none of these may hang, nor miss whose process it is.
identity_runs()
{
	run lab_exec web-1 runuser -u oat-acme-ci -- timeout 20 "$@"
	[ "$status" != 124 ] || fail "it hangs"
}

test_case_25_psql_of_an_identity_does_not_deadlock()
{
	identity_runs psql -X -h db.lab -d oat -c 'select 1'
	expect_out 'oat-acme-ci|no password|fe_sendauth'
	identity_runs psql -X -h /nonexistent -d oat -c 'select 1'
	expect_out 'nonexistent'
}

test_case_25_ssh_sudo_crontab_and_id_of_an_identity_work()
{
	identity_runs ssh -o BatchMode=yes -o ConnectTimeout=5 \
	    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
	    nobody@web-1.lab true
	expect_out 'Permission denied'
	identity_runs sudo -n true
	expect_out 'password is required'
	identity_runs crontab -l
	expect_out 'no crontab for oat-acme-ci'
	identity_runs id -un
	expect_equal oat-acme-ci "$out"
}

test_case_25_tmux_of_an_identity_works()
{
	lab_exec web-1 sh -c 'command -v tmux >/dev/null' || skip "no tmux"
	identity_runs env HOME=/tmp TERM=xterm tmux -S /tmp/tmux new-session -d \
	    'sleep 5'
	expect_status 0
}

begin_many()
{
	lab_mint web-1
	lab_sql "insert into oat.tokens (organization, name, verifier)
	    select 'many', 'n' || i, 'many' || lpad(i::text, 8, '0') ||
		substr('$verifier', 13)
	    from generate_series(1, $identities) i;
	    insert into oat.grants (organization, token, host, service)
	    select 'many', 'n' || i, 'web-1', 'sshd'
	    from generate_series(1, $identities) i" || lab_die "no tokens"
	lab_exec web-1 oat sync || lab_die "oat sync failed"
	lab_exec web-1 sh -c 'mkdir /srv/many && cd /srv/many &&
	    getent passwd | sed -n "s/^oat-many-[^:]*:[^:]*:\([0-9]*\):.*/\1/p" |
	    while read -r uid; do
		for i in 1 2 3 4 5; do : >"$uid.$i"; done
		chown "$uid" "$uid".?
	    done'
}

test_case_30_ls_of_5000_files_of_1000_identities_starts_and_asks_nothing()
{
	local connections stamps user

	begin_many
	connections=$(lab_connections)
	stamps=$(lab_exec web-1 sh -c 'stat -c "%n %Y" /run/oat/*')
	for user in root nobody; do
		run lab_exec web-1 runuser -u "$user" -- sh -c '
			before=$(cat /proc/sys/kernel/ns_last_pid)
			ls -l /srv/many >/dev/null
			after=$(cat /proc/sys/kernel/ns_last_pid)
			echo "$((after - before)) processes"'
		expect_equal '2 processes' "$out" # ls and cat
	done
	run lab_exec web-1 sh -c 'ls -l /srv/many | awk "/^-/ { print \$3 }" |
	    sort | uniq -c | awk "\$1 == 5 && \$2 ~ /^oat-many-n/" | wc -l'
	expect_equal "$identities" "$out"
	expect_equal "$connections" "$(lab_connections)"
	expect_equal "$stamps" \
	    "$(lab_exec web-1 sh -c 'stat -c "%n %Y" /run/oat/*')"
}

# As systemd's PrivateNetwork= does; the last one, since its sync fails.
test_case_26_private_network_finds_names_and_misses_end()
{
	run lab_exec web-1 unshare -n id -Gn oat-acme-ci
	expect_out 'oat-users'
	run lab_exec web-1 unshare -n timeout 20 getent passwd oat-acme-none
	expect_status 2
}

lab_unpack callers tmux
lab_enter "$@"
lab_host db
lab_host web-1 "$(lab_unpacked callers)"
lab_database db
lab_schema
lab_enroll web-1
lab_sshd web-1
lab_organization acme
lab_sql "insert into oat.organizations (name, plan) values ('many', 'unlimited')"
lab_token web-1 acme ci 'web-*' sshd,sudo
run_tests "$@"
