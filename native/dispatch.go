package native

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/twopass-softmax/twopass/ukernel"
)

// EnvISA is the environment variable that limits the instructions that the
// package uses, by upstream's names of ISAs: with avx2 nothing wider than AVX2
// runs, on a CPU without AVX2 nothing wider than what it has. It is read once.
//
// A value that is no ISA, or one of another architecture, is an error of [New],
// and the functions without an error panic with its text.
const EnvISA = "TWOPASS_ISA"

var (
	enginesOnce sync.Once
	engines     map[ukernel.ISA]*engine // by each level that can be forced
	defaultEng  *engine
	defaultErr  error
	envISA      string

	// ready is defaultEng, once there is one.
	ready atomic.Pointer[engine]
)

func start() {
	enginesOnce.Do(func() {
		engines = make(map[ukernel.ISA]*engine)
		for _, isa := range levels() {
			engines[isa] = newEngine(isa)
		}
		var isa ukernel.ISA
		envISA = os.Getenv(EnvISA)
		if isa, defaultErr = defaultISA(envISA); defaultErr == nil {
			defaultEng = engines[isa]
			ready.Store(defaultEng)
		}
	})
}

// defaultISA is the level of the default engine for a value of [EnvISA].
func defaultISA(env string) (ukernel.ISA, error) {
	all := ukernel.ISAs()
	limit := all[len(all)-1]
	if env != "" {
		isa, ok := ukernel.ParseISA(env)
		if !ok || isa.Arch() != "" && isa.Arch() != runtime.GOARCH {
			var names []ukernel.ISA
			for _, isa := range all {
				if isa.Arch() == "" || isa.Arch() == runtime.GOARCH {
					names = append(names, isa)
				}
			}
			return 0, fmt.Errorf("native: %s=%q is no ISA of %s, which are %s", EnvISA, env, runtime.GOARCH, levelNames(names))
		}
		limit = isa
	}
	return best(limit), nil
}

// defaults is the engine of everything that is not told to use another.
func defaults() *engine {
	start()
	if defaultEng == nil {
		panic(defaultErr.Error())
	}
	return defaultEng
}

// ISA returns the widest ISA that the package uses by default on this CPU,
// after [EnvISA]. The error is that of the variable.
func ISA() (ukernel.ISA, error) {
	start()
	if defaultErr != nil {
		return 0, defaultErr
	}
	return defaultEng.isa, nil
}

// Levels lists the ISAs that [WithISA] accepts here, narrow before wide: those
// that this build has kernels for and this CPU runs.
func Levels() []ukernel.ISA { return levels() }
