package rules

import "strings"

// CrontabKind is how the lines of a table of cron are made.
type CrontabKind int

// The kinds of crontab(5).
const (
	NoCrontab     CrontabKind = iota
	SystemCrontab             // five fields of time, a user, a command
	UserCrontab               // five fields of time, a command
)

// Crontab says what kind of table a path is by its place (cron(8), FILES; busybox crond(8)).
func Crontab(name string) CrontabKind {
	switch {
	case name == "etc/crontab", strings.HasPrefix(name, "etc/cron.d/"):
		return SystemCrontab
	case strings.HasPrefix(name, "var/spool/cron/"), strings.HasPrefix(name, "etc/crontabs/"):
		return UserCrontab
	}
	return NoCrontab
}

// CronJob is the command of a line of a table, "" of a comment, a variable or an empty line. What follows a percent sign is its standard
// input.
func CronJob(line string, kind CrontabKind) string {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' || line[0] != '@' && line[0] != '*' && (line[0] < '0' || line[0] > '9') {
		return ""
	}
	fields := 5
	if line[0] == '@' {
		fields = 1 // @daily and the like
	}
	if kind == SystemCrontab {
		fields++
	}
	for range fields {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			return ""
		}
		line = strings.TrimLeft(line[end:], " \t")
	}
	for i := 0; i < len(line); i++ {
		if line[i] == '%' && (i == 0 || line[i-1] != '\\') {
			return line[:i]
		}
	}
	return line
}
