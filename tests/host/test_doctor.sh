#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat doctor on a host that is well, and on one whose files are not: each state
# is named, and nothing is said any more once the fix was typed.

# shellcheck source=tests/host/doctor.sh
. "$(dirname "$0")/doctor.sh"

# --- as it should be --------------------------------------------------------

test_a_healthy_host_prints_no_warning()
{
	run doctor
	expect_status 0
	expect_no_out '^(warn|FAIL|skip)'
	expect_no_out '; (fix|do|in psql): '
	expect_out '^ok +config +/etc/oat/oat.conf: '
	expect_out '^ok +server +db.lab:5432: primary, PostgreSQL '
	expect_out '^ok +tls.server +db.lab:5432: ends 20'
	expect_out "^ok +names +$login: resolves to uid"
	is_well
}

test_it_walks_the_path_in_order()
{
	run doctor
	expect_equal 'user config sslrootcert password program courier pam_module nss_module nsswitch.passwd nsswitch.group names pam.sshd pam.sudo pam.sudo-i pam.login pam.cron pam.su pam.su-l sshd sudoers tls.ca server tls.server schema role clock state snapshot sync spool schedule ids' \
	    "$(awk '$1 == "ok" { print $2 }' <<<"$out" | xargs)"
}

test_json_is_what_the_lines_say()
{
	local lines

	run doctor
	lines=$(awk '$1 == "ok" { print $2 }' <<<"$out")
	run doctor --json
	expect_status 0
	expect_equal "$lines" "$(sed -n 's/^.*"check":"\([^"]*\)".*/\1/p' \
	    <<<"$out")"
	expect_out '"status":"ok"}$'
}

test_another_user_is_told_what_takes_root()
{
	run lab_exec web-1 runuser -u nobody -- oat doctor
	expect_status 3
	expect_no_out '^(warn|FAIL)'
	expect_out "^skip +config +$conf: not looked at: it takes root"
	expect_out '^skip +server +host=: not asked: it takes root$'
	expect_out '^skip +server '
	expect_out '^ok +pam.sshd '
	expect_out '^ok +snapshot '
}

test_wrong_usage_is_64_and_no_state_of_the_host()
{
	local words

	for words in --verbose --login '--service sshd' '--rhost 10.1.2.3' \
	    '--json --quiet' extra "--login $(printf '%0256d' 0)"; do
		# shellcheck disable=SC2086
		run doctor $words
		expect_status 64
		expect_out '^usage: oat doctor'
	done
}

inventory()
{
	lab_exec web-1 find /etc /var/lib/oat /run/oat -type f \
	    -printf '%p %i %m %s %T@\n' | sort
}

test_it_changes_nothing()
{
	local before

	before=$(inventory)
	run doctor --login "$login" --service sudo
	expect_status 0
	expect_equal "$before" "$(inventory)"
}

# --- configuration, files, the system user ----------------------------------

test_a_missing_configuration_is_named()
{
	on_web "rm $conf"
	names FAIL config "$conf: No such file.*; do: write it"
}

test_a_configuration_of_another_owner_or_mode_is_named()
{
	on_web "chown nobody $conf"
	names FAIL config "$conf: owner [0-9]+:root, mode 0600"
	mends config
	on_web "chmod 0644 $conf"
	names FAIL config "$conf: owner root:root, mode 0644: not everybody"
	mends config
	on_web 'chmod 0777 /etc/oat'
	names FAIL config "/etc/oat: owner root:root, mode 0777: root alone"
	mends config
}

test_a_configuration_that_is_a_link_is_named()
{
	on_web "mv $conf /etc/oat/c && ln -s c $conf"
	names FAIL config "$conf: a symbolic link"
}

test_each_line_that_is_not_understood_is_named()
{
	on_web "printf 'colour = red\\ntimeout = soonish\\n' >>$conf"
	names FAIL config "$conf:3: colour: unknown key"
	expect_out "^FAIL +config +$conf:4: timeout: not a duration"
	expect_no_out soonish
	mends config
}

test_connection_options_that_are_refused_are_named()
{
	on_web "sed -i 's/verify-full/require/' $conf"
	names FAIL config "$conf: database: sslmode: verify-full is needed"
}

test_a_password_file_of_another_owner_or_mode_is_named()
{
	on_web 'chmod 0644 /etc/oat/password'
	names FAIL password '/etc/oat/password: .*mode 0644: not everybody'
	expect_out '^skip +server +host=: not asked: mend the configuration first$'
	mends password
	on_web 'chmod 0660 /etc/oat/password'
	names FAIL password '/etc/oat/password: .*mode 0660: root alone'
	mends password
	on_web 'chown _oat /etc/oat/password'
	names FAIL user '/etc/oat/password: owned by _oat'
	expect_out '^FAIL +password +/etc/oat/password: owner _oat:_oat'
	mends user password
}

test_a_password_file_that_is_missing_or_empty_is_named()
{
	on_web 'rm /etc/oat/password'
	names FAIL password '/etc/oat/password: No such file'
	on_web 'install -o root -g _oat -m 0640 /dev/null /etc/oat/password'
	names FAIL password 'empty'
}

test_a_certificate_that_the_child_cannot_read_is_named()
{
	on_web 'chown root:root /etc/oat/ca.pem'
	names FAIL sslrootcert '/etc/oat/ca.pem: .*_oat must be able to read'
	expect_out '^FAIL +tls.ca +/etc/oat/ca.pem: as _oat: Permission denied'
	mends sslrootcert
	on_web "mkdir -m 0700 /etc/oat/in && mv /etc/oat/ca.pem /etc/oat/in &&
	    sed -i s,/ca.pem,/in/ca.pem, $conf"
	names FAIL tls.ca '/etc/oat/in/ca.pem: as _oat: Permission denied'
}

test_a_system_user_that_is_missing_root_or_has_a_shell_is_named()
{
	local uid

	uid=$(lab_exec web-1 id -u _oat)
	on_web 'usermod --shell /bin/sh _oat'
	names warn user '_oat: has a shell'
	mends user
	on_web "sed -i 's/^_oat:x:$uid:/_oat:x:0:/' /etc/passwd"
	names FAIL user '_oat: has uid or gid 0'
	on_web 'sed -i /^_oat:/d /etc/passwd /etc/group /etc/shadow /etc/gshadow'
	names FAIL user '_oat: no such user in /etc/passwd'
	type_fix shell "$(member user fix)"
	run doctor
	expect_out '^ok +user +_oat: uid'
}

# --- the pieces ---------------------------------------------------------------

test_a_piece_that_is_missing_is_named()
{
	on_web 'rm /usr/lib/*/security/pam_oat.so'
	names FAIL pam_module 'No such file or directory; do: install oat again'
	on_web 'rm /usr/lib/*/libnss_oat.so.2'
	names FAIL nss_module 'No such file or directory; do: install oat again'
	on_web 'rm /usr/lib/*/oat/courier.so'
	names FAIL courier 'No such file or directory; do: install oat again'
	expect_out '^FAIL +server +.*courier.so: cannot be loaded; .*; do: install'
}

test_a_piece_of_another_version_is_named()
{
	on_web 'sed -i "s/@(#)oat [0-9.]*/@(#)oat 9.9.9/" \
	    /usr/lib/*/security/pam_oat.so'
	names FAIL pam_module 'version 9.9.9, this program is [0-9]'
	on_web 'for f in /usr/lib/*/libnss_oat.so.2; do echo >$f; done'
	names FAIL nss_module 'nothing that oat made'
}

test_a_piece_that_others_may_change_is_named()
{
	on_web 'chmod 0666 /usr/lib/*/libnss_oat.so.2'
	names FAIL nss_module 'mode 0666: root alone may change it'
	mends nss_module
}

# --- names; every variant is in tests/unit/test_nsswitch.c -------------------------

# With this sed(1) script on nsswitch.conf the line is named, and mended.
nsswitch()
{
	on_web "sed -i -E '$1' /etc/nsswitch.conf"
	names "$2" "$3" "$4"
	mends "$3"
	undo
}

test_nsswitch_without_oat_is_named()
{
	nsswitch '/^passwd:/ s/ oat//' FAIL nsswitch.passwd 'no oat'
	nsswitch '/^group:/ s/ oat//' FAIL nsswitch.group 'no oat'
	nsswitch '/^passwd:/d' FAIL nsswitch.passwd 'no line .passwd:'
}

test_nsswitch_in_another_order_is_named()
{
	nsswitch '/^passwd:/ s/:.*/: files systemd oat/' \
	    warn nsswitch.passwd 'oat stands behind systemd'
	nsswitch '/^passwd:/ s/files oat/oat files/' \
	    warn nsswitch.passwd "before this host's own accounts"
	nsswitch '/^group:/ s/$/ oat/' warn nsswitch.group '2 times'
}

test_nsswitch_that_ends_before_oat_is_named()
{
	nsswitch '/^passwd:/ s/files/files [NOTFOUND=return]/' \
	    FAIL nsswitch.passwd 'never asked: an action behind files'
	nsswitch '$ a initgroups: files' FAIL nsswitch.initgroups 'no oat'
}

test_nsswitch_with_oat_for_shadow_is_named()
{
	nsswitch '/^shadow:/ s/$/ oat/' warn nsswitch.shadow \
	    'oat has no shadow entries'
}

test_names_that_do_not_resolve_are_named()
{
	on_web 'sed -i -E "/^passwd:/ s/ oat//" /etc/nsswitch.conf'
	names FAIL names "$login: is in the snapshot, .* not found by getent"
	mends nsswitch.passwd
}

test_a_cache_beside_us_is_told_and_no_fault()
{
	on_web 'mkdir /run/nscd && touch /run/nscd/socket'
	run doctor
	expect_status 0
	expect_out '^ok +cache +/var/run/nscd/socket: nscd or unscd runs here'
}

# --- snapshot, spool, schedule, numbers --------------------------------------------------

test_a_snapshot_that_is_missing_or_damaged_is_named()
{
	on_web 'rm /var/lib/oat/identities'
	names FAIL snapshot '/var/lib/oat/identities: No such file'
	mends snapshot
	on_web 'printf x | dd of=/var/lib/oat/identities bs=1 seek=600 \
	    conv=notrunc status=none'
	names FAIL snapshot 'damaged: names of oat do not resolve'
	mends snapshot
	on_web 'truncate -s 7 /var/lib/oat/identities'
	names FAIL snapshot 'damaged'
	mends snapshot
	on_web 'chmod 0666 /var/lib/oat/identities'
	names FAIL snapshot "not root's alone"
	mends snapshot
}

# The time of that file is of the clock since boot (refresh.h).
last_sync_was()
{
	on_web "touch -d @\$((\$(cut -d. -f1 /proc/uptime) - $1)) \
	    /run/oat/sync-succeeded"
}

test_a_sync_that_is_late_or_failed_is_named()
{
	last_sync_was 250
	names warn sync 'succeeded 4 min ago; fix: /usr/sbin/oat sync$'
	mends sync
	on_web "sed -i s/db.lab/nowhere.lab/ $conf; ! oat sync 2>/dev/null"
	undo
	names warn sync ', and failed since'
	mends sync
}

test_a_newer_snapshot_than_the_database_is_named()
{
	in_database 'alter function oat.generation() rename to true_generation;
	    create function oat.generation() returns bigint language sql stable
	    as $$ select 1::bigint $$;
	    revoke execute on function oat.generation() from public;
	    alter function oat.generation() owner to oat_owner' 'drop function oat.generation();
	    alter function oat.true_generation() rename to generation'
	names warn snapshot 'newer than the database: restored'
}

test_a_spool_with_old_or_bad_files_is_named()
{
	on_web 'echo no event >/var/lib/oat/spool/000000000001.1-x.event &&
	    touch -d "5 minutes ago" /var/lib/oat/spool/*.event'
	names warn spool '1 events wait, the oldest for 5 min'
	on_web 'oat sync 2>/dev/null; true'
	names warn spool.bad '1 files were put aside'
	mends spool.bad
	on_web 'chmod 0755 /var/lib/oat/spool'
	names FAIL state '/var/lib/oat/spool: .*mode 0755: not everybody'
	mends state
}

test_a_home_root_that_is_missing_or_others_is_named()
{
	on_web 'mv /var/lib/oat/home /var/lib/oat/h'
	names FAIL home_root '/var/lib/oat/home: No such file'
	mends home_root
	on_web 'chmod 0777 /var/lib/oat/home'
	names FAIL home_root 'mode 0777: root alone'
	mends home_root
}

test_a_host_without_a_schedule_is_named()
{
	on_web 'rm /etc/cron.d/oat'
	names warn schedule 'run by no timer, no crontab'
	mends schedule
	on_web 'sed -i "s/^/# /" /etc/cron.d/oat'
	names warn schedule 'run by no timer, no crontab'
	mends schedule
}

# with_systemctl SCRIPT: what the doctor says where that is systemctl(1).
with_systemctl()
{
	run lab_exec web-1 sh -c 'mv /usr/bin/systemctl /root 2>/dev/null
	    printf "#!/bin/sh\n%s\n" "$1" >/usr/bin/systemctl
	    chmod 755 /usr/bin/systemctl; oat doctor --quiet
	    rm /usr/bin/systemctl; mv /root/systemctl /usr/bin 2>/dev/null' \
	    sh "$1"
}

# What oat-courier.socket makes.
make_socket()
{
	on_web 'rm -f /run/oat/courier && perl -MSocket -e "socket(S, AF_UNIX, SOCK_STREAM, 0) and
	    bind(S, sockaddr_un(\"/run/oat/courier\")) or die"'
}

test_a_timer_is_a_schedule()
{
	on_web 'rm /etc/cron.d/oat &&
	    mkdir -p /run/systemd/system/timers.target.wants &&
	    touch /run/systemd/system/timers.target.wants/oat-sync.timer'
	with_systemctl 'exit 0'
	expect_out '^warn +schedule +oat-sync.timer: no socket /run/oat/courier, .*; fix: systemctl daemon-reload && systemctl restart oat-courier.socket$'
	make_socket
	with_systemctl 'exit 0'
	expect_out '^[0-9]+ ok, 0 warnings'
	with_systemctl 'exit 3'
	expect_out '^warn +schedule +oat-sync.timer: enabled, and not active; fix: systemctl start oat-sync.timer$'
}

test_a_watch_that_is_enabled_is_a_schedule_while_it_is_active()
{
	on_web 'rm /etc/cron.d/oat && dir=/run/systemd/system &&
	    mkdir -p $dir/timers.target.wants $dir/multi-user.target.wants &&
	    touch $dir/timers.target.wants/oat-sync.timer &&
	    touch $dir/multi-user.target.wants/oat-watch.service'
	make_socket
	with_systemctl 'case $2 in oat-watch.service) exit 0 ;; esac; exit 3'
	expect_out '^[0-9]+ ok, 0 warnings'
	with_systemctl 'exit 3'
	expect_out '^warn +schedule +oat-watch.service: enabled, and not active; fix: systemctl start oat-watch.service$'
}

test_where_systemd_runs_our_timer_is_the_schedule_to_have()
{
	on_web 'rm /etc/cron.d/oat && mkdir -p /run/systemd/system'
	names warn schedule 'run by no timer.*; fix: systemctl enable --now oat-sync.timer$'
}

test_numbers_of_others_in_our_range_are_named()
{
	on_web 'echo dora:x:70123:100::/:/bin/false >>/etc/passwd'
	names FAIL ids '/etc/passwd: dora .70123. is inside uid_range'
	undo
	on_web 'echo dora:x:99999: >>/etc/group'
	names FAIL ids '/etc/group: dora .99999. is inside uid_range'
	undo
	on_web 'echo dora:60000:65536 >>/etc/subuid'
	names FAIL ids '/etc/subuid: dora has 60000-125535, inside uid_range'
	undo
	on_web 'sed -i "s/^UID_MAX.*/UID_MAX 80000/" /etc/login.defs'
	names warn ids '/etc/login.defs: useradd gives out .*UID_MAX 80000'
	mends ids
}

doctor_begin "$@"
run_tests "$@"
