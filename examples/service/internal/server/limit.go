package server

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// quota bounds what all clients together, and each client alone, may have of
// something: connections, open bodies, bytes of memory.
type quota struct {
	all, each int64

	mu    sync.Mutex
	used  int64
	users map[netip.Addr]int64
}

// newQuota grants a client a share of all, but at least one.
func newQuota(all int64, share float64) *quota {
	return &quota{all: all, each: max(1, int64(share*float64(all))), users: make(map[netip.Addr]int64)}
}

// take takes n, or reports that it is not there. What has been taken must be
// given back.
func (q *quota) take(client netip.Addr, n int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+n > q.all || q.users[client]+n > q.each {
		return false
	}
	q.used += n
	q.users[client] += n
	return true
}

// room reports whether take would give one.
func (q *quota) room(client netip.Addr) bool {
	ok := q.take(client, 1)
	if ok {
		q.give(client, 1)
	}
	return ok
}

func (q *quota) give(client netip.Addr, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used -= n
	if q.users[client] -= n; q.users[client] == 0 {
		delete(q.users, client)
	}
}

func (q *quota) inUse() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

// clientOf is whom an address belongs to. One IPv6 client has a network of 64
// bits at least.
func clientOf(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// listener bounds connections. Golang.org/x/net/netutil.LimitListener would
// leave those above the limit waiting, and knows no clients.
type listener struct {
	*net.TCPListener
	conns *quota
	// As many connections above the limit live long enough to be told, by a
	// status; further ones are closed at once.
	excess   *quota
	refused  atomic.Int64
	draining atomic.Pointer[time.Time] // since when
}

// conn is a connection that is counted until it is closed.
type conn struct {
	*net.TCPConn // with CloseWrite, which net/http needs for clients to see a last answer
	client       netip.Addr
	excess       bool
	release      func()
}

func (c *conn) Close() error {
	c.release()
	return c.TCPConn.Close()
}

// A draining listener is closed when nothing came for drainQuiet, in which a
// handshake that has begun ends; after drainLimit, when nothing came for a
// moment; and after twice that time, whatever comes.
const (
	drainQuiet = 100 * time.Millisecond
	drainLimit = time.Second
)

func (l *listener) Accept() (net.Conn, error) {
	for {
		began := l.draining.Load()
		if began != nil {
			wait := drainQuiet
			switch late := time.Since(*began); {
			case late > 2*drainLimit:
				return nil, http.ErrServerClosed
			case late > drainLimit:
				wait = time.Millisecond
			}
			_ = l.SetDeadline(time.Now().Add(wait))
		}
		c, err := l.AcceptTCP()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && began != nil:
			return nil, http.ErrServerClosed
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue // drain has woken us
		case err != nil:
			return nil, err
		}
		client := clientOf(c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		for _, q := range []*quota{l.conns, l.excess} {
			if q.take(client, 1) {
				if q == l.excess {
					l.refused.Add(1)
				}
				return &conn{c, client, q == l.excess, sync.OnceFunc(func() { q.give(client, 1) })}, nil
			}
		}
		l.refused.Add(1)
		_ = c.SetLinger(0)
		_ = c.Close()
	}
}

// drain makes Accept return what has been connected already, and then
// http.ErrServerClosed: to close a listener resets the connections in its
// backlog, whose clients may have sent their requests.
func (l *listener) drain() {
	now := time.Now()
	// Before draining is set, so that it ends no wait that Accept has begun since.
	_ = l.SetDeadline(now)
	l.draining.Store(&now)
}
