# Without arguments: the packages that Tcl finds. With "load": those of standard input that load.
if {$argv eq "load"} {
    while {[gets stdin name] >= 0} {
        if {$name eq ""} continue
        set child [interp create]
        if {![catch {$child eval [list package require $name]}]} { puts $name }
        interp delete $child
    }
} else {
    catch {package require a-package-that-is-nowhere}
    puts [join [lsort [package names]] \n]
}
