package rules

import (
	"slices"
	"strings"
)

// spawners are functions that start another program: of the C library (exec(3), posix_spawn(3), popen(3), system(3)), GLib
// (g_spawn_async(3)), APR (apr_proc_create), libuv (uv_spawn) and libassuan (assuan_pipe_connect).
const spawners = `execv execve execveat execvp execvpe execl execlp execle fexecve posix_spawn posix_spawnp popen system wordexp
	g_spawn_async g_spawn_async_with_pipes g_spawn_async_with_fds g_spawn_sync g_spawn_command_line_sync g_spawn_command_line_async
	g_subprocess_new g_subprocess_newv g_subprocess_launcher_spawn g_subprocess_launcher_spawnv apr_proc_create uv_spawn
	assuan_pipe_connect assuan_pipe_connect_ext`

// shellSpawners are those of them that start /bin/sh (POSIX.1-2017: popen, system, wordexp).
const shellSpawners = `popen system wordexp`

// Spawns says whether one of imported functions, which are sorted, starts another program.
func Spawns(imports []string) bool { return importsOneOf(imports, spawners) }

// SpawnsShell says whether one of imported functions, which are sorted, starts /bin/sh.
func SpawnsShell(imports []string) bool { return importsOneOf(imports, shellSpawners) }

// importsOneOf says whether one of words is among imported functions, which are sorted.
func importsOneOf(imports []string, words string) bool {
	return slices.ContainsFunc(strings.Fields(words), func(name string) bool {
		_, found := slices.BinarySearch(imports, name)
		return found
	})
}
