# Shared by the tables of the bench.
use strict;
use warnings;

# Read raw figures, FIGURE TAB WHO TAB VALUE, as lists by figure and who.
sub read_figures {
	my %value;
	while (<>) {
		chomp;
		my ($figure, $who, $value) = split /\t/;
		push @{$value{$figure}{$who}}, $value
			if defined $value && $value =~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/;
	}
	return %value;
}

sub short {
	my ($x) = @_;
	return '-' unless defined $x;
	return sprintf abs $x >= 99.95 ? '%.0f' : abs $x >= 9.995 ? '%.1f' : '%.2f', $x;
}

1;
