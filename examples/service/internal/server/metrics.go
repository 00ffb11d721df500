package server

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are those of one Server, so that a process may have several.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	rows     *prometheus.CounterVec
	elements *prometheus.CounterVec
	panics   prometheus.Counter
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "softmax_requests_total",
			Help: "Requests by operation and by status, or cut if the answer is incomplete.",
		}, []string{"op", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "softmax_request_seconds",
			Help:    "Time from a request's header to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 3, 12), // to 9 s
		}, []string{"op"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "softmax_rows_total", Help: "Rows computed.",
		}, []string{"op"}),
		elements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "softmax_elements_total", Help: "Elements of the rows computed.",
		}, []string{"op"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "softmax_panics_total", Help: "Requests that panicked.",
		}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.seconds, m.rows, m.elements, m.panics,
		gauge("softmax_requests_admitted", "Requests that compute for the first time, or wait to.",
			func() int64 { return s.gate.light.admitted.inUse() + s.gate.heavy.admitted.inUse() }),
		gauge("softmax_workers_busy", "Workers that compute.",
			func() int64 { return int64(cap(s.gate.workers) - len(s.gate.workers)) }),
		gauge("softmax_connections", "Connections, but for those that are refused.", s.conns.inUse),
		gauge("softmax_bodies", "Requests whose body is on its way.", s.bodies.inUse),
		gauge("softmax_memory_bytes", "Memory that requests hold.", s.memory.inUse),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "softmax_requests_accepted_total", Help: "Requests whose header has been read.",
		}, func() float64 { return float64(s.accepted.Load()) }),
	)
	return m
}

func gauge(name, help string, f func() int64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
}

// refused counts the connections that a listener has refused.
func (m *metrics) refused(n *atomic.Int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "softmax_connections_refused_total", Help: "Connections above the limit.",
	}, func() float64 { return float64(n.Load()) }))
}

// count counts a request that has ended.
func (m *metrics) count(x *exchange) {
	op := x.op.String()
	m.requests.WithLabelValues(op, x.outcome).Inc()
	m.seconds.WithLabelValues(op).Observe(time.Since(x.began).Seconds())
	m.rows.WithLabelValues(op).Add(float64(x.rows))
	m.elements.WithLabelValues(op).Add(float64(x.rows) * float64(x.cols))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}
