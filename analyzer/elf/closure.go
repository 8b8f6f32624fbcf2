package elf

// Dep is one edge of a Closure.
type Dep struct {
	From *Object // who asked
	Need Need
	// Loaded is set when the loader does not search: an object loaded before goes by this name. Need.Found is empty then.
	Loaded bool
}

// maxObjects bounds a closure: how many objects one process loads.
const maxObjects = 10_000

// Closure loads obj as the loader would, breadth first: the needs of obj, their needs, and so on. A name is not looked up again if an
// object loaded before was requested by it or has it as DT_SONAME. Closure follows every variant for different CPUs. A need that is
// neither Loaded nor Found is missing. obj may be a library with its loaders, for dlopen.
func (r *Resolver) Closure(obj *Object) []Dep {
	loaded := map[string]bool{}
	for up := obj; up != nil; up = up.Loader {
		if up.File.Soname != "" {
			loaded[up.File.Soname] = true
		}
		// The needs of the loaders are loaded before obj.
		for _, name := range up.File.Needed {
			loaded[name] = up != obj
		}
	}
	var deps []Dep
	seen := map[string]bool{obj.Path: true}
	for queue := []*Object{obj}; len(queue) > 0 && len(seen) < maxObjects; queue = queue[1:] {
		from := queue[0]
		for _, need := range r.Needs(from) {
			if loaded[need.Name] {
				need.Found = nil
				deps = append(deps, Dep{From: from, Need: need, Loaded: true})
				continue
			}
			deps = append(deps, Dep{From: from, Need: need})
			loaded[need.Name] = len(need.Found) > 0
			for _, found := range need.Found {
				if found.File.Soname != "" {
					loaded[found.File.Soname] = true
				}
				if !seen[found.Path] {
					seen[found.Path] = true
					queue = append(queue, found.Object(from))
				}
			}
		}
	}
	return deps
}
