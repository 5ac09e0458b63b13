# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What runs on the hosts of lab.sh: PostgreSQL with TLS, sshd and its clients.
#
#   lab_database NAME        PostgreSQL on 10.77.0.x, database "oat", no schema
#   lab_standby NAME         another, that follows it; lab_promote NAME makes it
#                            the database
#   lab_sql SQL              as its superuser, unaligned, without headings
#   lab_database_stop|start|freeze|thaw
#   lab_new_certificate [FROM UNTIL]
#                            for the database, as lab_certificate
#   lab_connections          how many the database has received so far
#   lab_local_user HOST LOGIN PASSWORD
#   lab_sshd HOST            sshd on port 22, as the host's files have it
#   lab_sshd_reload HOST     after they were changed
#   lab_ssh CLIENT PASSWORD [ssh option...] LOGIN@HOST [command]
#   lab_copy CLIENT PASSWORD scp|sftp [option...]

lab_database_directory=/srv/oat-database
lab_database_log=/var/log/oat-database.log
lab_database_host=
lab_certificate_days=2 # from now, unless said

# --- PostgreSQL --------------------------------------------------------------

lab_find_postgres()
{
	local directory

	for directory in /usr/lib/postgresql/*/bin; do
		[ -x "$directory/initdb" ] && echo "$directory"
	done | sort -V | tail -n 1
}

# lab_certificate NAME [FROM UNTIL]: $LAB/NAME.pem and $LAB/NAME.key for that
# DNS name, good from and until then (date -d). Its authority lives as long as
# the laboratory.
lab_certificate()
{
	[ -e "$LAB/ca.pem" ] ||
		lab_sign ca "3 days ago" "$((lab_certificate_days + 1)) days" \
		    -selfsign
	lab_sign "$1" "${2-2 days ago}" "${3-$lab_certificate_days days}" \
	    -cert "$LAB/ca.pem"
}

# x509(1ssl) knows no date to begin with; ca(1ssl) wants a folder.
lab_sign()
{
	local folder=$LAB/authority name=$1 from=$2 until=$3

	shift 3
	mkdir -p "$folder"
	lab_authority_configuration "$folder" "$name" >"$folder/conf"
	: >"$folder/index"
	{
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		    -subj "/CN=$name" -keyout "$LAB/$name.key" \
		    -out "$folder/request" &&
			openssl ca -batch -notext -config "$folder/conf" \
			    -keyfile "$LAB/ca.key" -in "$folder/request" \
			    -out "$LAB/$name.pem" \
			    -startdate "$(date -ud "$from" +%y%m%d%H%M%SZ)" \
			    -enddate "$(date -ud "$until" +%y%m%d%H%M%SZ)" "$@"
	} >"$LAB/openssl.log" 2>&1 ||
		lab_die "openssl: $(cat "$LAB/openssl.log")"
}

lab_authority_configuration()
{
	local folder=$1 name=$2 extension="subjectAltName = DNS:$2"

	[ "$name" != ca ] || extension="basicConstraints = critical, CA:true"
	cat <<-CONF
	[ca]
	default_ca = laboratory
	[laboratory]
	database = $folder/index
	new_certs_dir = $folder
	rand_serial = yes
	default_md = sha256
	default_crl_days = 2
	policy = policy
	x509_extensions = extensions
	[policy]
	commonName = supplied
	[extensions]
	$extension
	CONF
}

# lab_revocations [CERTIFICATE]: the authority's list, with that one on it.
lab_revocations()
{
	local -a authority=(openssl ca -config "$LAB/authority/conf"
	    -keyfile "$LAB/ca.key" -cert "$LAB/ca.pem")

	: >"$LAB/authority/index"
	[ $# = 0 ] || "${authority[@]}" -revoke "$1" 2>"$LAB/openssl.log" ||
		lab_die "openssl: $(cat "$LAB/openssl.log")"
	"${authority[@]}" -gencrl 2>"$LAB/openssl.log" ||
		lab_die "openssl: $(cat "$LAB/openssl.log")"
}

lab_database_configure()
{
	local name=$1 data=$lab_database_directory

	lab_put "$name" "$data/server.pem" postgres:postgres <"$LAB/$name.lab.pem"
	lab_put "$name" "$data/server.key" postgres:postgres 0600 \
	    <"$LAB/$name.lab.key"
	lab_put "$name" "$data/pg_ident.conf" postgres:postgres <<-IDENT
	lab root postgres
	lab postgres postgres
	IDENT
	lab_put "$name" "$data/pg_hba.conf" postgres:postgres 0600 <<-HBA
	local all postgres peer map=lab
	HBA
	lab_exec "$name" tee -a "$data/postgresql.conf" >/dev/null <<-CONF
	listen_addresses = '${lab_addresses[$name]}'
	unix_socket_directories = '/run/postgresql'
	ssl = on
	ssl_cert_file = 'server.pem'
	ssl_key_file = 'server.key'
	password_encryption = 'scram-sha-256'
	log_connections = on
	log_line_prefix = '%n [%p] %u@%d '
	fsync = off
	shared_buffers = 16MB
	CONF
}

lab_database()
{
	local name=$1 postgres

	postgres=$(lab_find_postgres)
	[ -n "$postgres" ] || lab_die "no PostgreSQL server: make deps"
	lab_database_host=$name
	PATH=$postgres:$PATH
	lab_certificate "$name.lab"
	lab_exec "$name" install -d -o postgres -g postgres -m 0700 \
	    "$lab_database_directory"
	lab_exec "$name" install -d -o postgres -g postgres -m 2775 \
	    /run/postgresql
	lab_exec "$name" runuser -u postgres -- env PATH="$PATH" initdb \
	    -D "$lab_database_directory" -U postgres -E UTF8 --locale=C.UTF-8 \
	    --no-sync --auth=reject >"$LAB/initdb.log" 2>&1 ||
		lab_die "initdb: $(cat "$LAB/initdb.log")"
	lab_database_configure "$name"
	lab_database_start
	lab_exec "$name" psql -XAtqU postgres -c 'create database oat'
}

lab_database_control()
{
	lab_exec "$lab_database_host" runuser -u postgres -- \
	    env PATH="$PATH" pg_ctl -D "$lab_database_directory" -s -w \
	    -l "$lab_database_log" "$@" ||
		lab_die "pg_ctl $*: $(tail -n 5 \
		    "$(lab_root "$lab_database_host")$lab_database_log")"
}

lab_new_certificate()
{
	local host=$lab_database_host directory=$lab_database_directory

	lab_certificate "$host.lab" "$@"
	lab_put "$host" "$directory/server.pem" postgres:postgres \
	    <"$LAB/$host.lab.pem"
	lab_put "$host" "$directory/server.key" postgres:postgres 0600 \
	    <"$LAB/$host.lab.key"
	lab_database_control reload
}

lab_database_start()
{
	lab_exec "$lab_database_host" install -o postgres -g postgres \
	    -m 0640 /dev/null "$lab_database_log"
	lab_database_control start
}

lab_database_stop()
{
	lab_database_control -m immediate stop
}

# Connections are accepted by the kernel, and then nothing answers.
lab_database_signal()
{
	lab_exec "$lab_database_host" sh -c \
	    'kill -s "$1" $(head -n 1 "$2/postmaster.pid")' \
	    sh "$1" "$lab_database_directory"
}

lab_database_freeze()
{
	lab_database_signal STOP
}

lab_database_thaw()
{
	lab_database_signal CONT
}

# It streams without a password: the network is the laboratory's.
lab_standby()
{
	local name=$1 primary=$lab_database_host

	lab_certificate "$name.lab"
	lab_sql "create role follower login replication"
	echo "host replication follower $lab_network.0/24 trust" |
		lab_exec "$primary" tee -a \
		    "$lab_database_directory/pg_hba.conf" >/dev/null
	lab_database_control reload
	lab_exec "$name" install -d -o postgres -g postgres -m 2775 \
	    /run/postgresql
	lab_exec "$name" install -d -o postgres -g postgres -m 0700 \
	    "$lab_database_directory"
	lab_exec "$name" runuser -u postgres -- env PATH="$PATH" \
	    pg_basebackup -D "$lab_database_directory" -R -X stream \
	    -c fast --no-sync -d "host=${lab_addresses[$primary]}
	    user=follower sslmode=disable" >"$LAB/basebackup.log" 2>&1 ||
		lab_die "pg_basebackup: $(cat "$LAB/basebackup.log")"
	lab_put "$name" "$lab_database_directory/server.pem" \
	    postgres:postgres <"$LAB/$name.lab.pem"
	lab_put "$name" "$lab_database_directory/server.key" \
	    postgres:postgres 0600 <"$LAB/$name.lab.key"
	echo "listen_addresses = '${lab_addresses[$name]}'" |
		lab_exec "$name" tee -a \
		    "$lab_database_directory/postgresql.conf" >/dev/null
	lab_database_host=$name
	lab_database_start
	lab_database_host=$primary
}

lab_promote()
{
	lab_database_host=$1
	[ "$(lab_sql 'select pg_promote()')" = t ] || lab_die "$1: not promoted"
}

lab_sql()
{
	printf '%s\n' "$1" | lab_exec "$lab_database_host" psql -XAtq \
	    -v ON_ERROR_STOP=1 -U postgres -d oat
}

# Superuser's own connections come by the unix socket and are not counted.
lab_connections()
{
	grep -c "connection received: host=$lab_network" \
	    "$(lab_root "$lab_database_host")$lab_database_log"
}

# --- local users, sshd and its clients --------------------------------------

lab_local_user()
{
	lab_exec "$1" useradd --create-home --shell /bin/sh "$2" ||
		lab_die "$1: cannot add $2"
	printf '%s:%s\n' "$2" "$3" | lab_exec "$1" chpasswd
	printf '%s ALL=(ALL:ALL) ALL\n' "$2" |
		lab_put "$1" "/etc/sudoers.d/$2" root:root 0440
}

# Read before the distribution's lines, where the first value counts. Newer
# sshd makes clients wait that failed before, and our tests fail a lot.
lab_sshd_options()
{
	echo "HostKey /etc/ssh/ssh_host_ed25519_key"
	if lab_exec "$1" /usr/sbin/sshd -T -o PerSourcePenalties=no \
	    >/dev/null 2>&1; then
		echo "PerSourcePenalties no"
	fi
	echo "UseDNS no"
	echo "MaxStartups 100"
}

lab_sshd()
{
	local name=$1

	lab_exec "$name" install -d -m 0755 /run/sshd /etc/ssh/sshd_config.d
	lab_exec "$name" sh -c 'rm -f /etc/ssh/ssh_host_* &&
	    ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key' ||
		lab_die "$name: no host key"
	lab_sshd_options "$name" |
		lab_put "$name" /etc/ssh/sshd_config.d/00-lab.conf
	lab_exec "$name" /usr/sbin/sshd || lab_die "$name: sshd did not start"
	printf '%s.lab,%s %s\n' "$name" "$name" "$(cut -d ' ' -f 1,2 \
	    "$(lab_root "$name")/etc/ssh/ssh_host_ed25519_key.pub")" \
	    >>"$LAB/known_hosts"
}

# The daemon is there again when its pid file is.
lab_sshd_reload()
{
	lab_exec "$1" sh -c 'pid=$(cat /run/sshd.pid) && rm /run/sshd.pid &&
	    /usr/sbin/sshd -t && kill -HUP "$pid"' ||
		lab_die "$1: sshd was not reloaded"
	wait_for 10 test -e "$(lab_root "$1")/run/sshd.pid" ||
		lab_die "$1: sshd did not come back"
}

# The password is typed by ssh's own mechanism for a program that asks for it.
# Every question is answered once; a second one is answered with nothing.
lab_askpass()
{
	lab_put "$1" /run/askpass root:root 0755 <<-'ASKPASS'
	#!/bin/sh
	printf '%s\n' "$1" >>/run/askpass.questions
	cat /run/askpass.answer 2>/dev/null
	ASKPASS
}

lab_client_run()
{
	local name=$1 password=$2

	shift 2
	[ -e "$(lab_root "$name")/run/askpass" ] || lab_askpass "$name"
	printf '%s\n' "$password" | lab_put "$name" /run/askpass.answer \
	    root:root 0600
	: >"$(lab_root "$name")/run/askpass.questions"
	cp "$LAB/known_hosts" "$(lab_root "$name")/run/known_hosts"
	lab_exec "$name" setsid -w env DISPLAY=:0 SSH_ASKPASS=/run/askpass \
	    SSH_ASKPASS_REQUIRE=force "$@"
}

lab_ssh_options=(-F none -o StrictHostKeyChecking=yes
    -o UserKnownHostsFile=/run/known_hosts -o GlobalKnownHostsFile=none
    -o NumberOfPasswordPrompts=1 -o ConnectTimeout=10)

lab_ssh()
{
	local name=$1 password=$2

	shift 2
	lab_client_run "$name" "$password" ssh "${lab_ssh_options[@]}" "$@"
}

lab_copy()
{
	local name=$1 password=$2 program=$3

	shift 3
	lab_client_run "$name" "$password" "$program" \
	    "${lab_ssh_options[@]}" "$@"
}

# --- a session that stays open -------------------------------------------

# lab_session_open CLIENT PASSWORD LOGIN@HOST: a shell at the other end, that
# reads commands from here.
lab_session_open()
{
	coproc LAB_SHELL { lab_ssh "$@" sh 2>&1; }
	# bash hides a coproc's own descriptors from subshells: move them.
	exec {lab_session_in}>&"${LAB_SHELL[1]}"- \
	    {lab_session_out}<&"${LAB_SHELL[0]}"-
	lab_session_pid=$LAB_SHELL_PID
	lab_session 'true'
}

# lab_session COMMAND: its output, both streams, and its status. Fails with 255
# when the session is gone.
lab_session()
{
	local line

	(
		trap '' PIPE
		printf '{ %s\n} 2>&1; echo "@status $?"\n' "$1" 2>/dev/null
	) 1>&"$lab_session_in" || return 255
	while read -r -t 20 line <&"$lab_session_out"; do
		case $line in
		*'@status '*)
			printf '%s' "${line%@status *}"
			return "${line##*@status }"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	return 255
}

lab_session_close()
{
	exec {lab_session_in}>&-
	wait "$lab_session_pid"
}
