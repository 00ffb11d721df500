package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// pin is what third_party/xnnpack/pin.bzl says.
type pin struct{ commit, version, suite string }

var assignment = regexp.MustCompile(`(?m)^(COMMIT|VERSION|SUITE) = "([^"]*)"$`)

const pinFile = "third_party/xnnpack/pin.bzl"

func readPin(root string) (p pin, err error) {
	text, err := os.ReadFile(filepath.Join(root, pinFile))
	if err != nil {
		return p, err
	}
	values := make(map[string]string)
	for _, m := range assignment.FindAllStringSubmatch(string(text), -1) {
		values[m[1]] = m[2]
	}
	if len(values) != 3 {
		return p, fmt.Errorf("%s does not assign COMMIT, VERSION and SUITE", pinFile)
	}
	return pin{values["COMMIT"], values["VERSION"], values["SUITE"]}, nil
}

// source is an unpacked XNNPACK.
type source struct {
	dir  string
	text string // where it is from
	// version and suite go into the pin; suite is empty if no Debian release has it.
	version, suite string
}

// obtain finds the source of the commit. It unpacks into tmp.
func obtain(root, tmp string, now pin, o options) (source, error) {
	s := source{version: "0.0~git." + o.commit[:7]}
	if o.commit == now.commit {
		s.version, s.suite = now.version, now.suite
	}
	if o.source != "" {
		s.text = o.source
		info, err := os.Stat(o.source)
		if err != nil {
			return s, err
		}
		if info.IsDir() {
			s.dir, err = top(o.source)
			return s, err
		}
		s.dir, err = unpack(o.source, filepath.Join(tmp, "source"))
		return s, err
	}

	var failures []error
	url := "https://github.com/google/XNNPACK/archive/" + o.commit + ".tar.gz"
	archive := filepath.Join(tmp, "archive.tar.gz")
	err := download(url, archive)
	if err == nil {
		s.text = url
		s.dir, err = unpack(archive, filepath.Join(tmp, "source"))
	}
	if err != nil {
		failures = append(failures, fmt.Errorf("%s: %w", url, err))
	}
	// Debian is asked in any case: it is the second way for everybody who builds.
	for _, suite := range []string{now.suite, "sid"} {
		if suite == "" || s.suite != "" && s.dir != "" {
			continue
		}
		archive, version, err := debian(root, filepath.Join(tmp, "debian-"+suite), suite)
		if err == nil && !strings.HasSuffix(version, "."+o.commit[:7]) {
			err = fmt.Errorf("its version is %s, which is another commit", version)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("Debian's source package (%s): %w", suite, err))
			continue
		}
		s.version, s.suite = version, suite
		if s.dir == "" {
			s.text = fmt.Sprintf("Debian's source package xnnpack %s (%s)", version, suite)
			if s.dir, err = unpack(archive, filepath.Join(tmp, "source")); err != nil {
				return s, err
			}
		}
	}
	if s.dir == "" {
		return s, fmt.Errorf("no source of commit %s; -source names one that you have. Tried:\n%w", o.commit, errors.Join(failures...))
	}
	return s, nil
}

func download(url, to string) error {
	client := http.Client{Timeout: 5 * time.Minute}
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return errors.New(r.Status)
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r.Body)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// debian downloads the upstream archive of a suite's source package.
func debian(root, dir, suite string) (archive, version string, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "archive"), 0o755); err != nil {
		return "", "", err
	}
	if err := run(dir, nil, "bash", "-c", `set -euo pipefail
. "$1"
apt_private_setup apt "$2" deb-src
cd archive
apt_private_get ../apt source --tar-only --download-only xnnpack
`, "bash", filepath.Join(root, "tools/apt-private.sh"), suite); err != nil {
		return "", "", err
	}
	found, err := filepath.Glob(filepath.Join(dir, "archive", "xnnpack_*.orig.tar.*"))
	if err != nil {
		return "", "", err
	}
	if len(found) != 1 {
		return "", "", fmt.Errorf("apt-get left %d upstream archives, not one", len(found))
	}
	version, _, _ = strings.Cut(strings.TrimPrefix(filepath.Base(found[0]), "xnnpack_"), ".orig.tar.")
	return found[0], version, nil
}

// unpack unpacks an archive and returns its top.
func unpack(archive, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := run(dir, nil, "tar", "-xf", archive); err != nil {
		return "", err
	}
	return top(dir)
}

// top is the directory with XNNPACK's src: dir, or the only one in it.
func top(dir string) (string, error) {
	isTop := func(d string) bool {
		info, err := os.Stat(filepath.Join(d, "src", "xnnpack"))
		return err == nil && info.IsDir()
	}
	if isTop(dir) {
		return dir, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 1 && isTop(filepath.Join(dir, entries[0].Name())) {
		return filepath.Join(dir, entries[0].Name()), nil
	}
	return "", fmt.Errorf("%s is no XNNPACK: it has no src/xnnpack", dir)
}
