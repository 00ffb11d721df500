// Package traffic moves data and does nothing else: the limit that memory sets
// to everything that does more.
//
// Read loads every element of src. Copy writes src to dst by ordinary stores,
// which fetch the lines of dst first unless the CPU finds out that it need not.
// CopyAround does so by non-temporal stores, around the caches, where Streams is
// true, and is Copy elsewhere. Dst is as long as src; the two don't overlap.
package traffic
