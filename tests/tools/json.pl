# json.pl FORMAT: what a profile in JSON, from standard input, adds up to, as text.
use strict;
use warnings;
use JSON::PP;

binmode STDOUT, ':utf8';
my $format = shift;
my $p = JSON::PP->new->utf8->decode(do { local $/; <STDIN> });
sub sum { my $n = 0; $n += $_ for @_; return $n }

if ($format eq 'firefox') {
	for my $t (@{$p->{threads}}) {
		for my $name (qw(samples stackTable frameTable funcTable resourceTable markers nativeAllocations)) {
			my $table = $t->{$name} // next;
			ref $table->{$_} ne 'ARRAY' || @{$table->{$_}} == $table->{length} ||
				die "$name.$_ is not of the table's length\n" for keys %$table;
		}
		my $s = $t->{stringArray};
		my $path = sub {
			my $i = shift;
			my @names;
			for (; defined $i; $i = $t->{stackTable}{prefix}[$i]) {
				my $f = $t->{frameTable}{func}[$t->{stackTable}{frame}[$i]];
				unshift @names, $s->[$t->{funcTable}{name}[$f]];
			}
			return join ';', @names;
		};
		printf "thread %s %s %s main=%d\n", $t->{name}, $t->{pid}, $t->{tid}, $t->{isMainThread};
		for my $i (0 .. $t->{samples}{length} - 1) {
			printf "sample %.3f %.6f %s\n", $t->{samples}{time}[$i], $t->{samples}{weight}[$i],
				$path->($t->{samples}{stack}[$i]);
		}
		my $a = $t->{nativeAllocations};
		printf "allocation %.3f %d %s\n", $a->{time}[$_], $a->{weight}[$_], $path->($a->{stack}[$_])
			for $a ? 0 .. $a->{length} - 1 : ();
		printf "marker %.3f %s: %s\n", $t->{markers}{startTime}[$_], $s->[$t->{markers}{name}[$_]],
			$t->{markers}{data}[$_]{text} for 0 .. $t->{markers}{length} - 1;
	}
	for my $c (@{$p->{counters}}) {
		printf "counter %s %s: %s\n", $c->{name}, $c->{pid}, join ' ', @{$c->{samples}{count}};
	}
	print "lib $_->{path} ", $_->{codeId} // '-', "\n" for @{$p->{libs}};
} elsif ($format eq 'speedscope') {
	my $f = $p->{shared}{frames};
	for my $profile (@{$p->{profiles}}) {
		die "not as many weights as samples\n" if @{$profile->{weights}} != @{$profile->{samples}};
		die "the end is not the sum\n" if sum(@{$profile->{weights}}) != $profile->{endValue};
		print "profile $profile->{name} $profile->{unit} $profile->{endValue}\n";
		for my $i (0 .. $#{$profile->{samples}}) {
			print $profile->{weights}[$i], ' ', join(';', map { $f->[$_]{name} } @{$profile->{samples}[$i]}), "\n";
		}
	}
} elsif ($format eq 'dhat') {
	print "$p->{cmd} $p->{pid} te=$p->{te} tg=$p->{tg}\n";
	for my $s (@{$p->{pps}}) {
		print join(' ', map { "$_=$s->{$_}" } qw(tb tbk tl mb mbk gb gbk eb ebk)), ' ',
			join(' <', map { $p->{ftbl}[$_] } @{$s->{fs}}), "\n";
	}
} elsif ($format eq 'trace') {
	my (%open, %self, %last, %node, %sampled);
	for my $e (@{$p->{traceEvents}}) {
		my $t = "$e->{pid}/$e->{tid}";
		if ($e->{ph} eq 'M') {
			print "$e->{name} $t $e->{args}{name}\n";
		} elsif ($e->{ph} eq 'C') {
			print "counter $e->{ts} ", join(' ', map { "$_=$e->{args}{$_}" } sort keys %{$e->{args}}), "\n";
		} elsif ($e->{ph} eq 'i') {
			print "$e->{name} $e->{ts} $e->{args}{text} $e->{args}{count}\n";
		} elsif ($e->{name} eq 'ProfileChunk') {
			my $data = $e->{args}{data};
			my ($ids, $deltas) = ($data->{cpuProfile}{samples}, $data->{timeDeltas});
			die "not as many times as samples\n" if @$ids != @$deltas;
			$node{"$e->{id} $_->{id}"} = $_ for @{$data->{cpuProfile}{nodes}};
			for my $i (0 .. $#$ids) {
				my @path;
				for (my $id = $ids->[$i]; defined $id; $id = $node{"$e->{id} $id"}{parent}) {
					my $name = ($node{"$e->{id} $id"} // die "no such node\n")->{callFrame}{functionName};
					unshift @path, $name if $name ne '(root)';
				}
				# To the one that ends with it, and to the one that begins.
				my $stack = "$t " . join ';', @path;
				$sampled{$stack}[0] += $deltas->[$i];
				$sampled{$stack}[1] += $deltas->[$i + 1] // 0;
			}
		} elsif ($e->{ph} ne 'P') {
			die "time goes back\n" if $e->{ts} < ($last{$t} // 0);
			my $stack = join ';', @{$open{$t} // []};
			$self{"$t $stack"} += $e->{ts} - ($last{$t} // 0) if $stack ne '';
			$last{$t} = $e->{ts};
			if ($e->{ph} eq 'B') { push @{$open{$t}}, $e->{name} } else { pop @{$open{$t}} // die "nothing is open\n" }
		}
	}
	@{$open{$_}} == 0 || die "something is left open\n" for keys %open;
	delete $sampled{$_} for grep { /^\S+ \(idle\)$/ } keys %sampled;
	abs($sampled{$_}[0] - $self{$_}) < 0.01 && abs($sampled{$_}[1] - $self{$_}) < 0.01 ||
		die "the profile has other times of $_ than the spans\n" for grep { $self{$_} > 0 } keys %self;
	$self{$_} || $sampled{$_}[0] == 0 || die "only the profile has $_\n" for keys %sampled;
	printf "%s %.3f\n", $_, $self{$_} for grep { $self{$_} > 0 } sort keys %self;
}
