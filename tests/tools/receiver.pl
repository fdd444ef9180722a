# receiver.pl DIR: an HTTP server that keeps what is posted to it: request N as DIR/N.head and
# DIR/N.body.  Its port is in DIR/port.  It answers as DIR/answer says: the status, and lines of
# its header.
use strict;
use warnings;
use IO::Socket::INET;

my $dir = shift;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8) or die "listen: $!";
sub put {
	my ($name, $text) = @_;
	open my $f, '>:raw', "$dir/$name.new" or die "$name: $!";
	print $f $text;
	close $f or die "$name: $!";
	rename "$dir/$name.new", "$dir/$name" or die "$name: $!";
}
put('port', $server->sockport);
my $n = 0;
while (my $client = $server->accept) {
	binmode $client;
	my $head = '';
	while (my $line = <$client>) {
		last if $line =~ /^\r?$/;
		$head .= $line;
	}
	print $client "HTTP/1.1 100 Continue\r\n\r\n" if $head =~ /^Expect: *100/mi;
	my ($len) = $head =~ /^Content-Length: *(\d+)/mi;
	my $body = '';
	while (length $body < ($len // 0)) {
		read($client, $body, $len - length $body, length $body) or last;
	}
	$n++;
	put("$n.body", $body);
	put("$n.head", $head =~ s/\r//gr);
	my @answer = ('200 OK');
	if (open my $f, '<', "$dir/answer") {
		chomp(@answer = <$f>);
	}
	print $client 'HTTP/1.1 ', join("\r\n", @answer, 'Content-Length: 0', 'Connection: close'), "\r\n\r\n";
	close $client;
}
