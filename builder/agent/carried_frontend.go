//go:build frontend

package agent

import "embed"

// carried is empty: the frontend's agents are files of its image.
var carried embed.FS
