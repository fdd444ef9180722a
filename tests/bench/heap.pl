#!/usr/bin/perl
# heap.pl [RAW...]: raw figures of heap.sh as a table, and what is aimed at.
use strict;
use warnings;
my ($here) = $0 =~ m{(.*/)};
require "${here}figures.pl";

my @who = (
	[native => 'nobody watches'],
	[floor => 'empty probes in the same places'],
	[exact => 'rsprof-heap -s 0'],
	[sampled => 'rsprof-heap -s 524288'],
	[budget => 'rsprof-heap -b 10'],
	[memleak => "bcc's memleak"],
	[bpftrace => 'the same by bpftrace'],
	[heaptrack => 'heaptrack, loaded into it'],
);
my %value = read_figures();

sub spread {
	my ($figure, $who) = @_;
	my @v = sort { $a <=> $b } @{$value{$figure}{$who} // return};
	return (($v[$#v / 2] + $v[@v / 2]) / 2, $v[0], $v[-1]);
}

sub median {
	my ($m) = spread(@_);
	return $m;
}

my %median = map { my ($m) = spread('heap_pair', $_->[0]); ($_->[0] => $m) } @who;
defined $median{native} or exit 0;

sub ratio {
	my ($of, $to) = @_;
	return defined $median{$of} && $median{$to} ? $median{$of} / $median{$to} : undef;
}

print "A pair of malloc() and free() of a thread that does nothing else\n";
printf "  %-34s%10s%18s%10s%10s\n", '', 'ns', '', '/ native', '/ floor';
for (@who) {
	my ($who, $text) = @$_;
	my ($m, $low, $high) = spread('heap_pair', $who);
	my $range = defined $m && $low != $high ? short($low) . '..' . short($high) : '';
	printf "  %-34s%10s%18s%10s%10s\n", $text, short($m), $range,
		short(ratio($who, 'native')), short(ratio($who, 'floor'));
}

# Text, figure, what is aimed at, is it met?
my $lost = median('leak_lost', 'budget');
my $rank = median('leak_rank', 'budget');
my $rate = median('leak_rate', 'budget');
my @aims = (
	['exact, by the floor', ratio('exact', 'floor'), '<= 2', sub { $_[0] <= 2 }],
	['exact, by memleak', ratio('exact', 'memleak'), '<= 0.1', sub { $_[0] <= 0.1 }],
	['sampled, by memleak', ratio('sampled', 'memleak'), '<= 0.1', sub { $_[0] <= 0.1 }],
	['-b 10, by memleak', ratio('budget', 'memleak'), '<= 0.1', sub { $_[0] <= 0.1 }],
	['-b 10 and a leak: throughput lost, %', $lost, '< 15', sub { $_[0] < 15 }],
	['the leak among live sites', $rank, '<= 3', sub { $_[0] <= 3 }],
	['its rate, % of the true one', $rate, '75..125', sub { $_[0] >= 75 && $_[0] <= 125 }],
	map {
		my ($n) = /^live_(\d+)$/;
		["kernel memory of $n live, bytes each", median($_, 'exact'), '<= 80',
			sub { $_[0] <= 80 }],
		["of these forgotten, for want of room", median("live_${n}_lost", 'exact'),
			'0', sub { $_[0] == 0 }];
	} sort grep { /^live_\d+$/ } keys %value,
);
printf "  %-44s%10s  %-8s %s\n", '', '', 'aim', 'met';
for (@aims) {
	my ($text, $x, $aim, $meets) = @$_;
	printf "  %-44s%10s  %-8s %s\n", $text, short($x), $aim,
		defined $x ? $meets->($x) ? 'yes' : 'no' : '-';
}
