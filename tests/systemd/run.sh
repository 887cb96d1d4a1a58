#!/bin/bash
# run.sh : inside the booted container: the installed units do what docs/man/tidingsd.8 says.
# One line a check; the first that fails shows the journal and ends with 1.
set -u
eval "$(cat /e2e/paths)"
export PATH=$bindir:$sbindir:$PATH
conf=$sysconfdir/tidings/feeds.conf
started=$SECONDS
fail() {
    echo "FAILED: $*"
    systemctl status --no-pager -l tidingsd.service tidingsd.socket tidings-backup.service 2>&1 | head -60
    journalctl --no-pager -o short-monotonic -n 60 2>&1
    exit 1
}
ok() { echo "ok $((SECONDS - started))s: $*"; }
eventually() { # WHAT COMMAND... : tries for 20 s
    local what=$1 i; shift
    for ((i = 0; i < 400; i++)); do "$@" >/dev/null 2>&1 && { ok "$what"; return; }; sleep 0.05; done
    fail "$what: $*"
}
prop() { systemctl show -P "$1" "${2:-tidingsd.service}"; }
journal_has() { journalctl -q -u tidingsd.service "$@" | grep -q .; }

# ---- installing
systemd-sysusers || fail systemd-sysusers
journalctl --update-catalog || fail "journalctl --update-catalog"
getent group tidings-api >/dev/null || fail "no group tidings-api"
mkdir -p "$sysconfdir/tidings"
printf 'http://me:s3cret@127.0.0.1:8000/feed/private\n' >/root/private-url
chmod 600 /root/private-url
cat >"$conf" <<EOF
[daemon]
allow-addresses = 127.0.0.0/8
host-spacing = 0
[defaults]
backlog = all
[feed harbour]
url = http://127.0.0.1:8000/feed
[feed private]
url = credential:private-url
[feed missing]
url = http://127.0.0.1:8000/nothing
[feed named]
url = http://localhost:8000/feed/named
[feed nowhere]
url = http://nowhere.invalid/feed
[feed tls]
url = https://127.0.0.1:8443/feed
[feed command]
url = exec:/bin/cat /e2e/command.xml
[subscription run]
sink = exec /e2e/sink arg
query = feed:harbour
[subscription letters]
sink = mail desk@example.org
sendmail = /e2e/sendmail -i
query = feed:harbour
[subscription lines]
sink = file /var/lib/tidings/lines
query = feed:harbour
EOF
# A consumer's command tries what a command might want, and says how that went.
cp /usr/bin/id /e2e/gains && chgrp daemon /e2e/gains && chmod 2755 /e2e/gains
cat >/e2e/sink <<'EOF'
#!/bin/sh
set -u
grep -q '"event":"item.new"' && [ "$1" = arg ] && [ -n "$TIDINGS_TITLE" ] || exit 1
{
    touch "/var/lib/tidings/probe" && echo state
    touch /tmp/probe && echo tmp
    for d in / /etc /usr /home /root /run /var/lib; do touch "$d/probe" 2>/dev/null && echo "wrote $d"; done
    ls /root/private-url >/dev/null 2>&1 && echo "sees a home"
    [ "$(/e2e/gains -g)" = "$(id -g)" ] || echo "gains a group"
    python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8000)).close()' && echo net
} >"/var/lib/tidings/probes.new"
mv "/var/lib/tidings/probes.new" "/var/lib/tidings/probes"
EOF
printf '#!/bin/sh\n{ echo "to: $*"; cat; } >>/var/lib/tidings/letters\n' >/e2e/sendmail
chmod 755 /e2e/sink /e2e/sendmail
cat >/e2e/command.xml <<'EOF'
<rss version="2.0"><channel><title>c</title><item><guid>c</guid><title>By a command</title></item></channel></rss>
EOF
# A config that not everybody reads: the service has the group anyway.
chgrp tidings-api "$conf" && chmod 640 "$conf"
mkdir -p /etc/systemd/system/tidingsd.service.d
printf '[Service]\nLoadCredential=private-url:/root/private-url\n' \
    >/etc/systemd/system/tidingsd.service.d/secret.conf
systemctl daemon-reload
python3 /e2e/origin.py &
eventually "the origin answers" python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8000/feed")'

# ---- the unit itself
man=no
man -w 8 tidingsd >/dev/null 2>&1 && man=yes # built where scdoc is
verify=$(systemd-analyze verify --man=$man tidingsd.service tidingsd.socket tidingsd-http.socket \
    tidingsd-websub.socket tidings-backup.service tidings-backup.timer tidings-follow@x.service 2>&1 | grep -i tiding) &&
    fail "systemd-analyze verify: $verify"
ok "systemd-analyze verify is silent"

# ---- socket activation
systemctl start tidingsd.socket || fail "tidingsd.socket"
[ "$(prop ActiveState)" = inactive ] || fail "the service runs before anybody asked"
[ "$(stat -c '%a %G' /run/tidings/tidings.sock)" = "660 tidings-api" ] ||
    fail "socket: $(stat -c '%a %G' /run/tidings/tidings.sock)"
tidings status >/dev/null || fail "tidings status through the socket"
eventually "the first question starts the service" systemctl is-active tidingsd.service
systemd-analyze security --threshold=12 tidingsd.service >/e2e/security || fail "$(tail -1 /e2e/security)"
ok "$(tail -1 /e2e/security)"

# ---- user and state
pid=$(prop MainPID)
uid=$(stat -c %u "/proc/$pid")
[ "$uid" -ge 61184 ] && [ "$uid" -le 65519 ] || fail "uid $uid is not a dynamic user's"
[ "$(stat -Lc '%a %u' /var/lib/tidings/)" = "700 $uid" ] || fail "state: $(stat -Lc '%a %u' /var/lib/tidings/)"
[ -f /var/lib/tidings/tidings.db ] || fail "no store in the state directory"
ok "dynamic user $uid, state directory 0700"

# ---- credential, fetch, item at a client, follower
eventually "the item reaches a client" sh -c 'tidings items --format tsv | grep -q "A crane"'
eventually "the credential's feed was asked with its secret" grep -q '^/feed/private Basic ' /e2e/requests
# TLS, names that resolve and that do not, a command: all of it under the filter that kills.
eventually "TLS is spoken" journal_has TIDINGS_FEED=tls TIDINGS_OUTCOME=tls
eventually "a name is looked up" grep -q '^/feed/named ' /e2e/requests
eventually "a name that does not exist is told" journal_has TIDINGS_FEED=nowhere PRIORITY=4
eventually "a command is a source" sh -c 'tidings items --format tsv | grep -q "By a command"'
tidings add http://127.0.0.1:8000/feed/added --name added >/dev/null || fail "tidings add"
tidings remove added >/dev/null || fail "tidings remove"
tidings vacuum >/dev/null || fail "tidings vacuum"
ok "add, remove, vacuum"
grep -q s3cret "/proc/$pid/environ" && fail "the secret is in the environment"
journalctl -q -u tidingsd.service | grep -q s3cret && fail "the secret is in the journal"
setpriv --reuid=65534 --clear-groups tidings status >/dev/null 2>&1 && fail "anybody may use the socket"
ok "who is not in the group cannot use the socket"
mkdir -p "$sysconfdir/tidings/follow.d"
printf '#!/bin/sh\ncat >>"$STATE_DIRECTORY/got"\n' >"$sysconfdir/tidings/follow.d/desk"
chmod 755 "$sysconfdir/tidings/follow.d/desk"
mkdir -p /etc/systemd/system/tidings-follow@desk.service.d
printf '[Service]\nStateDirectory=desk\nEnvironment="FILTER=--from 0"\n' \
    >/etc/systemd/system/tidings-follow@desk.service.d/x.conf
systemctl daemon-reload
systemctl start tidings-follow@desk.service || fail "tidings-follow@desk"
eventually "a consumer's command gets the item" grep -q "A crane" /var/lib/desk/got
systemctl stop tidings-follow@desk.service

# ---- sinks inside the service's cage: what the manual says works, and what not
eventually "a sink's command has run" test -s /var/lib/private/tidings/probes
[ "$(tr '\n' ' ' </var/lib/private/tidings/probes)" = "state tmp net " ] ||
    fail "a sink's command: $(tr '\n' ',' </var/lib/private/tidings/probes)"
eventually "mail goes through a command that needs no rights" \
    grep -q '^to: -i -- desk@example.org' /var/lib/private/tidings/letters
grep -q '^Subject: .*A crane' /var/lib/private/tidings/letters || fail "mail: $(head -20 /var/lib/private/tidings/letters)"
eventually "a file sink writes below the state directory" grep -q "A crane" /var/lib/private/tidings/lines
ok "sinks: state directory and network, no home, no other file, no new rights"

# ---- journal
eventually "one line for the feed that fails" journal_has TIDINGS_FEED=missing PRIORITY=4
line=$(journalctl -q -u tidingsd.service TIDINGS_FEED=missing PRIORITY=4 -o json)
[ "$(wc -l <<<"$line")" = 1 ] || fail "more than one line for one change of state"
python3 - "$line" <<'EOF' || fail "fields: $line"
import json, sys
r = json.loads(sys.argv[1])
assert r["TIDINGS_OUTCOME"] == "http-404", r
assert r["TIDINGS_URL"] == "http://127.0.0.1:8000/nothing", r
assert r["MESSAGE_ID"] == "d307d7617ca14d9dba5b47cd7d29a142", r
EOF
journalctl -q -x -u tidingsd.service TIDINGS_FEED=missing PRIORITY=4 | grep -q "Feed missing cannot be read" ||
    fail "the catalog does not explain the line"
journalctl -q -u tidingsd.service -o cat | grep -q $'\e' && fail "an escape character reached the journal"
ok "structured fields, catalog, no control characters"

# ---- reload
asked=$(grep -c '^/feed ' /e2e/requests)
printf '[feed second]\nurl = http://127.0.0.1:8000/feed/second\n' >>"$conf"
systemctl reload tidingsd.service || fail "reload of a good config"
eventually "the added feed is fetched" grep -q '^/feed/second' /e2e/requests
[ "$(grep -c '^/feed ' /e2e/requests)" = "$asked" ] || fail "reload fetched another feed again"
[ "$(prop MainPID)" = "$pid" ] || fail "reload made another process"
cp -p "$conf" "$conf.good"
printf '[feed third]\nurl = gopher://x\n' >>"$conf"
systemctl reload tidingsd.service 2>/dev/null && fail "reload of a bad config succeeded"
[ "$(prop ActiveState)" = active ] || fail "a refused reload stopped the service"
journal_has MESSAGE_ID=bf5ba4e2b147440da1204e383e1997d7 || fail "no line about the refused reload"
journalctl -q -u tidingsd.service -o cat | grep -q "feeds.conf:.*gopher" || fail "the reason is not in the journal"
tidings feeds --format tsv | grep -q third && fail "a part of the bad config was applied"
mv "$conf.good" "$conf"
systemctl reload tidingsd.service || fail "reload after the correction"
ok "reload: good applied alone, bad refused whole, with its reason"

# ---- the cage: nothing writable but the state directory
cat >/e2e/writable.py <<'EOF'
import os, sys
found = []
for top, folders, _ in os.walk("/"):
    if top == "/":
        folders[:] = [f for f in folders if f not in ("proc", "sys")]
    if os.access(top, os.W_OK):
        found.append(top)
        folders[:] = []
allowed = {"/var/lib/private/tidings", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}
print("writable:", sorted(found))
sys.exit(not set(found) <= allowed or "/var/lib/private/tidings" not in found)
EOF
cp /e2e/writable.py /var/lib/tidings/ # what the service can see
nsenter -t "$pid" -m -- setpriv "--reuid=$uid" "--regid=$uid" --clear-groups --bounding-set=-all \
    python3 /var/lib/tidings/writable.py || { grep -E " /(run|tmp|etc|usr)?[^ ]* " /proc/$pid/mountinfo | head -40; fail "something else is writable (see above)"; }
for d in / /usr /etc /etc/tidings /var/lib /home /root; do
    nsenter -t "$pid" -m -- test -w "$d" && fail "$d is writable for root in there"
done
grep -q '^NoNewPrivs:\s*1' "/proc/$pid/status" && grep -q '^Seccomp:\s*2' "/proc/$pid/status" &&
    grep -q '^CapBnd:\s*0000000000000000' "/proc/$pid/status" || fail "privileges: $(grep -E 'NoNew|Secc|Cap' "/proc/$pid/status")"
child=$(pgrep -P "$pid" -f parser-child | head -1)
[ -n "$child" ] || fail "no parser child"
[ "$(awk '/^Seccomp_filters/{print $2}' "/proc/$child/status")" -gt \
  "$(awk '/^Seccomp_filters/{print $2}' "/proc/$pid/status")" ] || fail "the parser has no filter of its own"
[ "$(cat /proc/$child/oom_score_adj)" = 1000 ] || fail "the kernel would not take the parser first"
grep -q '^Max processes  *0 ' "/proc/$child/limits" || fail "the parser has no limits of its own"
ok "nothing else is writable; the parser is caged inside the cage"

# ---- death and recovery
kill -KILL "$pid"
restarted() { [ "$(prop MainPID)" != "$1" ] && [ "$(prop MainPID)" != 0 ] && [ "$(prop ActiveState)" = active ]; }
eventually "restarted after SIGKILL" restarted "$pid"
tidings items --format tsv | grep -q "A crane" || fail "the item is lost"
pid=$(prop MainPID)
kill -STOP "$pid"
eventually "the watchdog restarts a stopped process" restarted "$pid"
[ "$(prop NRestarts)" = 2 ] || fail "$(prop NRestarts) restarts, expected 2"
sleep 4 # longer than the watchdog
[ "$(prop NRestarts)" = 2 ] || fail "a healthy daemon was restarted"
[ "$(grep -c '^/feed ' /e2e/requests)" = "$asked" ] || fail "a restart fetched a feed before its time"
ok "restarts refetch nothing"

# ---- the API over TCP: a socket of its own, by name, with a token that is encrypted at rest
token=$(openssl rand -hex 32)
printf '[token desk]\nsecret = credential:api-token\n' >>"$conf"
{ echo "[Service]"; printf %s "$token" | systemd-creds encrypt --with-key=host --name=api-token -p - -; } \
    >/etc/systemd/system/tidingsd.service.d/token.conf || fail "systemd-creds encrypt"
systemctl daemon-reload
systemctl stop tidingsd.service 2>/dev/null
systemctl start tidingsd-http.socket tidingsd.service || fail "tidingsd-http.socket"
grep -q "$token" /etc/systemd/system/tidingsd.service.d/token.conf && fail "the token stands in the unit"
[ "$(TIDINGS_TOKEN=$token tidings items --api http://127.0.0.1:8420 --format tsv | grep -c "A crane")" -ge 1 ] ||
    fail "no item over TCP"
tidings items --api http://127.0.0.1:8420 >/dev/null 2>&1; [ $? = 77 ] || fail "TCP without a token"
tidings status >/dev/null || fail "the unix socket beside the TCP socket"
eventually "who was refused is told" journal_has MESSAGE_ID=bfffc338de0a483797d7e156bc6e0ac6
ok "the API over TCP: by FileDescriptorName, with SetCredentialEncrypted, not without a token"

# ---- backup
systemctl start tidings-backup.service || fail "tidings-backup.service"
backup=$(ls /var/lib/tidings/backup/*.db)
python3 -c '
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
assert c.execute("pragma integrity_check").fetchone() == ("ok",)
assert c.execute("select count(*) from v1_items").fetchone()[0] >= 1' "$backup" || fail "the backup does not open"
systemctl start tidings-backup.timer || fail "tidings-backup.timer"
systemctl list-timers --no-pager tidings-backup.timer | grep -q tidings-backup || fail "no timer"
ok "backup by its service, while the daemon runs: $backup"

# ---- stop, and the socket that outlives the service
before=$SECONDS
systemctl stop tidingsd.service 2>/dev/null || fail stop
[ $((SECONDS - before)) -le 5 ] || fail "stopping took $((SECONDS - before)) s"
[ "$(prop Result)" = success ] || fail "stop: $(prop Result)"
[ -S /run/tidings/tidings.sock ] || fail "the socket went with the service"
rm -f /var/lib/tidings/backup/*.db
systemctl start tidings-backup.service && [ -s /var/lib/tidings/backup/*.db ] || fail "backup while the daemon is stopped"
[ "$(prop ActiveState)" = inactive ] || fail "a backup started the daemon"
tidings status >/dev/null || fail "the socket does not start the service again"
eventually "the socket outlives the service" systemctl is-active tidingsd.service

# ---- a config with an error, at start
systemctl stop tidingsd.socket tidingsd.service
cp -p "$conf" "$conf.good"
printf '[feed third]\nurl = gopher://x\n' >>"$conf"
systemctl start tidingsd.service 2>/dev/null && fail "started with a broken config"
[ "$(prop ExecMainStatus)" = 78 ] && [ "$(prop ActiveState)" = failed ] || fail "status $(prop ExecMainStatus), $(prop ActiveState)"
mv "$conf.good" "$conf"

# ---- a damaged store: refused, untouched, recovered
page=$(python3 -c 'import sqlite3; c = sqlite3.connect("/var/lib/tidings/tidings.db")
print(c.execute("select rootpage from sqlite_schema where name = ?", ("item_feed",)).fetchone()[0])')
dd if=/dev/urandom of=/var/lib/tidings/tidings.db bs=16384 seek=$((page - 1)) count=1 conv=notrunc status=none
sum=$(md5sum </var/lib/tidings/tidings.db)
systemctl reset-failed tidingsd.service
systemctl start tidingsd.service 2>/dev/null && fail "started with a damaged store"
[ "$(prop ExecMainStatus)" = 65 ] || fail "status $(prop ExecMainStatus) with a damaged store"
journal_has MESSAGE_ID=05863b4f33df452fb3eef42a481bafda || fail "no line about the damaged store"
[ "$(md5sum </var/lib/tidings/tidings.db)" = "$sum" ] || fail "the damaged store was written to"
tidings recover --store /var/lib/tidings/tidings.db /e2e/recovered.db >/e2e/recover.out || fail "tidings recover"
mv /var/lib/tidings/tidings.db /e2e/damaged.db
cp /e2e/recovered.db /var/lib/tidings/tidings.db
chown --reference=/e2e/damaged.db /var/lib/tidings/tidings.db
systemctl reset-failed tidingsd.service
systemctl start tidingsd.socket tidingsd.service || fail "start with the recovered store: $(cat /e2e/recover.out)"
tidings items --format tsv | grep -q "A crane" || fail "the item did not come back"
ok "recovered: $(head -1 /e2e/recover.out)"
ok "errors of the config and a damaged store end the start, once, with their reasons"

# ---- a fixed user in place of a dynamic one, as the drop-in says
docs=$(dirname "$(find /usr/local/share/doc /usr/share/doc -name tidingsd-static-user.conf | head -1)")
systemctl stop tidingsd.socket tidingsd-http.socket tidingsd.service
(cd "$docs" && systemd-sysusers "$PWD/tidings-static-user.sysusers" && for s in tidingsd tidings-backup; do
    install -Dm644 tidingsd-static-user.conf /etc/systemd/system/$s.service.d/static-user.conf; done) || fail "static user"
systemctl daemon-reload && systemctl start tidingsd.socket tidingsd.service || fail "start with a static user"
[ "$(stat -c %U "/proc/$(prop MainPID)")" = tidings ] && [ "$(prop DynamicUser)" = no ] || fail "not the static user"
tidings items --format tsv | grep -q "A crane" || fail "the store did not come along"
rm -f /var/lib/tidings/backup/*.db
systemctl start tidings-backup.service && [ -s /var/lib/tidings/backup/*.db ] || fail "backup with a static user"
ok "a static user, with the same store"

# ---- no system call was forbidden
journalctl -q --no-pager | grep -iE 'SIGSYS|status=31' && fail "a system call was forbidden"
ok "no forbidden system call; all checks passed"
