package library

import (
	"go/token"
	"go/types"
)

// Types is a package with the types of the kernels' parameters. Of what is behind a
// pointer the assembly's declarations need no more than a name.
var Types = func() *types.Package {
	p := types.NewPackage("arith", "arith")
	for _, name := range []string{"Sum", "Rows", "Factor", "RowSum", "ExpSum", "Scale", "Total"} {
		n := types.NewTypeName(token.NoPos, p, name, nil)
		types.NewNamed(n, types.NewStruct(nil, nil), nil)
		p.Scope().Insert(n)
	}
	return p
}()
