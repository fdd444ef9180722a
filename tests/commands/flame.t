#!/bin/sh
# rsprof-flame: one HTML page, whose data adds up, and out of which no name leads.  What it looks
# like is tested by `make check-readers`.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
perl -MJSON::PP -MDigest::SHA -e 1 2>/dev/null || skip_all "needs perl's JSON::PP and Digest::SHA"
cd "$T" || exit 1
small >small.rec
hostile >hostile.rec

# sums: of the page's data: by thread and stack, CPU time, waits, and bytes.
sums() {
	perl -MJSON::PP -e '
		binmode STDOUT, ":utf8";
		my ($json) = do { local $/; <STDIN> } =~ m{<script type="application/json" id="data">(.*?)</script>}s
			or die "no data\n";
		my $d = JSON::PP->new->utf8->decode($json);
		my $n = $d->{nodes};
		for my $table (qw(cpu off heap)) {
			my $t = $d->{$table};
			for my $i (0 .. $#{$t->{node}}) {
				die "bin\n" if $t->{bin}[$i] < 0 || $t->{bin}[$i] >= $d->{bins};
				my @path;
				for (my $k = $t->{node}[$i]; $k >= 0; $k = $n->{parent}[$k]) {
					die "parent\n" if $n->{parent}[$k] >= $k;
					unshift @path, $d->{names}[$d->{frames}{name}[$n->{frame}[$k]]];
				}
				print "$table ", ($table eq "heap" ? "$t->{bytes}[$i] $t->{live}[$i]" : $t->{ns}[$i]),
					" $d->{threads}[$t->{thread}[$i]]: ", join(";", @path), "\n";
			}
		}
		print "memory @$_\n" for @{$d->{memory}};
		print "lost @$_\n" for @{$d->{lost}};
		print "remark $_\n" for @{$d->{remarks}};'
}

exits 'a page' 0 rsprof-flame small.rec
cp out page.html
sums <page.html >got
same 'with all samples' got <<'E'
cpu 40000000 child (200): server::main
cpu 10000000 server (100): server::main;server::serve;server::parse
cpu 10000000 server (100): server::main;server::serve;server::parse
cpu 10000000 worker (101): server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
cpu 10000001 worker (101): server::main;server::serve
cpu 10000000 worker (101): (incomplete: copy-end);libc.so.6+0x7700
cpu 5000000 worker (101): (no stack: no-stack)
off 300000000 worker (101): server::main;server::serve
off 700 worker (101): (no stack: short)
heap 1000 600 server (100): server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
heap 0 -300 server (100): server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
heap 70 70 worker (101): server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
memory 0 200 670 4096000
memory 0 400 370 8192000
lost 7 ring-full (cpu)
remark sums of memory are estimates: one allocation in 524288 bytes was recorded
remark it is so
E
ok 'two scripts and no more' [ "$(grep -c '</script>' page.html)" = 2 ]
# Both hashes of the policy are those of what stands there.
perl -MDigest::SHA=sha256_base64 -e '
	my $p = do { local $/; <STDIN> };
	for ("style", "script") {
		my ($text) = $p =~ m{<$_>(.*?)</$_>}s or die "no $_\n";
		my $hash = sha256_base64($text);
		$hash .= "=" while length($hash) % 4;
		die "the policy does not have $hash\n" if index($p, "$_-src \x27sha256-$hash\x27") < 0;
	}' <page.html 2>err
same 'the policy permits what is there' err /dev/null
says 'and nothing else' "default-src 'none'" page.html
# shellcheck disable=SC2016
ok 'it names no other place' sh -c '! grep -E "https?:|src=|href=|@import|fetch\(|XMLHttp" page.html'

doubtful >doubtful.rec
exits 'errors and ranges' 0 rsprof-flame doubtful.rec
sed -n '/^"ranges"/,/}/p' out >got
same 'are data, of each change' got <<'E'
"ranges":{"node":[4,4,4],
"thread":[0,1,0],
"bin":[200,200,400],
"live_below":[0,0,0],
"live_above":[0,430,0],
"live_variance":[2500,0,-1600],
"bytes_below":[0,10,0],
"bytes_above":[0,60,0],
"bytes_variance":[10000,0,0]},
E
says 'of the process, too' '"memory":.*\[0,200,670,4096000,600,700\],\[0,400,370,8192000,370,1000\]' out

exits 'hostile names' 0 rsprof-flame hostile.rec
ok 'do not end scripts' [ "$(grep -c '</script>' out)" = 2 ]
ok 'are markup nowhere' sh -c '! sed -n "/id=.data/,/^<.script/p" out | sed "1d; \$d" | grep -q "[<>&]"'
sums <out >all
ok 'are whole' [ "$(longest all)" = $LONGEST ]
ok 'are text' grep -qF '</script><script>alert(1)</script>' all

echo | rsprof run -q -f -w -F 499 -o real.db -- "$B/target/family" 100 >log 2>&1
exits 'rsprof flame' 0 rsprof flame real.db
sums <out >got
ok 'CPU time' [ "$(awk '/^cpu/ { n += $2 } END { printf "%.0f", n }' got)" = "$(rsprof-query real.db 'SELECT sum(ns) FROM cpu')" ]
ok 'live memory' [ "$(awk '/^heap/ { n += $3 } END { printf "%.0f", n }' got)" = \
	"$(rsprof-query real.db 'SELECT coalesce(sum(live), 0) FROM heap_live')" ]
exits 'run -o x.html' 0 sh -c 'echo | rsprof run -q -C -F 499 -o x.html -- "$1" 60' sh "$B/target/family"
ok 'is a page' grep -q '^<!DOCTYPE html>$' x.html

exits 'compared with another' 0 rsprof-flame -d hostile.rec small.rec
ok 'has both' grep -q '^"old":{"version"' out
sums <out >got
ok 'the new one first' grep -q '^cpu 40000000 child (200): server::main$' got
ok 'no name leads out' [ "$(grep -c '</script>' out)" = 2 ]
exits 'with one that is not there: 1' 1 rsprof-flame -d nosuch small.rec
ok 'without output' [ ! -s out ]
grep -v ^end small.rec >cut.rec
exits 'with one that was cut off: 1' 1 rsprof-flame -d cut.rec small.rec
ok 'is compared all the same' grep -q '^"old":' out

refuses rsprof-flame
same 'is the same as what made it' dumped whole
done_testing
