# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Clients as a job runs them: without a terminal, with the token in a file that
# oat-askpass reads, and with keys of the hosts.
#
#   lab_job_host HOST        what a runner needs; once the sshd are there
#   lab_job_token HOST       $token is the job's from now on
#   lab_job HOST COMMAND...  run there, in root's home
#   lab_shell HOST SCRIPT [NAME=VALUE...]        the same for sh -c, -eu

lab_job_host()
{
	lab_install "$1"
	# As oat.known_hosts() has them: dropbear knows no lists of names.
	sed 's/^\([^ ,]*\),\([^ ]*\) \(.*\)/\1 \3\n\2 \3/' "$LAB/known_hosts" |
		lab_put "$1" /root/.ssh/known_hosts
}

lab_job_token()
{
	printf '%s\n' "$token" | lab_put "$1" /run/token root:root 0600
}

lab_job()
{
	local host=$1

	shift
	lab_exec "$host" timeout 60 setsid -w env -C /root DISPLAY=:0 \
	    SSH_ASKPASS=/usr/share/oat/oat-askpass SSH_ASKPASS_REQUIRE=force \
	    OAT_TOKEN_FILE=/run/token "$@"
}

lab_shell()
{
	local host=$1 script=$2

	shift 2
	lab_job "$host" "$@" sh -euc "$script"
}
