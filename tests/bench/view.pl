#!/usr/bin/perl
# view.pl [RAW...]: raw figures of view.sh as a table, and what is aimed at.
use strict;
use warnings;

my (%value, $about);
while (<>) {
	chomp;
	my ($figure, $who, $value) = split /\t/;
	$about = $value if $figure eq 'about' && $who eq 'hour';
	push @{$value{$figure}}, $value
		if $figure =~ /^view_/ && defined $value && $value =~ /^[0-9.]+$/;
}

sub median {
	my @v = sort { $a <=> $b } @{$value{$_[0]} // return undef};
	return ($v[$#v / 2] + $v[@v / 2]) / 2;
}

exit unless %value;
print "The view of a recording of an hour: ", $about // '', "\n";
printf "  %-44s%10s  %-8s %s\n", '', '', 'aim', 'met';
for (
	['the first screen, s', 'view_open_s', 1],
	['memory, MB', 'view_mb', 150],
	['a key, median, ms', 'view_p50_ms', undef],
	['a key, 99 of 100, ms', 'view_p99_ms', 100],
	['the slowest one, ms', 'view_max_ms', undef],
	['CPU while it grows, % of a core', 'view_live_percent', 5],
) {
	my ($text, $figure, $aim) = @$_;
	my $x = median($figure);
	printf "  %-44s%10s  %-8s %s\n", $text, defined $x ? sprintf('%.3g', $x) : '-',
		defined $aim ? "< $aim" : '', !defined $aim ? '' : !defined $x ? '-' :
		$x < $aim ? 'yes' : 'no';
}
