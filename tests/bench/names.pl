#!/usr/bin/perl
# names.pl [RAW...]: raw figures of names.sh as a table, and what is aimed at.
use strict;
use warnings;
my ($here) = $0 =~ m{(.*/)};
require "${here}figures.pl";

my @who = (
	[rsprof => 'rsprof-sym -a'],
	[llvm => 'llvm-symbolizer'],
	[addr2line => 'addr2line -fiC'],
	[elfutils => 'eu-addr2line -fiC'],
);
my (%value, %about);
while (<>) {
	chomp;
	my ($figure, $who, $value) = split /\t/;
	$about{$1} = $value if $figure eq 'about' && $who =~ /^cargo, (\w+)$/;
	push @{$value{$figure}{$who}}, $value
		if defined $value && $value =~ /^[0-9.]+(e[-+]?[0-9]+)?$/;
}

sub median {
	my ($figure, $who) = @_;
	my @v = sort { $a <=> $b } @{$value{$figure}{$who} // return undef};
	return ($v[$#v / 2] + $v[@v / 2]) / 2;
}

# The best of the others.
sub best {
	my ($figure) = @_;
	my @v = sort { $a <=> $b } grep { defined } map { median($figure, $_->[0]) } @who[1 .. $#who];
	return $v[0];
}

sub ratio {
	my ($figure) = @_;
	my ($ours, $best) = (median($figure, 'rsprof'), best($figure));
	return defined $ours && $best ? $ours / $best : undef;
}

my @aims;
for my $how (sort keys %about) {
	print "Names of cargo, $how, from cold: $about{$how}\n";
	printf "  %-28s%9s%9s%9s%12s\n", '', 's', 'CPU s', 'MB', 'first, s';
	for (@who) {
		my ($who, $text) = @$_;
		printf "  %-28s%9s%9s%9s%12s\n", $text, map { short(median($_, $who)) }
			"names_${how}_s", "names_${how}_cpu", "names_${how}_mb", "first_${how}_s";
	}
	printf "  %-28s%9s%9s%9s\n", 'rsprof-sym, of a stream', map { short(median($_, 'rsprof')) }
		"stream_${how}_s", "stream_${how}_cpu", "stream_${how}_mb";
	printf "  %-28s%9s%9s%9s\n", 'again', map { short(median($_, 'rsprof')) }
		"again_${how}_s", "again_${how}_cpu", "again_${how}_mb";
	push @aims, ["$how: time, by the fastest other", ratio("names_${how}_s"), '< 1', sub { $_[0] < 1 }],
		["$how: memory, by the smallest other", ratio("names_${how}_mb"), '<= 0.5',
			sub { $_[0] <= 0.5 }],
		["$how: the first name, s", median("first_${how}_s", 'rsprof'), '< 1', sub { $_[0] < 1 }],
		["$how: 10,000 new addresses of a stream, s", median("stream_${how}_s", 'rsprof'), '< 1',
			sub { $_[0] < 1 }];
}
printf "  %-44s%10s  %-8s %s\n", '', '', 'aim', 'met' if @aims;
for (@aims) {
	my ($text, $x, $aim, $meets) = @$_;
	printf "  %-44s%10s  %-8s %s\n", $text, short($x), $aim,
		defined $x ? $meets->($x) ? 'yes' : 'no' : '-';
}
