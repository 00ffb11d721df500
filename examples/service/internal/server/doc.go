// Package server is an HTTP service for softmax, log-softmax and the most
// probable elements of rows of logits.
//
// # Requests
//
//	POST /v1/softmax          probabilities
//	POST /v1/log-softmax      their logarithms
//	POST /v1/top-k?k=K        the K most probable elements of each row
//	GET  /healthz, /readyz
//
// The answer has the type of the request:
//
// application/json: {"rows": [[1, 2, null], ...]}, rows of equal length, where
// null stands for -Inf, a masked element. The answer is {"rows": [...]} too,
// with null for -Inf (of log-softmax), or for top-k
// {"rows": [{"indices": [...], "probabilities": [...]}, ...]}. JSON has neither
// NaN nor infinities: a number beyond float32's range is an error (400), and so
// is a row of null alone, which has no probabilities (422).
//
// application/octet-stream with ?cols=N: rows of N little-endian float32, one
// after the other until the body ends; &rows=M announces how many. The answer
// has rows of N float32, or for top-k K pairs of an uint32 index and a float32
// probability. Each row is answered as soon as it is there, and no more than
// [Config.MaxCols] elements, or 64 KiB if that is more, are held in memory. So
// a client with many rows must read while it writes. NaN and infinities are
// taken as they come, under the table of package native: a row with a NaN, with
// a +Inf, or of -Inf alone gives NaN, and K times the index [NoIndex].
//
// Of equal elements, that with the smaller index is the more probable one.
//
// # Errors
//
// An error is {"error": "..."} with a status of 4xx or 5xx, if nothing has been
// sent yet. Once rows have been sent, it cuts the connection instead, which an
// HTTP client reports as an unexpected end: an answer that ends properly is
// complete. 503 comes with Retry-After when more requests are being served than
// the configuration allows.
package server
