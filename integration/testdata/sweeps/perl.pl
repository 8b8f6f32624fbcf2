# Without arguments: the modules below @INC. With "load": those of standard input that load.
use strict; use warnings; use File::Find; $| = 1;
if (@ARGV) {
    chomp(my @names = <STDIN>);
    for my $name (@names) {
        my $child = fork // die;
        if (!$child) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec $^X, '-e', "require $name; exit 0" or exit 1 }
        waitpid $child, 0;
        print "$name\n" if $? == 0;
    }
    exit;
}
my %found;
for my $dir (grep { -d } @INC) {
    find({ no_chdir => 1, wanted => sub {
        return unless m{\A\Q$dir\E/([A-Z][\w/]*)\.pm\z};
        my $name = $1; $name =~ s{/}{::}g; $found{$name} = 1;
    } }, $dir);
}
print "$_\n" for sort keys %found;
