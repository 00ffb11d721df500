package native

import "github.com/twopass-softmax/twopass/native/internal/arith"

// ChunkLen is the length of a row from which goroutines share it.
const ChunkLen = arith.Chunk

const RaceEnabled = raceEnabled

var Parallel = parallel

// Goroutines share few elements in tests.
func init() { vectorLeast, scalarLeast = 1<<12, 1<<12 }
