// Package atomicfile writes files as a whole.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts data into the named file, with mode 0644, by way of a temporary
// file beside it: no reader and no interruption sees half of it. A write that
// fails leaves what was there.
func Write(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
