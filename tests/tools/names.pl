#!/usr/bin/perl
# names.pl FILE N: compare rsprof-sym with llvm-symbolizer on N random text
# addresses of an ELF file: the chain of inlined functions, and the line and the
# column of each.  Prints each difference and a summary; exits 1 above 0.5 %.
#
# Functions of the same code are folded into one by the compiler; then several
# names are right, and llvm-symbolizer takes one of the others: such chains
# are equal but for the outermost function's name and, at most, its file.
#
# A part of a function that the compiler has set apart has a name of its own in
# llvm-symbolizer's answers, main.cold, and here that of the function.
#
# llvm-symbolizer leaves legacy names mangled that hold $LT$ and the like, so
# both sides get mangled ones demangled by c++filt, and hashes are dropped.
use strict;
use warnings;

my ($file, $n) = @ARGV;
srand 7;

my (@seg, $buildid);
for (qx(readelf -lnW "$file")) {
	push @seg, [hex $1, hex $2, hex $3]
	    if /^\s+LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+) 0x\w+ R E/;
	$buildid //= $1 if /Build ID: (\w+)/;
}
die "names.pl: $file: no code or no build-id\n" unless @seg && $buildid;

my %addr; # file offset -> address
for my $s (@seg) {
	for (1 .. $n) {
		my $at = int rand $s->[2];
		$addr{$s->[0] + $at} = $s->[1] + $at;
	}
}
my @offset = sort { $a <=> $b } keys %addr;

# Ours: the frames of node i, innermost first.
my $raw = "/tmp/names.$$";
open my $out, '>', $raw or die;
print $out "rsprof\t1\tcpu\tmono=1\twall=1\nmodule\taa\t$buildid\t$file\n";
printf $out "stack\t%x\t-\taa\t%x\t-\t0\n", $_ + 1, $offset[$_] for 0 .. $#offset;
close $out;
my (%frame, @ours, @chain);
my $next = 1;
open my $in, '-|', 'rsprof-sym', $raw or die;
while (<$in>) {
	chomp;
	my @f = split /\t/;
	$frame{$f[1]} = [@f[2 .. 4, 6]] if $f[0] eq 'frame';
	next unless $f[0] eq 'stack';
	unshift @chain, $frame{$f[5]};
	next unless $f[1] eq sprintf '%x', $next;
	push @ours, [@chain];
	@chain = ();
	$next++;
}
close $in or die "names.pl: rsprof-sym failed\n";

# Theirs: blocks of two lines a frame, and an empty line.
open $out, '>', $raw or die;
printf $out "0x%x\n", $addr{$_} for @offset;
close $out;
my @theirs = ([]);
my $symbolizer = "llvm-symbolizer --no-demangle --inlines --obj=\"$file\"";
open $in, '-|', "$symbolizer <$raw | c++filt" or die;
while (my $name = <$in>) {
	chomp $name;
	if ($name eq '') { push @theirs, []; next }
	my $where = <$in>;
	$where =~ /^(.*):(\d+):(\d+)$/ or die "names.pl: what is $where";
	push @{$theirs[-1]}, [$name, $1, $2, $3];
}
unlink $raw;

sub plain {
	my ($s) = @_;
	$s =~ s/\s*\(?\.llvm\.\d+\)?$//;
	$s =~ s/(\.(cold|(part|isra|constprop)\.\d+))+$//;
	$s =~ s/::h[0-9a-f]{16}$//;
	$s =~ s/\[[0-9a-f]{8,16}\]//g;      # a crate's disambiguator
	$s =~ s/(\d+): usize\b/$1/g;        # a constant's type
	$s =~ s/\b(true|false): bool\b/$1/g;
	$s =~ s/(\d+)_?(usize|u8|i32)\b/$1/g;
	return $s;
}

sub text {
	return join ' < ', map {
		my ($function, $path, $line, $column) = @$_;
		$line = 0 if $line eq '-';
		$column = 0 if $column eq '-';
		plain($function) . ($line ? " $path:$line:$column" : '')
	} @_;
}

# All but the outermost frame, with how deep it is.
sub inner {
	return @_ . ' ' . text(@_[0 .. $#_ - 1]);
}

# A #[no_mangle] function has a path where it was inlined from, which theirs
# leaves out: the same function, if that is all.
sub unpath {
	my ($ours, $theirs) = @_;
	for my $i (0 .. $#$ours) {
		my $name = $theirs->[$i] ? $theirs->[$i][0] : '';
		next unless $name =~ /^\w+$/;
		$ours->[$i][0] = $name if $ours->[$i][0] =~ /::\Q$name\E$/;
	}
}

my ($same, $unknown, $folded, $different) = (0, 0, 0, 0);
for my $i (0 .. $#offset) {
	unpath($ours[$i], $theirs[$i]);
	my ($o, $t) = (text(@{$ours[$i]}), text(@{$theirs[$i]}));
	if ($theirs[$i][0][0] eq '??' && $ours[$i][0][0] =~ /\+0x[0-9a-f]+$/) {
		$unknown++;
	} elsif ($o eq $t) {
		$same++;
	} elsif (inner(@{$ours[$i]}) eq inner(@{$theirs[$i]})) {
		$folded++;
	} elsif ($different++ < 5) {
		printf "%x:\n  ours   %s\n  theirs %s\n", $addr{$offset[$i]}, $o, $t;
	}
}
printf "%s: %d addresses: %d the same, %d folded, %d unknown to both, " .
    "%d different\n", $file, scalar @offset, $same, $folded, $unknown, $different;
exit($different * 200 > @offset || $folded * 50 > @offset || $same * 2 < @offset);
