package report

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/twopass-softmax/twopass/compare/results"
)

// TestResultsFolder holds that the files of the results folder are what its
// README says that they are.
func TestResultsFolder(t *testing.T) {
	const folder = "../../results"
	readme := read(t, folder, "README.md")
	contains(t, "the README", readme, fmt.Sprintf("`\"schema\": %q`", results.Schema), fmt.Sprintf("`\"version\": %d`", results.Version))
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		sources, err := Read(name)
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
