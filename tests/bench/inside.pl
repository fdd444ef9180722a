#!/usr/bin/perl
# inside.pl [RAW...]: raw figures of inside.sh as a table, and what is aimed at.
use strict;
use warnings;
my ($here) = $0 =~ m{(.*/)};
require "${here}figures.pl";

my @who = (
	[idle => '-I, nothing sampled'],
	[gate => '-I'],
	[exact => '-s 0'],
	[windows => '-b 10'],
	[memleak => "bcc's memleak"],
	[heaptrack => 'heaptrack'],
	[dhat => "valgrind's dhat"],
);
my @programs = qw(churn json json2 mix pair);
my %value = read_figures();

sub sorted {
	my ($figure, $who) = @_;
	return sort { $a <=> $b } @{$value{$figure}{$who} // []};
}

sub median {
	my @v = sorted(@_);
	return @v ? ($v[$#v / 2] + $v[@v / 2]) / 2 : undef;
}

grep { exists $value{"inside_$_"} } @programs or exit 0;
print "CPU time of a unit of work while its heap is recorded, / native: medians, ranges\n";
printf "  %-20s", '';
printf "%18s", $_ for @programs;
print "\n";
for (@who) {
	my ($who, $text) = @$_;
	printf "  %-20s", $text;
	for my $program (@programs) {
		my @v = sorted("inside_$program", $who);
		my $m = median("inside_$program", $who);
		printf "%18s", @v > 1 ? short($m) . ' ' . short($v[0]) . '..' . short($v[-1])
			: short($m);
	}
	print "\n";
}

# Text, figure, who, the most that is aimed at, or (negative) the least.
my @aims = (
	(map { ["-I, nothing sampled: $_", "inside_$_", 'idle', 1.03] } qw(json json2 mix)),
	(map { ["-I, nothing sampled: $_", "inside_$_", 'idle', 1.06] } qw(churn pair)),
	(map { ["-I: $_", "inside_$_", 'gate', 1.06] } qw(json json2 mix)),
	['-I: churn', 'inside_churn', 'gate', 1.15],
	['memory of the process that it takes, MiB', 'inside_memory', 'gate', 1.7],
	(map {
		my ($who, $option) = @$_;
		(["$option: worst tenth of a second after an attach, %", 'attach_worst', $who, -80],
		["$option: worst second after it, %", 'attach_second', $who, -90]);
	} ['gate', '-I'], ['windows', '-b 10']),
);
printf "  %-52s%10s%18s  %-8s %s\n", '', '', '', 'aim', 'met';
for (@aims) {
	my ($text, $figure, $who, $aim) = @$_;
	my ($m, @v) = (median($figure, $who), sorted($figure, $who));
	printf "  %-52s%10s%18s  %-8s %s\n", $text, short($m),
		@v > 1 ? short($v[0]) . '..' . short($v[-1]) : '',
		($aim < 0 ? '>= ' : '<= ') . abs $aim,
		!defined $m ? '-' : ($aim < 0 ? $m >= -$aim : $m <= $aim) ? 'yes' : 'no';
}
