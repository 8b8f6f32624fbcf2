// Package packages says which installed package owns which path of a root filesystem: dpkg, apk and rpm.
//
// It only reads databases and never runs a package manager. The input is untrusted: sizes and counts are bounded, and paths are
// resolved inside the root.
package packages
