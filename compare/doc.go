// Package compare tells whether two implementations of XNNPACK's softmax
// kernels agree bit for bit, and which of them is faster.
//
// The reference is one [Side], ours is the other; [Match] pairs their kernels
// by name. A [Plan] calls both kernels of each pair with the same rows and
// counts the bits in which they differ; a [Sweep] does so for all 2^32 float32
// values. A [Timer] calls both in turn, and [NewSpeed] says what its samples
// prove. [Results] is what a run found, as a JSON document.
package compare
