# Without arguments: the features below $LOAD_PATH. With "load": those of standard input that load.
if ARGV == ["load"]
  $stdin.each_line(chomp: true) do |name|
    ok = system(RbConfig.ruby, "-e", "require ARGV[0]", name, in: File::NULL, out: File::NULL, err: File::NULL)
    puts name if ok
    $stdout.flush
  end
  exit
end
found = $LOAD_PATH.flat_map do |dir|
  Dir.glob("**/*.{rb,so}", base: dir).map { |file| file.sub(/\.(rb|so)\z/, "") }
end
puts found.uniq.reject { |name| name =~ %r{(\A|/)(tests?|spec|debug|bundled_gems)(/|\z)} }.sort
