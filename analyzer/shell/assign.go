package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// constants records what the script assigns, defines as functions and iterates over.
func (r *reader) constants(file *syntax.File) {
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				r.funcs.add(n.Name.Value)
			}
		case *syntax.Assign:
			r.assign(n)
		case *syntax.WordIter:
			for _, item := range n.Items {
				for _, v := range r.expand(item) {
					r.learn(n.Name.Value, splitFields(item, v))
				}
			}
			if !n.InPos.IsValid() {
				r.learn(n.Name.Value, unknown)
			}
		case *syntax.ParamExp:
			if n.Param != nil && n.Exp != nil && (n.Exp.Op == syntax.AssignUnsetOrNull || n.Exp.Op == syntax.AssignUnset) && n.Exp.Word != nil {
				r.learn(n.Param.Value, r.expand(n.Exp.Word))
			}
		case *syntax.CallExpr:
			r.builtinAssigns(n)
		}
		return r.budget > 0
	})
}

func (r *reader) assign(n *syntax.Assign) {
	switch {
	case n.Naked || n.Name == nil:
	case n.Array != nil:
		for _, elem := range n.Array.Elems {
			if elem.Value != nil {
				r.learn(n.Name.Value, r.expand(elem.Value))
			}
		}
	case n.Append:
		r.learn(n.Name.Value, unknown)
		if n.Value != nil {
			r.mention(r.expand(n.Value))
		}
	case n.Value == nil:
		r.learn(n.Name.Value, []value{{"", true}})
	default:
		r.learn(n.Name.Value, r.expand(n.Value))
	}
}

// builtinAssigns records the assignments of builtins: the operands of export and similar ones (POSIX has no syntax of its own for
// them), and an unknown value for read and getopts.
func (r *reader) builtinAssigns(n *syntax.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	switch n.Args[0].Lit() {
	case "read", "getopts":
		for _, arg := range n.Args[1:] {
			if name := arg.Lit(); syntax.ValidName(name) {
				r.learn(name, unknown)
			}
		}
	case "export", "readonly", "local", "declare", "typeset":
		for _, arg := range n.Args[1:] {
			for _, v := range r.expand(arg) {
				if name, text, ok := strings.Cut(v.text, "="); ok && syntax.ValidName(name) {
					r.learn(name, []value{{text, v.whole}})
				}
			}
		}
	}
}

func (r *reader) learn(name string, values []value) {
	for _, v := range values {
		if have := r.vars[name]; len(have) < maxValues && !slices.Contains(have, v) && len(v.text) <= maxWord {
			r.vars[name] = append(have, v)
		}
	}
}
