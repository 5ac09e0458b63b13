#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Programs that speak ssh, with a token for their password.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/clients.sh
. "$(dirname "$0")/clients.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
address=$login@web-1.lab
home=/var/lib/oat/home/$login

# How often the database was asked for the job's login.
questions()
{
	lab_sql "select count(*) from oat.activity where actor = '$login'
	    and event in ('login', 'access')"
}

# --- OpenSSH and what runs it ------------------------------------------------

test_a_master_connection_carries_more_sessions_after_one_login()
{
	local before

	before=$(questions)
	run lab_shell client 'ssh="ssh -o ControlPath=/run/master"
		$ssh -o ControlMaster=auto -o ControlPersist=60 $address id -un
		mv /run/token /run/no-token
		$ssh $address echo again
		mv /run/no-token /run/token
		$ssh -O exit $address' address="$address"
	expect_status 0
	expect_out "^$login\$"
	expect_out '^again$'
	expect_equal $((before + 1)) "$(questions)"
}

test_scp_and_sftp_copy_there_and_back()
{
	run lab_shell client 'echo there >/run/file
		scp -q /run/file $address:by-scp
		echo "get by-scp /run/back" | sftp -q $address >/dev/null
		cat /run/back' address="$address"
	expect_status 0
	expect_equal there "$out"
}

test_sshpass_types_it_for_every_program_of_openssh()
{
	run lab_shell client 'unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
		sshpass -f /run/token ssh $address id -un
		echo typed >/run/file
		sshpass -f /run/token scp -q /run/file $address:typed
		sshpass -f /run/token ssh $address cat typed' address="$address"
	expect_status 0
	expect_equal "$login"$'\n'typed "$out"
}

test_rsync_copies_a_folder_and_its_changes()
{
	run lab_shell client 'mkdir -p /run/site/css
		echo one >/run/site/index.html; echo two >/run/site/css/main.css
		rsync -a --delete /run/site/ $address:site/
		rm -r /run/site/css; echo three >/run/site/index.html
		rsync -a --delete /run/site/ $address:site/
		rsync -a $address:site/ /run/copy/
		cat /run/copy/*; ls /run/copy' address="$address"
	expect_status 0
	expect_equal three$'\n'index.html "$out"
}

test_git_pushes_and_clones_over_ssh()
{
	run lab_shell client 'ssh $address git init -q --bare project.git
		git init -q -b main /run/project && cd /run/project
		git -c user.name=ci -c user.email=ci@lab commit -q \
		    --allow-empty -m "from a job"
		git push -q $address:project.git main
		git clone -q -b main ssh://$address'"$home"'/project.git /run/clone
		git -C /run/clone log --format=%s' address="$address"
	expect_status 0
	expect_equal 'from a job' "$out"
}

test_git_over_https_is_not_given_the_token()
{
	run lab_job client git -c credential.helper= ls-remote \
	    https://oat-acme-ci@localhost:1/project.git
	expect_failure
	expect_no_out "$token"
	run lab_job client sh -c "printf 'protocol=https\nhost=h\n' |
	    git credential fill"
	expect_failure
	expect_out "oat-askpass: not a question .*Username for 'https://h'"
	expect_no_out "$token"
}

# --- others ------------------------------------------------------------------

test_paramiko_runs_a_command_and_copies_a_file()
{
	lab_put client /run/client.py <<-'PYTHON'
	import paramiko, sys
	client = paramiko.SSHClient()
	client.load_host_keys("/root/.ssh/known_hosts")
	client.connect("web-1.lab", username=sys.argv[1],
	    password=open("/run/token").read().strip(),
	    look_for_keys=False, allow_agent=False)
	print(client.exec_command("id -un")[1].read().decode().strip())
	sftp = client.open_sftp()
	with sftp.open("by-paramiko", "w") as file:
	    file.write("copied\n")
	print(sftp.open("by-paramiko").read().decode().strip())
	client.close()
	PYTHON
	run lab_job client python3 -W ignore /run/client.py "$login"
	expect_status 0
	expect_equal "$login"$'\n'copied "$out"
}

test_paramiko_answers_keyboard_interactive()
{
	lab_put client /run/client.py <<-'PYTHON'
	import paramiko, socket, sys
	transport = paramiko.Transport(socket.create_connection(("web-1.lab", 22)))
	transport.start_client()
	token = open("/run/token").read().strip()
	transport.auth_interactive(sys.argv[1],
	    lambda title, instructions, fields: [token for field in fields])
	print(transport.is_authenticated())
	transport.close()
	PYTHON
	run lab_job client python3 -W ignore /run/client.py "$login"
	expect_status 0
	expect_equal True "$out"
}

# Asked interactively it reads a terminal, whatever SSH_ASKPASS says.
test_dropbears_client_takes_it_from_its_variable()
{
	run lab_shell client 'DROPBEAR_PASSWORD=$(cat /run/token)
		export DROPBEAR_PASSWORD
		dbclient $address id -un </dev/null' address="$address"
	expect_status 0
	expect_out "^$login\$"
}

test_plink_and_pscp_read_it_from_a_file()
{
	run lab_shell client 'key=$(ssh-keygen -l -F web-1.lab |
		    sed -n "s/.*\(SHA256:[^ ]*\).*/\1/p")
		options="-batch -hostkey $key -pwfile /run/token"
		plink $options $address id -un
		echo by-pscp >/run/file
		pscp -q $options /run/file $address:by-pscp
		plink $options $address cat by-pscp' address="$address"
	expect_status 0
	expect_out "^$login\$"
	expect_out '^by-pscp$'
}

# --- what the snippet for sshd decides ---------------------------------------

# Keys of an identity, put there by a login with its token.
put_key()
{
	lab_shell client '[ -e /run/key ] ||
		    ssh-keygen -q -t ed25519 -N "" -f /run/key
		ssh $address "umask 077 && mkdir -p .ssh &&
		    cat >.ssh/authorized_keys" </run/key.pub' \
	    address="$address" || fail "no key"
}

by_key()
{
	lab_job client ssh -i /run/key -o PreferredAuthentications=publickey \
	    -o IdentitiesOnly=yes "$@"
}

# web-1 is only the way: app-1 is asked for the token as well.
by_jump()
{
	lab_job client ssh -J "$address" "$login@app-1.lab" hostname
}

# First values count: this file is read before sshd_config.d/oat.conf.
lift()
{
	lab_put web-1 /etc/ssh/sshd_config.d/01-lifted.conf
	reload_sshd
}

reload_sshd()
{
	lab_exec web-1 sh -c 'pid=$(cat /run/sshd.pid) &&
	    rm /run/sshd.pid && kill -HUP "$pid"'
	wait_for 10 test -e "$(lab_root web-1)/run/sshd.pid" ||
		fail "sshd did not come back"
}

unlift()
{
	lab_exec web-1 rm -f /etc/ssh/sshd_config.d/01-lifted.conf
	reload_sshd
}

test_a_public_key_is_refused_as_shipped_and_let_in_when_lifted()
{
	put_key
	run by_key "$address" id -un
	expect_status 255
	expect_out 'Permission denied'
	trap unlift EXIT
	lift <<-SSHD
	Match User oat-*
		AuthorizedKeysFile .ssh/authorized_keys
	Match all
	SSHD
	run by_key "$address" id -un
	expect_status 0
	expect_equal "$login" "$out"
	run lab_sql "select event, outcome from oat.activity
	    where actor = '$login' and event in ('login', 'access')
	    order by id desc limit 1"
	expect_equal 'access|success' "$out"
}

test_a_jump_is_refused_as_shipped_and_let_through_when_lifted()
{
	run by_jump
	expect_status 255
	expect_out 'administratively prohibited'
	trap unlift EXIT
	lift <<-SSHD
	Match User oat-*
		AllowTcpForwarding local
		PermitOpen app-1.lab:22
	Match all
	SSHD
	run by_jump
	expect_status 0
	expect_equal app-1 "$out"
	run lab_job client ssh -W db.lab:5432 "$address"
	expect_failure
	expect_out 'administratively prohibited'
}

lab_enter "$@"
lab_standard
lab_host app-1
lab_enroll app-1
lab_sshd app-1
lab_job_host client
lab_token web-1 acme ci '*' sshd
lab_job_token client
run_tests "$@"
