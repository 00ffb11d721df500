// Command babble writes words in the manner of a text, one token after the
// other: the smallest language model there is, under a sampler that a large one
// would have. Its vocabulary is the words of the text, and its logits tell which
// of them follow the last one there, and how often.
//
//	babble [flags] TEXT
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strings"

	"github.com/twopass-softmax/twopass/examples/sampler"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "babble:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	var p sampler.Params
	flags := flag.NewFlagSet("babble", flag.ContinueOnError)
	flags.Float64Var(&p.Temperature, "temperature", 0.8, "divides the logits; 0 takes the likeliest word")
	flags.IntVar(&p.TopK, "top-k", 0, "draw from this many of the likeliest words; 0 is all")
	flags.Float64Var(&p.TopP, "top-p", 0.95, "draw from the likeliest words that have this share of the mass")
	flags.Float64Var(&p.MinP, "min-p", 0, "draw from words at least this share as likely as the likeliest")
	flags.Uint64Var(&p.Seed, "seed", 1, "the same seed gives the same words")
	n := flags.Int("n", 40, "how many words to write")
	grammar := flags.String("allow", "", "a regular expression that words must match")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%d arguments, give one: the file that has the text", flags.NArg())
	}
	words, err := regexp.Compile(*grammar)
	if err != nil {
		return fmt.Errorf("-allow: %w", err)
	}
	s, err := sampler.New(p)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	m := newModel(strings.Fields(string(text)))
	if len(m.vocabulary) == 0 {
		return fmt.Errorf("%s has no words", flags.Arg(0))
	}

	var allowed []bool // all
	if *grammar != "" {
		for _, w := range m.vocabulary {
			allowed = append(allowed, words.MatchString(w))
		}
	}
	w := bufio.NewWriter(out)
	logits := make([]float32, len(m.vocabulary))
	token := 0 // the text's first word
	for range *n {
		m.logits(logits, token)
		if token, err = s.Sample(logits, allowed); err != nil {
			return err
		}
		fmt.Fprint(w, m.vocabulary[token], " ")
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// model counts which words follow which.
type model struct {
	vocabulary []string
	next       []map[int]int // for each word, how often another follows
}

func newModel(text []string) *model {
	m := new(model)
	tokens := make(map[string]int)
	last := -1
	for _, word := range text {
		token, ok := tokens[word]
		if !ok {
			token = len(m.vocabulary)
			tokens[word] = token
			m.vocabulary = append(m.vocabulary, word)
			m.next = append(m.next, make(map[int]int))
		}
		if last >= 0 {
			m.next[last][token]++
		}
		last = token
	}
	return m
}

// logits writes those of the word after token. Any word may follow, but seldom.
func (m *model) logits(dst []float32, token int) {
	for i := range dst {
		dst[i] = float32(math.Log(1e-4))
	}
	for next, count := range m.next[token] {
		dst[next] = float32(math.Log(float64(count)))
	}
}
