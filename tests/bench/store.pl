#!/usr/bin/perl
# store.pl [RAW...]: raw figures of store.sh as a table, and what is aimed at.
use strict;
use warnings;

my (%value, $about);
while (<>) {
	chomp;
	my ($figure, $who, $value) = split /\t/;
	$about = $value if $figure eq 'about' && $who eq 'stored';
	push @{$value{$figure}}, $value
		if $figure =~ /^store_/ && defined $value && $value =~ /^[0-9.]+(e[+-]?[0-9]+)?$/;
}

sub median {
	my @v = sort { $a <=> $b } @{$value{$_[0]} // return undef};
	return ($v[$#v / 2] + $v[@v / 2]) / 2;
}

exit unless %value;
print "Storing a stream: ", $about // '', "\n";
printf "  %-44s%10s  %-9s %s\n", '', '', 'aim', 'met';
for (
	['records a second', 'store_rate', '>', 200000],
	['CPU time, s', 'store_cpu'],
	['memory, MiB', 'store_memory_mb'],
	['the recording, MB', 'store_mb', '<', 100],
	['rsprof-dump of it, s', 'store_dump_s'],
) {
	my ($text, $figure, $sign, $aim) = @$_;
	my $x = median($figure);
	printf "  %-44s%10s  %-9s %s\n", $text, !defined $x ? '-' : sprintf($x < 1000 ? '%.3g' : '%.0f', $x),
		defined $aim ? "$sign $aim" : '', !defined $aim ? '' : !defined $x ? '-' :
		($sign eq '<' ? $x < $aim : $x > $aim) ? 'yes' : 'no';
}
