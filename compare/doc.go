// Package compare tells whether two implementations of XNNPACK's softmax
// kernels agree bit for bit, which of them is faster, and how accurate both are.
//
// The reference is one [Side], ours is the other; [Match] pairs their kernels
// by name. A [Plan] calls both kernels of each pair with the same rows and
// counts the bits in which they differ; a [Sweep] does so for all 2^32 float32
// values. What differs is explained by the executable model of the kernel.
//
// A [Timer] calls functions in turn, or each [Benchmark] on rows on several threads; a
// [Race] keeps what it found on rows that its entrants share, and [NewRatio] says what
// samples prove. [Workload.Fastest] finds the kernels
// that make upstream the strongest opponent on this CPU. An [AccuracyPlan]
// measures errors in ULP.
//
// A [Library] is other software's softmax: what Go has without this module always
// ([GoLibraries]), others as far as they are there. [Verify] compares one with float64
// before it is timed in the same turns; its accuracy is measured beside both sides'.
//
// [Results] is what a run found. Stored, it is a JSON document whose members
// "schema" and "version" are [Schema] and [Version]; the fields of [Results] and
// of the types in it describe the others. Bit patterns are strings such as
// "0x7fc00000", times are nanoseconds, and an [Interval] is a median with a
// confidence interval at 95 %. [Check] finds what is worse in one such document
// than in another.
package compare
