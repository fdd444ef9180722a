#!/usr/bin/perl
# complete.pl ROOTS [SAMPLES]: percent of samples whose stack reaches a root.
# ROOTS has the outermost frames of a recording of rsprof: module, offset,
# samples.  A root among them is where a program is entered, by its ELF header,
# or what one stack in a hundred ends in, as a thread's start in libc.
# With SAMPLES, how many there were, that recording is judged; without, the
# output of perf script in stdin.
use strict;
use warnings;

# The offset of a file's entry point, or nothing.
sub entry {
	my ($path) = @_;
	open my $f, '<:raw', $path or return;
	my ($head, $segment);
	read($f, $head, 64) == 64 && $head =~ /^\x7fELF/ or return;
	my ($entry, $at) = unpack 'x24 Q< Q<', $head;
	my ($size, $n) = unpack 'x54 S< S<', $head;
	seek $f, $at, 0;
	for (1 .. $n) {
		read($f, $segment, $size) == $size or return;
		my ($type, $offset, $address, $length) =
		    unpack 'L< x4 Q< Q< x8 Q<', $segment;
		return $entry - $address + $offset
		    if $type == 1 && $entry >= $address && $entry < $address + $length;
	}
	return;
}

my ($file, $samples) = @ARGV;
my (@claim, $all);
open my $in, '<', $file or die "complete.pl: $file: $!\n";
while (<$in>) {
	chomp;
	push @claim, [split /\t/];
	$all += $claim[-1][2];
}

my (%root, $reach);
for my $c (@claim) {
	my ($path, $offset, $n) = @$c;
	my $entry = entry($path);
	next unless $n * 100 >= $all ||
	    defined $entry && $offset >= $entry && $offset < $entry + 64;
	push @{$root{$path =~ s|.*/||r}}, $offset;
	$reach += $n;
}
if (defined $samples) {
	printf "%.3f\n", $samples ? 100 * ($reach // 0) / $samples : 0;
	exit;
}

# Addresses of perf script are offsets in the file, or in other versions of it
# addresses in memory: but for pages, these are the same.
sub is_root {
	my ($address, $module) = @_;
	my $at = hex substr $address, -3;
	for my $offset (@{$root{$module} // []}) {
		my $d = ($at - $offset) % 4096;
		return 1 if $d <= 5 || $d >= 4091;
	}
	return 0;
}

my ($total, $complete, $last) = (0, 0, undef);
# A sample is a line, its frames, innermost first, and an empty line.
while (<STDIN>) {
	if (/^\s+([0-9a-f]+) .*\((.*)\)$/) {
		$last = [$1, $2] unless $2 eq 'inlined';
	} elsif (/^\S/) {
		$last = undef;
	} elsif (/^$/) {
		$total++;
		$complete++ if $last && is_root($last->[0], $last->[1] =~ s|.*/||r);
	}
}
printf "%.3f\n", $total ? 100 * $complete / $total : 0;
