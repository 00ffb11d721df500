package server

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// problem is an error that the client is told.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

func problemf(status int, format string, args ...any) *problem {
	return &problem{status, fmt.Sprintf(format, args...)}
}

// write answers with p.
func (p *problem) write(w http.ResponseWriter) {
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	// What can't be written now, nobody is there to read.
	_ = json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
	}{p.text})
}
