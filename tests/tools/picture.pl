#!/usr/bin/perl
# picture.pl [TITLE] <SCREEN >SVG: a screen of a terminal, with its colours as tmux
# capture-pane -e prints them, as a picture for light and dark pages.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

my ($width, $height, $pad) = (8.43, 18, 14); # of a cell of 14 px; around
my @basic = map { "#$_" } qw(1b1f24 f47067 57ab5a c69026 539bf5 b083f0 39c5cf adbac7
	545d68 ff938a 6bc46d daaa3f 6cb6ff dcbdfb 56d4dd ffffff);
my ($paper, $ink) = ('#15191e', '#cdd9e5');

sub colour {
	my ($n) = @_;
	return $basic[$n] if $n < 16;
	return sprintf '#%02x%02x%02x', (8 + 10 * ($n - 232)) x 3 if $n >= 232;
	$n -= 16;
	return sprintf '#%02x%02x%02x', map { $_ ? 55 + 40 * $_ : 0 }
		int($n / 36), int($n / 6) % 6, $n % 6;
}

# What an escape sequence of colours and attributes changes.
sub change {
	my ($style, @code) = @_;
	while (@code) {
		my $c = shift @code;
		$c = 0 if $c eq '';
		if ($c == 0) { %$style = () }
		elsif ($c == 1) { $style->{bold} = 1 }
		elsif ($c == 2) { $style->{faint} = 1 }
		elsif ($c == 7) { $style->{reverse} = 1 }
		elsif ($c == 22) { delete @$style{qw(bold faint)} }
		elsif ($c == 27) { delete $style->{reverse} }
		elsif ($c == 38 || $c == 48) {
			my ($kind, @rest) = splice @code, 0, $code[0] == 5 ? 2 : 4;
			$style->{$c == 38 ? 'fg' : 'bg'} = $kind == 5 ? colour($rest[0]) :
				sprintf '#%02x%02x%02x', @rest;
		}
		elsif ($c == 39) { delete $style->{fg} }
		elsif ($c == 49) { delete $style->{bg} }
		elsif ($c >= 30 && $c <= 37) { $style->{fg} = colour($c - 30) }
		elsif ($c >= 40 && $c <= 47) { $style->{bg} = colour($c - 40) }
		elsif ($c >= 90 && $c <= 97) { $style->{fg} = colour($c - 82) }
		elsif ($c >= 100 && $c <= 107) { $style->{bg} = colour($c - 92) }
	}
}

sub escape {
	my ($text) = @_;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/>/&gt;/g;
	return $text;
}

# Fonts differ in Braille and block characters: these are drawn.  The shape of a cell, or
# nothing where a font will do.
sub shape {
	my ($c) = @_;
	my $d = '';
	if ($c >= 0x2581 && $c <= 0x2588) {
		my $top = $height * (0x2588 - $c) / 8;
		return sprintf 'M0 %.2fH%.2fV%dH0z', $top, $width + 0.4, $height;
	}
	return sprintf 'M0 0H%.2fV%dH0z', $width * (0x2590 - $c) / 8, $height
		if $c > 0x2588 && $c < 0x2590;
	return '' unless $c > 0x2800 && $c < 0x2900;
	my @bit = (0, 3, 1, 4, 2, 5, 6, 7); # from the left to the right, and down
	for my $i (0 .. 7) {
		next unless $c >> $bit[$i] & 1;
		$d .= sprintf 'M%.2f %.2fh2v2h-2z', $width * ($i % 2 + 0.5) / 2 - 1,
			$height * (int($i / 2) + 0.5) / 4 - 1;
	}
	return $d;
}

my ($body, $row, $columns) = ('', 0, 0);
my (%shape, %style); # a style lasts until it is changed, on the next line as well
while (my $line = <STDIN>) {
	chomp $line;
	my $x = 0;
	while ($line =~ /\G(?:\e\[([0-9;:]*)m|([^\e]+)|\e[()].|\e)/g) {
		my ($codes, $text) = ($1, $2);
		change(\%style, split /[;:]/, length $codes ? $codes : '0') if defined $codes;
		next unless defined $text;
		my ($fg, $bg) = ($style{fg} // $ink, $style{bg});
		($fg, $bg) = ($bg // $paper, $fg) if $style{reverse};
		my $n = length $text;
		my $left = $pad + $x * $width;
		my $top = $pad + $row * $height;
		$body .= sprintf qq(<rect x="%.2f" y="%.2f" width="%.2f" height="%d" fill="%s"/>\n),
			$left, $top, $n * $width, $height, $bg if $bg;
		my $at = $left;
		for my $c (map { ord } split //, $text) {
			$shape{$c} //= shape($c);
			$body .= sprintf qq(<use href="#c%x" x="%.2f" y="%.0f" fill="%s"%s/>\n),
				$c, $at, $top, $fg, $style{faint} ? ' opacity="0.65"' : ''
				if $shape{$c};
			$at += $width;
		}
		$text =~ s/[\x{2581}-\x{258f}\x{2800}-\x{28ff}]/ /g;
		$body .= sprintf qq(<text x="%.2f" y="%.2f" textLength="%.2f" fill="%s"%s%s>%s</text>\n),
			$left, $top + 13.5, $n * $width, $fg,
			$style{bold} ? ' font-weight="bold"' : '',
			$style{faint} ? ' opacity="0.65"' : '', escape($text) if $text =~ /\S/;
		$x += $n;
	}
	$columns = $x if $x > $columns;
	$row++;
}
my $w = 2 * $pad + $columns * $width;
my $h = 2 * $pad + $row * $height;
my $title = escape($ARGV[0] // 'a terminal');
my $defs = join '', map { sprintf qq(<path id="c%x" d="%s"/>\n), $_, $shape{$_} }
	sort { $a <=> $b } grep { $shape{$_} } keys %shape;
printf <<'E', $w, $h, $w, $h, $title, $defs, $w, $h, $paper, $body;
<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">
<title>%s</title>
<defs>
%s</defs>
<rect width="%.0f" height="%.0f" rx="8" fill="%s"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve" lengthAdjust="spacingAndGlyphs">
%s</g>
</svg>
E
