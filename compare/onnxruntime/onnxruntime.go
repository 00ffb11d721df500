//go:build cgo && (linux || darwin)

package onnxruntime

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// What is used of onnxruntime_c_api.h. Functions return NULL or what failed.
typedef struct status status;
typedef void (*function)(void);
struct base {
	const function *(*get_api)(uint32_t version);
	const char *(*version)(void);
};

// Places in struct OrtApi.
enum {
	GetErrorMessage = 2,
	CreateEnv = 3,
	CreateSessionFromArray = 8,
	Run = 9,
	CreateSessionOptions = 10,
	SetIntraOpNumThreads = 24,
	CreateTensorWithDataAsOrtValue = 49,
	CreateCpuMemoryInfo = 69,
	ReleaseStatus = 93,
	ReleaseMemoryInfo = 94,
	ReleaseSession = 95,
	ReleaseValue = 96,
	ReleaseSessionOptions = 100,
	AddSessionConfigEntry = 130,
};

// The version of the interface from which on all of these are in the table, and the
// values of its enumerations.
enum { API_VERSION = 7, FLOAT = 1, DEVICE_ALLOCATOR = 0, MEM_DEFAULT = 0, ERROR = 3 };

static const function *api;
static void *env;

// CALL calls the function at a place, with the types of its arguments.
#define CALL(place, types) ((status *(*) types)api[place])
#define RELEASE(place) ((void (*)(void *))api[place])

// load loads the library. It returns its version, or NULL and why not.
static const char *load(const char *file, const char **why) {
	void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		*why = dlerror();
		return NULL;
	}
	const struct base *(*get)(void) = (const struct base *(*)(void))dlsym(lib, "OrtGetApiBase");
	if (!get) {
		*why = "it has no OrtGetApiBase";
		return NULL;
	}
	const struct base *base = get();
	if (!(api = base->get_api(API_VERSION))) {
		*why = "it is older than 1.7";
		return NULL;
	}
	if (CALL(CreateEnv, (int, const char *, void **))(ERROR, "twopass", &env)) {
		*why = "it has no environment";
		return NULL;
	}
	return base->version();
}

struct softmax {
	void *session, *src, *dst;
};

static void softmax_free(struct softmax *s) {
	if (s->session) RELEASE(ReleaseSession)(s->session);
	if (s->src) RELEASE(ReleaseValue)(s->src);
	if (s->dst) RELEASE(ReleaseValue)(s->dst);
	free(s);
}

// softmax_init makes all that a run needs. What it made before it failed, softmax_free
// frees.
static status *softmax_init(struct softmax *s, const void *model, size_t size, int64_t rows, int64_t cols, int threads, float *dst, float *src) {
	int64_t shape[2] = {rows, cols};
	size_t bytes = (size_t)rows * cols * sizeof(float);
	void *options = NULL, *memory = NULL;
	status *st;

	if ((st = CALL(CreateSessionOptions, (void **))(&options))) return st;
	if (!(st = CALL(SetIntraOpNumThreads, (void *, int))(options, threads)) &&
	    !(st = CALL(AddSessionConfigEntry, (void *, const char *, const char *))(options, "session.intra_op.allow_spinning", "0")))
		st = CALL(CreateSessionFromArray, (const void *, const void *, size_t, const void *, void **))(env, model, size, options, &s->session);
	RELEASE(ReleaseSessionOptions)(options);
	if (st) return st;
	if ((st = CALL(CreateCpuMemoryInfo, (int, int, void **))(DEVICE_ALLOCATOR, MEM_DEFAULT, &memory))) return st;
	if (!(st = CALL(CreateTensorWithDataAsOrtValue, (const void *, void *, size_t, const int64_t *, size_t, int, void **))(memory, src, bytes, shape, 2, FLOAT, &s->src)))
		st = CALL(CreateTensorWithDataAsOrtValue, (const void *, void *, size_t, const int64_t *, size_t, int, void **))(memory, dst, bytes, shape, 2, FLOAT, &s->dst);
	RELEASE(ReleaseMemoryInfo)(memory);
	return st;
}

static status *softmax_run(struct softmax *s) {
	static const char *const x = "x", *const y = "y";
	return CALL(Run, (void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t, void **))(
		s->session, NULL, &x, (const void *const *)&s->src, 1, &y, 1, &s->dst);
}

static const char *error_message(status *s) { return ((const char *(*)(const status *))api[GetErrorMessage])(s); }

static void error_release(status *s) { RELEASE(ReleaseStatus)(s); }
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/shape"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// load loads the library once. Nothing unloads it: its threads would go on.
var load = sync.OnceValues(func() (version string, err error) {
	file := os.Getenv(Variable)
	if file == "" {
		file = "libonnxruntime.so.1"
	}
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	var why *C.char
	v := C.load(name, &why)
	if v == nil {
		return "", fmt.Errorf("onnxruntime: %s; name the file of the library in %s", C.GoString(why), Variable)
	}
	return C.GoString(v), nil
})

func link(l *speed.Library) {
	l.Version, l.Available = load()
	l.Bind = Bind
}

// Bind prepares a softmax of rows, as package compare/internal/shape says.
func Bind(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
	shape.Check("onnxruntime", dst, src, rows, cols, threads)
	if _, err := load(); err != nil {
		return nil, nil, err
	}
	s := (*C.struct_softmax)(C.calloc(1, C.sizeof_struct_softmax))
	// The library keeps the addresses from one call to the next.
	var pinned runtime.Pinner
	pinned.Pin(unsafe.SliceData(dst))
	pinned.Pin(unsafe.SliceData(src))
	done = func() {
		C.softmax_free(s)
		pinned.Unpin()
	}
	m := model()
	if err := failed(C.softmax_init(s, unsafe.Pointer(unsafe.SliceData(m)), C.size_t(len(m)), C.int64_t(rows), C.int64_t(cols), C.int(threads),
		(*C.float)(unsafe.SliceData(dst)), (*C.float)(unsafe.SliceData(src)))); err != nil {
		done()
		return nil, nil, fmt.Errorf("onnxruntime: no softmax of %d x %d elements on %d threads: %w", rows, cols, threads, err)
	}
	return func() {
		if err := failed(C.softmax_run(s)); err != nil {
			panic(fmt.Sprintf("onnxruntime: softmax failed: %v", err))
		}
	}, done, nil
}

// failed is what a call returned.
func failed(s *C.status) error {
	if s == nil {
		return nil
	}
	defer C.error_release(s)
	return errors.New(C.GoString(C.error_message(s)))
}
