#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples for CI do what they say: their own lines, as a runner runs them.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

examples=/usr/share/doc/oat/examples
home=/var/lib/oat/home/oat-acme-ci
checkout=/root/checkout

# A repository as the examples want it; example.org is our lab.
make_checkout()
{
	lab_exec client sh -euc "rm -rf $checkout /root/.ssh
		mkdir -p $checkout/public $checkout/ci && cd $checkout
		install /usr/share/oat/oat-askpass ci/
		for file in $examples/*.yml; do
			sed s/example.org/lab/ \$file >\${file##*/}
		done
		echo '$1' >public/index.html
		git init -q -b main && git add -A
		git -c user.name=ci -c user.email=ci@lab commit -qm '$1'" ||
		fail "no checkout"
	lab_exec web-1 rm -rf "$home/project.git"
}

# What the job did, and nothing was left behind where everybody reads.
expect_deployed()
{
	run lab_exec web-1 cat "$home/site/index.html"
	expect_equal "$1" "$out"
	run lab_exec web-1 git -C "$home/project.git" -c safe.directory='*' \
	    log -1 --format=%s main
	expect_equal "$1" "$out"
	run lab_exec web-1 cat /etc/site.conf
	expect_equal 'deployed_by = oat-acme-ci' "$out"
	run lab_exec web-1 stat -c %U /etc/site.conf
	expect_equal root "$out"
	lab_exec web-1 rm /etc/site.conf
}

# The job's lines after its variables, which may name a runner's own.
gitlab_script()
{
	lab_exec client python3 - "$checkout/gitlab-ci.yml" <<-'PYTHON'
	import sys, yaml
	file = yaml.safe_load(open(sys.argv[1]))
	for name, value in file["variables"].items():
	    print('export %s="%s"' % (name, value))
	job = file["deploy"]
	print("\n".join(job["before_script"] + job["script"]))
	PYTHON
}

test_the_gitlab_job_deploys_by_ssh_git_rsync_and_ansible()
{
	make_checkout 'by GitLab'
	lab_put client /run/variables/OAT_TOKEN_FILE root:root 0600 \
	    <<<"$token"
	lab_put client /run/variables/KNOWN_HOSTS <"$LAB/known_hosts.acme"
	gitlab_script | lab_put client /run/script
	run lab_exec client timeout 120 setsid -w env -C "$checkout" \
	    HOME=/root CI_PROJECT_DIR="$checkout" \
	    OAT_TOKEN_FILE=/run/variables/OAT_TOKEN_FILE \
	    KNOWN_HOSTS=/run/variables/KNOWN_HOSTS bash -eo pipefail /run/script
	expect_status 0
	expect_no_out "$token"
	expect_out 'changed=1 .*failed=0'
	expect_deployed 'by GitLab'
}

# Each step's lines, in a file of its own, begun with its variables.
github_steps()
{
	lab_exec client python3 - "$checkout/github-actions.yml" <<-'PYTHON'
	import re, sys, yaml
	job = yaml.safe_load(open(sys.argv[1]))["jobs"]["deploy"]
	steps = [step for step in job["steps"] if "run" in step]
	for number, step in enumerate(steps):
	    with open("/run/step-%d" % number, "w") as file:
	        file.write('set -a; . "$GITHUB_ENV"; set +a\n')
	        for name, value in {**job["env"], **step.get("env", {})}.items():
	            value = re.sub(r"\$\{\{ \w+\.(\w+) \}\}", r"$STORE_\1", value)
	            file.write('export %s="%s"\n' % (name, value))
	        file.write(step["run"])
	print(len(steps))
	PYTHON
}

test_the_github_job_deploys_by_ssh_git_rsync_and_ansible()
{
	local number steps

	make_checkout 'by GitHub'
	steps=$(github_steps) || fail "no steps"
	lab_exec client sh -c ': >/run/github.env'
	for ((number = 0; number < steps; number++)); do
		run lab_exec client timeout 120 setsid -w env -C "$checkout" \
		    HOME=/root GITHUB_WORKSPACE="$checkout" \
		    GITHUB_ENV=/run/github.env STORE_OAT_TOKEN="$token" \
		    STORE_KNOWN_HOSTS="$(cat "$LAB/known_hosts.acme")" \
		    bash -eo pipefail "/run/step-$number"
		expect_status 0
		expect_no_out "$token"
	done
	expect_out 'changed=1 .*failed=0'
	expect_deployed 'by GitHub'
}

# The same job where the keys are not the hosts' ends at its first line.
test_a_job_whose_hosts_are_not_known_ends_and_says_why()
{
	make_checkout 'to nowhere'
	: | lab_put client /run/variables/KNOWN_HOSTS
	gitlab_script | lab_put client /run/script
	run lab_exec client timeout 120 setsid -w env -C "$checkout" \
	    HOME=/root CI_PROJECT_DIR="$checkout" \
	    OAT_TOKEN="$token" KNOWN_HOSTS=/run/variables/KNOWN_HOSTS \
	    bash -eo pipefail /run/script
	expect_status 255
	expect_out 'oat-askpass: ssh does not know the key of this host'
	run lab_exec web-1 cat "$home/site/index.html"
	expect_no_out 'to nowhere'
}

lab_enter "$@"
lab_standard
lab_install client
lab_sql "select oat.enroll_host('web-1', ssh_host_keys =>
    array['$(cut -d ' ' -f 2,3 "$LAB/known_hosts")'])" >/dev/null
lab_token web-1 acme ci 'web-*' sshd,sudo
lab_sql "select oat.known_hosts('acme', 'lab')" >"$LAB/known_hosts.acme"
run_tests "$@"
