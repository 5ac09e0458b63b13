# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Disposable hosts: copies of this machine that exist in memory only. A script
# sources this file and calls lab_enter first; from there on it runs in a
# laboratory (enter.c), and starts hosts in it (host.c):
#
#   lab_enter "$@"           once; the script starts again inside
#   lab_host NAME [FOLDER]   a new host: overlay of / (or of $lab_base), own
#                            namespaces, address; the folder of lab_unpacked is
#                            laid over it
#   lab_unpack SET PACKAGE...    before lab_enter: packages for such a folder
#   lab_unpacked SET         that folder; fails when it could not be had
#   lab_exec NAME COMMAND    run as root on a host, with a clean environment
#   lab_put NAME PATH [OWNER:GROUP [MODE]]       write a file from stdin
#   lab_log NAME             the host's system log, "facility.severity text"
#   lab_root NAME            where the host's / is seen from here
#   lab_end NAME             end a host before the script does
#
# services.sh and oat.sh put databases, sshd and oat on them. Nothing outside
# changes and nothing survives: every host ends when the script does.

set -u

lab_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
lab_build=${B:-build}
case $lab_build in /*) ;; *) lab_build=$lab_top/$lab_build ;; esac
lab_log_file=/var/log/lab.log
lab_network=10.77.0
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
LC_ALL=C.UTF-8
export PATH LC_ALL

declare -A lab_pids=() lab_addresses=()

lab_die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Prints why this machine can have no disposable hosts; fails when it can.
lab_obstacle()
{
	local why

	if [ "$(id -u)" != 0 ]; then
		echo "not root"
	elif why=$("$lab_build/tests/host/enter" \
	    mount -t tmpfs tmpfs /mnt 2>&1); then
		return 1
	else
		echo "no namespaces or mounts here: ${why:-unknown}"
	fi
}

lab_make()
{
	[ -n "${OAT_BUILT-}" ] && return
	make -s -C "$lab_top" B="$lab_build" "$@" >&2 ||
		lab_die "make $* failed"
}

# Ends a script that needs a laboratory, where there can be none.
lab_not_here()
{
	if [ "${CI-}" = true ]; then
		echo "FAIL ${0##*/}: $1"
		echo "$0: 0 passed, 1 failed, 0 skipped"
		exit 1
	fi
	echo "SKIP ${0##*/}: $1"
	echo "$0: 0 passed, 0 failed, 1 skipped"
	exit 0
}

# Start this script again inside; what cannot be is reported by its name.
lab_enter()
{
	local why

	if [ -n "${OAT_LAB-}" ]; then
		lab_begin
		return
	fi
	lab_make host-tools
	if why=$(lab_obstacle); then
		lab_not_here "$why"
	fi
	lab_make all
	OAT_LAB=1 exec "$lab_build/tests/host/enter" bash "$0" "$@"
}

# An existing directory to cover with the laboratory's memory; never one that
# holds what the hosts need to see.
lab_choose_directory()
{
	local directory

	for directory in /mnt /media /srv /opt; do
		[ -d "$directory" ] || continue
		case $lab_top/ in "$directory"/*) continue ;; esac
		case $lab_build/ in "$directory"/*) continue ;; esac
		echo "$directory"
		return
	done
	lab_die "no directory for the laboratory: create /mnt"
}

lab_begin()
{
	LAB=$(lab_choose_directory) || exit 1
	mount -t tmpfs -o mode=755 lab "$LAB" || lab_die "cannot mount $LAB"
	ip link set lo up
	ip link add lab0 type bridge || lab_die "cannot create a bridge"
	ip address add "$lab_network.1/24" dev lab0
	ip link set lab0 up
}

lab_unpack()
{
	local set=$1

	shift
	[ -n "${OAT_LAB-}" ] ||
		"$lab_top/tests/unpack" "$lab_build/beside/$set" "$@"
}

lab_unpacked()
{
	[ -e "$lab_build/beside/$1/complete" ] || return 1
	echo "$lab_build/beside/$1/root"
}

lab_root()
{
	echo "${LAB:?}/${1:?}/root"
}

lab_overlay()
{
	local layers=$1 lower=$2 target=$3

	mkdir -p "$layers/upper" "$layers/work" "$target"
	mount -t overlay -o "lowerdir=$lower,upperdir=$layers/upper" \
	    -o "workdir=$layers/work" lab "$target" ||
		lab_die "cannot mount an overlay of $lower"
}

lab_make_devices()
{
	local root=$1 name major minor

	mount -t tmpfs -o mode=755,nosuid lab "$root/dev"
	while read -r name major minor; do
		mknod -m 666 "$root/dev/$name" c "$major" "$minor" || {
			: >"$root/dev/$name"
			mount --bind "/dev/$name" "$root/dev/$name"
		}
	done <<-DEVICES
	null 1 3
	console 1 3
	zero 1 5
	full 1 7
	random 1 8
	urandom 1 9
	tty 5 0
	DEVICES
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 \
	    lab "$root/dev/pts"
	mount -t tmpfs -o mode=1777 lab "$root/dev/shm"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s /proc/self/fd/0 "$root/dev/stdin"
	ln -s /proc/self/fd/1 "$root/dev/stdout"
	ln -s /proc/self/fd/2 "$root/dev/stderr"
}

# The overlay shows the file system of / alone: a checkout, or a build, on
# another one is laid over its place, as writable and as forgetful.
lab_carry()
{
	local name=$1 path=$2 witness=$3

	[ -e "$(lab_root "$name")$path/$witness" ] && return
	lab_overlay "$LAB/$name/${path//\//_}" "$path" \
	    "$(lab_root "$name")$path"
}

# A build that counts what runs (tests/coverage) counts in one place.
lab_share_profiles()
{
	[ -d "$lab_build/profiles" ] || return 0
	mount --bind "$lab_build/profiles" \
	    "$(lab_root "$1")$lab_build/profiles"
}

# An address keeps its hardware address, so that others need not notice when
# the next host has it.
lab_connect()
{
	local name=$1 pid=${lab_pids[$1]} address=${lab_addresses[$1]}
	local port=port${address##*.}

	ip link add "$port" type veth peer name eth0 netns "$pid" \
	    address "$(printf '02:00:00:00:00:%02x' "${address##*.}")"
	ip link set "$port" master lab0 up
	nsenter --target "$pid" --net ip -batch - <<-NETWORK ||
	link set lo up
	address add $address/24 dev eth0
	link set eth0 up
	NETWORK
		lab_die "$name: no network"
}

lab_write_hosts()
{
	local name host

	for host in "${!lab_pids[@]}"; do
		echo "127.0.0.1 localhost"
		for name in "${!lab_addresses[@]}"; do
			echo "${lab_addresses[$name]} $name.lab $name"
		done
	done | sort -u >"$LAB/hosts"
	for host in "${!lab_pids[@]}"; do
		cp "$LAB/hosts" "$(lab_root "$host")/etc/hosts"
	done
}

lab_host()
{
	local name=$1 folder=${2-} root layer=

	root=$(lab_root "$name")
	lab_addresses[$name]=$lab_network.$((${#lab_pids[@]} + 10))
	if [ -n "$folder" ]; then
		layer=$LAB/$name/layer # no layer may lie in another, and it would
		mkdir -p "$layer"
		cp -a "$folder/." "$layer" || lab_die "cannot copy $folder"
	fi
	lab_overlay "$LAB/$name" "${layer:+$layer:}${lab_base:-/}" "$root"
	mount -t tmpfs -o mode=755,nosuid lab "$root/run"
	mount -t tmpfs -o mode=1777,nosuid lab "$root/tmp"
	mkdir -m 1777 "$root/run/lock"
	lab_make_devices "$root"
	lab_carry "$name" "$lab_top" Makefile
	lab_carry "$name" "$lab_build" flags
	lab_share_profiles "$name"
	rm -f "$root/etc/resolv.conf" "$root/etc/nologin" "$root/etc/hosts"
	echo "$name" >"$root/etc/hostname"
	lab_pids[$name]=$("$lab_build/tests/host/host" \
	    "$root" "$name" "$lab_log_file") || lab_die "$name: no host"
	lab_connect "$name"
	lab_write_hosts
}

# Its network goes a moment after its last process.
lab_end()
{
	local name=$1 port=port${lab_addresses[$1]##*.}

	kill -KILL "${lab_pids[$name]}"
	wait_for 10 test ! -e "/sys/class/net/$port" ||
		lab_die "$name: still there"
	umount -R "$(lab_root "$name")" || lab_die "$name: still in use"
	rm -rf "${LAB:?}/$name"
	unset "lab_pids[$name]" "lab_addresses[$name]"
}

lab_exec()
{
	local pid=${lab_pids[$1]}

	shift
	nsenter --target "$pid" --mount --uts --ipc --net --pid --root --wd \
	    env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
	    ${CI:+CI="$CI"} "$@"
}

lab_put()
{
	local name=$1 path=$2 owner=${3:-root:root} mode=${4:-0644}

	lab_exec "$name" install -D -o "${owner%:*}" -g "${owner#*:}" \
	    -m "$mode" /dev/stdin "$path"
}

lab_log()
{
	cat "$(lab_root "$1")$lab_log_file"
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails at the end.
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}
