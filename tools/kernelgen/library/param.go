package library

import (
	"fmt"

	"github.com/mmcloughlin/avo/gotypes"
)

// Param is where a function finds a parameter, its "base" or "len", or where it puts a "result".
func Param(sig *gotypes.Signature, name, part string) string {
	p := sig.Params().Lookup(name)
	switch part {
	case "base":
		p = p.Base()
	case "len":
		p = p.Len()
	case "result":
		p = sig.Results().Lookup(name)
	}
	b, err := p.Resolve()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s+%d(FP)", b.Addr.Symbol.Name, b.Addr.Disp)
}
