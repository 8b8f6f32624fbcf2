// Package analyzer holds the spine of slim: the data that travels between its stages.
//
// It is four plain structures with a schema field, JSON on disk, deterministic (sorted, no clock): Job (what the agent is told to
// run), Evidence (what happened when the image ran), Plan (what the slim image holds, each path with its reasons) and Verdict (whether
// the slim image answers like the original). Everything between them is a function from data to data: no network, no clock, no
// process. Package keep makes a plan of evidence, and package compare a verdict. Packages trace and probe touch the world; elf, shell,
// packages and the like are pure: bytes of one file in, references out.
package analyzer
