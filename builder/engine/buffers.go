package engine

import (
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"
)

// init gives gRPC buffers of each power of two from 256 bytes to 4 MiB. Its own pool has none between 32 KiB and 1 MiB and clears each
// buffer before its use (grpc mem/buffer_pool.go). BuildKit sends an image in messages of a few bytes more than 32 KiB, through two
// connections of which one is inside the other: a third of the time of an export was spent on clearing.
func init() {
	pool, err := mem.NewBinaryTieredBufferPool(8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)
	if err != nil {
		panic(err) // only for a number of bits that no machine has
	}
	experimental.SetDefaultBufferPool(pool)
}
