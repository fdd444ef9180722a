#!/usr/bin/perl
# table.pl TSV [RAW...]: raw figures of tests/bench/*.sh as a table of medians
# and what they range from and to, and the same into the file TSV, a row each
# with TABs.  A ratio is that of medians, between rsprof and the peer that the
# row's aim names.  Figures of what is not there are hyphens.
use strict;
use warnings;

my @who = qw(native bpf copy fp dwarf);
my %title = (native => 'native', bpf => 'rsprof', copy => 'rsprof -u',
	fp => 'perf fp', dwarf => 'perf dwarf');

# Of what is lost, the ratio is between what is left.
my $lost = { peer => 'fp', left => 1, aim => '>= 1' };
my $lower = { peer => 'dwarf' };
my $fifth = { peer => 'dwarf', aim => '<= 0.2' };

# Heading, or figure, text, what it is compared with.
my @rows = (
	['What a busy target loses, all cores in use, stacks of some 30 frames'],
	['lost_busy_99_wall', 'at 99 Hz, % of its work a second', $lost],
	['lost_busy_99_cpu', 'at 99 Hz, % of its work a CPU second', $lost],
	['lost_busy_999_wall', 'at 999 Hz, % of its work a second', $lost],
	['lost_busy_999_cpu', 'at 999 Hz, % of its work a CPU second', $lost],
	['What a target loses that switches threads all the time'],
	['lost_switch_99_wall', 'at 99 Hz, % of its round trips a second', $lost],
	['lost_switch_99_cpu', 'at 99 Hz, % of its round trips a CPU second', $lost],
	['ns_lost_switch_99', 'CPU time of a round trip, ns'],
	['What profiling the busy target takes'],
	['own_busy_99', 'recording at 99 Hz and its start, % of a CPU', $lower],
	['busy_record', 'recording 10,000 samples at 999 Hz, CPU ms', $lower],
	['busy_cpu', 'the same and printing them, CPU ms', $fifth],
	['busy_memory', 'memory at its peak, MiB', $lower],
	['busy_bytes', 'file of 10,000 samples, MB', $lower],
	['busy_complete', 'complete stacks, % of samples', { aim => '>= 99.5' }],
	['What profiling the Rust compiler takes'],
	['large_seconds', 'CPU time of the compiler, s'],
	['large_lost', 'what it loses at 999 Hz, %', $lost],
	['large_record', 'recording 10,000 samples at 999 Hz, CPU ms', $lower],
	['large_cpu', 'the same and printing them, CPU ms', $fifth],
	['large_plain', 'perf script without inlined calls, CPU ms', $lower],
	['large_memory', 'memory at its peak, MiB', $lower],
	['large_bytes', 'file of 10,000 samples, MB', $lower],
	['large_complete', 'complete stacks, % of samples', { aim => '>= 99.5' }],
	['The walk in the kernel'],
	['walk_frames', 'frames of a stack'],
	['walk_sample', 'a sample, ns'],
	['walk_frame', 'a sample by its frames, ns a frame', { aim => '<= 60' }],
	['walk_further', 'each further frame of deeper stacks, ns'],
	['walk_maps', 'memory of its tables in the kernel, MiB'],
	['10,000 samples a second of two busy threads'],
	['full_came', 'samples, % of those that the CPU time makes'],
	['full_lost', 'told to be lost, %'],
	['full_both', 'both, %', { aim => '98..102' }],
	['full_stolen', 'CPU time that the hypervisor took, %'],
);

my $tsv = shift;
defined $tsv or die "usage: table.pl TSV [RAW...]\n";
my (%value, %over, @about, @note);
while (<>) {
	chomp;
	my ($figure, $who, $value, $over) = split /\t/;
	if ($figure eq 'about') {
		push @about, "$who: $value";
	} elsif ($figure eq 'note') {
		push @note, ($title{$who} // $who) . ": $value";
	} elsif (defined $value && $value =~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/) {
		push @{$value{$figure}{$who}}, $value;
		$over{$figure}{$who} = 1 if $over;
	}
}

# [median, least, largest] of a figure, or nothing.
sub spread {
	my ($figure, $who) = @_;
	my @v = sort { $a <=> $b } @{$value{$figure}{$who} // return};
	return [($v[$#v / 2] + $v[@v / 2]) / 2, $v[0], $v[-1]];
}

sub ratio {
	my ($row, $ours, $theirs) = @_;
	($ours, $theirs) = (100 - $ours, 100 - $theirs) if $row->{left};
	return $theirs == 0 ? undef : $ours / $theirs;
}

sub meets {
	my ($aim, $x) = @_;
	return $x >= $1 && $x <= $2 if $aim =~ /^(.*)\.\.(.*)$/;
	return $x >= $1 if $aim =~ /^>= (.*)/;
	return $x <= $1 if $aim =~ /^<= (.*)/;
	die "table.pl: what is $aim\n";
}

# What a row says in the end: ratio, of what, aim, met, and whether it is so
# whichever of the repetitions one takes.
sub verdict {
	my ($figure, $row) = @_;
	my ($us) = grep { $value{$figure}{$_} } qw(bpf copy);
	my $ours = $us && spread($figure, $us) or return {};
	my @x = @$ours;
	my $v = { aim => $row->{aim} };
	if (my $peer = $row->{peer}) {
		my $theirs = spread($figure, $peer) or return {};
		$v->{of} = "$us/$peer";
		@x = (ratio($row, $ours->[0], $theirs->[0]),
			ratio($row, $ours->[1], $theirs->[2]),
			ratio($row, $ours->[2], $theirs->[1]));
		$v->{ratio} = $x[0];
		$v->{below} = $over{$figure}{$peer};
	}
	return $v unless defined $v->{aim} && !grep { !defined } @x;
	$v->{met} = meets($v->{aim}, $x[0]) ? 'yes' : 'no';
	$v->{sure} = (grep { meets($v->{aim}, $_) != meets($v->{aim}, $x[0]) } @x) ? 0 : 1;
	return $v;
}

# Three digits, and what stands before the point.
sub short {
	my ($x) = @_;
	return '-' unless defined $x;
	my $size = abs $x;
	return sprintf $size >= 99.95 ? '%.0f' : $size >= 9.995 ? '%.1f' : '%.2f', $x;
}

sub full {
	my ($x) = @_;
	return defined $x ? $x =~ /^-?[0-9.e+-]+$/ ? sprintf '%.9g', $x : $x : '-';
}

open my $out, '>', $tsv or die "table.pl: $tsv: $!\n";
print $out join("\t", 'figure', 'text', (map { ($_, "${_}_min", "${_}_max") } @who),
	qw(over ratio of aim met sure)), "\n";

sub put_tsv {
	my ($figure, $text, $v) = @_;
	my @cells = map { my $s = spread($figure, $_); map { full($s && $s->[$_]) } 0 .. 2 } @who;
	my $over = join ',', grep { $over{$figure}{$_} } @who;
	print $out join("\t", $figure, $text, @cells, $over || '-', full($v->{ratio}),
		map { $v->{$_} // '-' } qw(of aim met sure)), "\n";
}

my $columns = "%-42s%13s%13s%13s%13s%13s  %-7s %-8s%s\n";

sub line {
	my $text = sprintf $columns, @_;
	$text =~ s/ +$//;
	print $text;
}

sub put_text {
	my ($figure, $text, $v) = @_;
	my @spread = map { scalar spread($figure, $_) } @who;
	my @median = map { ($over{$figure}{$who[$_]} ? '>' : '') .
		short($spread[$_] && $spread[$_][0]) } 0 .. $#who;
	my $ratio = ($v->{below} ? '<' : '') . short($v->{ratio});
	my $met = $v->{met} ? $v->{met} . ($v->{sure} ? '' : ' ~') : '';
	line("  $text", @median, $ratio, $v->{aim} // '-', $met);
	line('', (map { $_ && $_->[1] != $_->[2] ? short($_->[1]) . '..' . short($_->[2]) : '' }
		@spread), '', '', '') if grep { $_ && $_->[1] != $_->[2] } @spread;
}

print "$_\n" for @about;
line('', (map { $title{$_} } @who), 'ratio', 'aim', 'met');
for my $row (@rows) {
	my ($figure, $text, $how) = @$row;
	if (!defined $text) {
		print "$figure\n";
		next;
	}
	my $v = verdict($figure, $how // {});
	put_tsv($figure, $text, $v);
	put_text($figure, $text, $v);
}
print <<'E';
Medians, and under them what the repetitions range from and to.  The native
column of what is lost is the noise: windows in which nobody watched, compared
with their neighbours.  A ratio is rsprof's figure by the peer's, or of what
both leave; ~: some repetitions say otherwise.  >: stopped, it would be more.
E
print "$_\n" for @note;
close $out or die "table.pl: $tsv: $!\n";
