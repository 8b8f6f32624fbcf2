package secrets

import (
	"strings"
	"testing"
)

func TestIsStore(t *testing.T) {
	for name, want := range map[string]bool{
		"root/.ssh/id_rsa": true, "root/.ssh/id_deploy": true, "root/.ssh/id_deploy.pub": false, "root/.ssh/known_hosts": false,
		"root/.aws/credentials": true, "home/a/.aws/config": true, "etc/aws/config": false, "root/.docker/config.json": true,
		"app/docker/config.json": false, ".docker/config.json": true, "root/.git-credentials": true, "root/.netrc": true, "app/.npmrc": true,
		"root/.config/gcloud/application_default_credentials.json": true, "root/.gnupg/private-keys-v1.d/AB.key": true,
		"etc/ssh/ssh_host_rsa_key": true, "etc/ssh/ssh_host_rsa_key.pub": false, "etc/shadow-": true, "etc/gshadow-": true, "etc/shadow": false,
		"app/x.p12": true, "app/settings.py": false, "app/config/database.yml": false, "app/data.mdf": false, "etc/passwd": false,
	} {
		if got := IsStore(name); got != want {
			t.Errorf("IsStore(%q) = %v, want %v", name, got, want)
		}
		if want && !Usual(name) {
			t.Errorf("Usual(%q) = false: what is a store is usual", name)
		}
	}
	if !Usual("app/settings.py") || !Usual("app/data.mdf") {
		t.Error("Usual() = false for source and data that Dockle knows")
	}
}

func TestIsKey(t *testing.T) {
	const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
	const cert = "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n"
	for _, test := range []struct {
		content string
		want    bool
	}{
		{key, true}, {"Bag Attributes\n    friendlyName: a\n" + key, true}, {cert + cert + key, true},
		{cert + strings.Repeat("x\n", 5000) + key, true},
		{strings.ReplaceAll(key, "\n", "\r\n"), true}, {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", true},
		{cert, false}, {"", false}, {`key = "-----BEGIN PRIVATE KEY-----\n"`, false},
		{strings.Repeat("a line of a document\n", 1000) + key, false},
	} {
		if got := IsKey([]byte(test.content)); got != test.want {
			t.Errorf("IsKey(%.40q) = %v, want %v", test.content, got, test.want)
		}
	}
}
