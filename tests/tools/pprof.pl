# pprof.pl: profile.proto, uncompressed, from standard input as text: one line for each sample, with
# its values, its stack from the innermost frame on (inlined ones after a +), and its labels.
use strict;
use warnings;

binmode STDIN;
my $all = do { local $/; <STDIN> };

# fields(BYTES): [number, value], a value being a number or bytes.
sub varint {
	my ($s, $at) = @_;
	my ($v, $shift) = (0, 0);
	while (1) {
		die "truncated\n" if $$at >= length $$s;
		my $b = ord substr $$s, $$at++, 1;
		$v |= ($b & 0x7f) << $shift;
		return $v if $b < 0x80;
		$shift += 7;
	}
}
sub fields {
	my ($s) = @_;
	my ($at, @f) = (0);
	while ($at < length $s) {
		my $tag = varint(\$s, \$at);
		my $v = varint(\$s, \$at);
		if (($tag & 7) == 2) {
			die "truncated\n" if $at + $v > length $s;
			($v, $at) = (substr($s, $at, $v), $at + $v);
		} elsif ($tag & 7) {
			die "wire type\n";
		}
		push @f, [$tag >> 3, $v];
	}
	return @f;
}
# message(BYTES, NAME...): a hash; a name with @ is a list.
sub message {
	my ($s, %name) = @_;
	my %m;
	for (fields($s)) {
		my $n = $name{$_->[0]} // next;
		if ($n =~ s/^@//) { push @{$m{$n}}, $_->[1] } else { $m{$n} = $_->[1] }
	}
	return \%m;
}
sub packed {
	my ($s, $at, @v) = (shift, 0);
	push @v, varint(\$s, \$at) while $at < length $s;
	return map { unpack 'q', pack 'Q', $_ } @v;
}

my $p = message($all, 1 => '@type', 2 => '@sample', 3 => '@mapping', 4 => '@location',
	5 => '@function', 6 => '@string', 9 => 'time', 10 => 'duration', 11 => 'ptype',
	12 => 'period', 13 => '@comment', 14 => 'default');
my @string = @{$p->{string}};
die "the first string is not empty\n" if $string[0] ne '';
sub s_ { my $i = shift // 0; die "no such string\n" if $i >= @string; return $string[$i] }
sub type { my $t = message(shift, 1 => 'type', 2 => 'unit'); return s_($t->{type}) . '/' . s_($t->{unit}) }
print 'types ', join(' ', map { type($_) } @{$p->{type}}), "\n";
print 'default ', s_($p->{default}), "\n";
print 'period ', $p->{period} ? type($p->{ptype}) . " $p->{period}" : '-', "\n";
print "time $p->{time} duration $p->{duration}\n";
print 'comment ', s_($_), "\n" for @{$p->{comment}};
my (%mapping, %function, %location);
for (@{$p->{mapping}}) {
	my $m = message($_, 1 => 'id', 2 => 'start', 3 => 'limit', 4 => 'offset', 5 => 'file', 6 => 'build');
	$mapping{$m->{id}} = $m;
	printf "mapping %s %s %x-%x %x\n", s_($m->{file}), s_($m->{build}), $m->{start} // 0,
		$m->{limit} // 0, $m->{offset} // 0;
}
for (@{$p->{function}}) {
	my $f = message($_, 1 => 'id', 2 => 'name', 4 => 'file');
	die "function twice\n" if $function{$f->{id}};
	$function{$f->{id}} = $f;
}
for (@{$p->{location}}) {
	my $l = message($_, 1 => 'id', 2 => 'mapping', 3 => 'address', 4 => '@line');
	die "location twice\n" if $location{$l->{id}};
	my $m = $l->{mapping} ? $mapping{$l->{mapping}} : undef;
	die "no such mapping\n" if $l->{mapping} && !$m;
	die "outside of its mapping\n" if $m && ($l->{address} < ($m->{start} // 0) || $l->{address} >= $m->{limit});
	my @lines = map {
		my $n = message($_, 1 => 'function', 2 => 'line', 3 => 'column');
		my $f = $function{$n->{function}} or die "no such function\n";
		s_($f->{name}) . ($f->{file} ? ' ' . s_($f->{file}) . ':' . ($n->{line} // 0) : '')
	} @{$l->{line}};
	$location{$l->{id}} = sprintf('%x ', $l->{address} // 0) . join ' + ', @lines;
}
for (@{$p->{sample}}) {
	my $s = message($_, 1 => 'location', 2 => 'value', 3 => '@label');
	print join(' ', packed($s->{value})), ' |', join(' |', map { ' ' . ($location{$_} // die "no such location\n") } packed($s->{location}));
	for (@{$s->{label}}) {
		my $l = message($_, 1 => 'key', 2 => 'str', 3 => 'num');
		print ' |', ' ', s_($l->{key}), '=', $l->{str} ? s_($l->{str}) : $l->{num};
	}
	print "\n";
}
