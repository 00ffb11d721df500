// Package server is an HTTP service for softmax, log-softmax and the most
// probable elements of rows of logits.
//
// # The Open Inference Protocol
//
// Version 2 over HTTP, as KServe, Triton and others speak it, with the extension
// for binary tensors. The models are softmax, log-softmax and top-k, of version
// 1:
//
//	GET  /v2, /v2/health/live, /v2/health/ready
//	GET  /v2/models/MODEL[/versions/1], /v2/models/MODEL[/versions/1]/ready
//	POST /v2/models/MODEL[/versions/1]/infer
//
// The input is logits, FP32, of 1 to 8 dimensions; the last one is the row.
// The outputs are probabilities or log_probabilities, FP32 of the same shape, or
// for top-k, whose parameter k the request has, indices, UINT32, and
// probabilities.
//
// JSON has no infinities, so that null stands for -Inf, a masked element, in
// data of requests and of log-softmax. A row without probabilities is an error
// (422) where the answer is JSON. Binary data is as in a stream. All outputs are
// binary, or none.
//
// # A stream of rows
//
//	POST /v1/softmax?cols=N, /v1/log-softmax?cols=N, /v1/top-k?cols=N&k=K
//
// takes application/octet-stream: rows of N little-endian float32, one after the
// other until the body ends; &rows=M announces how many. The answer has rows of N
// float32, or for top-k K pairs of an uint32 index and a float32 probability.
// Rows are answered when 64 KiB of them, a chunk of the body, or the body is
// complete, and no more is in memory. So a client with many rows must read while
// it writes. NaN and infinities are taken as they come, under the table of package
// native: a row with a NaN, with a +Inf, or of -Inf alone gives NaN, and K times
// the index [NoIndex].
//
// Of equal elements, the one with the smaller index is the more probable one.
//
// # Errors
//
// An error is {"error": "..."} with a status of 4xx or 5xx, if nothing has been
// sent yet. Once rows have been sent, it cuts the connection instead, which an
// HTTP client reports as an unexpected end: an answer that ends properly is
// complete. 503 comes with Retry-After when clients have more connections, open
// bodies, memory or requests for a worker than [Config] allows.
package server
