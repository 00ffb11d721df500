package report

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/results"
)

var updateFigures = flag.Bool("figures.update", false, "draw the figures of the results folder anew")

// TestResultsFolder holds that the files of the results folder are what its
// README says that they are, and that a figure there is of the file with its name.
func TestResultsFolder(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// Not cleaned, as the go command looks at changes of files in this module alone, by their names.
	folder := here + "/../../results"
	readme := read(t, folder, "README.md")
	contains(t, "the README", readme, fmt.Sprintf("`\"schema\": %q`", results.Schema), fmt.Sprintf("`\"version\": %d`", results.Version))
	files, err := filepath.Glob(folder + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		sources, err := Read(folder + "/" + filepath.Base(name))
		if err != nil {
			t.Error(err)
			continue
		}
		d, err := compose(sources)
		if err != nil {
			t.Error(err)
			continue
		}
		checkFigure(t, d, folder+"/"+strings.TrimSuffix(filepath.Base(name), ".json")+".svg")
		if r := sources[0].Results; r.Reference != "upstream" {
			t.Errorf("%s: compared with %q, want upstream", name, r.Reference)
		}
	}
}

// checkFigure holds the file of a name to the document's figure of limits, if it has one.
func checkFigure(t *testing.T, d *document, name string) {
	t.Helper()
	drawn := ""
	for _, f := range d.figures() {
		if strings.HasPrefix(f.Name, limitFigure) {
			drawn = f.File()
		}
	}
	if *updateFigures && drawn != "" {
		if err := os.WriteFile(name, []byte(drawn), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil && (drawn != "" || !os.IsNotExist(err)) {
		t.Errorf("%v; -figures.update draws it", err)
	} else if string(got) != drawn {
		t.Errorf("%s is not the figure of its results; -figures.update draws it anew", name)
	}
}
