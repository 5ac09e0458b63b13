# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Figures and the table they stand in. Measurements are lines of two numbers,
# ours in the second column.
#
#   median FILE COLUMN       least FILE COLUMN       milliseconds US
#   table_begin
#   row NAME THEIRS OURS GOAL     by their ratio; the goal is the most allowed
#   above NAME THEIRS OURS GOAL   by ours less theirs; also the most allowed
#   count NAME THEIRS OURS GOAL   by our number itself; also the most allowed
#   fact NAME FOUND WANTED        two texts that should be one

median()
{
	cut -f "$2" "$1" | sort -n | awk '{ v[NR] = $1 } END {
		print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
	}'
}

least()
{
	cut -f "$2" "$1" | sort -n | head -n 1
}

# A thousandth, whatever the unit.
milliseconds()
{
	awk -v us="$1" 'BEGIN { printf "%.4f", us / 1000 }'
}

table_begin()
{
	printf '%-46s %10s %10s %7s %7s  %s\n' \
	    figure without oat ratio goal met
}

row()
{
	awk -v name="$1" -v theirs="$2" -v ours="$3" -v goal="$4" 'BEGIN {
		printf "%-46s %10.2f %10.2f %7.4f %7.2f  %s\n", name, theirs,
		    ours, ours / theirs, goal,
		    ours / theirs <= goal ? "yes" : "no"
	}'
}

above()
{
	awk -v name="$1" -v theirs="$2" -v ours="$3" -v goal="$4" 'BEGIN {
		printf "%-46s %10.3f %10.3f %+7.3f %7.2f  %s\n", name, theirs,
		    ours, ours - theirs, goal,
		    ours - theirs <= goal ? "yes" : "no"
	}'
}

count()
{
	printf '%-46s %10s %10s %7s %7s  %s\n' "$1" "$2" "$3" - "$4" \
	    "$([ "$3" -le "$4" ] && echo yes || echo no)"
}

fact()
{
	printf '%-46s %s  %s\n' "$1" "$2" "$([ "$2" = "$3" ] && echo yes ||
		echo "no: wanted $3")"
}
