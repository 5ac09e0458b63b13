#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat residue: what an identity has left behind, for the night of a leak.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

as_identity()
{
	lab_exec web-1 setpriv --reuid "$1" --regid "$1" --clear-groups sh -c \
	    "$2"
}

# An identity that was here, in every way that is known.
leave_behind()
{
	login=oat-acme-$1
	lab_token web-1 acme "$1" 'web-*' sshd,sudo,cron
	home=/var/lib/oat/home/$login
	uid=$(lab_exec web-1 id -u "$login")
	lab_exec web-1 install -d -o "$uid" -g "$uid" -m 0700 "$home"
	as_identity "$uid" "umask 077; cd $home && mkdir -p .ssh \
	    .config/systemd/user && echo 'ssh-ed25519 AAAA' \
	    >.ssh/authorized_keys && touch .config/systemd/user/x.service &&
	    echo x >/tmp/left-$1 && mkdir /var/tmp/left-$1 &&
	    printf x >'/var/tmp/left-$1/a
file     fake'"
	echo '0 0 * * * true' | lab_exec web-1 crontab -u "$login" -
	lab_exec web-1 sh -c "mkdir -p /var/spool/cron/atjobs \
	    /var/lib/systemd/linger && touch /var/lib/systemd/linger/$login &&
	    echo '* * * * * $login true' >/etc/cron.d/left-$1 &&
	    touch /var/spool/cron/atjobs/a00001 &&
	    chown $uid /var/spool/cron/atjobs/a00001 &&
	    cp /bin/true /usr/local/bin/left-$1 &&
	    chown $uid /usr/local/bin/left-$1 &&
	    chmod 4755 /usr/local/bin/left-$1"
	lab_exec web-1 setpriv --reuid "$uid" --regid "$uid" --clear-groups \
	    sleep 1001 >/dev/null 2>&1 </dev/null &
	wait_for 5 lab_exec web-1 pgrep -u "$uid" sleep >/dev/null
}

expect_all_of()
{
	expect_status 3
	expect_out '^process  [0-9]+ sleep 1001$'
	expect_out "^cron     /var/spool/cron/crontabs/$login$"
	expect_out "^cron     /etc/cron.d/left-$1:1$"
	expect_out '^at       /var/spool/cron/atjobs/a00001$'
	expect_out "^linger   /var/lib/systemd/linger/$login$"
	expect_out "^home     $home  \\([0-9]+ files\\)$"
	expect_out "^ssh      $home/.ssh/authorized_keys$"
	expect_out "^unit     $home/.config/systemd/user$"
	expect_out "^file     /tmp/left-$1$"
	expect_out "^file     /var/tmp/left-$1$"
	expect_out "^file     /usr/local/bin/left-$1  \\(runs as its owner"
	# A name with a newline in it makes no line of its own.
	expect_out "^file     /var/tmp/left-$1/a.x0afile     fake$"
	expect_no_out '^file +fake'
	expect_no_out "^file .*$home"
	expect_no_out '^file .*(crontabs|atjobs)/'
}

clean_up()
{
	lab_exec web-1 sh -c "pkill -9 -u $uid; crontab -r -u $login; rm -rf \
	    $home /tmp/left-$1 /var/tmp/left-$1 /etc/cron.d/left-$1 \
	    /usr/local/bin/left-$1 /var/spool/cron/atjobs/a00001 \
	    /var/lib/systemd/linger/$login /var/spool/cron/crontabs/$login"
}

test_residue_of_an_identity_is_found_everywhere()
{
	leave_behind here
	run lab_exec web-1 oat residue "$login"
	expect_all_of here
	clean_up here
	run lab_exec web-1 oat residue "$login"
	expect_status 0
	expect_equal '' "$out"
}

test_residue_of_a_deleted_identity_is_found()
{
	leave_behind gone
	lab_sql "delete from oat.tokens where name = 'gone'"
	# Its processes go with it; they come back for this test.
	lab_exec web-1 oat sync >/dev/null 2>&1
	lab_exec web-1 setpriv --reuid "$uid" --regid "$uid" --clear-groups \
	    sleep 1001 >/dev/null 2>&1 </dev/null &
	wait_for 5 lab_exec web-1 pgrep -u "$uid" sleep >/dev/null
	run lab_exec web-1 oat residue "$login"
	expect_all_of gone
	run lab_exec web-1 oat residue "$uid"
	expect_all_of gone
	clean_up gone
}

# Whose name nobody knows any more.
test_residue_is_found_by_a_number_alone()
{
	lab_exec web-1 sh -c 'touch /srv/old && chown 81234:81234 /srv/old &&
	    touch /srv/shared && chown 0:81234 /srv/shared'
	run lab_exec web-1 oat residue 81234
	expect_status 3
	expect_out '^file     /srv/old$'
	expect_out '^file     /srv/shared  \(by its group\)$'
	expect_equal 2 "$(printf '%s\n' "$out" | grep -c .)"
	run lab_exec web-1 sh -c 'mv /var/lib/oat/identities /run/kept
	    oat residue 81234; status=$?
	    mv /run/kept /var/lib/oat/identities; exit $status'
	expect_status 3
	lab_exec web-1 rm /srv/old /srv/shared
}

test_residue_shows_root_by_its_login()
{
	lab_token web-1 acme boss 'web-*' sshd,sudo
	lab_session_open client "$token" oat-acme-boss@web-1.lab
	run lab_session 'cat /proc/self/loginuid'
	[ "$out" != 4294967295 ] || skip "no login uids here"
	lab_session "(echo $token | sudo -S -p '' sleep 1002) >/dev/null 2>&1 \
	    </dev/null & sleep 0.5" >/dev/null
	run lab_exec web-1 oat residue oat-acme-boss
	expect_status 3
	expect_out '^process  [0-9]+ sleep 1002  \(uid 0, by its login\)$'
	lab_exec web-1 pkill -f 'sleep 1002'
	lab_session_close
}

test_residue_is_json_too()
{
	lab_token web-1 acme json 'web-*' sshd
	uid=$(lab_exec web-1 id -u oat-acme-json)
	as_identity "$uid" 'touch "/tmp/a \"b\" \\c"'
	run lab_exec web-1 oat residue --json oat-acme-json
	expect_status 3
	expect_equal \
	    '{"kind":"file","name":"/tmp/a \"b\" \\x5cc","note":""}' "$out"
	lab_exec web-1 sh -c 'rm /tmp/a*'
}

test_residue_refuses_what_is_nobody()
{
	local who

	for who in root 0 1000 65535 4294967296 oat-acme-none oat-acme '' \
	    ../../etc 99999999999999999999; do
		run lab_exec web-1 oat residue "$who"
		expect_status 1
		expect_out 'is no identity|residue:'
	done
	run lab_exec web-1 oat residue
	expect_status 2
	run lab_exec web-1 oat residue --json
	expect_status 2
	run lab_exec web-1 runuser -u nobody -- oat residue 81234
	expect_status 1
	expect_out 'run it as root'
}

lab_enter "$@"
lab_standard
run_tests "$@"
