package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test's program the service, or its attackers, where the load
// asks for it.
func TestMain(m *testing.M) {
	asChild()
	os.Exit(m.Run())
}

// TestLoad is the command for some seconds, with every engine that there is: the
// attacks must leave honest clients served, each answer right, memory within the
// service's limit, and nothing behind.
func TestLoad(t *testing.T) {
	var out strings.Builder
	if err := command(context.Background(), []string{"-seconds", "3", "-clients", "4", "-service", "-stall 1s"}, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
}

// TestProblems: what is wrong is found.
func TestProblems(t *testing.T) {
	c, err := start("-queue", "0", "-workers", "1")
	if err != nil {
		t.Fatal(err)
	}
	loads := workloads(c.addr, "native")[:2]
	all, err := newClients(context.Background(), loads...)
	if err != nil {
		t.Fatal(err)
	}
	all.answers[loads[0].targets[1].URL][7] ^= 1
	done, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if r := all.run(done, 1, 0, 0, attackers); r.wrong == 0 || r.served() >= 1 || r.codes[200] == 0 || r.loads[0].Requests == 0 || r.loads[0].Requests+r.loads[1].Requests != r.all.Requests {
		t.Errorf("%d wrong of %v, served %v", r.wrong, r.codes, r.served())
	}
	loads[0].targets[0].URL += "&rows=1"
	if _, err := newClients(context.Background(), loads...); err == nil || !strings.Contains(err.Error(), "status 400") {
		t.Errorf("error %v", err)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
	for last, want := range map[line]string{
		{Msg: "stopping"}: `last word is "stopping"`,
		{Msg: "stopped", Accepted: 12, Answered: 10, Cut: 1}: "accepted 12 requests, answered 10 and cut 1",
	} {
		c.last, c.other = last, []string{"panic: x"}
		if err := c.end(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the service says: panic: x") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for args, want := range map[string]string{
		"-seconds 0":                         "-seconds is 0",
		"-seconds NaN":                       "-seconds is NaN",
		"-clients 0":                         "-clients is 0, it must be from 1 to 200",
		"-clients 1000":                      "-clients is 1000",
		"x":                                  `unexpected argument "x"`,
		"-engines gpu -seconds 1":            "the service does not start: exit status 1: engine \"gpu\" does not exist",
		"-seconds 1 -service -memory=12":     "-memory is 12",
		"-engines native -clients 1 -bad x1": "flag provided but not defined",
	} {
		if err := command(context.Background(), strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}
