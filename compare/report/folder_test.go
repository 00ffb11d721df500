package report

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/twopass-softmax/twopass/compare/results"
)

// TestResultsFolder holds that the files of the results folder are what its
// README says that they are.
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
		if _, err := compose(sources); err != nil {
			t.Error(err)
		}
		if r := sources[0].Results; r.Reference != "upstream" {
			t.Errorf("%s: compared with %q, want upstream", name, r.Reference)
		}
	}
}
