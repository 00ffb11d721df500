// What Go calls of shim.cpp. A function that returns a text failed for the reason in it,
// to be freed by the caller.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct softmax;

const char *softmax_version(void);
char *softmax_new(struct softmax **s, int64_t rows, int64_t cols, int threads, bool doubles, void *dst, void *src);
char *softmax_run(struct softmax *s);
void softmax_free(struct softmax *s);

#ifdef __cplusplus
}
#endif
