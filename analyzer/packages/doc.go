// Package packages says which installed package owns which path of a root filesystem: dpkg, apk and rpm.
//
// It only reads databases, never runs a package manager. Every byte is taken as hostile: sizes and counts are bounded, and
// a path is resolved inside the root.
package packages
