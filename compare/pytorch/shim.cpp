//go:build pytorch

#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cstring>
#include <exception>

struct softmax {
	at::Tensor src, dst;
	int threads;
};

// run computes dst. The number of threads is that of the calling thread.
static void run(softmax *s) {
	c10::InferenceMode guard;
	if (at::get_num_threads() != s->threads) at::set_num_threads(s->threads);
	at::_softmax_out(s->dst, s->src, 1, false);
}

const char *softmax_version(void) { return TORCH_VERSION; }

char *softmax_new(softmax **out, int64_t rows, int64_t cols, int threads, bool doubles, void *dst, void *src) try {
	auto type = doubles ? at::kDouble : at::kFloat;
	c10::InferenceMode guard;
	*out = new softmax{at::from_blob(src, {rows, cols}, type), at::from_blob(dst, {rows, cols}, type), threads};
	return nullptr;
} catch (const std::exception &e) {
	return strdup(e.what());
}

char *softmax_run(softmax *s) try {
	run(s);
	return nullptr;
} catch (const std::exception &e) {
	return strdup(e.what());
}

void softmax_free(softmax *s) { delete s; }
