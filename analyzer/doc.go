// Package analyzer holds the spine of slim and the decision what to keep.
//
// The spine is three plain structures with a schema field, JSON on disk, deterministic (sorted, no clock): Evidence (what
// happened when the image ran), Plan (what the slim image holds, each path with its reasons) and Verdict (whether the slim
// image answers like the original). Job is what the agent is told to run. Everything between them is a function from data
// to data: no network, no clock, no process. Packages trace and probe touch the world; elf, shell, packages and the like
// are pure: bytes of one file in, references out.
package analyzer
