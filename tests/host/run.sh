#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh PROGRAM [ARGUMENT...]: on a disposable host, where / is a mount point
# and there is a /proc; a bare chroot may have neither.

# shellcheck source=tests/host/lab.sh
. "$(dirname "$0")/lab.sh"

lab_enter "$@"
lab_host here
lab_exec here sh -c 'cd "$1" && shift && exec "$@"' sh "$lab_top" "$@"
