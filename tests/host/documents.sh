# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The examples of a document, run in their order on the hosts of lab.sh, so
# that they stay true:
#
#   document FILE            the one to read: a manual page or README.md
#   section TITLE            runs all examples of that section; ends the test
#                            when one fails, or prints what the text does not
#                            show; the caller's run_example_on HOST USER TEXT
#                            runs what is typed behind a prompt, run_sql TEXT
#                            what is typed into psql
#   sections                 the titles of those that have examples
#
# An example is a literal display of a manual, or a fenced block of README.md,
# and is one of
#
#   # PATH on HOST           a file: it is put there, and what it schedules run
#   HOST# COMMAND            typed as root; HOST$, as somebody; LOGIN@HOST$
#   oat=> STATEMENT          typed into psql, as acme=> is
#   anything else            typed into psql as a whole
#
# Lines behind "> " and "oat-> " go on with the one before. Other lines between
# prompts are the whole answer, where ... stands for anything, within a line or
# for lines. White space, times, and psql's rulers and counts of rows are not
# compared.
# Of what has no prompt, only errors and warnings are seen.
#
# Of README.md, each span of code in the last column of a table is one, too.
#
# The caller may set, before the first section:
#
#   how                      "GLOB: COMMAND" for what the text around it says how
#                            to use: the command has the example as its last
#                            argument, and ends the test when it is not as it is
#                            written
#   not_run                  "GLOB: reason" for each example not to be run: for
#                            the line with the prompt, else for all of it; one
#                            that fits none is an error of expect_reasons_to_fit
#   may_end                  "GLOB: STATUS" for those that end otherwise
#   as_here                  a sed script: what stands for something else here

declare -a how=() not_run=() may_end=()
as_here=

# --- reading -----------------------------------------------------------------

document()
{
	case $1 in
	*.md) examples_of=readme_blocks ;;
	*) examples_of=manual_blocks ;;
	esac
	document=$1
}

# Each block as "@ TITLE" and its lines.
manual_blocks()
{
	awk '
		/^\.Sh / { title = substr($0, 5) }
		/^\.Bd -literal/ { inside = 1; print "@ " title; next }
		/^\.Ed/ { inside = 0 }
		inside {
			gsub(/\\&/, "")
			gsub(/\\e/, "\\")
			print "|" $0
		}' "$document"
}

# Fences, four blanks after an empty line, and tables of what to type.
readme_blocks()
{
	awk '
		/^```/ {
			fenced = !fenced
			if (fenced)
				print "@ " title
			next
		}
		fenced { print "|" $0; next }
		/^## / { title = substr($0, 4) }
		/^\|.*`.*\|$/ {
			cells = split($0, cell, / \| /)
			spans = split(cell[cells], span, /`/)
			for (i = 2; i <= spans; i += 2)
				print "@ " title "\n|" span[i]
		}
		/^    / && (empty || indented) {
			if (!indented)
				print "@ " title
			indented = 1
			print "|" substr($0, 5)
			next
		}
		{ indented = 0; empty = /^$/ }' "$document"
}

sections()
{
	"$examples_of" | sed -n 's/^@ //p' | uniq
}

# --- running -----------------------------------------------------------------

section()
{
	sections | grep -qxF -e "$1" || fail "no examples under $1"
	each_block run_block "$1"
}

# each_block COMMAND [TITLE]: the command for each of that section, or of all.
each_block()
{
	local line block='' wanted=

	while IFS= read -r line <&8; do
		case $line in
		"@ "*)
			[ -z "$block" ] || "$1" "${block%$'\n'}"
			block='' wanted=
			[ "${line#@ }" != "${2-${line#@ }}" ] || wanted=yes
			;;
		*) [ -z "$wanted" ] || block+=${line#|}$'\n' ;;
		esac
	done 8< <("$examples_of")
	[ -z "$block" ] || "$1" "${block%$'\n'}"
}

run_block()
{
	local first=${1%%$'\n'*}

	if use_as_told "$1"; then
		:
	elif [[ $first =~ $prompt ]]; then
		run_session "$1"
	elif is_left_out "$1"; then
		:
	elif [[ $first =~ ^'# '(/[^ ]+)' on '([a-z0-9-]+)$ ]]; then
		put_file "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "$1"
	else
		run_whole "$1"
	fi
}

prompt='^(([a-z0-9@-]+)([#$])|(oat|acme)=>) '

use_as_told()
{
	local known

	for known in ${how[@]+"${how[@]}"}; do
		if fits "$known" "$1"; then
			# shellcheck disable=SC2086
			${known##*: } "$(here "$1")"
			return 0
		fi
	done
	return 1
}

# What has no prompt goes into psql.
run_whole()
{
	run run_sql "$(here "$1")"
	last_command=$1
	expect_status 0
	expect_no_out '^(psql:.*)?(ERROR|WARNING|FATAL):'
}

run_session()
{
	local line command='' answer=''

	while IFS= read -r line; do
		if [[ $line =~ $prompt ]]; then
			[ -z "$command" ] || run_one_example "$command" "$answer"
			command=$line answer=''
		elif [ -z "$answer" ] && [[ $line =~ ^(>|oat->|acme->)' ' ]]; then
			command+=$'\n'${line#"${BASH_REMATCH[0]}"}
		else
			answer+=$line$'\n'
		fi
	done <<<"$1"
	run_one_example "$command" "$answer"
}

run_one_example()
{
	local command=$1 answer=$2

	is_left_out "$command" && return
	[[ $command =~ $prompt ]]
	command=${command#"${BASH_REMATCH[0]}"}
	if [ -z "${BASH_REMATCH[2]}" ]; then
		run run_sql "$(here "$command")"
	else
		run run_example_on "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" \
		    "$(here "$command")"
	fi
	last_command=$1
	expect_status "$(status_of "$1")"
	expect_answer "$(here "$answer")"
}

# --- what is said of examples ------------------------------------------------

# "GLOB: something" fits the example when the glob does.
fits()
{
	# shellcheck disable=SC2053
	[[ $2 == ${1%: *} ]]
}

is_left_out()
{
	local reason

	for reason in ${not_run[@]+"${not_run[@]}"}; do
		! fits "$reason" "$1" || return 0
	done
	return 1
}

status_of()
{
	local known

	for known in ${may_end[@]+"${may_end[@]}"}; do
		if fits "$known" "$1"; then
			echo "${known##*: }"
			return
		fi
	done
	echo 0
}

here()
{
	sed "$as_here" <<<"$1"
}

# A reason that fits nothing would hide the next example that looks like it.
expect_reasons_to_fit()
{
	local reason found

	for reason in ${not_run[@]+"${not_run[@]}"}; do
		found=
		each_block look_for
		[ -n "$found" ] || fail "no example fits: $reason"
	done
}

look_for()
{
	local line

	! fits "$reason" "$1" || found=yes
	while IFS= read -r line; do
		[[ ! $line =~ $prompt ]] || ! fits "$reason" "$line" || found=yes
	done <<<"$1"
}

# --- answers -----------------------------------------------------------------

plain()
{
	sed -E 's/[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9.]+)+(\+00| UTC)?/TIME/g
	    s/[-+]{3,}/---/g; s/[[:space:]]+/ /g; s/^ //; s/ $//' <<<"$1" |
		grep -vE '^(\([0-9]+ rows?\))?$'
}

# Quoted for a pattern, but for the three dots.
answer_pattern()
{
	local quoted

	printf -v quoted '%q' "${1//.../@}"
	echo "${quoted//@/*}"
}

expect_answer()
{
	local wanted i got=0 skipping=''
	local -a lines

	mapfile -t lines < <(plain "$out")
	while IFS= read -r wanted; do
		if [ "$wanted" = ... ]; then
			skipping=yes
			continue
		fi
		for (( i = got; i < ${#lines[@]}; i++)); do
			# shellcheck disable=SC2053
			[[ ${lines[i]} != $(answer_pattern "$wanted") ]] || break
			[ -n "$skipping" ] || fail "not as written: $wanted"
		done
		[ "$i" -lt "${#lines[@]}" ] || fail "not printed: $wanted"
		got=$((i + 1)) skipping=
	done < <(plain "$1")
	[ -n "$skipping" ] || [ "$got" = "${#lines[@]}" ] ||
		fail "also printed: ${lines[got]}"
}

# --- files -------------------------------------------------------------------

put_file()
{
	local host=$1 path=$2 mode=0644

	case $path in
	/etc/sudoers.d/*) mode=0440 ;;
	/etc/oat/oat.conf) mode=0600 ;;
	esac
	here "$3" | lab_put "$host" "$path" root:root "$mode"
	case $path in
	/etc/cron.d/*) run_crontab "$host" "$path" ;;
	*.service) run_unit "$host" "$path" ;;
	esac
	case $path in
	*.service | *.timer) verify_unit "$host" "$path" ;;
	esac
}

# put_name_service HOST LINES: in place of those of its nsswitch.conf.
put_name_service()
{
	local line

	while IFS= read -r line; do
		lab_exec "$1" sed -i "s/^${line%%:*}:.*/$line/" \
		    /etc/nsswitch.conf
	done <<<"$2"
}

# Each job once, as cron(8) runs it, but now; without complaints.
run_crontab()
{
	local job fields='^([^ #]+ +){5}([a-z]+) +(.*)$'

	while IFS= read -r job <&7; do
		[[ $job =~ $fields ]] || continue
		run_job "$1" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
	done 7< <(lab_exec "$1" cat "$2")
}

# The same of a user's own: run_own_crontab HOST USER LINES
run_own_crontab()
{
	local job fields='^([^ ]+ +){5}(.*)$'

	while IFS= read -r job <&7; do
		[[ $job =~ $fields ]] || fail "no job: $job"
		run_job "$1" "$2" "${BASH_REMATCH[2]}"
	done 7<<<"$3"
}

run_job()
{
	run lab_exec "$1" runuser -u "$2" -- env -C / PATH="$PATH" sh -c "$3"
	last_command=$3
	expect_status 0
	expect_no_out 'ERROR|FATAL|[Nn]o such|not found'
}

run_unit()
{
	local user command

	user=$(lab_exec "$1" sed -n 's/^User=//p' "$2")
	command=$(lab_exec "$1" sed -n 's/^ExecStart=//p' "$2")
	run_job "$1" "${user:-root}" "$command"
}

verify_unit()
{
	lab_exec "$1" sh -c 'command -v systemd-analyze' >/dev/null || return 0
	run lab_exec "$1" systemd-analyze verify "$2"
	expect_no_out "${2##*/}"
}
