// Package secrets knows the files that hold credentials, by their names and by what is in them. slim lint reports them, and the plan
// leaves out those that nothing used.
package secrets

import (
	"path"
	"slices"
	"strings"
)

// stores are names of files that exist to hold credentials: those Dockle knows, and those that common clients read.
var stores = words("credentials.json credential.json credentials credential password.txt credentials.xml .env .netrc .pgpass " +
	".git-credentials .npmrc .pypirc .htpasswd .dockercfg .dockerconfigjson .my.cnf .s3cfg .boto .vault-token rclone.conf " +
	"application_default_credentials.json credentials.tfrc.json krb5.keytab")

// sources are names, which Dockle knows, of source and settings of an application in which credentials are often written.
var sources = words("secret_token.rb carrierwave.rb omniauth.rb settings.py database.yml")

// keys are the names that ssh-keygen(1) gives to private keys.
var keys = words("id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk")

// suffixes are those of files for keys and passwords, which Dockle knows; dataSuffixes those of databases and captures, likewise.
var (
	suffixes = words(".secret .ovpn .private_key .cscfg .rdp .bek .tpm .fve .jks .psafe3 .agilekeychain .keychain .gnucache .p12 .pfx " +
		".keystore .kdbx .keytab")
	dataSuffixes = words(".mdf .sdf .pcap")
)

// places are patterns of whole paths, or of their ends where they begin with a point: the files of clients in a home directory, the host
// keys of sshd(8), and the copies that passwd(1), pam_unix(8) and Debian's cron job make of the databases with password hashes.
var places = []string{
	".docker/config.json", ".kube/config", ".aws/config", ".config/gh/hosts.yml", ".config/gcloud/credentials.db",
	".config/gcloud/access_tokens.db", ".cargo/credentials.toml", ".composer/auth.json", ".gnupg/private-keys-v1.d/*", ".ssh/id_*",
	"etc/ssh/ssh_host_*_key", "etc/shadow-", "etc/gshadow-", "etc/security/opasswd", "var/backups/shadow.bak", "var/backups/gshadow.bak",
}

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

// IsStore reports whether a file with this physical path exists to hold credentials: not source, data or settings of an application.
func IsStore(name string) bool {
	base := path.Base(name)
	return stores[base] || keys[base] || suffixes[path.Ext(base)] || slices.ContainsFunc(places, func(pattern string) bool {
		return !strings.HasSuffix(base, ".pub") && atPlace(pattern, name)
	})
}

// atPlace matches a pattern of places.
func atPlace(pattern, name string) bool {
	if strings.HasPrefix(pattern, ".") {
		parts := strings.Split(name, "/")
		name = strings.Join(parts[max(0, len(parts)-1-strings.Count(pattern, "/")):], "/")
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Usual reports whether a file with this physical path usually holds credentials, whatever else it is for.
func Usual(name string) bool {
	return IsStore(name) || sources[path.Base(name)] || dataSuffixes[path.Ext(name)]
}

// IsKeyName reports whether ssh-keygen gives this name to a private key.
func IsKeyName(name string) bool { return keys[path.Base(name)] }

// Published reports whether a physical path is where a language's package manager puts packages, which anybody can have.
func Published(name string) bool {
	for _, dir := range []string{"/node_modules/", "/site-packages/", "/dist-packages/", "/gems/", "/pkg/mod/"} {
		if strings.Contains("/"+name, dir) {
			return true
		}
	}
	return false
}
