package builder

import (
	"encoding/json"
	"fmt"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// cacheImports are the values of --cache-from, which BuildKit's client passes to a gateway function. BuildKit applies them to the result of
// the function only; each solve inside the function must name them.
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
