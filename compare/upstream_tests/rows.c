// Upstream's softmax operator, as far as its tests of float32 and float16 call it, by native.SoftmaxRows.
#include <stdlib.h>

#include "compare/upstream_tests/exports/exports.h"
#include "xnnpack.h"

typedef void run_fn(size_t rows, size_t cols, void* src, size_t src_stride, void* dst, size_t dst_stride);

struct xnn_operator {
  run_fn* run;
  size_t rows, cols, src_stride, dst_stride;
  void *src, *dst;
};

enum xnn_status xnn_initialize(const struct xnn_allocator* allocator) { return xnn_status_success; }

static enum xnn_status create(run_fn* run, xnn_operator_t* op) {
  *op = calloc(1, sizeof **op);
  if (*op == NULL) return xnn_status_out_of_memory;
  (*op)->run = run;
  return xnn_status_success;
}
enum xnn_status xnn_create_softmax_nc_f16(uint32_t flags, xnn_operator_t* op) { return create(goSoftmaxRowsF16, op); }
enum xnn_status xnn_create_softmax_nc_f32(uint32_t flags, xnn_operator_t* op) { return create(goSoftmaxRowsF32, op); }

enum xnn_status xnn_reshape_softmax_nc_f32(xnn_operator_t op, size_t channels, size_t input_stride, size_t output_stride, size_t batch_size, pthreadpool_t threadpool) {
  op->rows = batch_size;
  op->cols = channels;
  op->src_stride = input_stride;
  op->dst_stride = output_stride;
  return xnn_status_success;
}
enum xnn_status xnn_reshape_softmax_nc_f16(xnn_operator_t op, size_t channels, size_t input_stride, size_t output_stride, size_t batch_size, pthreadpool_t threadpool) {
  return xnn_reshape_softmax_nc_f32(op, channels, input_stride, output_stride, batch_size, threadpool);
}

enum xnn_status xnn_setup_softmax_nc_f16(xnn_operator_t op, const void* input, void* output) {
  op->src = (void*)input;
  op->dst = output;
  return xnn_status_success;
}
enum xnn_status xnn_setup_softmax_nc_f32(xnn_operator_t op, const float* input, float* output) {
  return xnn_setup_softmax_nc_f16(op, input, output);
}

enum xnn_status xnn_run_operator(xnn_operator_t op, pthreadpool_t threadpool) {
  op->run(op->rows, op->cols, op->src, op->src_stride, op->dst, op->dst_stride);
  return xnn_status_success;
}

enum xnn_status xnn_delete_operator(xnn_operator_t op) {
  free(op);
  return xnn_status_success;
}

// The tests of bytes are filtered out: native has no softmax of bytes.
enum xnn_status xnn_create_softmax_nc_qu8(float input_scale, uint8_t output_zero_point, float output_scale, uint32_t flags, xnn_operator_t* op) {
  return xnn_status_unsupported_parameter;
}
enum xnn_status xnn_reshape_softmax_nc_qu8(xnn_operator_t op, size_t channels, size_t input_stride, size_t output_stride, size_t batch_size, pthreadpool_t threadpool) {
  return xnn_status_unsupported_parameter;
}
enum xnn_status xnn_setup_softmax_nc_qu8(xnn_operator_t op, const uint8_t* input, uint8_t* output) {
  return xnn_status_unsupported_parameter;
}
