#!/usr/bin/perl
# points.pl places FUNCTION...: where functions of points are in the file.
# points.pl truth POINT TID: what gdb (POINT.gdb) and libdw (POINT.dwfl) say
# of a point's stack, compared with each other and with what the test expects
# (the file expected), into POINT.truth.
# points.pl view POINT TID NAME: the samples of a stream of records, compared with
# that.
# points.pl others POINT TID NAME: the stacks of all other threads.
#
# They print ok or not ok, and # before what is wrong; the files are in the
# current directory.  POINT.maps is the process' /proc/PID/maps, $SYMBOLS the
# directory of the unstripped programs; $probed, uretprobes are pending.
#
# A frame is MODULE+OFFSET; of a caller it is that of the byte before its
# return address, as in a stack record of rsprof-records(5).
use strict;
use warnings;

my ($verb, $point, $tid, $view) = @ARGV;
my $failed = 0;

sub wrong { print "# $_\n" for @_; $failed = 1 }
sub finish {
	my ($what) = @_;
	print +($failed ? 'not ok ' : 'ok '), "$point: $what\n";
	exit;
}

# ---- names -------------------------------------------------------------------

sub lines {
	my ($file) = @_;
	open my $in, '<', $file or return ();
	chomp(my @lines = <$in>);
	return @lines;
}

sub module {
	my ($path) = @_;
	$path =~ s/ \(deleted\)$//;
	$path =~ s/.*\///;
	$path =~ s/^points-stripped$/points/;
	return $path eq '' ? '[anon]' : $path;
}

# Of code without a file the place in its page stands for its address.
sub frame {
	my ($module, $offset) = @_;
	$offset &= 0xfff if $module eq '[anon]';
	return sprintf '%s+%x', $module, $offset;
}

# Functions by file offset, [offset, end, name]: the sections of these files are
# where their segments are.  Once read, they are kept in MODULE.symbols.
sub read_symbols {
	my ($module) = @_;
	my (@segments, @list);
	for (qx(readelf -lW '$ENV{SYMBOLS}/$module')) {
		push @segments, [hex $1, hex $2, hex $3]
		    if /^\s+LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)/;
	}
	for (qx(nm -S --defined-only '$ENV{SYMBOLS}/$module')) {
		my ($address, $size, $name) = /^(\w+) (\w+) [TtWwi] (\S+)/ or next;
		for my $s (@segments) {
			my $at = hex($address) - $s->[1];
			push @list, [$at + $s->[0], $at + $s->[0] + hex $size, $name]
			    if $at >= 0 && $at < $s->[2];
		}
	}
	open my $out, '>', "$module.symbols" or die;
	print $out "@$_\n" for @list;
}

my %symbols;

sub symbols {
	my ($module) = @_;
	read_symbols($module) unless -e "$module.symbols";
	return $symbols{$module} //= [map { [split] } lines("$module.symbols")];
}

# A frame in a word: the function's name in the programs of the test, but
# "rust" for mangled ones and those of std; else that of the module.
sub name_of {
	my ($frame) = @_;
	my ($module, $offset) = $frame =~ /^(.*)\+(\w+)$/;
	return $1 if $module =~ /^(libc|ld)\b/;
	return $1 if $module =~ /^\[(\w+)\]$/;
	return $module if $module !~ /^points/;
	$offset = hex $offset;
	for (@{symbols($module)}) {
		next unless $offset >= $_->[0] && $offset < $_->[1];
		return $_->[2] =~ /^(_R|_ZN|_*rust_)/ ? 'rust' : $_->[2];
	}
	return $module;
}

my %names;

sub name {
	my ($frame) = @_;
	return $names{$frame} //= name_of($frame);
}

sub names { return map { name($_) } @_ }

# ---- what is expected --------------------------------------------------------

my %short = (
	main => 'run rust+ main libc+ _start',
	thread => 'rust+ libc+',
	fifty => join(' ', ('odd', 'even') x 50),
);

# Make a regular expression of CALLS, to be matched with names and a space behind each.
sub pattern {
	my ($calls) = @_;
	my $pattern = '';
	$calls =~ s/\@(\w+)/$short{$1}/g;
	for my $word (split ' ', $calls) {
		my ($name, $times) = $word =~ /^(.*?)(\+|\*\d*|)$/;
		$times =~ s/\*(\d+)/{$1}/;
		# Of the loader's functions some are in libc, some in ld.
		$name = $name eq 'loader' ? 'ld|libc' : quotemeta $name;
		$pattern .= "(?:(?:$name) )$times";
	}
	return $pattern;
}

# The line of a point: CALLS; how the stack ends; what gdb and libdw do; calls that
# neither of them finds.
sub expected {
	for (lines('expected')) {
		next if /^(#|$)/;
		my ($p, $calls, $end, $gdb, $dwfl, $beyond) = split /\s*\|\s*/;
		next unless $p eq $point;
		my ($last, $sooner) = split ' ', $end;
		return { calls => pattern($calls), beyond => pattern($beyond // ''), end => $last, sooner => $sooner,
		    gdb => $gdb, dwfl => $dwfl };
	}
	wrong('nothing is expected of this point');
	finish('is known');
}

# ---- the oracles -------------------------------------------------------------

my @maps;

sub place {
	my ($address, $exact) = @_;
	$address-- unless $exact;
	for (@maps) {
		next unless $address >= $_->[0] && $address < $_->[1];
		return frame($_->[3], $address) if $_->[3] eq '[anon]';
		return frame($_->[3], $address - $_->[0] + $_->[2]);
	}
	return frame('[nowhere]', $address);
}

sub read_maps {
	no warnings 'portable';
	for (lines("$point.maps")) {
		my ($from, $to, $offset, $path) =
		    /^(\w+)-(\w+) ..x. (\w+) \S+ \S+\s*(.*)/ or next;
		push @maps, [hex $from, hex $to, hex $offset, module($path)];
	}
}

# Lists of [frame, stack pointer, kind], by thread.
sub gdb {
	no warnings 'portable';
	my (%threads, $list, $exact);
	for (lines("$point.gdb")) {
		if (/^thread (\d+)$/) {
			$list = $threads{$1} = [];
			$exact = 1;
		} elsif (/^(\w+) (call|signal) (\w+)$/) {
			push @$list, [place(hex $1, $exact), hex $3, $2];
			# What a signal has interrupted has not made a call.
			$exact = $2 eq 'signal';
		}
	}
	return \%threads;
}

# A list of [frame, stack pointer].  Which of them signals have interrupted is
# known of gdb's.
sub dwfl {
	no warnings 'portable';
	my ($gdb) = @_;
	my @list;
	for (lines("$point.dwfl")) {
		my ($pc, $sp) = map { hex } /^(\w+) (\w+)$/ or next;
		my $i = @list;
		my $exact = place($pc, 1);
		$exact = place($pc, 0)
		    unless $i == 0 || $gdb->[$i] && $gdb->[$i][0] eq $exact;
		push @list, [$exact, $sp, $gdb->[$i] ? $gdb->[$i][2] : 'call'];
	}
	return \@list;
}

# How many of these frames are the calls that are expected; or 0.
sub matched {
	my ($calls, $all, @frames) = @_;
	my $text = join '', map { "$_ " } names(@frames);
	return 0 unless $text =~ ($all ? qr/^$calls$/ : qr/^$calls/);
	return scalar split ' ', $&;
}

sub show {
	my ($who, @frames) = @_;
	my @shown = map { "  $_ " . name($_) } @frames;
	splice @shown, 20, @shown - 40, '  ...' if @shown > 60;
	wrong("$who:", @shown);
}

# The number of frames that two lists begin with, but for the place in the
# innermost function.
sub common {
	my ($a, $b) = @_;
	my $n = 0;
	return 0 unless @$a && @$b && name($a->[0]) eq name($b->[0]);
	for ($n = 1; $n < @$a && $n < @$b; $n++) {
		last if $a->[$n] ne $b->[$n];
	}
	return $n;
}

sub truth {
	my $e = expected();
	read_maps();
	my $threads = gdb();
	my $gdb = $threads->{$tid} // [];
	my %list = (gdb => $gdb, dwfl => dwfl($gdb));
	my @truth;
	for my $who ('gdb', 'dwfl') {
		next if @truth || $e->{$who} !~ /^(all|more)$/;
		my @l = @{$list{$who}};
		my $n = matched($e->{calls}, $e->{$who} eq 'all', map { $_->[0] } @l);
		@truth = @l[0 .. $n - 1];
		show("$who has other calls", map { $_->[0] } @l) unless @truth;
	}
	for my $who (@truth ? ('gdb', 'dwfl') : ()) {
		my @l = map { $_->[0] } @{$list{$who}};
		my ($n, $have, $need) = (common([map { $_->[0] } @truth], \@l),
		    scalar @l, scalar @truth);
		next if $e->{$who} eq 'all' && $n == $have && $n == $need
		    || $e->{$who} eq 'more' && $n == $need
		    || $e->{$who} eq 'less' && $n == $have && $n > 0
		    || $e->{$who} eq 'any';
		show("$who has $n of $need", @l);
	}
	open my $out, '>', "$point.truth" or die;
	print $out "@$_\n" for @truth;
	open $out, '>', "$point.others" or die;
	for my $t (grep { $_ ne $tid } keys %$threads) {
		print $out join(' ', map { $_->[0] } @{$threads->{$t}}), " -\n";
	}
	finish(@truth . ' frames');
}

# ---- the samples -------------------------------------------------------------

my (%header, %modules, %stack);

# A line of the stream.  For a sample: its thread, its frames and the reason why
# there are no more.
sub sample {
	no warnings 'portable';
	chomp(my $line = shift);
	my ($type, @f) = split /\t/, $line;
	if ($type eq 'rsprof') {
		%header = (stacks => '', map { /^(\w+)=(.*)/ ? ($1 => $2) : () } @f);
	} elsif ($type eq 'module') {
		$modules{$f[0]} = module($f[2]);
	} elsif ($type eq 'stack') {
		$stack{$f[0]} = [$f[1],
		    frame($modules{$f[2]} // '[nowhere]', hex $f[3])];
	}
	return () unless $type eq 'cpu' || $type eq 'state';
	my ($id, @list) = $type eq 'cpu' ? $f[3] : $f[4];
	while ($stack{$id}) {
		push @list, $stack{$id}[1];
		$id = $stack{$id}[0];
	}
	return ($f[2], \@list, $id);
}

# What a copy of so many bytes of the stack has of it: the frames whose return
# addresses, and those of all their callees, are in it.
sub in_copy {
	my ($bytes, @truth) = @_;
	my $from = $truth[0][1];
	for my $i (1 .. $#truth) {
		# A signal's frame, which is in the copy, has all of the next one.
		next if $truth[$i - 1][2] eq 'signal';
		my $sp = $truth[$i][1];
		return $i if $sp <= $from || $sp > $from + $bytes;
	}
	return scalar @truth;
}

# What is right: how many of the true frames, and which ends.
sub rightly {
	my ($e, @truth) = @_;
	my %right = (beyond => $e->{beyond}, frames => [map { $_->[0] } @truth], least => scalar @truth,
	    most => scalar @truth, ends => [$e->{end}], sooner => [$e->{sooner} // ()]);
	# Only the kernel knows what its uprobes have taken the place of: others
	# find the address of code that no file stands behind.
	push @{$right{sooner}}, '?no-module'
	    if $ENV{probed} && $header{stacks} ne 'bpf';
	return \%right if $header{stacks} !~ /^(bpf|copy)$/;
	# A record's other contents take some of the room.
	my %copied = (%right, least => in_copy($header{copy} - 1024, @truth),
	    most => in_copy($header{copy}, @truth));
	if ($copied{most} < @truth) {
		$copied{ends} = ['?copy-end'];
		# As good where it leads to what is below.
		push @{$copied{ends}}, '?bad-memory'
		    if $truth[$copied{most}][1] < $truth[0][1];
	}
	return \%copied if $header{stacks} eq 'copy';
	# While the kernel does not know all of the code yet, copies stand in.
	$copied{sooner} = [@{$right{sooner}}, '?no-module'];
	$right{early} = \%copied;
	return \%right;
}

sub any {
	my ($what, $list) = @_;
	return scalar grep { $_ eq $what } @$list;
}

# Is a stack right, or wrong, or one of those that come early?
sub verdict {
	my ($right, $frames, $end) = @_;
	my $n = common($right->{frames}, $frames);
	return 'right' if $right->{beyond} && $n == @{$right->{frames}} &&
	    matched($right->{beyond}, 1, @{$frames}[$n .. $#$frames]) &&
	    any($end, $right->{ends});
	return 'wrong' if $n == 0 || $n < @$frames;
	return 'right' if $n >= $right->{least} && $n <= $right->{most} &&
	    any($end, $right->{ends}) && !$right->{beyond};
	return 'right' if any($end, $right->{sooner});
	return 'wrong' unless $right->{early};
	return verdict($right->{early}, $frames, $end) eq 'right' ? 'early' : 'wrong';
}

sub explain {
	my ($right, $frames, $end) = @_;
	my $n = common($right->{frames}, $frames);
	show("$n of $right->{most} frames, and $end, not @{$right->{ends}}", @$frames);
	show('then should come', @{$right->{frames}}[$n .. $right->{most} - 1])
	    if $n < $right->{most};
}

# Read samples until so many are right, or one is wrong.
sub view {
	my $e = expected();
	my @truth = map { [split] } lines("$point.truth");
	my (%count, $right);
	wrong('no oracle has found its frames') unless @truth;
	while (!$failed && ($count{right} // 0) < 25 && defined(my $line = <STDIN>)) {
		my ($thread, @seen) = sample($line);
		next unless defined $thread && $thread == $tid;
		$right //= rightly($e, @truth);
		my $verdict = verdict($right, @seen);
		$verdict = 'wrong' if $verdict eq 'early' && ($count{right} || $count{early}++ > 3000);
		$count{$verdict}++;
		explain($right, @seen) if $verdict eq 'wrong';
	}
	wrong('no samples') unless $count{right} || $failed;
	wrong('not of a copied stack') if $view eq 'copied' && $header{stacks} ne 'copy';
	finish("$view: " . join ', ', $header{stacks} // 'nothing',
	    map { "$_ $count{$_}" } sort keys %count);
}

# The stacks of the other threads, one look at each.
sub others {
	my @found;
	while (<STDIN>) {
		my ($thread, $frames, $end) = sample($_);
		push @found, "@$frames $end" if defined $thread && $thread != $tid;
	}
	@found = sort @found;
	my @expected = sort(lines("$point.others"));
	wrong(@found . ' other threads, not ' . @expected) if @found != @expected;
	for my $i (0 .. $#expected) {
		next if ($found[$i] // '') eq $expected[$i];
		show('should be', split ' ', $expected[$i]);
		show('is', split ' ', $found[$i] // '');
	}
	finish("$view: other threads");
}

# The file offsets of functions of points.
sub places {
	my %wanted = map { $_ => 1 } @_;
	print map { sprintf "%x\n", $_->[0] }
	    grep { $wanted{$_->[2]} } @{symbols('points')};
}

my %verbs = (places => sub { places(@ARGV) }, truth => \&truth, view => \&view, others => \&others);
$verbs{$verb}->();
