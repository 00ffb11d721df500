package boot

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Archive is an initial file system in the making: a cpio archive in the "newc"
// format, the one that the kernel unpacks (its
// Documentation/driver-api/early-userspace/buffer-format.rst). The zero value
// is an empty archive.
type Archive struct {
	buf   bytes.Buffer
	inode int
	seen  map[string]bool
}

const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

// Dir adds a directory and its parents, unless they are there.
func (a *Archive) Dir(name string) {
	name = clean(name)
	if name == "" || a.seen[name] {
		return
	}
	if parent := path.Dir(name); parent != "." {
		a.Dir(parent)
	}
	a.add(name, modeDir|0o755, nil)
}

// File adds an executable file and its parent directories. A second file of
// one name is left out.
func (a *Archive) File(name string, content []byte) {
	name = clean(name)
	if a.seen[name] {
		return
	}
	if parent := path.Dir(name); parent != "." {
		a.Dir(parent)
	}
	a.add(name, modeFile|0o755, content)
}

// Bytes returns the archive, complete. Nothing can be added afterwards.
func (a *Archive) Bytes() []byte {
	a.add("TRAILER!!!", 0, nil)
	return a.buf.Bytes()
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

func (a *Archive) add(name string, mode int, content []byte) {
	if a.seen == nil {
		a.seen = make(map[string]bool)
	}
	a.seen[name] = true
	a.inode++
	a.buf.WriteString("070701")
	for _, field := range []int{
		a.inode, mode,
		0, 0, // owner and group
		1,               // links to it
		0, len(content), // time of change, size
		0, 0, 0, 0, // device that it is on, and that it is
		len(name) + 1,
		0, // checksum, unused in this format
	} {
		fmt.Fprintf(&a.buf, "%08x", field)
	}
	a.buf.WriteString(name + "\x00")
	a.pad()
	a.buf.Write(content)
	a.pad()
}

// pad aligns what follows to 4 bytes.
func (a *Archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}
