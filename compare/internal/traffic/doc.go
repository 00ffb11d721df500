// Package traffic moves data and computes nothing: it measures the limit that memory sets.
//
// Read loads every element of src. Copy writes src to dst by ordinary stores, which fetch the
// lines of dst first unless the CPU finds that it need not. CopyAround writes by non-temporal
// stores around the caches if Streams is true, and is Copy otherwise. Dst is as long as src and
// does not overlap it.
package traffic
