#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The program's two children, as they are, and when somebody else has become
# them: every lie is told by a replaced courier.so (modules/liar.c) or a replaced
# Argon2 child (program/prover.c), and only sudo, su, sshd and NSS are asked
# what came of it.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
conf=/etc/oat/oat.conf

by_ssh()
{
	run lab_ssh client "$1" -o PreferredAuthentications=password \
	    "${2:-$login}@web-1.lab" id -u
}

by_su()
{
	run_with "$1"$'\n' lab_exec web-1 setsid -w runuser -u carol -- \
	    su "${2:-$login}" -c 'id -u'
}

configure()
{
	lab_put web-1 "$conf" root:root 0600
}

restore()
{
	configure <<<"$kept_conf"
}

expect_let_in()
{
	expect_status 0
	expect_out "^(Password: )?$uid\$"
}

# --- as they are --------------------------------------------------------------

# While the database is silent, what /proc tells of the child that waits.
status_of_children()
{
	local pid

	lab_database_freeze
	lab_exec web-1 oat sync >/dev/null 2>&1 &
	pid=$!
	wait_for 5 lab_exec web-1 pgrep -u _oat >/dev/null
	sleep 0.3
	lab_exec web-1 sh -c 'cat /proc/$(pgrep -u _oat | head -n 1)/status' \
	    >"$LAB/status"
	lab_database_thaw
	wait "$pid"
}

test_the_network_child_is_nobody_and_confined()
{
	status_of_children
	run cat "$LAB/status"
	expect_out '^NoNewPrivs:	1$'
	expect_out '^Seccomp:	2$'
	expect_out '^CapEff:	0+$'
	expect_out '^Groups:	* *$'
	expect_out "^Uid:(	$(lab_exec web-1 id -u _oat)){4}\$"
}

test_a_login_over_tls_with_a_password_works()
{
	by_ssh "$token"
	expect_let_in
}

test_a_login_over_tls_with_a_client_certificate_works()
{
	lab_put db "$lab_database_directory/ca.pem" postgres:postgres \
	    <"$LAB/ca.pem"
	lab_sql "alter system set ssl_ca_file = 'ca.pem'"
	sed -i '1i hostssl oat oat_web-1 all cert' \
	    "$(lab_root db)$lab_database_directory/pg_hba.conf"
	lab_database_control reload
	lab_certificate oat_web-1
	lab_put web-1 /srv/keys/client.pem root:_oat 0640 <"$LAB/oat_web-1.pem"
	lab_put web-1 /srv/keys/client.key root:_oat 0640 <"$LAB/oat_web-1.key"
	lab_put web-1 /srv/keys/ca.pem root:_oat 0640 <"$LAB/ca.pem"
	configure <<-CONF
	database = host=db.lab dbname=oat user=oat_web-1 sslmode=verify-full sslrootcert=/srv/keys/ca.pem sslcert=/srv/keys/client.pem sslkey=/srv/keys/client.key
	CONF
	by_ssh "$token"
	restore
	sed -i 1d "$(lab_root db)$lab_database_directory/pg_hba.conf"
	lab_database_control reload
	expect_let_in
}

test_a_login_whose_server_is_found_by_dns_works()
{
	local hosts

	hosts=$(lab_root web-1)/etc/hosts
	lab_exec client "$lab_build/tests/host/resolver" \
	    "${lab_addresses[db]}" >/dev/null 2>&1 &
	echo "nameserver ${lab_addresses[client]}" |
		lab_put web-1 /etc/resolv.conf
	cp "$hosts" "$LAB/hosts.kept"
	sed -i '/db\.lab/d' "$hosts"
	by_ssh "$token"
	cp "$LAB/hosts.kept" "$hosts"
	lab_exec web-1 rm /etc/resolv.conf
	lab_exec client pkill -x resolver
	expect_let_in
}

# --- the network's child lies ---------------------------------------------------

courier()
{
	echo "$(lab_root web-1)$(lab_exec web-1 sh -c \
	    'echo /usr/lib/*/oat/courier.so')"
}

# lie TEXT: from now on; the file's first line, and more.
lie()
{
	printf '%s\n' "$1" | lab_put web-1 /etc/oat/lie
}

begin_lying()
{
	cp "$(courier)" "$LAB/courier.so"
	cp --remove-destination "$lab_build/tests/host/modules/liar.so" \
	    "$(courier)"
}

end_lying()
{
	cp --remove-destination "$LAB/courier.so" "$(courier)"
	cp --remove-destination "$LAB/oat" "$(lab_root web-1)/usr/sbin/oat"
	lab_exec web-1 rm -f /etc/oat/lie
}

# Whoever is local is asked nothing of.
expect_locals_unmoved()
{
	by_su carol-password carol
	expect_status 0
	by_su "$other_token" root
	expect_failure
	by_su "$other_token" carol
	expect_failure
	run lab_exec web-1 id root
	expect_equal 'uid=0(root) gid=0(root) groups=0(root)' "$out"
}

test_case_19_a_lying_network_lets_in_an_identity_of_this_host_at_worst()
{
	begin_lying
	lie "yes acme ci $other_verifier"
	by_ssh "$other_token"
	expect_let_in
	by_ssh "$other_token" oat-acme-elsewhere
	expect_failure
	by_ssh "$other_token" oat-acme-nobody
	expect_failure
	expect_locals_unmoved
	end_lying
}

test_case_19_a_lying_network_cannot_answer_for_another_login()
{
	begin_lying
	lie "yes acme other $other_verifier"
	by_su "$other_token"
	expect_failure
	expect_log web-1 "login=$login .*reason=unavailable.*makes no sense"
	lie "yes acme ../ci $other_verifier"
	by_su "$other_token"
	expect_failure
	end_lying
}

# The secret is checked by a process that the liar is not.
test_case_19_a_lying_network_does_not_make_a_secret_right()
{
	begin_lying
	lie "yes acme ci $third_verifier"
	by_su "$other_token"
	expect_failure
	lie "yes acme ci ${other_verifier/t=5/t=200000}"
	by_su "$other_token"
	expect_failure
	end_lying
}

late_generation=9000000000000000000

listing()
{
	local count

	count=$(grep -c . <<<"$1")
	printf 'rows\nbegin\tweb-1\t%s\t\t\t\t\t1\t%s\n' \
	    "$late_generation" "$count"
	printf '%s\nend\t\t%s\n' "$1" "$late_generation"
}

# A row each: what it must not become is told by getent alone.
hostile_rows()
{
	local gid=70001

	sed 's/ /\t/g' <<-ROWS
	identity root 0 acme x /bin/sh t 0 $gid
	identity oat-acme-zero 0 acme zero /bin/sh t 0 $gid
	identity oat-acme-minus -1 acme minus /bin/sh t 0 $gid
	identity oat-acme-daemon 999 acme daemon /bin/sh t 0 $gid
	identity oat-acme-nobody 65534 acme nobody /bin/sh t 0 $gid
	identity oat-acme-wrap 4294967296 acme wrap /bin/sh t 0 $gid
	identity oat-acme-beyond 100000 acme beyond /bin/sh t 0 $gid
	identity oat-acme-dora $(lab_exec web-1 id -u dora) acme dora /bin/sh t 0 $gid
	identity carol 70111 acme carol /bin/sh t 0 $gid
	identity oat-A-b 70112 A b /bin/sh t 0 $gid
	identity oat-acme-a:b 70113 acme a:b /bin/sh t 0 $gid
	identity oat-acme-../x 70114 acme ../x /bin/sh t 0 $gid
	identity oat-acme-this 70115 acme that /bin/sh t 0 $gid
	identity oat-acme-gids 70116 acme gids /bin/sh t 0 0,27
	identity oat-acme-shell 70117 acme shell /tmp/evil t 0 $gid
	identity oat-acme-colon 70118 acme colon /bin/sh:x t 0 $gid
	identity oat-acme-relative 70119 acme relative bin/sh t 0 $gid
	group sudo 70120 acme
	group wheel 70121 acme
	group oat-sudo 27 acme
	group oat-good 0 acme
	group oat-users $gid
	ROWS
}

test_case_19_a_lying_network_names_no_id_group_or_shell_outside_the_rules()
{
	lab_exec web-1 useradd -u 70150 dora
	begin_lying
	lie "$(listing "$(hostile_rows)")"
	run lab_exec web-1 oat sync
	end_lying
	expect_out 'row refused: oat-acme-dora: number of a local account'
	run lab_exec web-1 getent passwd
	expect_no_out '^oat-[^:]*:[^:]*:(0|-1|999|65534|4294967296|100000):'
	expect_no_out '^oat-acme-(zero|minus|daemon|wrap|beyond|dora|a|\.\.|this):'
	expect_no_out '/tmp/evil|:bin/sh|/bin/sh:x'
	expect_equal 1 "$(grep -c '^root:' <<<"$out")"
	expect_equal 1 "$(grep -c '^carol:' <<<"$out")"
	expect_out '^oat-acme-shell:\*:70117:70117:oat acme/shell:/var/lib/oat/home/oat-acme-shell:/usr/sbin/nologin$'
	run lab_exec web-1 getent group
	expect_out '^oat-users:[^:]*:70001:$'
	expect_no_out '^[^:]*:[^:]*:7012[01]:'
	expect_equal 1 "$(grep -c '^sudo:' <<<"$out")"
	expect_no_out '^(wheel|oat-good):'
	run lab_exec web-1 id -G oat-acme-gids
	expect_no_out '(^| )(0|27)( |$)'
	run lab_exec web-1 id -G root
	expect_equal 0 "$out"
	lab_exec web-1 rm -f /var/lib/oat/identities
	lab_exec web-1 oat sync
}

test_case_19_a_network_that_floods_hangs_or_dies_costs_one_login()
{
	local what began

	begin_lying
	for what in garbage flood silence crash leave; do
		lie "$what"
		began=$SECONDS
		by_su "$token"
		expect_failure
		[ $((SECONDS - began)) -le 8 ] ||
			fail "$what: $((SECONDS - began)) seconds"
		expect_log web-1 "login=$login .*reason=unavailable"
	done
	expect_locals_unmoved
	end_lying
	run lab_exec web-1 pgrep -u _oat
	expect_equal '' "$out"
	by_su "$token"
	expect_let_in
}

# The bait shows that the search finds what is there.
test_case_19_a_lying_network_reaches_neither_token_nor_root_nor_the_host()
{
	begin_lying
	lie "spy $other_token"
	by_su "$token"
	end_lying
	expect_failure
	expect_log web-1 "login=$login .*detail=spied:\$"
	run lab_exec web-1 test -e /tmp/stolen
	expect_failure
}

# --- the other child lies -------------------------------------------------------

begin_proving()
{
	cp --remove-destination "$lab_build/tests/host/program/oat" \
	    "$(lab_root web-1)/usr/sbin/oat"
	lie "$1"
}

test_case_19_a_lying_prover_makes_a_secret_right_and_nothing_more()
{
	local made_up

	lab_wrong_secret "$selector"
	made_up=$token
	token=$kept_token
	begin_proving right
	by_su "$made_up"
	expect_let_in
	lab_sql "update oat.tokens set deactivated_at = now()
	    where login = '$login'"
	by_su "$made_up"
	expect_failure
	expect_out 'deactivated'
	lab_sql "update oat.tokens set deactivated_at = null
	    where login = '$login'"
	by_su "$made_up" oat-acme-elsewhere
	expect_failure
	by_su "$other_token"
	expect_failure
	expect_locals_unmoved
	lie wrong
	by_su "$token"
	expect_failure
	end_lying
}

test_case_19_a_prover_that_floods_hangs_or_dies_costs_one_login()
{
	local what began

	begin_proving leave
	for what in garbage flood silence crash leave; do
		lie "$what"
		began=$SECONDS
		by_su "$token"
		expect_failure
		[ $((SECONDS - began)) -le 8 ] ||
			fail "$what: $((SECONDS - began)) seconds"
	done
	expect_locals_unmoved
	end_lying
	run lab_exec web-1 pgrep -u _oat
	expect_equal '' "$out"
}

test_case_19_a_lying_prover_reaches_neither_password_nor_network_nor_host()
{
	begin_proving "spy $database_password"
	by_su "$token"
	expect_failure
	expect_log web-1 "login=$login selector=$selector reason=wrong_secret"
	# A second copy would have been found: this one is the bait alone.
	lie "spy no such text in the program"
	by_su "$token"
	expect_failure
	end_lying
}

# --- hosts ----------------------------------------------------------------------

begin()
{
	lab_standard
	lab_local_user web-1 carol carol-password
	lab_mint web-1
	third_verifier=$verifier
	lab_mint web-1
	other_token=$token other_verifier=$verifier
	lab_token web-1 acme elsewhere app-1 su,sshd
	lab_token web-1 acme ci 'web-*' su,sshd
	kept_token=$token
	uid=$(lab_exec web-1 id -u "$login")
	kept_conf=$(lab_exec web-1 cat "$conf")
	database_password=$(lab_exec web-1 cat /etc/oat/password)
	cp "$(lab_root web-1)/usr/sbin/oat" "$LAB/oat"
}

lab_enter "$@"
begin
run_tests "$@"
