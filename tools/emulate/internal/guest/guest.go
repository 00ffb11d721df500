// Package guest is what runs inside an emulated machine: the first process,
// which starts the program in question and reports how it ended, and the
// messages in which it does so.
//
// The machine has three serial ports. The program writes its standard output
// to the second and its standard error to the third; the first carries the
// kernel's own messages and, on lines of their own, the reports. So nothing
// that a program prints can be mistaken for its end.
package guest

import (
	"encoding/json"
	"strings"
)

// Paths in the guest's file system.
const (
	InitPath = "/init"
	JobPath  = "/job.json"
)

// Job is the program to run.
type Job struct {
	Path string   // of the program
	Args []string // without the program's name
	Env  []string // KEY=value
	Dir  string   // its working directory
	// Fetch lists directories whose files are reported when the program has
	// ended. They are made before it starts.
	Fetch []string `json:",omitempty"`
}

// Report is one message from the guest.
type Report struct {
	// CPU is the model name that the CPU gives itself, sent before the program starts.
	CPU string `json:",omitempty"`
	// File and Content are a file below one of Job.Fetch.
	File    string `json:",omitempty"`
	Content []byte `json:",omitempty"`
	// Err says why the program could not be started or a file not be fetched.
	Err string `json:",omitempty"`
	// Ended is true in the last message of all: the program exited with
	// status Exit, or was ended by Signal if that is not 0.
	Ended  bool `json:",omitempty"`
	Exit   int  `json:",omitempty"`
	Signal int  `json:",omitempty"`
}

// prefix begins the line of a report.
const prefix = "@emulate "

// Line returns the report as a line.
func (r Report) Line() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // a Report holds only strings, numbers and bytes
	}
	return prefix + string(b) + "\n"
}

// ParseLine reads a report from a line of the first serial port; ok is false
// if it is something else, such as a kernel message.
func ParseLine(line string) (r Report, ok bool) {
	// A kernel message without a newline at its end may stand before it.
	if i := strings.Index(line, prefix); i >= 0 {
		line = line[i+len(prefix):]
		return r, json.Unmarshal([]byte(strings.TrimSpace(line)), &r) == nil
	}
	return r, false
}
