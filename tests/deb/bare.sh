# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A bare Debian of this machine's release, from where this machine has its own
# packages. It is made once, in build/bare, and only ever the lower layer of
# hosts (lab.sh):
#
#   bare_make                before lab_enter: in the laboratory is no network
#   $bare                    where it is

# shellcheck source=tests/host/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../host/lab.sh"

bare=$lab_build/bare

# What our packages need, and what is logged in to.
bare_packages=libargon2-1,libpq5,systemd-standalone-sysusers,openssh-server
bare_packages+=,sudo,cron,procps,pamtester

# "URI CODENAME KEYRING" of the first archive that has a release's main part.
bare_archive()
{
	apt-get indextargets --format \
	    '$(REPO_URI) $(CODENAME) $(SIGNED_BY) $(COMPONENT)' \
	    'Created-By: Packages' | awk '$NF == "main" { print; exit }'
}

# What it mounts goes with it, however it ends.
bare_fetch()
{
	local uri codename keyring

	read -r uri codename keyring <<<"$(bare_archive)"
	if [ -z "${codename-}" ]; then
		echo "apt has no lists: apt-get update" >"$bare.log"
		return 1
	fi
	case $keyring in /*.gpg*) ;; *)
		keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	esac
	unshare --mount timeout -k 10 300 debootstrap --variant=minbase --keyring="${keyring%% *}" \
	    --include="$bare_packages" "$codename" "$bare.new" "$uri" \
	    >"$bare.log" 2>&1
}

bare_make()
{
	[ -z "${OAT_LAB-}" ] && [ ! -d "$bare" ] || return 0
	command -v debootstrap >/dev/null || lab_not_here "no debootstrap"
	rm -rf --one-file-system "$bare.new"
	mkdir -p "$lab_build"
	bare_fetch || lab_not_here "no bare Debian: $(tail -n 1 "$bare.log")"
	rm -rf "$bare.new/var/cache/apt" "$bare.new/var/lib/apt/lists"
	mv "$bare.new" "$bare"
}
