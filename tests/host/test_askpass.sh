#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat-askpass: what it answers, what it refuses, in the shells of images, and
# asked by the real ssh and sudo.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

askpass=/usr/share/oat/oat-askpass
canary=oat_AAAAAAAAAAAA_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBCCCCCC

# ask SHELL QUESTION [NAME=VALUE...]: its two streams apart.
ask()
{
	local shell=$1 question=$2

	shift 2
	last_command="$shell oat-askpass '$question' $*"
	# shellcheck disable=SC2086 # "busybox sh" is two words
	out=$(lab_exec web-1 env "$@" $shell "$askpass" "$question" \
	    2>"$LAB/told")
	status=$?
	told=$(cat "$LAB/told")
}

shells=(dash 'busybox sh' 'bash --posix')

answered=(
	"oat-acme-ci@web-1.lab's password: "
	"oat-acme-ci@10.77.0.12's password: "
	"oat-acme-ci@fe80::1%eth0's password: "
	'(oat-acme-ci@web-1.lab) Password: '
	'[sudo] password for oat-acme-ci: '
	'Password: '
)

refused=(
	''
	'Are you sure you want to continue connecting (yes/no/[fingerprint])? '
	"Please type 'yes', 'no' or the fingerprint: "
	$'The authenticity of host \'web-1.lab (10.77.0.12)\' can\'t be established.\nAre you sure you want to continue connecting (yes/no)? '
	"Enter passphrase for key '/root/.ssh/id_ed25519': "
	'Enter PIN for ED25519-SK key /root/.ssh/id_ed25519_sk: '
	"Enter oat-acme-ci@web-1.lab's old password: "
	"Enter oat-acme-ci@web-1.lab's new password: "
	"alice@bastion.lab's password: "
	"oat@bastion.lab's password: "
	"alice@oat-acme-ci@web-1's password: "
	'(alice@bastion.lab) Password: '
	"(alice@bastion.lab) oat-acme-ci@web-1.lab's password: "
	'(oat-acme-ci@web-1.lab) Verification code: '
	'(oat-acme-ci@web-1.lab) New password: '
	$'(oat-acme-ci@web-1.lab) Password:\nPassword: '
	'[sudo] password for alice: '
	'[sudo] password for root: '
	'[sudo] password for oat-acme-ci on x, alice: '
	"Password for 'https://oat-acme-ci@git.example.org': "
	"Username for 'https://git.example.org': "
	'Password:'
	'password: '
	'Password: Password: '
	$'\e[31mPassword: '
)

test_passwords_of_oat_logins_are_answered_in_every_shell()
{
	local shell question

	for shell in "${shells[@]}"; do
		for question in "${answered[@]}"; do
			ask "$shell" "$question" "OAT_TOKEN=$canary"
			expect_status 0
			expect_equal "$canary" "$out"
			expect_equal '' "$told"
		done
	done
}

test_everything_else_is_refused_with_a_reason_and_no_token()
{
	local shell question

	for shell in "${shells[@]}"; do
		for question in "${refused[@]}"; do
			ask "$shell" "$question" "OAT_TOKEN=$canary"
			expect_status 1
			expect_equal '' "$out"
			case $told in
			*"$canary"*) fail "told the token" ;;
			*$'\e'*) fail "told control characters" ;;
			'oat-askpass: '*) ;;
			*) fail "told: $told" ;;
			esac
		done
	done
}

test_the_question_about_a_host_key_is_told_its_answer()
{
	ask dash "${refused[1]}" "OAT_TOKEN=$canary"
	[[ $told = *'does not know the key of this host'*known_hosts* ]] ||
		fail "told: $told"
}

test_the_token_is_taken_from_its_file_before_the_variable()
{
	local end

	for end in '' '\n' '\r\n' '\n\n'; do
		printf '%s%b' "$canary" "$end" | lab_put web-1 /run/token root:root 0600
		ask dash 'Password: ' OAT_TOKEN_FILE=/run/token OAT_TOKEN=other
		expect_status 0
		expect_equal "$canary" "$out"
	done
	ask dash 'Password: ' OAT_TOKEN_FILE= "OAT_TOKEN=$canary"
	expect_equal "$canary" "$out"
}

test_what_is_no_token_is_given_to_nobody()
{
	local value

	printf 'secret of something else\n' | lab_put web-1 /run/token
	ask dash 'Password: ' OAT_TOKEN_FILE=/run/token "OAT_TOKEN=$canary"
	expect_status 1
	expect_equal '' "$out"
	case $told in *secret*) fail "told: $told" ;; esac
	ask dash 'Password: ' OAT_TOKEN_FILE=/run/none
	expect_status 1
	[[ $told = *'/run/none: cannot be read'* ]] || fail "told: $told"
	for value in "${canary}C" "${canary%C}" "${canary/A/-}" \
	    "${canary/oat_/oaT_}" "$canary$canary" "$canary "; do
		ask dash 'Password: ' "OAT_TOKEN=$value"
		expect_status 1
		expect_equal '' "$out"
	done
	ask dash 'Password: '
	expect_status 1
	[[ $told = *'neither OAT_TOKEN_FILE nor OAT_TOKEN is set'* ]] ||
		fail "told: $told"
}

# --- asked by the real ones --------------------------------------------------

# ssh as a job runs it: no terminal, and its own environment.
job_ssh()
{
	lab_exec client timeout 20 setsid -w env SSH_ASKPASS="$askpass" \
	    SSH_ASKPASS_REQUIRE=force OAT_TOKEN="$token" \
	    ssh -F none -o UserKnownHostsFile=/run/known_hosts \
	    -o GlobalKnownHostsFile=none "$@"
}

test_ssh_logs_in_by_both_methods()
{
	local method

	lab_put client /run/known_hosts <"$LAB/known_hosts"
	for method in password keyboard-interactive; do
		run job_ssh -o PreferredAuthentications="$method" \
		    oat-acme-ci@web-1.lab id -un
		expect_status 0
		expect_equal oat-acme-ci "$out"
	done
}

# A naive program answers this question with the token, for ever.
test_ssh_that_does_not_know_the_host_ends_at_once_and_says_why()
{
	: | lab_put client /run/known_hosts
	run job_ssh -o StrictHostKeyChecking=ask oat-acme-ci@web-1.lab id -un
	expect_status 255
	expect_out 'oat-askpass: ssh does not know the key of this host'
	expect_out 'Host key verification failed'
	expect_no_out "$token"
	run lab_exec client cat /run/known_hosts
	expect_equal '' "$out"
}

test_ssh_does_not_give_the_token_to_a_host_on_the_way()
{
	lab_put client /run/known_hosts <"$LAB/known_hosts"
	lab_put client /etc/ssh/ssh_known_hosts <"$LAB/known_hosts"
	run job_ssh -J carol@web-1.lab \
	    oat-acme-ci@web-1.lab id -un
	expect_status 255
	expect_out 'oat-askpass: not a question for the password of an oat login'
	expect_log web-1 'Connection (closed|reset) by .*user carol'
}

test_sudo_asks_it_for_an_identity_and_for_nobody_else()
{
	printf '%s\n' "$token" | lab_put web-1 /run/token oat-acme-ci:root 0400
	run lab_exec web-1 setsid -w runuser -u oat-acme-ci -- \
	    env SUDO_ASKPASS="$askpass" OAT_TOKEN_FILE=/run/token \
	    sudo -A id -un
	expect_status 0
	expect_equal root "$out"
	run lab_exec web-1 setsid -w runuser -u carol -- \
	    env SUDO_ASKPASS="$askpass" OAT_TOKEN="$token" sudo -A id -un
	expect_failure
	expect_out 'oat-askpass: not a question .*\[sudo\] password for carol'
}

lab_enter "$@"
lab_standard
lab_install client
lab_local_user web-1 carol carol-password
lab_token web-1 acme ci 'web-*' sshd,sudo
run_tests "$@"
