# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Much at once, on hosts of lab.sh; what came of it is left in variables.
#
#   load_lab                 db, client and web-1, where sshd takes 300 at once;
#                            carol (pam_unix) and oat-acme-ci
#   load_ssh COUNT LOGIN PASSWORD
#                            so many logins at the same moment: sets succeeded,
#                            refused, took_ms, slowest_ms
#   load_sudo COUNT AT_ONCE LOGIN [PASSWORD]
#                            so many sudo runs, some at a time, with -n where
#                            there is no password: the same variables
#   load_memory COMMAND...   runs it and sets processes, rss_kb, pss_kb: the most
#                            that processes of oat had at one moment
#   load_settle              until all events have arrived
#   load_rows LOGIN EVENT    rows of the log, successes where that applies
#   load_connections COMMAND...     sets connections, as the database counts

local_password=right-password

load_lab()
{
	lab_standard
	lab_local_user web-1 carol "$local_password"
	lab_exec web-1 sed -i 's/^MaxStartups.*/MaxStartups 300/' \
	    /etc/ssh/sshd_config.d/00-lab.conf
	lab_exec web-1 sh -c 'kill -HUP "$(cat /run/sshd.pid)"'
	lab_put web-1 /etc/pam.d/attempt <<-STACK
	auth    required pam_oat.so
	account required pam_oat.so
	STACK
	lab_token web-1 acme ci web-1 sshd,sudo,attempt
}

# Lines of "STATUS MS" are the outcome of each.
load_count()
{
	succeeded=$(awk '$1 == 0' "$1" | wc -l)
	refused=$(awk '$1 != 0' "$1" | wc -l)
	slowest_ms=$(sort -k 2 -n "$1" | awk 'END { print $2 }')
}

load_begin()
{
	took_ms=${EPOCHREALTIME//[!0-9]/}
}

load_end()
{
	took_ms=$(((${EPOCHREALTIME//[!0-9]/} - took_ms) / 1000))
}

# The default key exchange spends more time in the client than all else.
load_ssh()
{
	local count=$1 login=$2 password=$3

	lab_ssh client "$password" "$login@web-1.lab" true ||
		lab_die "$login: no login to begin with"
	load_begin
	lab_client_run client "$password" bash -c '
		count=$1; shift
		for ((i = 0; i < count; i++)); do
			(
				begin=${EPOCHREALTIME//[!0-9]/}
				"$@" </dev/null 2>/dev/null
				echo "$? $(((${EPOCHREALTIME//[!0-9]/} - begin) / 1000))"
			) &
		done; wait' bash "$count" ssh "${lab_ssh_options[@]}" \
	    -o ConnectTimeout=120 -o KexAlgorithms=curve25519-sha256 \
	    -o PreferredAuthentications=password "$login@web-1.lab" true \
	    >"$LAB/load"
	load_end
	load_count "$LAB/load"
}

load_sudo()
{
	local count=$1 at_once=$2 login=$3 password=${4-} options='-n'

	[ -z "$password" ] || options='-k -S'
	load_begin
	lab_exec web-1 runuser -u "$login" -- bash -c '
		one()
		{
			local begin=${EPOCHREALTIME//[!0-9]/}

			printf "%s\n" "$password" | sudo $1 -p "" true 2>/dev/null
			echo "$? $(((${EPOCHREALTIME//[!0-9]/} - begin) / 1000))"
		}
		read -r password
		for ((w = 0; w < $2; w++)); do
			for ((i = w; i < $1; i += $2)); do
				one "$3"
			done &
		done; wait' bash "$count" "$at_once" "$options" \
	    >"$LAB/load" <<<"$password"
	load_end
	load_count "$LAB/load"
}

# --- what it takes -----------------------------------------------------------

# In the host, until it is told to stop: the most of each.
load_watch()
{
	lab_exec web-1 bash -c '
		most=0 most_rss=0 most_pss=0
		while [ ! -e /run/load-end ]; do
			set -- $(pgrep -x oat)
			count=$# rss=0 pss=0
			for pid; do
				while read -r key value _; do
					case $key in
					Rss:) rss=$((rss + value)) ;;
					Pss:) pss=$((pss + value)) ;;
					esac
				done <"/proc/$pid/smaps_rollup"
			done 2>/dev/null
			[ $count -le $most ] || most=$count
			[ $rss -le $most_rss ] || most_rss=$rss
			[ $pss -le $most_pss ] || most_pss=$pss
			sleep 0.05
		done
		echo "$most $most_rss $most_pss"'
}

load_memory()
{
	lab_exec web-1 rm -f /run/load-end
	load_watch >"$LAB/watched" 2>/dev/null &
	"$@"
	lab_exec web-1 touch /run/load-end
	wait $!
	# shellcheck disable=SC2034
	read -r processes rss_kb pss_kb <"$LAB/watched"
}

load_connections()
{
	local before

	before=$(lab_connections)
	"$@"
	# shellcheck disable=SC2034
	connections=$(($(lab_connections) - before))
}

load_is_quiet()
{
	lab_is_idle web-1 &&
		! lab_exec web-1 pgrep -f 'sshd: [^/]' >/dev/null
}

load_settle()
{
	wait_for 60 load_is_quiet || lab_die "sessions do not end"
	lab_exec web-1 oat sync || lab_die "oat sync failed"
	[ -z "$(lab_exec web-1 ls /var/lib/oat/spool)" ] ||
		lab_die "events wait"
}

load_rows()
{
	lab_sql "select count(*) from oat.activity where actor = '$1'
	    and event = '$2' and outcome is distinct from 'failure'"
}
