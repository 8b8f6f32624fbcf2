package builder

import (
	"encoding/json"
	"fmt"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// cacheImports are those of --cache-from, as BuildKit's client hands them to a gateway function. It uses them for what the function
// returns; each solve within it has to be told.
func cacheImports(c gateway.Client) ([]gateway.CacheOptionsEntry, error) {
	text := c.BuildOpts().Opts["cache-imports"]
	if text == "" {
		return nil, nil
	}
	var list []gateway.CacheOptionsEntry
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("reading the cache imports: %w", err)
	}
	return list, nil
}
