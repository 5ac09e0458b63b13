# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What runs on the hosts of lab.sh: PostgreSQL with TLS, sshd and its clients.
#
#   lab_database NAME        PostgreSQL on 10.77.0.x, database "oat", no schema
#   lab_sql SQL              as its superuser, unaligned, without headings
#   lab_database_stop|start|freeze|thaw
#   lab_connections          how many the database has received so far
#   lab_local_user HOST LOGIN PASSWORD
#   lab_sshd HOST            sshd on port 22, passwords and keyboard-interactive
#   lab_ssh CLIENT PASSWORD [ssh option...] LOGIN@HOST [command]
#   lab_copy CLIENT PASSWORD scp|sftp [option...]

lab_database_directory=/srv/oat-database
lab_database_log=/var/log/oat-database.log
lab_database_host=

# --- PostgreSQL --------------------------------------------------------------

lab_find_postgres()
{
	local directory

	for directory in /usr/lib/postgresql/*/bin; do
		[ -x "$directory/initdb" ] && echo "$directory"
	done | sort -V | tail -n 1
}

# A certificate authority that lives as long as the laboratory.
lab_certificate_authority()
{
	[ -e "$LAB/ca.pem" ] && return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj "/CN=laboratory" -keyout "$LAB/ca.key" \
	    -out "$LAB/ca.pem" 2>"$LAB/openssl.log" ||
		lab_die "openssl: $(cat "$LAB/openssl.log")"
}

# lab_certificate NAME: $LAB/NAME.pem and $LAB/NAME.key for that DNS name.
lab_certificate()
{
	local request

	lab_certificate_authority
	request=$(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj "/CN=$1" -keyout "$LAB/$1.key" 2>"$LAB/openssl.log")
	echo "subjectAltName=DNS:$1" >"$LAB/$1.names"
	openssl x509 -req -days 2 -CA "$LAB/ca.pem" -CAkey "$LAB/ca.key" \
	    -CAcreateserial -extfile "$LAB/$1.names" \
	    -out "$LAB/$1.pem" <<<"$request" 2>>"$LAB/openssl.log" ||
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
	cat <<-SSHD
	UseDNS no
	MaxStartups 100
	Match User oat-*
		PasswordAuthentication yes
		KbdInteractiveAuthentication yes
	SSHD
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
