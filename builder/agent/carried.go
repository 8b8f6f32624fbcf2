//go:build !frontend

package agent

import "embed"

//go:embed bin
var carried embed.FS
