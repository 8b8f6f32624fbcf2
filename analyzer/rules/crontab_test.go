package rules

import "testing"

func TestCronJob(t *testing.T) {
	for _, test := range []struct {
		name, line, want string
	}{
		{"etc/cron.d/report", "* * * * * root /bin/report >x && mv x y\n", "/bin/report >x && mv x y"},
		{"etc/crontab", "17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly", "cd / && run-parts --report /etc/cron.hourly"},
		{"etc/crontab", "@daily app clean %input", "clean "},
		{"etc/crontab", "1 2 3 4 5 root date +\\%F", "date +\\%F"},
		{"var/spool/cron/crontabs/root", "*/5 * * * * sync all", "sync all"},
		{"etc/crontabs/root", "@reboot start", "start"},
		{"etc/crontab", "SHELL=/bin/sh", ""},
		{"etc/crontab", "# 1 2 3 4 5 root x", ""},
		{"etc/crontab", "1 2 3", ""},
		{"etc/crontab", "", ""},
	} {
		if got := CronJob(test.line, Crontab(test.name)); got != test.want {
			t.Errorf("CronJob(%q) of %s = %q, want %q", test.line, test.name, got, test.want)
		}
	}
	if kind := Crontab("etc/cron.daily/x"); kind != NoCrontab {
		t.Errorf("Crontab(etc/cron.daily/x) = %d, want none", kind)
	}
}
