#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples of oat-operations(7), one after the other, do what it says, and
# so do those of the other manuals.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"
# shellcheck source=tests/host/documents.sh
. "$(dirname "$0")/documents.sh"

# --- who types ---------------------------------------------------------------

# An operator has a role of the same name, and the program for oat mint.
run_example_on()
{
	case $1$2 in
	ops\$) as_user db ops "$3" ;;
	db\$) as_user db postgres "$3" ;;
	*@*) lab_ssh client "$(ci_token)" "${1%@*}@${1#*@}.lab" "$3" ;;
	*\#) as_root "$1" "$3" ;;
	*) fail "whose prompt is $1$2?" ;;
	esac
}

# A statement that a host prints is for the database.
as_root()
{
	local printed ended

	printed=$(lab_exec "$1" sh -c "cd /root && $2" 2>&1)
	ended=$?
	[ "$2" != "oat enroll" ] || run_sql "$printed" >/dev/null || ended=$?
	echo "$printed"
	return "$ended"
}

as_user()
{
	lab_exec "$1" runuser -u "$2" -- env PATH="$PATH" PGDATABASE=oat \
	    HOME="$(lab_exec "$1" getent passwd "$2" | cut -d : -f 6)" \
	    sh -c "cd && $3"
}

# On a terminal, where oat mint shows tokens.
run_sql()
{
	as_user db ops "cat >typed.sql" <<<"$1"
	as_user db ops "script -qec 'psql -XqP pager=off -P footer=off \
	    -v ON_ERROR_STOP=1 ${auditor:+-U $auditor} -f typed.sql' /dev/null" |
		tr -d '\r'
	return "${PIPESTATUS[0]}"
}

# The job's, which an operator renews.
ci_token()
{
	lab_exec db cat /home/ops/ci.token 2>/dev/null || echo "$token"
}

# --- what was there before ---------------------------------------------------

operators()
{
	lab_install db
	lab_exec db useradd -m ops
	lab_put db "$lab_database_directory/pg_hba.conf" postgres:postgres 0600 <<-HBA
	local all postgres peer map=lab
	local oat ops,carla trust
	hostssl oat +oat_host all scram-sha-256
	HBA
	lab_database_control reload
	lab_sql "create role ops login createrole in role oat_admin;
	    grant oat_host to ops with admin option;
	    create role anna login; grant oat_admin, oat_delegate to anna;
	    insert into oat.allowances values
	        ('acme', '*', 'sshd'), ('acme', '*', 'sudo'),
	        ('acme', '*', 'cron');
	    insert into oat.delegates values ('acme', 'anna', '{rotate}')"
}

# A job that has worked, and whose token somebody else minted.
jobs()
{
	lab_mint web-1
	lab_sql "set session authorization anna;
	    select oat.create_token('acme', 'report', '$verifier', '{web-1}',
	        '{sshd}')" >/dev/null
	lab_token web-1 acme ci web-1 sshd,sudo "now() + interval '90 days'"
	run lab_ssh client "$token" oat-acme-ci@web-1.lab true
	[ "$status" = 0 ] || lab_die "no login: $out"
	echo "$token" | lab_put db /home/ops/leaked.txt ops:ops
}

# deploy, as it is found: a key from elsewhere, a crontab, files, sudo.
shared_user()
{
	lab_exec web-1 sh -c 'useradd -m -s /bin/sh deploy &&
	    install -d -o deploy -g deploy -m 0700 /home/deploy/.ssh &&
	    install -d -o deploy /srv/app && touch /srv/app/release &&
	    chown deploy /srv/app/release && ln -sf lab.log /var/log/auth.log &&
	    echo "deploy ALL=(root) NOPASSWD: /usr/bin/id" \
	        >/etc/sudoers.d/deploy && chmod 0440 /etc/sudoers.d/deploy &&
	    echo "15 3 * * * test -d /srv/app" | crontab -u deploy -'
	lab_exec client ssh-keygen -q -t ed25519 -N '' -C nightly@runner \
	    -f /root/key
	lab_exec client cat /root/key.pub |
		lab_put web-1 /home/deploy/.ssh/authorized_keys deploy:deploy 0600
	run lab_ssh client '' -i /root/key deploy@web-1.lab true
	[ "$status" = 0 ] || lab_die "no login as deploy: $out"
}

# What the text uses, and what it is here: the selector of the leaked token, a
# digest of the seal.
stand_ins()
{
	as_here="s/3kPq0VbXw9Zd/$selector/
	    s/e3b0c442[0-9a-f]\\{56\\}/$(lab_sql "select encode(digest, 'hex')
	        from oat.activity_batches order by number limit 1")/"
}

# Examples of what this oat does not have yet, if there are any.
leave_out_what_is_missing()
{
	local command function

	may_end=("web-1# oat residue*: 3")
	for command in residue doctor enroll rotate-host-password; do
		lab_exec web-1 oat --help | grep -q "^  oat $command\>" ||
			not_run+=("*# oat $command*: this oat has none")
	done
	for function in revocation_status known_hosts; do
		[ -n "$(lab_sql "select to_regproc('oat.$function')")" ] ||
			not_run+=("*oat.$function(*: this schema has none")
	done
	[ ${#not_run[@]} = 0 ] || printf 'not run: %s\n' "${not_run[@]}"
}

# --- the sections, in their order --------------------------------------------

test_a_leak_is_shut_proved_and_traced_as_written()
{
	section "A LEAK ON FRIDAY NIGHT"
	run lab_ssh client "$token" oat-acme-ci@web-1.lab true
	expect_status 255
	expect_log web-1 "login=oat-acme-ci .*reason=retired_secret"
	run lab_ssh client "$(ci_token)" oat-acme-ci@web-1.lab true
	expect_status 0
}

test_somebody_leaves_as_written()
{
	section "SOMEBODY LEAVES"
	expect_equal f "$(lab_sql "select rolcanlogin from pg_roles
	    where rolname = 'anna'")"
}

test_schedules_run_as_written()
{
	section SCHEDULES
}

test_monitoring_is_as_written()
{
	section MONITORING
}

test_a_backup_is_made_and_proved_as_written()
{
	section BACKUP
}

test_restoring_ends_as_written()
{
	section RESTORING
}

test_upgrading_goes_as_written()
{
	section UPGRADING
}

test_an_audit_is_answered_as_written()
{
	local auditor=carla

	lab_sql 'select oat.seal_activity()' >/dev/null
	stand_ins
	section "AN AUDIT"
}

test_a_shared_user_is_migrated_as_written()
{
	section "MIGRATING FROM SHARED USERS"
	run lab_exec web-1 id deploy
	expect_failure
	token=$(lab_exec db cat /home/ops/nightly.token)
	run as_nightly 'touch /srv/app/release && sudo -n /usr/bin/id -u'
	expect_equal 0 "$out"
	lab_sql "delete from oat.grants where token = 'nightly'
	    and service = 'sudo'"
	run as_nightly 'sudo -n /usr/bin/id -u'
	expect_failure
	expect_no_out '^0$'
}

as_nightly()
{
	lab_ssh client "$token" oat-acme-nightly@web-1.lab "$1"
}

# Those of oat(8) are typed, each line behind its prompt; the configuration of
# others is compared with what is installed.
test_examples_of_the_other_manuals_are_as_written()
{
	local page

	# acme/ci is there, is the job of these examples, and may not use sudo.
	as_here="s/create_token('acme', 'ci'/create_token('acme', 'made'/
	    s/ci\\.token/made.token/; s,revoke('acme/ci',revoke('acme/report',"
	may_end+=("web-1# oat doctor --quiet --login*: 2")
	how=(
		"acme=> *: typed_behind_prompts"
		"[\\$] oat *: typed_by_operator"
		"# oat *: typed_by_root"
		"/usr/sbin/oat whoami*: typed_by_the_job"
		"# /etc/nsswitch.conf*: name_service"
		"auth*default=die*: lines_of /usr/share/oat/pam.d/oat"
	)
	not_run+=(
		"not asked again*: test_faults_unreachable.sh waits for it"
		"[\\$] server=*: test_readme.sh has it"
		"*SSH_ASKPASS=*: test_readme.sh has it"
		"hostssl *: test_enroll.sh has each line"
		"oat: *: what test_ssh.sh, test_notice.sh and others expect"
		"database *: test_config reads each key"
		"auth*pam_succeed_if*: test_lockout.sh, test_stacks.sh have them"
		"pam-auth-update *: test_profile.sh does it"
		"Match User *: test_sshd_snippet.sh lifts lines"
		"pam_oat(*: test_log.sh has the form"
		"cp -r *: test_fail2ban.sh does it"
	)
	for page in common/oat.8 common/oat.conf.5 pam_oat/pam_oat.8 \
	    nss_oat/nss_oat.8; do
		document "$lab_top/$page"
		each_block run_block
	done
}

# SQL of one session, then what root types.
typed_behind_prompts()
{
	is_left_out "$1" && return
	run_whole "$(grep -v '^# ' <<<"$1" | sed 's/^acme=> //')"
	! grep -q '^# ' <<<"$1" || typed_by_root "$(grep '^# ' <<<"$1")"
}

typed_by_the_job()
{
	run lab_ssh client "$(ci_token)" oat-acme-ci@web-1.lab "$1"
	last_command=$1
	expect_status 0
	expect_out '^login oat-acme-ci$'
}

# Names are found after it.
name_service()
{
	put_name_service web-1 "$(grep -v '^#' <<<"$1")"
	run lab_exec web-1 getent passwd oat-acme-ci
	expect_status 0
	run lab_exec web-1 sed -n 's/^passwd: *//p' /etc/nsswitch.conf
	expect_equal "files oat systemd" "$out"
}

lines_of()
{
	run lab_exec web-1 cat "$1"
	expect_answer "..."$'\n'"$(grep -v '^#' <<<"$2")"$'\n...'
}

typed_by_operator()
{
	run as_user db ops "${1#"$ "}"
	last_command=$1
	expect_status 0
}

typed_by_root()
{
	local command=${1#"# "}

	is_left_out "web-1# $command" && return
	run as_root web-1 "$command"
	last_command=$1
	expect_status "$(status_of "web-1# $command")"
	expect_out .
}

# No order of its own; what it names is there by now, and does not stay.
test_examples_of_the_schema_manual_are_as_written()
{
	document "$lab_top/sql/oat-schema.7"
	how=(
		"psql *: typed_by_operator"
		"getent *: typed_by_root"
		"[*] [*] [*] [*] [*] *psql*: run_own_crontab db postgres"
	)
	each_block run_block
}

test_every_section_with_examples_is_run()
{
	run sed -n 's/^\tsection "*\([^"]*\)"*$/\1/p' "$0"
	expect_equal "$(sections)" "$out"
}

test_every_reason_not_to_run_an_example_fits_one()
{
	expect_reasons_to_fit
}

# shellcheck disable=SC2034 # oat doctor warns two weeks before
lab_certificate_days=90
lab_enter "$@"
document "$lab_top/common/oat-operations.7"
lab_standard
operators
jobs
shared_user
stand_ins
leave_out_what_is_missing
run_tests "$@"
