#!/bin/sh
# rsprof-push: a server gets the profiles that rsprof-pprof makes of each file, once.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
command -v curl >/dev/null || skip_all 'needs curl'
command -v sqlite3 >/dev/null || skip_all 'needs the sqlite3 shell'
cd "$T" || exit 1

exits 'no argument' 2 rsprof-push
same 'usage' err <<'E'
usage: rsprof-push [-hV] [-k CONFIG] [-l LABEL=VALUE] [-n NAME] pyroscope|parca URL FILE
E
exits 'an unknown service' 2 rsprof-push graphite http://localhost x.db
exits 'no URL' 2 rsprof-push pyroscope localhost:4040 x.db
exits 'no label' 2 rsprof-push -l a pyroscope http://localhost x.db
exits 'a bad label' 2 rsprof-push -l a-b=c pyroscope http://localhost x.db
exits 'no configuration' 2 rsprof-push -k nowhere pyroscope http://localhost x.db
exits 'no recording' 1 rsprof-push pyroscope http://localhost x.db
says 'that is said' 'x.db: neither a recording nor the name of some$'

awk -v seconds=30 -f "$ROOT/tests/tools/stream.awk" | sed 's/	server	/	ser ver	/' >stream
rsprof-store -R 10s x.db <stream 2>err || exit 1
mkdir got
perl "$ROOT/tests/tools/receiver.pl" got &
own $!
await 60 test -s got/port || exit 1
url=http://127.0.0.1:$(cat got/port)

# Requests are counted from the last fresh() on.
highest() { for head in got/*.head; do basename "$head" .head; done | sort -n | tail -n 1; }
fresh() {
	base=$(highest)
	[ "$base" != '*' ] || base=0
	rm -f x.db.*
}
posts() {
	set -- "$(highest)"
	[ "$1" != '*' ] || set -- 0
	echo $(($1 - base))
}
body() { echo "got/$((base + $1)).body"; }
request() { sed 's/ HTTP.*//' "got/$((base + $1)).head" | grep -i -e ^POST -e ^content-type; }
fresh

# profile FILE cpu|memory: what should be sent.
profile() {
	case $2 in
	cpu) set -- "$1" -e '^heap	' ;;
	memory) set -- "$1" -e '^cpu	' -e '^off	' ;;
	esac
	file=$1
	shift
	rsprof-dump "$file" | grep -v "$@" | rsprof-pprof
}

# ---- Pyroscope ------------------------------------------------------------------

exits 'to Pyroscope' 0 rsprof-push -l env=test -l 'zone=a b' pyroscope "$url/" x.db
same 'without a word' err /dev/null
same 'nor output' out /dev/null
n=0
for recording in x-*Z.db; do
	for part in cpu memory; do
		profile "$recording" $part >want 2>/dev/null
		n=$((n + 1))
		[ "$recording $part" != 'x-20260101T000030Z.db cpu' ] || { n=$((n - 1)); continue; }
		ok "$recording: $part is what rsprof-pprof writes" cmp "$(body $n)" want
	done
done
ok 'and nothing else is sent' [ "$(posts)" = $n ]
ok 'that is something' [ $n = 7 ]
request 3 >asked
same 'the request' asked <<'E'
POST /ingest?name=ser_ver%7Benv%3Dtest%2Czone%3Da_b%7D&from=1767225610&until=1767225620&format=pprof&spyName=rsprof
Content-Type: application/octet-stream
E
for i in 1 2; do gzip -cd "$(body $i)" | perl "$ROOT/tests/tools/pprof.pl" 2>/dev/null | sed -n 1p; done >types
same 'time is one profile, memory another' types <<'E'
types samples/count cpu/nanoseconds waits/count off_cpu/nanoseconds
types alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes
E
exits 'once more' 0 rsprof-push pyroscope "$url" x.db
ok 'nothing is sent twice' [ "$(posts)" = $n ]

# ---- what does not go well --------------------------------------------------------

fresh
echo '503 Service Unavailable' >got/answer
exits 'a service that is not there' 1 rsprof-push pyroscope "$url" x.db
says 'is an error' 'x-20260101T000000Z.db: not sent$'
ok 'and the end, until the next time' [ "$(posts)" = 1 ]
rm got/answer
base=$(highest)
exits 'which' 0 rsprof-push pyroscope "$url" x.db
profile x-20260101T000000Z.db cpu >want
ok 'goes on with that' cmp "$(body 1)" want
ok 'and sends all' [ "$(posts)" = 7 ]
fresh
echo 'x-20260101T000010Z.db cpu' >x.db.pyroscope
exits 'who has sent a part of it' 0 rsprof-push pyroscope "$url" x.db
profile x-20260101T000010Z.db memory >want
ok 'goes on behind that' cmp "$(body 1)" want
ok 'and sends the others' [ "$(posts)" = 4 ]
exits 'nobody listens' 1 rsprof-push pyroscope http://127.0.0.1:1 x-20260101T000000Z.db
says 'is an error' 'Z.db: not sent$'

# The newest file is still written; a killed one is sent when another one follows.
fresh
sed '/^end/d' stream >short
rm x-*.db
rsprof-store -R 10s x.db <short 2>/dev/null
rm x-20260101T000030Z.db
sqlite3 x-20260101T000020Z.db 'UPDATE stream SET ended = NULL'
exits 'a file that has no end' 0 rsprof-push pyroscope "$url" x.db
ok 'is not sent yet' [ "$(posts)" = 4 ]
rsprof-store later.db <stream 2>/dev/null
mv later.db x-20260101T000030Z.db
exits 'it is, with an error, after the next one has begun' 1 rsprof-push pyroscope "$url" x.db
says 'which is its own' 'the stream was cut off'
ok 'and that one is, too' [ "$(posts)" = 8 ]

# ---- Parca --------------------------------------------------------------------------

# The server of this test speaks HTTP 1 only.
echo http1.1 >config
fresh
printf '%s\n' '200 OK' 'grpc-status: 0' >got/answer
exits 'to Parca' 0 rsprof-push -k config -n web -l env=test parca "$url" x-20260101T000000Z.db
same 'without a word' err /dev/null
ok 'time and memory' [ "$(posts)" = 2 ]
request 1 >asked
same 'the request' asked <<'E'
POST /parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw
Content-Type: application/grpc
E
profile x-20260101T000000Z.db cpu >want
perl -e '
	# A message of gRPC, of a request, of a series: its labels, and a sample.
	local $/; open my $f, "<:raw", shift; my $m = <$f>;
	my ($zero, $len) = unpack "CN", substr $m, 0, 5, "";
	die "framed\n" if $zero != 0 || $len != length $m;
	sub field { my ($id, $n, $shift) = (ord(substr $_[0], 0, 1, ""), 0, 0);
		while (1) { my $b = ord substr $_[0], 0, 1, ""; $n |= ($b & 127) << $shift; $shift += 7; last if $b < 128 }
		return ($id >> 3, substr $_[0], 0, $n, "") }
	my ($series, $s) = field $m; my ($one, $set) = field $s; my ($two, $sample) = field $s;
	my ($raw, $profile) = field $sample;
	print "$series $one $two $raw\n";
	while (length $set) { my (undef, $pair) = field $set; my (undef, $k) = field $pair; my (undef, $v) = field $pair;
		print "$k=$v\n" }
	open my $out, ">:raw", "profile"; print $out $profile' "$(body 1)" >labels
same 'its labels' labels <<'E'
2 1 2 1
__name__=process_cpu
job=web
env=test
E
ok 'its profile is what rsprof-pprof writes' cmp profile want
printf '%s\n' '200 OK' 'grpc-status: 3' 'grpc-message: no such thing' >got/answer
exits 'what it refuses' 1 rsprof-push -k config parca "$url" x-20260101T000000Z.db
says 'is an error' 'refused, with the status 3 of gRPC: no such thing$'
echo '200 OK' >got/answer
exits 'no status of gRPC' 1 rsprof-push -k config parca "$url" x-20260101T000000Z.db
says 'is an error' 'refused, with the status none of gRPC$'
exits 'labels of a request' 2 rsprof-pprof -w a stream
says 'have values' 'not LABEL=VALUE$'

# ---- units ----------------------------------------------------------------------------

ok 'they are installed' make -s -C "$ROOT" install-systemd unitdir="$T/units" bindir="$B"
for unit in rsprof@.service rsprof-push@.service rsprof-push@.timer; do
	ok "$unit" [ -s "units/$unit" ]
	ok 'with the place of its program' sh -c '! grep @bindir@ "$1"' sh "units/$unit"
	if command -v systemd-analyze >/dev/null; then
		cp "units/$unit" "$(echo "units/$unit" | sed 's/@/@web/')"
		systemd-analyze verify --man=no "$(echo "units/$unit" | sed 's/@/@web/')" >verify 2>&1
		grep "units/" verify >out
		same 'systemd has nothing against it' out /dev/null
	fi
done
done_testing
